import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.catalogue import MEASUREMENTS, ROWS, Measurement, Pair, Row
from benchmarks.chart import svg
from benchmarks.environments import Environment
from benchmarks.lines import Line, lines
from benchmarks.measures import apps, large_file, lateness, rows, startup, stored
from benchmarks.run import Key, Results, plan
from benchmarks.subjects import SUBJECTS, Subject
from benchmarks.subjects.app_records import QueuedRecords
from benchmarks.subjects.apps import AppsAsync, AppsThreads
from benchmarks.subjects.filed import FiledAsync, FiledThreads
from benchmarks.subjects.ours import Threads
from benchmarks.subjects.protocols import Stores, StoresRows
from benchmarks.subjects.row_writers import EmbeddedRuns, Executemany, SlimTable
from benchmarks.table import markdown

TINY = Measurement(
    "benchmarks.measures.cron:measure", ("cron", "cronsim", "cron-floor", "nobody"), rounds=2, parameters={"budget": 0}
)
ROW = Row("tiny", "a tiny row", "µs", "tiny", "fresh", (Pair("cron", "cronsim", 2), Pair("cron", "nobody", 2)))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASUREMENTS, "tiny", TINY)
    monkeypatch.setitem(SUBJECTS, "nobody", Subject("nobody", "Nobody", "benchmarks.subjects.nobody:Nobody"))
    monkeypatch.setattr("benchmarks.__main__.ROWS", (ROW,))


@pytest.fixture
def document(tiny: None, tmp_path: Path) -> dict[str, Any]:
    main(rows="tiny", rounds=1, json_file=tmp_path / "run.json", svg_file=tmp_path / "run.svg")
    assert (tmp_path / "run.svg").read_text().startswith("<svg")
    found: dict[str, Any] = json.loads((tmp_path / "run.json").read_text())
    return found


def test_a_run_gives_a_line_beside_each_peer_and_says_which_one_could_not_be_imported(document: dict[str, Any]) -> None:
    beside_cronsim, beside_nobody = document["lines"]
    assert beside_cronsim["ratio"] == beside_cronsim["peer_value"] / beside_cronsim["ours_value"]
    assert isinstance(beside_cronsim["met"], bool)
    assert beside_nobody["ratio"] is None
    assert "benchmarks.subjects.nobody" in beside_nobody["note"]
    assert set(document["versions"]) == {"Duly", "cronsim"}


def test_subjects_take_turns() -> None:
    turns = plan(["cron"], rounds=2, quick=False)
    names = [turn.key.subject for turn in turns]
    assert names == [*MEASUREMENTS["cron"].subjects] * 2


def test_a_quick_run_takes_one_round_at_small_sizes() -> None:
    turns = plan(["registration"], rounds=None, quick=True)
    assert {turn.key.size for turn in turns} == {1_000, 10_000}
    assert {turn.round for turn in turns} == {0}


def test_every_pair_of_the_catalogue_is_measured() -> None:
    wanted = {(row.measurement, name) for row in ROWS for name in row.subjects}
    assert wanted == {(name, each) for name, measurement in MEASUREMENTS.items() for each in measurement.subjects}
    assert {name for _, name in wanted} <= set(SUBJECTS)


def test_a_line_shows_the_median_of_the_case_in_which_duly_looks_worst(tiny: None) -> None:
    results = Results()
    for cost in (1.0, 2.0, 9.0):
        results.keep(Key("tiny", "cron"), _answer({"a": cost, "b": 1.0}))
        results.keep(Key("tiny", "cronsim"), _answer({"a": 6.0, "b": 30.0}))
    first = lines([ROW], results, quick=False)[0]
    assert (first.ours_value, first.peer_value, first.ratio, first.met) == (2.0, 6.0, 3.0, True)
    assert first.note == "worst of 2: a"


def test_answers_that_differ_are_counted(tiny: None) -> None:
    results = Results()
    results.keep(Key("tiny", "cron"), _answer({"a": 1.0}, answers={"a": 1}))
    results.keep(Key("tiny", "cronsim"), _answer({"a": 1.0}, answers={"a": 2}))
    assert "(1 answered differently)" in lines([ROW], results, quick=False)[0].note


def test_growth_and_a_limit_are_promises_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASUREMENTS, "tiny", Measurement("", ("duly",), sizes=(1, 10)))
    row = Row("tiny", "tiny", "B", "tiny", "fresh", (Pair("duly", "duly"),), limit=650, growth=0.8)
    results = Results()
    for size, cost in ((1, 100.0), (10, 200.0)):
        results.keep(Key("tiny", "duly", size), _answer({"": cost}))
    promised = [(line.peer, line.size, line.ratio, line.met) for line in lines([row], results, quick=False)]
    assert ("limit", 10, 3.25, True) in promised
    assert ("itself at 1", 10, 0.5, False) in promised


def test_a_row_beside_nobody_is_shown_with_its_limit_or_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASUREMENTS, "tiny", Measurement("", ("duly",)))
    results = Results()
    results.keep(Key("tiny", "duly"), _answer({"": 100.0}))
    wanted = [Row("tiny", "tiny", "ms", "tiny", "fresh", alone="duly", limit=limit) for limit in (50, None)]
    shown = [(line.ours_value, line.ratio, line.met) for line in lines(wanted, results, quick=False)]
    assert shown == [(100.0, 0.5, False), (100.0, None, None)]


def test_nothing_is_promised_beside_a_peer_that_needs_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASUREMENTS, "tiny", Measurement("", ("duly", "hassette"), sizes=(10,)))
    results = Results()
    results.keep(Key("tiny", "duly", 10), _answer({"": 1.0}))
    results.keep(Key("tiny", "hassette", 10), {"absent": "needs minutes"})
    row = Row("tiny", "tiny", "µs", "tiny", "fresh", (Pair("duly", "hassette", 30),))
    shown = [(line.ours_value, line.target, line.note) for line in lines([row], results, quick=False)]
    assert shown == [(1.0, None, "needs minutes")]


def test_a_line_says_who_has_lost_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEASUREMENTS, "tiny", Measurement("", ("duly", "hassette"), sizes=(10,)))
    results = Results()
    results.keep(Key("tiny", "duly", 10), _answer({"": 1.0}, lost={"": 0.0}))
    results.keep(Key("tiny", "hassette", 10), _answer({"": 40.0}, lost={"": 90.0}))
    row = Row("tiny", "tiny", "µs", "tiny", "fresh", (Pair("duly", "hassette"),))
    assert [line.note for line in lines([row], results, quick=False)] == ["hassette lost 90 %"]


def test_an_environment_says_that_its_interpreter_was_not_found() -> None:
    with pytest.raises(OSError, match=r"Python 3\.99 was not found"):
        Environment(".venv-of-nobody", (), version="3.99").prepare()


@pytest.mark.parametrize("subject", [FiledThreads, FiledAsync, AppsAsync, AppsThreads])
def test_a_burst_is_measured_until_all_its_rows_are_in_the_file(subject: type[Stores]) -> None:
    metrics = stored.durable(subject, size=20)
    assert metrics["stored"][""] > 0
    assert metrics["lost"] == {"": 0}


def test_the_memory_of_a_burst_is_measured_with_a_file_and_without() -> None:
    assert all(stored.peak(subject, size=20)["peak"][""] > 1 for subject in (FiledThreads, Threads))


def test_the_memory_of_apps_is_measured_with_jobs_and_without() -> None:
    metrics = apps.memory(AppsAsync, apps=3, size=30)
    assert min(metrics["rest"][""], metrics["full"][""]) > 1


def test_jobs_of_apps_repeat_on_whole_seconds() -> None:
    metrics = lateness.measure(AppsAsync, size=3, window=1)
    assert metrics["missing"][""] < 50
    assert 0 <= metrics["median"][""] < 500


def test_a_program_with_an_app_is_measured_until_its_first_job() -> None:
    metrics = startup.measure(AppsAsync, repeats=1)
    assert metrics["import"][""] > 0
    assert metrics["first job"][""] > 0


def test_a_lone_job_is_measured_until_its_row_is_in_the_file() -> None:
    metrics = stored.lone(FiledThreads, size=2)
    assert 0 < metrics["median"][""] <= metrics["p99"][""]


@pytest.mark.parametrize("subject", [EmbeddedRuns, Executemany, QueuedRecords, SlimTable])
def test_every_way_to_write_rows_writes_all_of_them(subject: type[StoresRows]) -> None:
    assert rows.measure(subject, size=300)["row"][""] > 0


def test_a_long_history_is_made_that_adds_up() -> None:
    metrics = large_file.measure(None, size=1_000)
    assert all(metrics[name][""] > 0 for name in ("start", "summary", "doctor"))


def test_chart_and_page_show_every_promise() -> None:
    shown = [
        Line("r", "kept", None, "µs", "Duly", "peer", 1, 10, 10.0, 8),
        Line("r", "broken", 1_000, "µs", "Duly", "peer", 10, 1, 0.1, 1),
    ]
    assert svg(shown).count('height="12"') == 2
    assert "| Duly / peer | 1,000 | 10 µs | 1 µs | 0.1x | ≥ 1x | ✗ |  |" in markdown(shown)


def _answer(fresh: dict[str, float], **others: dict[str, float]) -> dict[str, Any]:
    return {"metrics": {"fresh": fresh, "answers": dict.fromkeys(fresh, 0.0), **others}, "version": None}

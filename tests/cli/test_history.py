from pathlib import Path

import pytest

from duly.cli.history import _run_time
from duly.core.clock import SECOND
from tests.cli.ledger_kit import Capture, answered, answered_json, refused, small_ledger
from tests.ledger.ledger_file import LedgerFile


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return small_ledger(tmp_path / "jobs.db")


def test_all_executions_are_shown_newest_first(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "history", file)
    assert [row["name"] for row in found["executions"]] == ["garden.water"] * 2 + ["backup"] * 6
    assert found["more"] is False


def test_those_of_one_job_are_in_order_of_time(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "history", file, "backup", "--utc")
    assert [(row["scheduled"], row["status"]) for row in found["executions"][:2]] == [
        ("2025-01-01T00:01:10+00:00", "skipped"),
        (None, "success"),
    ]


def test_a_job_goes_by_its_own_name_or_with_that_of_its_app(file: Path, capsys: Capture) -> None:
    short = answered_json(capsys, "history", file, "water")
    assert short == answered_json(capsys, "history", file, "garden.water")
    assert short["job"] == "garden.water"


def test_a_row_says_all_that_is_known(file: Path, capsys: Capture) -> None:
    (row,) = answered_json(capsys, "history", file, "--status", "error", "--utc")["executions"]
    assert len(row.pop("execution_id")) == 36
    assert row == {
        "kind": "job",
        "name": "backup",
        "scheduled": "2025-01-01T00:01:00+00:00",
        "scheduled_to": None,
        "start": "2025-01-01T00:01:00+00:00",
        "duration_ms": 1000.0,
        "status": "error",
        "reason": None,
        "attempt": 1,
        "ticks": 1,
        "trigger_mode": None,
        "topic": None,
        "context_id": None,
        "error_type": "ValueError",
        "error_message": "no milk\nat all",
    }


def test_several_statuses_may_be_asked_for(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "history", file, "--status", "missed", "--status", "skipped")
    assert [row["status"] for row in found["executions"]] == ["skipped", "missed"]


def test_since_leaves_out_what_was_before(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "history", file, "backup", "--since", "2025-01-01T00:01:00Z")
    assert len(found["executions"]) == 3
    assert answered_json(capsys, "history", file, "--since", "1h")["executions"] == []


def test_the_limit_leaves_out_the_oldest_and_says_so(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "history", file, "--limit", "3")
    assert (len(found["executions"]), found["more"]) == (3, True)
    assert "there are older ones: raise --limit" in answered(capsys, "history", file, "--limit", "3")


def test_a_limit_may_exceed_what_is_read_at_once(tmp_path: Path, capsys: Capture) -> None:
    ledger = LedgerFile(tmp_path / "jobs.db")
    ledger.db.execute("BEGIN")
    ledger.slots(ledger.job(), range(10, 12_010, 10))
    ledger.db.execute("COMMIT")
    ledger.db.close()
    found = answered_json(capsys, "history", ledger.path, "--limit", "1150")
    assert (len(found["executions"]), found["more"]) == (1150, True)


def test_the_table_shows_slots_outcomes_and_errors(file: Path, capsys: Capture) -> None:
    out = answered(capsys, "history", file, "backup", "--utc")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "2025-01-01 00:01:10 skipped overlap 1" in lines
    assert "by hand 2025-01-01 00:01:05.000 1 s success 1 0" in lines
    assert "2025-01-01 00:01:00 2025-01-01 00:01:00.000 1 s error 1 1 ValueError: no milk" in lines
    assert "2025-01-01 00:00:30 … 00:00:50 missed down 3" in lines
    assert lines[-1] == "6 rows, 7 slots: 3 success, 1 skipped, 1 error, 1 missed"


def test_a_handler_shows_what_it_listens_to_in_place_of_a_slot(tmp_path: Path, capsys: Capture) -> None:
    ledger = LedgerFile(tmp_path / "duly.db")
    ledger.handled(ledger.listener("light up", "hass.event.state_changed.binary_sensor.hall"), 5)
    ledger.handled(ledger.listener("note", "home.arrived"), 6)
    ledger.slots(ledger.job(), [10])
    ledger.db.close()
    lines = [" ".join(line.split()) for line in answered(capsys, "history", ledger.path, "--utc").splitlines()]
    assert lines[1].startswith("Nominal time, or topic Job or handler Start")
    assert lines[4:6] == [
        "home.arrived porch.note 2025-01-01 00:00:06.000 0 ms success 1",
        "binary_sensor.hall porch.light up 2025-01-01 00:00:05.000 0 ms success 1",
    ]
    assert lines[-1] == "3 rows, 1 slot: 3 success"


def test_a_handler_goes_by_its_name_on_all_its_topics(tmp_path: Path, capsys: Capture) -> None:
    ledger = LedgerFile(tmp_path / "duly.db")
    hall, attic = ledger.listener("note", "hall"), ledger.listener("note", "attic")
    ledger.handled(ledger.listener(), 1)
    for start, listener in [(2, hall), (3, attic), (4, hall)]:
        ledger.handled(listener, start)
    ledger.db.close()
    found = answered_json(capsys, "history", ledger.path, "note", "--limit", "2")
    assert found["job"] == "porch.note"
    assert [row["topic"] for row in found["executions"]] == ["hall", "attic"]
    assert found["more"] is True
    assert found["executions"] == answered_json(capsys, "history", ledger.path, "porch.note")["executions"][:2]


def test_several_slots_over_midnight_show_both_days(tmp_path: Path, capsys: Capture) -> None:
    ledger = LedgerFile(tmp_path / "jobs.db")
    ledger.row(ledger.job(first=86_390), 86_390, "missed", to=86_400, count=2, reason="down")
    ledger.db.close()
    assert "2025-01-01 23:59:50 … 2025-01-02 00:00:00" in answered(capsys, "history", ledger.path, "--utc")


def test_text_of_users_is_not_taken_for_markup(tmp_path: Path, capsys: Capture) -> None:
    ledger = LedgerFile(tmp_path / "jobs.db")
    ledger.row(ledger.job("a[b]"), 10, "error", error_type="E", error_message="[/red] [bold]x")
    ledger.db.close()
    out = answered(capsys, "history", ledger.path)
    assert "E: [/red] [bold]x" in out
    assert "a[b]" in out


def test_an_empty_ledger_has_no_executions(tmp_path: Path, capsys: Capture) -> None:
    LedgerFile(tmp_path / "jobs.db").db.close()
    assert answered(capsys, "history", tmp_path / "jobs.db") == "no executions\n"


def test_a_run_time_is_short() -> None:
    assert [_run_time(round(seconds * SECOND)) for seconds in (0.0051, 0.5, 1.234, 59.9, 75, 7300)] == [
        "5.1 ms", "500 ms", "1.23 s", "59.9 s", "1 min 15 s", "2 h 1 min",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nothing.db",), "there is no ledger at nothing.db: give the path of an existing file"),
        (("jobs.db", "bakcup"), "no job or handler 'bakcup' in jobs.db: did you mean 'backup'?"),
        (("jobs.db", "x"), "no job or handler 'x' in jobs.db: duly history shows the names of all"),
        (
            ("jobs.db", "--since", "soon"),
            "cannot read 'soon': write it as 1h, 30d (ago), 2025-03-08 or '2025-03-08 12:00'",
        ),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(
    arguments: tuple[str, ...], problem: str, file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    assert refused(capsys, "history", *arguments) == [f"error: {problem}"]


@pytest.mark.parametrize("arguments", [("--status", "failed"), ("--limit", "0")])
def test_values_out_of_range_are_wrong_usage(arguments: tuple[str, str], file: Path, capsys: Capture) -> None:
    assert refused(capsys, "history", file, *arguments)


def test_a_name_that_two_jobs_have_is_asked_for(tmp_path: Path, capsys: Capture) -> None:
    ledger = LedgerFile(tmp_path / "jobs.db")
    for app_key in ("garden", "porch"):
        ledger.job("water", app_key=app_key)
    ledger.db.close()
    (line,) = refused(capsys, "history", ledger.path, "water")
    assert line == "error: several jobs are called 'water': say which, garden.water, porch.water"


def test_a_file_that_is_no_ledger_is_one_line_and_exit_code_1(tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "other.db"
    other.write_text("hello " * 200)
    (line,) = refused(capsys, "history", other, code=1)
    assert "file is not a database" in line


def test_a_name_that_a_job_and_a_handler_of_other_apps_have_is_asked_for(tmp_path: Path, capsys: Capture) -> None:
    ledger = LedgerFile(tmp_path / "jobs.db")
    ledger.job("door", app_key="garden")
    ledger.listener("door")
    ledger.db.close()
    (line,) = refused(capsys, "history", ledger.path, "door")
    assert line == "error: several handlers or jobs are called 'door': say which, garden.door, porch.door"

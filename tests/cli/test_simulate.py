"""``duly simulate``: what would run, held against a world in which the same jobs do run."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whenever import ZonedDateTime

from duly.cli.simulation import Part, PileUp, Simulation, Span, Tally, pile_ups, pressure, simulate
from duly.core.clock import NEVER, SECOND
from duly.core.decisions import Run
from duly.core.policy import Misfire, Mode, Policy
from duly.core.trigger import TriggerProtocol, chain_of
from duly.testing import START, World
from duly.triggers import Cron, Daily, Every
from tests.cli.ledger_kit import Capture, answered, answered_json, refused
from tests.cli.ledgers_of_worlds import program
from tests.ledger.ledger_file import LedgerFile
from tests.profiles import examples
from tests.scheduler.custom import Plain

WINDOW = 300.5


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    trigger: TriggerProtocol
    policy: Policy
    takes: Sequence[int]

    def seconds(self, run: Run[Any]) -> float:
        """One of its durations, chosen by the slot."""
        return self.takes[zlib.crc32(f"{self.name}/{run.slot}".encode()) % len(self.takes)]


def lived(jobs: Sequence[Job]) -> tuple[list[tuple[str, int, int]], dict[str, Counter[str]]]:
    """Runs that have ended, and slots that did not run, in a world.

    In mode ``single`` a world closes the slots that overlap when the run has ended.
    """
    world = World()
    for job in jobs:
        world.add(job.name, job.trigger, policy=job.policy, takes=job.seconds)
    world.advance(WINDOW)
    runs, closed = [], {job.name: Counter[str]() for job in jobs}
    for row in world.rows:
        if row.start is not None and row.end is not None:
            runs.append((row.key, row.start, row.end))
        else:
            closed[row.key][" ".join(filter(None, (row.outcome, row.reason)))] += row.count
    for account in world._host.accounts():
        count = account.chain.count
        assert count is not None
        if account.pending <= world.clock.now():
            closed[account.key]["skipped overlap"] += 1 + count(account.pending, world.clock.now())[0]
    return sorted(runs), closed


def played(jobs: Sequence[Job], seconds: float = WINDOW) -> Simulation:
    start = World().clock.now()
    parts = [
        Part(
            job.name,
            chain := chain_of(job.trigger, START.tz_id),
            job.policy,
            NEVER if (first := chain.first(start)) is None else first,
            [seconds * SECOND for seconds in job.takes],
        )
        for job in jobs
    ]
    return simulate(parts, start, start + round(seconds * SECOND))


JOBS = st.lists(
    st.builds(
        Job,
        st.sampled_from("abc"),
        st.sampled_from([Every(seconds=7), Every(seconds=20), Cron("* * * * * */10"), Cron("* * * * *")]),
        st.builds(Policy, mode=st.sampled_from(Mode), misfire=st.sampled_from(Misfire)),
        st.lists(st.sampled_from([0, 1, 5, 20, 33, 90]), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda job: job.name,
)


@given(JOBS)
@settings(max_examples=examples(), deadline=None)
def test_what_would_run_is_what_runs(jobs: list[Job]) -> None:
    runs, closed = lived(jobs)
    simulation = played(jobs)
    end = World().clock.now() + round(WINDOW * SECOND)
    assert sorted((each.name, each.start, each.end) for each in simulation.spans if each.end < end) == runs
    assert {name: tally.closed for name, tally in simulation.tallies.items()} == closed


EVERY_10 = Every(seconds=10)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.SINGLE, Tally(2, Counter({"skipped overlap": 3}), busy=45)),
        (Mode.RESTART, Tally(5, cancelled=4, busy=50)),
        (Mode.QUEUED, Tally(2, waiting=3, busy=50, longest_wait=30)),
        (Mode.PARALLEL, Tally(5, busy=25 + 25 + 25 + 20 + 10)),
    ],
    ids=[mode.value for mode in Mode],
)
def test_each_mode_deals_with_slots_that_overlap(mode: Mode, expected: Tally) -> None:
    tally = played([Job("a", EVERY_10, Policy(mode=mode), [25])], 60).tallies["a"]
    in_seconds = replace(tally, busy=tally.busy // SECOND, longest_wait=tally.longest_wait // SECOND)
    assert in_seconds == expected


def test_what_runs_at_the_end_of_the_window_is_counted_up_to_there() -> None:
    simulation = played([Job("a", EVERY_10, Policy(), [25])], 20)
    assert simulation.tallies["a"].busy == 10 * SECOND


def test_a_slot_at_the_end_of_the_window_is_not_played() -> None:
    assert played([Job("a", EVERY_10, Policy(), [0])], 30).tallies["a"].runs == 2


def test_too_many_runs_end_it_early() -> None:
    start = World().clock.now()
    part = Part("a", chain_of(EVERY_10, "UTC"), Policy(), start, [0])
    simulation = simulate([part], start, start + 1000 * SECOND, most_runs=10)
    assert (simulation.cut, len(simulation.spans)) == (True, 10)


# Pile-ups and pressure


def test_a_pile_up_is_told_once_for_each_set_of_jobs_where_it_is_highest() -> None:
    spans = [Span("a", 0, 10), Span("b", 5, 20), Span("b", 7, 9), Span("c", 15, 17), Span("a", 30, 40)]
    assert pile_ups(spans) == [
        PileUp(7, 3, {"a": 1, "b": 2}),
        PileUp(15, 2, {"b": 1, "c": 1}),
    ]


def test_runs_one_after_the_other_are_no_pile_up() -> None:
    assert pile_ups([Span("a", 0, 10), Span("b", 10, 20), Span("c", 20, 20)]) == []


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], [0, 0, 0, 0]),
        ([(0, 40)], [1, 1, 1, 1]),
        ([(0, 10), (10, 20)], [1, 1, 0, 0]),
        ([(5, 11), (9, 12)], [2, 2, 0, 0]),
        ([(15, 15)], [0, 0, 0, 0]),
        ([(25, 40), (39, 40)], [0, 0, 1, 2]),
    ],
    ids=["nothing", "all of it", "one by one", "two", "no time at all", "up to the end"],
)
def test_the_pressure_is_the_most_that_run_at_once(spans: list[tuple[int, int]], expected: list[int]) -> None:
    assert pressure([Span("a", *span) for span in spans], 0, 40, 4) == expected


def test_a_window_that_cannot_be_divided_evenly_has_all_its_runs_in_the_line() -> None:
    assert pressure([Span("a", 0, 1), Span("a", 9, 10)], 0, 10, 4) == [1, 0, 0, 1]


# The command


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Of one hour in which a backup took five minutes, and a check a second."""
    with program(tmp_path / "jobs.db") as played:
        played.schedule("backup", Every(minutes=10), takes=300)
        played.schedule("check", Every(minutes=5), takes=1)
        played.schedule("yearly", Cron("@yearly"))
        played.scheduler.pause(played.schedule("rest", Every(minutes=1)))
        played.schedule("own", Plain(60))
        played.world.advance(3600)
        played.flush()
    return tmp_path / "jobs.db"


def window(*more: str) -> tuple[str, ...]:
    return ("--from", "2025-01-01T01:00Z", "--to", "2025-01-01T02:00Z", *more)


def jobs_of(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {job.pop("name"): job for job in found["jobs"]}


def test_durations_are_those_of_the_ledger_or_assumed(ledger: Path, capsys: Capture) -> None:
    found = jobs_of(answered_json(capsys, "simulate", ledger, *window()))
    assert {name: (job["runs"], job["busy_seconds"], job["durations"]) for name, job in found.items()} == {
        "backup": (6, 1800, "recorded"),
        "check": (12, 12, "recorded"),
        "yearly": (0, 0, "assumed"),
    }


def test_durations_may_be_given(ledger: Path, capsys: Capture) -> None:
    arguments = ("--from", "2025-12-31T23:00Z", "--to", "2026-01-01T00:00:10Z", "--duration", "backup=15m")
    found = jobs_of(answered_json(capsys, "simulate", ledger, *arguments, "--duration", "2s"))
    assert found["backup"]["closed"] == {"skipped overlap": 3}
    assert {name: job["durations"] for name, job in found.items()} == {
        "backup": "given",
        "check": "recorded",
        "yearly": "given",
    }
    assert (found["check"]["busy_seconds"], found["yearly"]["busy_seconds"]) == (13, 2)


def test_what_cannot_be_played_is_left_out_with_the_reason(ledger: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "simulate", ledger, *window())
    assert found["left_out"] == {"own": "a trigger of its own, which only its program can ask", "rest": "paused"}
    assert "left out: rest: paused" in answered(capsys, "simulate", ledger, *window())


def test_pile_ups_are_named(ledger: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "simulate", ledger, *window("--utc"))
    pile = {"time": "2025-01-01T01:00:00+00:00", "running": 2, "jobs": {"backup": 1, "check": 1}}
    assert (found["most_at_once"], found["pile_ups"]) == (2, [pile])


def test_the_table_shows_jobs_the_pressure_and_pile_ups(ledger: Path, capsys: Capture) -> None:
    lines = [" ".join(line.split()) for line in answered(capsys, "simulate", ledger, *window("--utc")).splitlines()]
    assert lines[0] == "2025-01-01 01:00 Wed +00:00 to 2025-01-01 02:00 Wed +00:00 · UTC"
    assert "backup 6 50.0% recorded" in lines
    assert "at once, at most 2" in lines
    assert "█▄▄▄▄▄" in lines[lines.index("at once, at most 2") + 1]
    assert "2025-01-01 01:00 Wed +00:00 2 at once: backup, check" in lines
    assert lines[-1] == "18 runs"


def test_without_a_window_the_next_day_is_played(tmp_path: Path, capsys: Capture) -> None:
    with program(tmp_path / "jobs.db") as played:
        played.schedule("hourly", Every(hours=1))
        played.flush()
        found = answered_json(capsys, "simulate", tmp_path / "jobs.db", "--utc")
    assert (found["from"], found["to"]) == ("2025-01-01T00:00:00+00:00", "2025-01-02T00:00:00+00:00")
    assert jobs_of(found)["hourly"]["runs"] == 23


@pytest.mark.parametrize(
    ("zone", "start", "nightly", "quarterly"),
    [
        ("Europe/Berlin", "2025-03-29", 2, 92 + 96),
        ("Europe/Berlin", "2025-10-25", 2, 100 + 96),
        ("America/New_York", "2025-03-08", 2, 92 + 96),
        ("Australia/Lord_Howe", "2025-10-04", 2, 94 + 96),
        ("Europe/Dublin", "2025-03-29", 2, 92 + 96),
        ("Asia/Beirut", "2025-03-29", 2, 92 + 96),
        ("UTC", "2025-03-29", 2, 96 + 96),
    ],
)
def test_on_a_day_when_clocks_change_jobs_keep_their_rule(
    zone: str, start: str, nightly: int, quarterly: int, tmp_path: Path, capsys: Capture
) -> None:
    begin = ZonedDateTime.parse_iso(f"{start}T00:00:00[{zone}]")
    end = begin.add(days=2)
    with program(tmp_path / "jobs.db", begin.subtract(minutes=1)) as played:
        played.schedule("nightly", Daily("02:10"))
        played.schedule("quarterly", Cron("*/15 * * * *"))
        played.flush()
        window = ("--from", begin.to_instant().format_iso(), "--to", end.to_instant().format_iso())
        found = jobs_of(answered_json(capsys, "simulate", tmp_path / "jobs.db", *window))
    assert (found["nightly"]["runs"], found["quarterly"]["runs"]) == (nightly, quarterly)


def test_a_job_that_does_not_live_is_not_played(tmp_path: Path, capsys: Capture) -> None:
    with program(tmp_path / "jobs.db") as played:
        played.scheduler.cancel(played.schedule("hourly", Every(hours=1)))
        played.flush()
        found = answered_json(capsys, "simulate", tmp_path / "jobs.db")
    assert (found["jobs"], found["left_out"], found["pile_ups"], found["most_at_once"]) == ([], {}, [], 0)


def test_the_ledger_may_be_that_of_settings(ledger: Path, capsys: Capture) -> None:
    settings_file = ledger.with_name("duly.toml")
    settings_file.write_text(f'[duly.database]\npath = "{ledger}"\n')
    assert answered_json(capsys, "simulate", settings_file, *window())["file"] == str(ledger)


@pytest.mark.usefixtures("no_settings")
def test_without_a_file_it_is_that_of_the_settings_in_use(ledger: Path, capsys: Capture) -> None:
    ledger.with_name("duly.toml").write_text(f'[duly.database]\npath = "{ledger}"\n')
    assert answered_json(capsys, "simulate", *window())["file"] == str(ledger)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("none.db",), "there is no ledger at none.db: give the path of an existing file"),
        (("jobs.db", "--from", "soon"), "cannot read the time 'soon': write it as 2025-03-08, "),
        (("jobs.db", "--from", "2025-01-02", "--to", "2025-01-01", "--utc"), "the window is empty: --to (2025-01-01T"),
        (("jobs.db", "--duration", "long"), "cannot read the duration 'long': write it as 5s, or as backup=20m"),
        (("jobs.db", "--duration", "backup="), "cannot read the duration 'backup=': write it as 5s"),
        (("jobs.db", "--duration", "bakcup=5s"), "--duration names no job of jobs.db: bakcup; jobs there: backup"),
    ],
)
def test_wrong_arguments_are_told(
    arguments: tuple[str, ...], problem: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = LedgerFile(tmp_path / "jobs.db")
    file.job("backup")
    file.db.close()
    (line,) = refused(capsys, "simulate", *arguments)
    assert line.startswith(f"error: {problem}")


def test_all_wrong_arguments_are_told_at_once(capsys: Capture) -> None:
    assert len(refused(capsys, "simulate", "none.db", "--from", "soon", "--to", "late", "--duration", "long")) == 4

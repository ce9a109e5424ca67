"""Another process has the file locked: jobs go on, and what they did is written afterwards."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from duly import Scheduler, every
from duly.core.clock import SECOND, SystemClock
from duly.ledger import connections
from duly.ledger.doctor import examine
from tests.embedded.conftest import Make
from tests.embedded.filed import discrepancies, outcomes, rows_of
from tests.embedded.waiting import Calls, Gate, eventually, in_thread, joined
from tests.faults.processes import Child

LONG = 10
SOON = 60.0
"""Seconds in which everything must have been written, on a slow machine too."""


@contextmanager
def locked(path: Path) -> Iterator[Child]:
    """Another process has the file for itself, until it is told to let go, at the latest until the end."""
    with Child("file_lock.py", path) as other:
        assert other.hear() == "locked"
        yield other


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer waits a fifth of a second for a lock, not five."""
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.2)


def unwritten(scheduler: Scheduler) -> int:
    return scheduler.health().unwritten


def adds_up(path: Path) -> bool:
    return not discrepancies(path) and examine(path, clock=SystemClock()).ok


def test_a_file_that_is_locked_for_ten_seconds_loses_nothing_and_stops_no_job(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock, calls = tmp_path / "jobs.db", SystemClock(), Calls()
    scheduler = make(history=path)
    for number in range(20):
        scheduler.schedule(calls, f"job-{number}", every(0.05))
    scheduler.start()
    calls.wait(20)
    with locked(path) as other:
        end = clock.monotonic() + LONG * SECOND
        while clock.monotonic() < end:
            calls.wait_for_more(20)
        waiting = unwritten(scheduler)
        other.tell("let go")
        other.end()
    assert waiting > 20
    eventually(lambda: unwritten(scheduler) < 20, SOON)
    scheduler.stop()
    assert (unwritten(scheduler), scheduler.health().lost) == (0, 0)
    assert adds_up(path)
    assert outcomes(path)["success"] == len(calls)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_what_ended_while_the_file_was_locked_is_in_it_though_the_program_is_killed_afterwards(
    tmp_path: Path,
) -> None:
    path = tmp_path / "jobs.db"
    with Child("counted_program.py", path) as program:
        assert program.hear() == "1"
        with locked(path) as other:
            while int(program.hear()) < 40:
                pass
            other.tell("let go")
            other.end()
        eventually(lambda: outcomes(path)["success"] >= 40, SOON)
    assert discrepancies(path) == []


def test_a_stop_waits_for_a_short_lock_and_writes_everything(make: Make, tmp_path: Path) -> None:
    path, gate = tmp_path / "jobs.db", Gate()
    scheduler = make(history=path)
    scheduler.schedule(gate, "job")
    scheduler.start()
    gate.wait_entered()
    with locked(path) as other:
        gate.open()
        stopping = in_thread(scheduler.stop)
        eventually(lambda: not scheduler.health().in_flight)
        assert stopping.is_alive()
        other.tell("let go")
        joined(stopping)
    assert rows_of(path, "status") == ["success"]
    assert rows_of(path, "status, dropped_shutdown", "sessions") == [("success", 0)]


@pytest.mark.usefixtures("impatient")
def test_a_stop_gives_up_a_lock_that_does_not_end_and_says_what_is_lost(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, gate = tmp_path / "jobs.db", Gate()
    scheduler = make(history=path)
    scheduler.schedule(gate, "job", every(3600))
    scheduler.start()
    by_hand = in_thread(lambda: scheduler.run_now("job_job"))
    gate.wait_entered()
    with locked(path):
        gate.open()
        joined(by_hand)
        stopping = in_thread(scheduler.stop)
        stopping.join(SOON)
        assert not stopping.is_alive()
    assert scheduler.health().lost == 1
    assert "records are lost: counter=shutdown lost=1" in caplog.text
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def live_and_be_locked_out(scheduler: Scheduler, path: Path) -> None:
    """Run jobs, and stop while the file is locked: what was done meanwhile is lost."""
    calls = Calls()
    scheduler.schedule(calls, "job", every(0.05))
    scheduler.start()
    calls.wait(3)
    with locked(path):
        calls.wait_for_more(3)
        scheduler.stop()


@pytest.mark.usefixtures("impatient")
def test_the_start_after_a_stop_that_was_locked_out_ends_its_session_and_tells_what_was_lost(
    make: Make, tmp_path: Path
) -> None:
    path, scheduler = tmp_path / "jobs.db", make(history=tmp_path / "jobs.db")
    live_and_be_locked_out(scheduler, path)
    lost = scheduler.health().lost
    assert lost >= 3
    scheduler.start()
    scheduler.stop()
    assert rows_of(path, "status, dropped_shutdown", "sessions") == [("unknown", 0), ("success", lost)]
    assert "started" not in rows_of(path, "status")


@pytest.mark.usefixtures("impatient")
def test_slots_whose_rows_a_stop_has_lost_are_decided_by_the_next_program(make: Make, tmp_path: Path) -> None:
    path, calls = tmp_path / "jobs.db", Calls()
    live_and_be_locked_out(make(history=path), path)
    again = make(history=path)
    again.schedule(calls, "job", every(0.05), misfire="run_all")
    again.start()
    calls.wait(5)
    again.stop()
    assert discrepancies(path) == []

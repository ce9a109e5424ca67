"""The ledger in a file: what cannot be written, was deleted, or is not understood."""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from duly import IntervalTrigger, OnceTrigger, Scheduler
from duly.embedded.rows import Item, Rows
from duly.ledger.codes import STARTED
from duly.ledger.doctor import examine
from duly.ledger.errors import DatabaseFileError
from duly.ledger.prune import prune
from duly.ledger.records import AnyRow
from duly.ledger.repository import TelemetryRepository
from duly.triggers import Every
from tests.embedded.filed import outcomes
from tests.embedded.lives import BEGIN, Custom, Lives, nanoseconds, seconds
from tests.embedded.waiting import Calls


def refuse(patch: pytest.MonkeyPatch, refused: Callable[[AnyRow], bool]) -> None:
    """Let writes fail that have such a row."""
    insert = TelemetryRepository.insert

    def try_to(repository: TelemetryRepository, db: sqlite3.Connection, rows: Iterable[AnyRow]) -> None:
        rows = list(rows)
        if any(refused(row) for row in rows):
            raise sqlite3.OperationalError("disk I/O error")
        insert(repository, db, rows)

    patch.setattr(TelemetryRepository, "insert", try_to)


def is_mark(row: AnyRow) -> bool:
    return row.status == STARTED


def advance_in_steps(lives: Lives, scheduler: Scheduler, span: float) -> None:
    """Let time pass; every tenth of a second what there is to write is written, or fails."""
    for _ in range(round(span * 10)):
        lives.world.advance(0.1)
        scheduler.history()


def test_what_waits_behind_a_row_that_cannot_be_written_yet_leaves_no_gap_when_killed(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls()
    scheduler = lives.begin()
    scheduler.schedule(calls, "job", IntervalTrigger(seconds=0.5, start_time=BEGIN + timedelta(seconds=1)))
    with monkeypatch.context() as patch:
        refuse(patch, lambda row: row.scheduled_ts == nanoseconds(2))
        advance_in_steps(lives, scheduler, 2.6)  # the slot of 2 waits for its second attempt
        lives.kill(scheduler)
    assert len(calls) == 4
    assert lives.rows("scheduled_ts, status") == [(slot, "success") for slot in seconds(1, 1.5)]
    lives.begin().stop()
    assert lives.rows("scheduled_ts, status, reason, tick_count")[2:] == [(seconds(2)[0], "missed", "down", 2)]
    assert examine(lives.path, clock=lives.world.clock).diagnoses == ()


@pytest.mark.parametrize("still_scheduled", [True, False])
def test_a_one_shot_whose_row_was_pruned_never_runs_again(pruned_lives: Lives, still_scheduled: bool) -> None:
    calls, once = Calls(), OnceTrigger(BEGIN + timedelta(seconds=5))
    scheduler = pruned_lives.begin()
    scheduler.schedule(calls, "once", once)
    pruned_lives.world.advance(10)
    scheduler.stop()
    if not still_scheduled:
        pruned_lives.begin().stop()
    prune(pruned_lives.path, nanoseconds(9))
    assert pruned_lives.rows() == []
    again = pruned_lives.begin()
    again.schedule(calls, "once", once)
    pruned_lives.world.advance(10)
    again.stop()
    assert len(calls) == 1


def test_an_interval_goes_on_after_its_rows_were_pruned(pruned_lives: Lives) -> None:
    scheduler = pruned_lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    pruned_lives.world.advance(35)
    scheduler.stop()
    prune(pruned_lives.path, nanoseconds(34))
    assert pruned_lives.rows() == []
    again = pruned_lives.begin()
    again.schedule(Calls(), "job", Every(seconds=10))
    pruned_lives.world.advance(10)
    again.stop()
    assert pruned_lives.rows("scheduled_ts, status") == [(seconds(40)[0], "success")]


def test_slots_that_a_stop_could_not_write_are_counted_and_do_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives, calls = Lives(tmp_path / "jobs.db"), Calls()
    scheduler = lives.begin()
    scheduler.schedule(calls, "job", Every(seconds=10))
    lives.world.advance(15)
    assert scheduler.history()
    with monkeypatch.context() as patch:
        patch.setattr(TelemetryRepository, "insert", _full)
        lives.world.advance(30)
        scheduler.stop()
    assert scheduler.health().lost == 3
    scheduler.start()
    lives.world.advance(10)
    scheduler.stop()
    scheduler.start()
    scheduler.stop()
    assert len(calls) == 5
    assert lives.rows("scheduled_ts") == seconds(10, 50)
    assert lives.rows("dropped_shutdown + dropped_exhausted", "sessions") == [3, 0, 0]
    troubles = [found.trouble for found in examine(lives.path, clock=lives.world.clock).diagnoses]
    assert troubles == ["lost", "missing"]


def _full(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_start_that_fails_retires_nobody(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.stop()
    again = Scheduler(history=lives.path, clock=lives.world.clock)
    again.schedule(Calls(), "job", Every(seconds=10))
    with monkeypatch.context() as patch:
        patch.setattr("duly.embedded.scheduler.make_host", _full)
        with pytest.raises(sqlite3.OperationalError):
            again.start()
    again.start()
    lives.world.advance(10)
    again.stop()
    assert lives.rows("schedule_id, scheduled_ts") == [(1, slot) for slot in seconds(10, 20)]


def test_a_mark_that_is_tried_again_when_its_outcome_is_there_comes_before_it(
    lives: Lives, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(0.5), "slow", Every(seconds=10))
    lives.world.advance(9)
    scheduler.history()
    with monkeypatch.context() as patch:
        refuse(patch, is_mark)
        advance_in_steps(lives, scheduler, 1.7)
    advance_in_steps(lives, scheduler, 5)
    scheduler.stop()
    assert lives.rows("scheduled_ts, status") == [(seconds(10)[0], "success")]
    assert scheduler.health().lost == 0
    assert "could not be written, attempt 1/3" in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_the_marks_of_attempts_that_are_tried_again_come_before_the_last_attempt(
    lives: Lives, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler, failures = lives.begin(), [ValueError("first"), ValueError("second")]

    def fail_twice() -> None:
        lives.world.clock.work(0.2)
        if failures:
            raise failures.pop(0)

    scheduler.schedule(fail_twice, "job", Every(seconds=10), retries=2, retry_delay=0.1)
    lives.world.advance(9.9)
    scheduler.history()
    with monkeypatch.context() as patch:
        refuse(patch, lambda row: is_mark(row) and row.attempt_number < 3)
        advance_in_steps(lives, scheduler, 1)
    assert scheduler.health().unwritten == 6
    advance_in_steps(lives, scheduler, 3)
    scheduler.stop()
    assert lives.rows("scheduled_ts, attempt_number, status, tick_count") == [
        (seconds(10)[0], 1, "error", 0),
        (seconds(10)[0], 2, "error", 0),
        (seconds(10)[0], 3, "success", 1),
    ]
    assert scheduler.health().lost == 0
    assert "cannot be written" not in caplog.text
    assert examine(lives.path, clock=lives.world.clock).diagnoses == ()


@pytest.mark.parametrize("together", [True, False], ids=["together", "record by record"])
def test_a_wait_and_its_run_that_are_written_twice_are_one_row(
    lives: Lives, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    def write_and_fail(rows: Rows, db: sqlite3.Connection, records: Sequence[Item]) -> None:
        write(rows, db, records)
        if len(refused) < 3 and len(records) > 1:
            refused.append(len(records))
            raise sqlite3.OperationalError("disk I/O error") if together else sqlite3.IntegrityError("whose?")

    scheduler, write, refused, spans = lives.begin(), Rows.write, list[int](), [3.0]
    scheduler.schedule(
        lambda: lives.world.clock.work(spans.pop() if spans else 0.2), "job", Every(seconds=2), mode="queued"
    )
    advance_in_steps(lives, scheduler, 1)
    monkeypatch.setattr(Rows, "write", write_and_fail)
    lives.world.advance(8)
    advance_in_steps(lives, scheduler, 7)
    scheduler.stop()
    assert refused
    slots = lives.rows("scheduled_ts, status, tick_count")
    assert slots == [(slot, "success", 1) for slot in seconds(*range(2, 2 + 2 * len(slots), 2))]
    assert (scheduler.health().lost, examine(lives.path, clock=lives.world.clock).diagnoses) == (0, ())


def test_the_mark_of_a_wait_that_is_tried_again_comes_before_its_run(
    lives: Lives, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(1.5), "slow", Every(seconds=1), mode="queued", max_runs=3)
    with monkeypatch.context() as patch:
        refuse(patch, lambda row: is_mark(row) and row.scheduled_ts == nanoseconds(2))
        advance_in_steps(lives, scheduler, 3.5)
    advance_in_steps(lives, scheduler, 5)
    scheduler.stop()
    assert lives.rows("scheduled_ts, status")[:3] == [(slot, "success") for slot in seconds(1, 2, 3)]
    assert scheduler.health().lost == 0
    assert "could not be written, attempt 1/3" in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_job_that_is_cancelled_and_scheduled_again_while_nothing_can_be_written_goes_on_as_the_new_one(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    advance_in_steps(lives, scheduler, 15)
    with monkeypatch.context() as patch:
        patch.setattr(TelemetryRepository, "cancel_job", _full)
        patch.setattr(TelemetryRepository, "pause_job", _full)
        scheduler.pause(job_id)
        advance_in_steps(lives, scheduler, 0.2)
        scheduler.cancel(job_id)
        advance_in_steps(lives, scheduler, 0.3)
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    advance_in_steps(lives, scheduler, 25)
    lives.kill(scheduler, down=30)
    again = lives.begin()
    again.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    again.stop()
    assert lives.rows("schedule_id, scheduled_ts, status, tick_count") == [
        (1, *seconds(10), "success", 1),
        (2, *seconds(26), "success", 1),
        (2, *seconds(36), "success", 1),
        (2, *seconds(46), "success", 1),
        (2, *seconds(56), "missed", 2),
        (2, *seconds(76), "success", 1),
    ]
    assert (examine(lives.path, clock=lives.world.clock).diagnoses, scheduler.health().lost) == ((), 0)


def test_a_mark_that_loses_its_job_is_no_loss(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(0.5), "job", Every(seconds=10))
    advance_in_steps(lives, scheduler, 15)
    with closing(sqlite3.connect(lives.path)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("DELETE FROM raw_executions")
        db.execute("DELETE FROM raw_scheduled_jobs")
        db.commit()
    advance_in_steps(lives, scheduler, 10)
    assert lives.rows("job_id, scheduled_ts, status") == [(None, *seconds(20), "success")]
    assert scheduler.health().lost == 0
    scheduler.stop()


def test_a_schedule_of_a_later_version_stops_nobody(lives: Lives, tmp_path: Path) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.stop()
    with closing(sqlite3.connect(lives.path)) as db:
        db.execute("UPDATE raw_schedules SET trigger_spec = '{}'")
        db.commit()
    lives.world.clock.elapse(20)
    lives.begin().stop()
    with closing(sqlite3.connect(lives.path)) as db:
        db.execute("UPDATE raw_schedules SET trigger_spec = NULL")  # for the check of this file
        db.commit()
    assert outcomes(lives.path) == {"success": 1}
    assert lives.rows("status", "sessions") == ["success", "success"]


def test_a_start_that_fails_lets_go_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThread:
        def __init__(self, *_: object) -> None:
            raise RuntimeError("can't start new thread")

    scheduler = Scheduler(history=tmp_path / "jobs.db")
    with monkeypatch.context() as patch:
        patch.setattr("duly.embedded.host.ThreadHost", NoThread)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            scheduler.start()
    assert not scheduler.health().running
    with Scheduler(history=tmp_path / "jobs.db"):
        pass


def test_texts_that_no_file_can_hold_are_stored_with_a_stand_in(lives: Lives, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "duly")  # pytest's own channels cannot carry such texts either
    scheduler = lives.begin()

    def fail(_: object) -> None:
        raise ValueError("half \ud800 a pair")

    scheduler.schedule(fail, "job \udcff", Every(seconds=10), args=("\ud800",), group="g\ud800", max_runs=1)
    lives.world.advance(10)
    scheduler.stop()
    assert lives.rows("status, error_message") == [("error", "half ? a pair")]
    assert lives.rows("job_name", "scheduled_jobs") == ["job ?"]


def test_a_trigger_with_an_unknown_type_is_refused_when_it_is_scheduled(lives: Lives) -> None:
    class Odd(Custom):
        def trigger_db_type(self) -> Any:  # noqa: ANN401 - wrong on purpose
            return "odd"

    scheduler = lives.begin()
    with pytest.raises(ValueError, match=r"trigger_db_type\(\) must be one of 'interval', .* got 'odd'"):
        scheduler.schedule(Calls(), "odd", Odd())
    assert scheduler.list_jobs() == []


@pytest.mark.parametrize("history", [False, 7, b"jobs.db"])
def test_a_history_that_is_no_path_is_refused(history: Any) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(TypeError, match="history must be a path, or None"):
        Scheduler(history=history)


def test_no_file_is_made_before_the_start(tmp_path: Path) -> None:
    scheduler = Scheduler(history=tmp_path / "jobs.db")
    scheduler.schedule(Calls(), trigger=Every(seconds=10))
    assert list(tmp_path.iterdir()) == []


def test_a_start_is_refused_until_what_was_cancelled_before_it_can_be_written(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.stop()
    lives.world.clock.elapse(15)
    scheduler.cancel(job_id)
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    with monkeypatch.context() as patch:
        patch.setattr(TelemetryRepository, "end_schedule", _full)
        for _ in range(9):
            with pytest.raises(DatabaseFileError, match="database or disk is full: make room on its disk"):
                scheduler.start()
    scheduler.start()
    lives.world.advance(10)
    scheduler.stop()
    assert scheduler.health().lost == 0
    assert lives.rows("schedule_id, scheduled_ts, status") == [
        (1, *seconds(10), "success"),
        (1, *seconds(20), "cancelled"),
        (2, *seconds(35), "success"),
    ]


def test_history_goes_without_the_lines_that_could_not_be_written_yet(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    with monkeypatch.context() as patch:
        refuse(patch, lambda _: True)
        lives.world.advance(10)
        assert scheduler.history() == []
        assert scheduler.health().unwritten > 0
    lives.world.advance(1)
    assert [line.status.value for line in scheduler.history()] == ["success"]
    assert scheduler.health().unwritten == 0
    scheduler.stop()

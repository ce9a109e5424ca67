"""The ledger in a file: what a program finds when it starts again."""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from whenever import ZonedDateTime

from duly import Execution, IntervalTrigger, OnceTrigger, Scheduler
from duly.core.clock import SECOND
from duly.core.trigger import StoredType
from duly.ledger.doctor import examine
from duly.ledger.prune import prune
from duly.ledger.records import Row
from duly.ledger.repository import TelemetryRepository
from duly.testing import World
from duly.triggers import After, Cron, Daily, Every
from tests.embedded.filed import discrepancies, outcomes, rows_of
from tests.embedded.waiting import Calls, Failing

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


class Lives:
    """A program that is started again and again on one file and one clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.world = World()

    def begin(self, **options: Any) -> Scheduler:  # noqa: ANN401 - those of a Scheduler
        return self.world.scheduler(history=self.path, **options)

    def kill(self, scheduler: Scheduler, down: float = 0, *, durable: bool = True) -> None:
        self.world.kill(scheduler, durable=durable)
        self.world.clock.elapse(down)

    def rows(self, columns: str = "status, tick_count", table: str = "executions") -> list[Any]:
        order = "scheduled_ts, attempt_number" if table == "executions" else "id"
        return rows_of(self.path, columns, table, order)


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    lives = Lives(tmp_path / "jobs.db")
    yield lives
    lives.world.close()
    lives.world.assert_ledger_adds_up()
    assert discrepancies(lives.path) == []


@pytest.fixture
def pruned_lives(tmp_path: Path) -> Iterator[Lives]:
    """Of its file the doctor knows what was deleted."""
    lives = Lives(tmp_path / "jobs.db")
    yield lives
    lives.world.close()
    assert examine(lives.path, clock=lives.world.clock).ok


def nanoseconds(offset: float) -> int:
    return round(seconds(offset)[0] * SECOND)


def seconds(*offsets: float) -> list[float]:
    return [BEGIN.timestamp() + offset for offset in offsets]


class Custom:
    """A trigger of a user's: every ten seconds, and it cannot count."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime:
        return current_time.add(seconds=10)

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime:
        return max(previous_run, current_time).add(seconds=10)

    def trigger_label(self) -> str:
        return "custom"

    def trigger_detail(self) -> None:
        return None

    def trigger_db_type(self) -> StoredType:
        return "custom"

    def trigger_id(self) -> str:
        return "custom:ten"


def test_every_slot_has_a_row_with_its_outcome(lives: Lives) -> None:
    scheduler = lives.begin()

    def fail() -> None:
        raise ValueError("no milk")

    scheduler.schedule(Calls(), "good", Every(seconds=10))
    scheduler.schedule(fail, "bad", Every(seconds=20))
    lives.world.advance(40)
    scheduler.stop()
    columns = "scheduled_ts, status, error_type, error_message"
    assert [row for row in lives.rows(columns) if row[1] == "success"] == [
        (moment, "success", None, None) for moment in seconds(10, 20, 30, 40)
    ]
    assert [row for row in lives.rows(columns) if row[1] == "error"] == [
        (moment, "error", "ValueError", "no milk") for moment in seconds(20, 40)
    ]
    assert lives.rows("job_name, trigger_type, trigger_id, mode, misfire", "scheduled_jobs") == [
        ("good", "interval", "every:10", "single", "run_once"),
        ("bad", "interval", "every:20", "single", "run_once"),
    ]


def test_what_passed_while_the_program_was_down_goes_through_the_misfire_policy(lives: Lives) -> None:
    def jobs(scheduler: Scheduler) -> None:
        for misfire in ("run_once", "run_all", "skip"):
            scheduler.schedule(Calls(), misfire, Every(seconds=10), misfire=misfire)

    scheduler = lives.begin()
    jobs(scheduler)
    lives.world.advance(10)
    lives.kill(scheduler, down=46)
    again = lives.begin()
    jobs(again)
    lives.world.advance(0)
    again.stop()
    found: dict[str, list[Any]] = {}
    for job_id, *row in lives.rows("job_id, scheduled_ts, status, reason, tick_count"):
        found.setdefault(("run_once", "run_all", "skip")[job_id - 1], []).append(tuple(row))
    first, second, third, fourth, fifth = seconds(10, 20, 30, 40, 50)
    ran = (first, "success", None, 1)
    assert found["run_once"] == [ran, (second, "success", None, 1), (third, "missed", "down", 3)]
    assert found["run_all"] == [ran, *((slot, "success", None, 1) for slot in (second, third, fourth, fifth))]
    assert found["skip"] == [ran, (second, "missed", "down", 1), (third, "missed", "down", 3)]


def test_an_interval_keeps_its_phase_through_restarts(lives: Lives) -> None:
    for down in (3.0, 4.5, 17.0):
        scheduler = lives.begin()
        scheduler.schedule(Calls(), "job", Every(seconds=10))
        lives.world.advance(5)
        scheduler.stop()
        lives.world.clock.elapse(down)
    last = lives.begin()
    last.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    last.stop()
    assert {slot % 10 for slot in lives.rows("scheduled_ts")} == {0.0}
    assert outcomes(lives.path) == {"success": 4}
    assert len(lives.rows("id", "schedules")) == 1


def test_a_run_that_was_in_flight_is_interrupted_and_does_not_run_again(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(100), "slow", Every(seconds=10))
    lives.world.advance(15)
    lives.kill(scheduler)
    again, calls = lives.begin(), Calls()
    again.schedule(calls, "slow", Every(seconds=10), misfire="run_all")
    lives.world.advance(10)
    again.stop()
    assert lives.rows("scheduled_ts, status, duration_ms") == [
        (slot, status, 0.0) for slot, status in zip(seconds(10, 20), ["interrupted", "success"], strict=True)
    ]
    assert len(calls) == 1


def test_slots_that_wait_their_turn_have_marks_too(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(100), "slow", Every(seconds=10), mode="queued")
    lives.world.advance(35)
    lives.kill(scheduler)
    lives.begin().stop()
    assert lives.rows("scheduled_ts, status") == [(slot, "interrupted") for slot in seconds(10, 20, 30)]


def test_a_slot_that_waited_has_one_row_once_it_has_run(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(15), "slow", Every(seconds=10), mode="queued", max_runs=3)
    lives.world.advance(35)
    lives.kill(scheduler)
    again = lives.begin()
    again.stop()
    assert lives.rows("scheduled_ts, status, trigger_mode") == [
        (seconds(10)[0], "success", None),
        (seconds(20)[0], "interrupted", None),
        (seconds(30)[0], "interrupted", None),
    ]


def test_what_was_not_durable_is_missed_or_runs_again(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    lives.kill(scheduler)
    again, calls = lives.begin(), Calls()
    again.schedule(calls, "job", Every(seconds=10))
    lives.world.advance(10)
    lives.kill(again, durable=False)
    last = lives.begin()
    last.schedule(calls, "job", Every(seconds=10))
    lives.world.advance(0)
    last.stop()
    assert lives.rows("status") in (["success", "success"], ["success", "interrupted"])


def test_rows_that_overtook_older_ones_leave_no_gap_behind(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [sqlite3.OperationalError("disk I/O error")]
    insert = TelemetryRepository.insert

    def fail_once(repository: TelemetryRepository, db: sqlite3.Connection, rows: Iterable[Row]) -> None:
        rows = list(rows)
        if any(row.scheduled_ts == nanoseconds(2) for row in rows) and failures:
            raise failures.pop()
        insert(repository, db, rows)

    monkeypatch.setattr(TelemetryRepository, "insert", fail_once)
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", IntervalTrigger(seconds=0.5, start_time=BEGIN + timedelta(seconds=1)))
    for _ in range(5):  # at 2.5 seconds the batch with the slot of 2 waits for its second attempt
        lives.world.advance(0.5)
        assert scheduler._driver.book is not None
        scheduler._driver.book.flush()
    lives.kill(scheduler)
    assert lives.rows("scheduled_ts, status") == [(slot, "success") for slot in seconds(1, 1.5, 2.5)]
    lives.begin().stop()
    assert lives.rows("scheduled_ts, status, reason") == [
        (seconds(1)[0], "success", None),
        (seconds(1.5)[0], "success", None),
        (seconds(2)[0], "missed", "down"),
        (seconds(2.5)[0], "success", None),
    ]


def test_a_one_shot_that_has_a_row_never_runs_again(lives: Lives) -> None:
    calls = Calls()
    for _ in range(4):
        scheduler = lives.begin()
        scheduler.schedule(calls, "once", OnceTrigger(BEGIN + timedelta(seconds=5)))
        lives.world.advance(10)
        scheduler.stop()
        lives.begin().stop()  # a version of the program without the job
    assert len(calls) == 1
    assert lives.rows() == [("success", 1)]


def test_a_one_shot_that_has_a_row_can_still_be_run_by_hand(lives: Lives) -> None:
    once = OnceTrigger(BEGIN + timedelta(seconds=5))
    for _ in range(2):
        scheduler = lives.begin()
        scheduler.schedule(Calls(), "once", once)
        lives.world.advance(10)
        scheduler.stop()
        lives.begin().stop()
    last = lives.begin()
    last.run_now(last.schedule(Calls(), "once", once))
    last.stop()
    assert sorted(lives.rows("status, tick_count")) == [("success", 0), ("success", 1)]
    assert last.health().lost == 0


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


def test_slots_that_a_stop_could_not_write_are_decided_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives = Lives(tmp_path / "jobs.db")
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10), misfire="skip")
    lives.world.advance(15)
    assert scheduler.history()
    with monkeypatch.context() as patch:
        patch.setattr(TelemetryRepository, "insert", _full)
        lives.world.advance(33)
        scheduler.stop()
    assert scheduler.health().lost == 3
    scheduler.start()
    lives.world.advance(0)
    scheduler.stop()
    assert lives.rows("scheduled_ts, status, tick_count") == [
        (seconds(10)[0], "success", 1),
        (seconds(20)[0], "missed", 1),
        (seconds(30)[0], "missed", 2),
    ]
    assert discrepancies(lives.path, closed_at=lives.world.clock.now()) == []


def _full(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_delay_begins_anew_with_each_start(lives: Lives) -> None:
    calls = Calls()
    for _ in range(3):
        scheduler = lives.begin()
        scheduler.schedule(calls, "after", After(seconds=5))
        lives.world.advance(10)
        scheduler.stop()
    assert len(calls) == 3
    assert len(lives.rows("id", "schedules")) == 3


def test_a_name_that_nobody_schedules_again_is_retired_with_its_slots_missed(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "old", Every(seconds=10))
    lives.world.advance(20)
    scheduler.stop()
    lives.world.clock.elapse(15)
    later = lives.begin()
    lives.world.advance(20)
    later.stop()
    assert lives.rows("status, reason, scheduled_ts, scheduled_to_ts, tick_count")[-1] == (
        "missed", "down", *seconds(30, 50), 3
    )  # fmt: skip
    assert lives.rows("retired_at", "scheduled_jobs") == seconds(55)
    assert lives.rows("ended_at", "schedules") == seconds(55)


def test_a_changed_schedule_settles_the_old_one_and_begins_a_new_account(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.stop()
    lives.world.clock.elapse(25)
    again = lives.begin()
    again.schedule(Calls(), "job", Every(seconds=7))
    lives.world.advance(7)
    again.stop()
    assert lives.rows("schedule_id, scheduled_ts, status, tick_count") == [
        (1, *seconds(10), "success", 1),
        (1, *seconds(20), "missed", 2),
        (2, *seconds(42), "success", 1),
    ]
    assert len(lives.rows("id", "scheduled_jobs")) == 1


def test_a_trigger_that_cannot_count_goes_on_with_its_pending_slot(lives: Lives) -> None:
    for _ in range(2):
        scheduler = lives.begin()
        scheduler.schedule(Calls(), "custom", Custom())
        lives.world.advance(15)
        scheduler.stop()
        lives.world.clock.elapse(30)
    slots = lives.rows("scheduled_ts, status")
    assert slots == [(slot, "success") for slot in seconds(10, 20, 55)]
    assert lives.rows("trigger_spec", "schedules") == [None]


def test_a_pause_survives_the_program(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.pause(job_id)
    lives.kill(scheduler, down=25)
    again, calls = lives.begin(), Calls()
    again.schedule(calls, "job", Every(seconds=10))
    lives.world.advance(10)
    assert len(calls) == 0
    again.resume(job_id)
    lives.world.advance(10)
    again.stop()
    assert len(calls) == 1
    assert lives.rows("status, reason, tick_count") == [
        ("success", None, 1), ("skipped", "paused", 3), ("success", None, 1),
    ]  # fmt: skip
    assert lives.rows("paused_at", "scheduled_jobs") == [None]


def test_a_cancelled_job_is_ended_in_the_file_and_begins_anew(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(15)
    scheduler.cancel(job_id)
    lives.kill(scheduler, down=30)
    assert lives.rows("cancelled_at", "scheduled_jobs") == seconds(15)
    again = lives.begin()
    again.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    again.stop()
    assert lives.rows("scheduled_ts, status") == [(slot, "success") for slot in seconds(10, 55)]
    assert lives.rows("cancelled_at", "scheduled_jobs") == [None]


def test_retries_are_kept_and_the_slot_counts_once(lives: Lives) -> None:
    scheduler = lives.begin()

    def fail() -> None:
        raise OSError("away")

    scheduler.schedule(fail, "job", Every(seconds=10), retries=2, retry_delay=1, retry_backoff=1, max_runs=1)
    lives.world.advance(12)
    scheduler.stop()
    assert lives.rows("attempt_number, status, tick_count, trigger_mode") == [
        (1, "error", 0, None), (2, "error", 0, "retry"), (3, "error", 1, "retry"),
    ]  # fmt: skip


def test_a_program_killed_between_two_attempts_leaves_the_outcome_of_the_first(lives: Lives) -> None:
    scheduler = lives.begin()

    def fail() -> None:
        raise OSError("away")

    scheduler.schedule(fail, "job", Every(seconds=10), retries=2, retry_delay=5)
    lives.world.advance(11)
    lives.kill(scheduler)
    lives.begin().stop()
    assert lives.rows("attempt_number, status, tick_count") == [(1, "error", 1)]


def test_a_run_by_hand_counts_no_slot(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls("milk"), "job", Every(seconds=10))
    assert scheduler.run_now(job_id) == "milk"
    scheduler.stop()
    assert lives.rows("scheduled_ts, status, tick_count, trigger_mode") == [(None, "success", 0, "manual")]


def test_each_start_is_a_session(lives: Lives) -> None:
    scheduler = lives.begin()
    lives.world.advance(5)
    scheduler.stop()
    scheduler.start()
    lives.world.advance(700)
    lives.kill(scheduler)
    lives.begin().stop()
    assert lives.rows("status, started_at, stopped_at, last_heartbeat_at", "sessions") == [
        ("success", *seconds(0, 5, 0)),
        ("unknown", *seconds(5, 605, 605)),
        ("success", *seconds(705, 705, 705)),
    ]


def test_a_killed_session_ended_with_its_last_execution_if_that_was_after_its_last_heartbeat(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(lambda: lives.world.clock.work(3), "job", Every(seconds=10))
    lives.world.advance(25)
    lives.kill(scheduler, down=1000)
    lives.begin().stop()
    assert lives.rows("stopped_at", "sessions")[0] == seconds(23)[0]


def test_jobs_scheduled_before_the_start_and_after_it_go_on_alike(lives: Lives) -> None:
    def begin() -> Scheduler:
        scheduler = Scheduler(history=lives.path, clock=lives.world.clock)
        scheduler.schedule(Calls(), "before", Every(seconds=10))
        scheduler.start()
        scheduler.schedule(Calls(), "after", Every(seconds=10))
        lives.world.advance(25)
        return scheduler

    begin().stop()
    begin().stop()
    assert [row[2] for row in lives.rows("job_id, scheduled_ts, status")] == ["success"] * 10
    assert {row[1] for row in lives.rows("job_id, scheduled_ts")} == set(seconds(10, 20, 30, 40, 50))


def test_slots_of_a_stopped_scheduler_are_decided_when_it_starts_again(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=10), misfire="skip")
    lives.world.advance(10)
    scheduler.stop()
    lives.world.clock.elapse(36)
    scheduler.start()
    lives.world.advance(10)
    scheduler.stop()
    assert lives.rows("status, reason, tick_count") == [
        ("success", None, 1), ("missed", "down", 1), ("missed", "down", 2), ("success", None, 1),
    ]  # fmt: skip


def test_what_is_cancelled_while_the_scheduler_is_stopped_is_written_at_the_next_start(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    lives.world.advance(10)
    scheduler.stop()
    lives.world.clock.elapse(5)
    scheduler.cancel(job_id)
    scheduler.start()
    scheduler.stop()
    assert lives.rows("cancelled_at", "scheduled_jobs") == seconds(15)
    assert lives.rows("ended_at", "schedules") == seconds(15)


@pytest.mark.parametrize(
    "trigger", [Every(seconds=10), Cron("* * * * * */10"), Daily("00:00")], ids=["every", "cron", "daily"]
)
def test_the_cost_of_a_start_does_not_grow_with_the_slots_that_passed(
    lives: Lives, trigger: Every | Cron | Daily
) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", trigger)
    lives.world.advance(20)
    lives.kill(scheduler, down=86_400 * 365 * 5)
    again, calls = lives.begin(), Calls()
    again.schedule(calls, "job", trigger)
    lives.world.advance(0)
    again.stop()
    assert len(calls) == 1
    assert len(lives.rows()) <= 4
    assert outcomes(lives.path)["missed"] > 1_000


def test_a_trigger_with_an_unknown_type_is_refused_when_it_is_scheduled(lives: Lives) -> None:
    class Odd(Custom):
        def trigger_db_type(self) -> Any:  # noqa: ANN401 - wrong on purpose
            return "odd"

    scheduler = lives.begin()
    with pytest.raises(ValueError, match=r"trigger_db_type\(\) must be one of 'interval', .* got 'odd'"):
        scheduler.schedule(Calls(), "odd", Odd())
    assert scheduler.list_jobs() == []


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


@pytest.mark.parametrize("history", [False, 7, b"jobs.db"])
def test_a_history_that_is_no_path_is_refused(history: Any) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(TypeError, match="history must be a path, or None"):
        Scheduler(history=history)


def test_no_file_is_made_before_the_start(tmp_path: Path) -> None:
    scheduler = Scheduler(history=tmp_path / "jobs.db")
    scheduler.schedule(Calls(), trigger=Every(seconds=10))
    assert list(tmp_path.iterdir()) == []


def test_a_job_may_stop_the_scheduler_and_has_its_outcome(lives: Lives) -> None:
    scheduler = lives.begin()
    stop: Callable[[], None] = scheduler.stop
    scheduler.schedule(stop, "job", Every(seconds=10))
    lives.world.advance(10)
    assert lives.rows("status", "sessions") == ["success"]
    lives.begin().stop()
    assert lives.rows() == [("success", 1)]


def test_the_history_is_that_of_the_file_newest_first(lives: Lives) -> None:
    def live() -> Scheduler:
        scheduler = lives.begin()
        scheduler.schedule(Calls(), "good", Every(seconds=10))
        scheduler.schedule(Failing(ValueError("no milk")), "bad", Every(seconds=15), retries=1, retry_delay=1)
        lives.world.advance(32)
        scheduler.stop()
        return scheduler

    live()
    scheduler = live()
    assert [line.scheduled_at for line in scheduler.history("job_good")] == [
        BEGIN + timedelta(seconds=slot) for slot in (60, 50, 40, 30, 20, 10)
    ]
    assert [line.attempt_number for line in scheduler.history("job_bad")] == [2, 1] * 4
    assert [line.error_message for line in scheduler.history(status="error", limit=2)] == ["no milk"] * 2
    assert scheduler.history("job_unknown") == []


def test_the_history_tells_of_a_file_what_it_tells_of_memory(lives: Lives) -> None:
    schedulers = [lives.begin(), lives.world.scheduler()]
    for scheduler in schedulers:
        scheduler.schedule(lambda: lives.world.clock.work(25), "slow", Every(seconds=10), mode="queued")
        scheduler.schedule(Failing(ValueError("no milk")), "bad", Every(seconds=15), retries=1, retry_delay=1)
    lives.world.advance(62)
    lives.world.suspend(100)
    lives.world.advance(2)
    for scheduler in schedulers:
        scheduler.cancel("job_slow")
    told, known = (sorted(scheduler.history(), key=_place) for scheduler in schedulers)
    assert [replace(line, error_traceback=None) for line in told] == [
        replace(line, error_traceback=None) for line in known
    ]
    assert [line.error_traceback is None for line in told] == [line.error_traceback is None for line in known]


def _place(line: Execution) -> tuple[datetime, str, int]:
    return line.scheduled_at or line.started_at, line.name, line.attempt_number


def test_the_history_of_a_running_scheduler_has_what_was_recorded_so_far(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    for number in range(3):
        lives.world.advance(10)
        assert len(scheduler.history(job_id)) == number + 1


def test_there_is_no_history_before_the_first_start(tmp_path: Path) -> None:
    assert Scheduler(history=tmp_path / "jobs.db").history() == []


def test_more_lines_than_a_page_holds_are_read_page_by_page(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=1))
    lives.world.advance(2_500)
    assert len(scheduler.history(limit=2_400)) == 2_400
    assert len({line.scheduled_at for line in scheduler.history("job_job", limit=10_000)}) == 2_500


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

"""The scheduler service: jobs come to run, go on, and end."""

import asyncio
import contextlib
import logging
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from duly.config import SchedulerConfig
from duly.core.context import CURRENT_EXECUTION_ID
from duly.core.policy import MisfireName
from duly.core.scheduled_job import ScheduledJob
from duly.core.trigger import TriggerProtocol
from duly.executor import SchedulerErrorContext
from duly.ledger.entries import Entry
from duly.lifecycle import RestartType, TaskBucket
from duly.lifecycle.bucket import current_bucket
from duly.scheduler.service import SchedulerService
from duly.testing import VirtualClock
from duly.triggers import After, Cron, Every, Once
from tests.executor.plant import rows_of
from tests.lifecycle.house import turns
from tests.scheduler.custom import Plain
from tests.scheduler.yard import BEGIN, OWNER, Yard, in_yard, nothing, taking, until, writer_held


def messages(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    """What the service has logged at this level."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "duly.SchedulerService" and record.levelno == level
    ]


def test_it_is_a_permanent_service_with_two_restarts_in_half_a_minute() -> None:
    spec = SchedulerService.restart_spec
    assert (spec.restart_type, spec.budget_intensity, spec.budget_period_seconds) == (RestartType.PERMANENT, 2, 30.0)
    assert SchedulerService.log_setting == "scheduler_service"


# --- a tick ----------------------------------------------------------------------------------------------------------


def test_a_recurring_job_runs_at_its_slots(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=2))
        await until(7)
        assert await yard.slots() == [(2.0, "success"), (4.0, "success"), (6.0, "success")]

    in_yard(tmp_path, main)


def test_no_run_waits_for_another_job(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        begun: list[float] = []

        async def quick() -> None:
            begun.append(asyncio.get_running_loop().time())

        await yard.add(taking(100), After(seconds=5), "slow")
        for number in range(300):
            await yard.add(quick, After(seconds=5), f"quick {number}")
        await until(6)
        assert begun == [5.0] * 300

    in_yard(tmp_path, main)


def test_jobs_that_are_due_begin_in_the_order_of_their_times(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        order: list[int] = []
        for seconds in (9, 7, 8):
            await yard.add(partial(order.append, seconds), After(seconds=seconds), f"{seconds}")
        yard.stall(10)
        await until(11)
        assert order == [7, 8, 9]

    in_yard(tmp_path, main)


def test_a_sync_callable_runs_in_a_worker_thread_with_its_arguments(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        seen: list[Any] = []

        def sync(*args: object, **kwargs: object) -> None:
            seen.append((args, kwargs, asyncio._get_running_loop()))

        await yard.add(sync, After(seconds=1), args=(1, 2), kwargs={"word": "on"})
        await until(2)
        assert seen == [((1, 2), {"word": "on"}, None)]
        assert await yard.slots() == [(1.0, "success")]

    in_yard(tmp_path, main)


def test_an_enqueued_job_wakes_a_loop_that_would_sleep_longer(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await until(3)  # nothing is scheduled: the loop sleeps 15 s
        await yard.add(nothing, After(seconds=1))
        await until(4.5)
        (row,) = await yard.rows()
        assert row["execution_start_ts"] == BEGIN.timestamp() + 4

    in_yard(tmp_path, main)


def test_a_cancelled_job_does_not_run_any_more(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=2))
        await until(3)
        assert yard.scheduler.dequeue_job(job)
        await until(20)
        assert await yard.slots() == [(2.0, "success")]

    in_yard(tmp_path, main)


def test_a_job_dequeued_between_its_pop_and_its_start_is_not_called_and_recorded_as_cancelled(
    tmp_path: Path,
) -> None:
    async def main(yard: Yard) -> None:
        called: list[str] = []

        async def first() -> None:
            called.append("first")
            yard.scheduler.dequeue_job(second)

        async def never() -> None:
            called.append("never")

        await yard.add(first, After(seconds=1), "first")
        second = await yard.add(never, After(seconds=1), "second")
        await until(2)
        assert called == ["first"]
        assert await yard.slots("second") == [(1.0, "cancelled")]
        (row,) = [row for row in await yard.rows() if row["status"] == "cancelled"]
        assert row["duration_ms"] == 0

    in_yard(tmp_path, main)


def test_what_a_cancellation_keeps_from_beginning_is_recorded_before_the_schedule_ends(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        recorded: list[str] = []

        async def first() -> None:
            yard.scheduler.dequeue_job(second)
            recorded.extend(entry.status for entry in yard.database.records._queue if isinstance(entry, Entry))

        await yard.add(first, After(seconds=1), "first")
        second = await yard.add(nothing, After(seconds=1), "second")
        async with writer_held(yard):
            yard.stall(1)
            yard.scheduler.kick()
            await turns(10)
            assert recorded == ["started", "cancelled"]

    in_yard(tmp_path, main)


def test_a_late_run_is_warned_about_with_job_and_lag(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(nothing, After(seconds=1), "prompt")
        await yard.add(nothing, After(seconds=2), "late")
        yard.stall(6)  # exactly 5 s is not late
        await until(7)

    with caplog.at_level(logging.WARNING):
        in_yard(tmp_path, main)
    assert [message for message in messages(caplog) if "behind" in message] == []


def test_lateness_beyond_the_threshold_is_warned_about_and_the_run_takes_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(nothing, After(seconds=1), "late")
        yard.stall(6.5)
        await until(7)
        assert await yard.slots() == [(1.0, "success")]

    with caplog.at_level(logging.WARNING):
        in_yard(tmp_path, main)
    (message,) = [message for message in messages(caplog) if "behind" in message]
    assert "job=late" in message
    assert "lag=5.5" in message


def test_the_threshold_of_lateness_is_read_live(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=10), misfire="skip")
        yard.house.config.scheduler = SchedulerConfig(behind_schedule_threshold_seconds=2)
        yard.scheduler.kick()
        await until(1)
        yard.stall(12)
        await until(14)
        assert await yard.slots() == [(10.0, "missed stalled")]

    in_yard(tmp_path, main)


def test_one_job_never_overlaps_itself_and_goes_on_after_its_run(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(taking(5), Every(seconds=2))
        await until(14)
        assert await yard.slots() == [
            (2.0, "success"),
            (4.0, "skipped overlap x2"),
            (8.0, "success"),
            (10.0, "skipped overlap x2"),
            (14.0, "started"),
        ]

    in_yard(tmp_path, main)


def test_mode_restart_cancels_the_run_and_starts_anew_once_it_has_ended(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(taking(5), Every(seconds=3), mode="restart")
        await until(7)
        assert await yard.slots() == [(3.0, "cancelled"), (6.0, "started")]

    in_yard(tmp_path, main)


def test_mode_restart_lets_a_sync_callable_end_and_runs_the_newest_slot_only(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        def sync() -> None:
            yard.house.task_bucket.run_sync(asyncio.sleep(7), 100)

        await yard.add(sync, Every(seconds=3), mode="restart")
        await until(11)
        assert await yard.slots() == [
            (3.0, "success"),
            (6.0, "skipped overlap"),
            (9.0, "started"),
        ]

    in_yard(tmp_path, main)


def test_mode_queued_runs_one_after_the_other_and_at_most_ten_wait(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(taking(100), Every(seconds=1), mode="queued")
        await until(13.5)
        outcomes = [label for _, label in await yard.slots()]
        assert outcomes == ["started"] * 11 + ["skipped overlap"] * 2
        await until(101.5)
        assert (await yard.slots())[:2] == [(1.0, "success"), (2.0, "started")]

    in_yard(tmp_path, main)


def test_a_slot_that_has_waited_keeps_the_row_of_its_mark(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(taking(1.5), Every(seconds=1), mode="queued")
        await until(2.2)
        waiting = (await yard.rows())[1]
        await until(4.2)
        ended = (await yard.rows())[1]
        assert (waiting["execution_id"], waiting["status"]) == (ended["execution_id"], "started")
        assert ended["status"] == "success"
        assert ended["execution_start_ts"] == BEGIN.timestamp() + 2.5

    in_yard(tmp_path, main)


def test_mode_parallel_runs_beside(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(taking(10), Every(seconds=1), mode="parallel")
        await until(5)
        assert [label for _, label in await yard.slots()] == ["started"] * 5

    in_yard(tmp_path, main)


def test_a_failed_run_is_tried_again_as_a_further_attempt_of_its_slot(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        attempts: list[float] = []

        async def fail() -> None:
            attempts.append(asyncio.get_running_loop().time())
            raise ValueError("no")

        handled: list[SchedulerErrorContext] = []
        await yard.add(
            fail, After(seconds=1), retries=2, retry_delay=3.0, retry_backoff=2.0, error_handler=handled.append
        )
        await until(20)
        rows = await yard.rows()
        assert attempts == [1.0, 4.0, 10.0]
        assert [(row["attempt_number"], row["tick_count"], row["status"]) for row in rows] == [
            (1, 0, "error"),
            (2, 0, "error"),
            (3, 1, "error"),
        ]
        assert {row["scheduled_ts"] for row in rows} == {BEGIN.timestamp() + 1}
        assert len(handled) == 1

    in_yard(tmp_path, main)


def test_an_attempt_counts_its_slot_until_the_next_begins(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        async def fail() -> None:
            raise ValueError("no")

        await yard.add(fail, After(seconds=1), retries=1, retry_delay=10.0)
        await until(2)
        (row,) = await yard.rows()
        assert (row["tick_count"], row["status"]) == (1, "error")

    in_yard(tmp_path, main)


def test_a_job_cancelled_between_two_attempts_has_its_slot_cancelled(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        async def fail() -> None:
            raise ValueError("no")

        job = await yard.add(fail, After(seconds=1), retries=1, retry_delay=10.0)
        await until(2)
        yard.scheduler.dequeue_job(job)
        rows = await yard.rows()
        assert [(row["status"], row["tick_count"]) for row in rows] == [("error", 0), ("cancelled", 1)]

    in_yard(tmp_path, main)


def test_a_recurring_job_survives_its_errors_and_time_outs(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        async def fail() -> None:
            raise ValueError("no")

        await yard.add(fail, Every(seconds=2), "fails")
        await yard.add(taking(10), Every(seconds=4), "slow", timeout=1)
        await until(9)
        assert await yard.slots("fails") == [(2.0, "error"), (4.0, "error"), (6.0, "error"), (8.0, "error")]
        assert await yard.slots("slow") == [(4.0, "timed_out"), (8.0, "timed_out")]

    in_yard(tmp_path, main)


def test_a_run_that_cancels_itself_does_not_keep_its_job_or_others_from_going_on(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        async def cancels_itself() -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

        async def is_cancelled() -> None:
            raise asyncio.CancelledError

        await yard.add(cancels_itself, Every(seconds=2), "itself")
        await yard.add(is_cancelled, Every(seconds=2), "raises")
        await yard.add(nothing, Every(seconds=2), "other")
        await until(5)
        assert await yard.slots("other") == [(2.0, "success"), (4.0, "success")]
        assert await yard.slots("raises") == [(2.0, "cancelled"), (4.0, "cancelled")]
        assert [slot for slot, _ in await yard.slots("itself")] == [2.0, 4.0]

    in_yard(tmp_path, main)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_job_that_wants_the_process_to_end_has_it_stopped_and_leaves_its_mark(
    tmp_path: Path, error: type[BaseException]
) -> None:
    async def main(yard: Yard) -> None:
        async def leave() -> None:
            raise error

        await yard.add(leave, After(seconds=1))
        await until(2)
        assert yard.house.shutdown_event.is_set()
        assert await yard.slots() == [(1.0, "started")]

    in_yard(tmp_path, main)


def test_context_variables_of_a_run_do_not_reach_another(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        ids: list[str | None] = []

        async def note() -> None:
            ids.append(CURRENT_EXECUTION_ID.get())
            CURRENT_EXECUTION_ID.set("left behind")

        await yard.add(note, After(seconds=1), "one")
        await yard.add(note, After(seconds=1), "two")
        await until(2)
        assert ids == [row["execution_id"] for row in await yard.rows()]
        assert CURRENT_EXECUTION_ID.get() is None

    in_yard(tmp_path, main)


def test_tasks_that_a_run_makes_belong_to_the_bucket_of_its_owner(tmp_path: Path) -> None:
    class Owner:
        def __init__(self, bucket: TaskBucket) -> None:
            self.owner_bucket = bucket

        def cancel_job(self, job: ScheduledJob) -> None:
            """Never called."""

    async def main(yard: Yard) -> None:
        seen: list[TaskBucket | None] = []

        async def look() -> None:
            seen.append(current_bucket())

        bucket = TaskBucket(yard.house, "Duly.Porch", "app")
        bucket.open()
        await yard.add(look, After(seconds=1), "app's", _scheduler=Owner(bucket))
        await yard.add(look, After(seconds=2), "ours")
        await until(3)
        assert seen == [bucket, yard.scheduler.task_bucket]

    in_yard(tmp_path, main)


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "setting", "outcome"),
    [
        ({}, 5, "timed_out"),
        ({}, None, "success"),
        ({"timeout": 5}, None, "timed_out"),
        ({"timeout": 50}, 5, "success"),
        ({"timeout_disabled": True}, 5, "success"),
    ],
    ids=["setting", "none", "own", "own over setting", "disabled"],
)
def test_the_limit_of_a_run(tmp_path: Path, fields: dict[str, Any], setting: float | None, outcome: str) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(taking(20), After(seconds=1), **fields)
        yard.house.config.scheduler = SchedulerConfig(job_timeout_seconds=setting)  # as it is at dispatch
        await until(30)
        assert await yard.slots() == [(1.0, outcome)]

    in_yard(tmp_path, main)


# --- error handlers --------------------------------------------------------------------------------------------------


def test_the_handler_of_the_app_is_looked_up_at_dispatch(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        handlers: list[str] = ["scheduled"]
        called: list[str] = []

        def note(name: str, _: SchedulerErrorContext) -> None:
            called.append(name)

        async def fail() -> None:
            handlers.append("in flight")
            await asyncio.sleep(1)
            raise ValueError("no")

        job = yard.make(fail, After(seconds=1))
        job.set_app_error_handler_resolver(lambda: partial(note, handlers[-1]))
        await yard.scheduler.add_job(job)
        handlers.append("dispatched")
        await until(3)
        assert called == ["dispatched"]

    in_yard(tmp_path, main)


def test_a_resolver_that_raises_does_not_keep_the_job_from_running(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        def broken() -> None:
            raise ValueError("no app")

        job = yard.make(nothing, After(seconds=1))
        job.set_app_error_handler_resolver(broken)
        await yard.scheduler.add_job(job)
        await until(2)
        assert await yard.slots() == [(1.0, "success")]

    in_yard(tmp_path, main)


# --- triggers that misbehave -----------------------------------------------------------------------------------------


class Broken(Plain):
    """Raises after its first run."""

    def next_run_time(self, *_: object) -> Any:  # noqa: ANN401 - never gives one
        raise ZeroDivisionError("never")


class Lagging(Plain):
    """Gives what has passed."""

    def next_run_time(self, previous_run: Any, current_time: Any) -> Any:  # noqa: ANN401 - as above
        return previous_run.add(seconds=-3)


def test_a_trigger_that_raises_ends_its_job_alone_and_is_logged_with_all_there_is_to_know(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, Broken(2))
        await yard.add(nothing, Every(seconds=2), "other")
        await until(5)
        assert await yard.slots("sweep") == [(2.0, "success")]
        assert await yard.slots("other") == [(2.0, "success"), (4.0, "success")]
        assert yard.removed == [job]
        assert job not in await yard.scheduler.get_all_jobs()

    with caplog.at_level(logging.ERROR):
        in_yard(tmp_path, main)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "job_id=1" in record.getMessage()
    assert "nothing" in record.getMessage()
    assert "trigger=Plain(2)" in record.getMessage()
    assert record.exc_info is not None


def test_a_trigger_that_gives_a_time_that_has_passed_runs_a_second_later_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(nothing, Lagging(2))
        await until(4.5)
        assert [slot for slot, _ in await yard.slots()] == [2.0, 3.0, 4.0]

    with caplog.at_level(logging.WARNING):
        in_yard(tmp_path, main)
    assert "lag=3.0" in messages(caplog)[0]


def test_times_of_a_users_trigger_are_rounded_to_the_second(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, Plain(2.6))
        assert job.next_run == BEGIN.add(seconds=3)
        await until(7)
        assert await yard.slots() == [(3.0, "success"), (6.0, "success")]

    in_yard(tmp_path, main)


# --- one-shots, and what ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", [After(seconds=3), None], ids=["trigger", "no trigger"])
def test_a_one_shot_is_live_until_its_run_has_ended(tmp_path: Path, trigger: TriggerProtocol | None) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(taking(2), trigger, next_run=BEGIN.add(seconds=3))
        await until(4)
        assert await yard.scheduler.get_all_jobs() == [job]
        assert yard.removed == []
        await until(6)
        assert await yard.scheduler.get_all_jobs() == []
        assert yard.removed == [job]
        assert await yard.slots() == [(3.0, "success")]

    in_yard(tmp_path, main)


def test_a_removal_is_told_once_whatever_follows(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        recurring = await yard.add(taking(3), Every(seconds=2), "recurring")
        idle = await yard.add(nothing, After(seconds=50), "idle")
        await until(3)
        assert not yard.scheduler.dequeue_job(recurring)  # in flight, so not on the heap
        assert yard.scheduler.dequeue_job(idle)
        assert not yard.scheduler.dequeue_job(idle)
        await until(60)
        assert yard.removed == [recurring, idle]
        assert (recurring._dequeued, idle._dequeued) == (True, True)

    in_yard(tmp_path, main)


def test_a_run_in_flight_outlives_the_cancellation_of_its_job_and_is_the_last(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(taking(3), Every(seconds=2))
        await until(3)
        yard.scheduler.dequeue_job(job)
        await until(30)
        assert await yard.slots() == [(2.0, "success")]

    in_yard(tmp_path, main)


def test_a_callback_that_raises_is_logged_and_the_job_is_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(yard: Yard) -> None:
        def broken(_: ScheduledJob) -> None:
            raise ValueError("no")

        yard.scheduler.register_removal_callback(OWNER, broken)
        await yard.add(nothing, After(seconds=1))
        await until(2)
        assert await yard.scheduler.get_all_jobs() == []

    in_yard(tmp_path, main)
    assert "not told" in messages(caplog, logging.ERROR)[0]


def test_an_owner_has_one_callback_and_deregisters_only_its_own(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        told: list[ScheduledJob] = []
        yard.scheduler.register_removal_callback(OWNER, told.append)
        yard.scheduler.deregister_removal_callback(OWNER, yard.removed.append)
        first = await yard.add(nothing, After(seconds=1), "first")
        yard.scheduler.dequeue_job(first)
        yard.scheduler.deregister_removal_callback(OWNER, told.append)
        second = await yard.add(nothing, After(seconds=1), "second")
        yard.scheduler.dequeue_job(second)
        assert (told, yard.removed) == ([first], [])

    in_yard(tmp_path, main)


def test_an_owner_that_stops_takes_its_jobs_along_and_lets_runs_in_flight_end(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        mine = await yard.add(taking(3), Every(seconds=2), "mine")
        await yard.add(nothing, Every(seconds=2), "other", owner_id="Duly.Attic", app_key="attic")
        await until(3)
        await yard.scheduler.remove_jobs_by_owner(OWNER)
        await until(9)
        assert await yard.slots("mine") == [(2.0, "success")]
        assert [slot for slot, _ in await yard.slots("other")] == [2.0, 4.0, 6.0, 8.0]
        assert mine._dequeued
        assert yard.removed == []
        (row, _) = rows_of(yard.path, "scheduled_jobs")
        assert (row["cancelled_at"], row["retired_at"]) == (None, None)

    in_yard(tmp_path, main)


def test_a_sync_run_that_waits_for_a_worker_does_not_begin_once_its_owner_has_stopped(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        begun: list[str] = []

        def hold() -> None:
            yard.house.task_bucket.run_sync(asyncio.sleep(5), 100)

        def sync() -> None:
            begun.append("sync")

        for number in range(2):
            await yard.add(hold, After(seconds=1), f"hold {number}", owner_id="Duly.Attic", app_key="attic")
        await yard.add(sync, After(seconds=2))
        await until(3)
        await yard.scheduler.remove_jobs_by_owner(OWNER)
        await until(20)
        assert begun == []
        assert await yard.slots("sweep") == [(2.0, "cancelled")]

    in_yard(tmp_path, main)


# --- views -----------------------------------------------------------------------------------------------------------


def test_a_job_shows_its_slot_while_it_runs_and_the_next_afterwards(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        shown: list[float] = []

        async def look() -> None:
            shown.append((job.next_run - BEGIN).total("seconds"))

        job = await yard.add(look, Every(seconds=2))
        await until(3)
        shown.append((job.next_run - BEGIN).total("seconds"))
        assert shown == [2.0, 4.0]
        assert job.sort_index == (job.next_run.timestamp(unit="nanosecond"), id(job))

    in_yard(tmp_path, main)


def test_jitter_moves_the_dispatch_and_never_the_schedule(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        begun: list[float] = []

        async def note() -> None:
            begun.append(asyncio.get_running_loop().time())

        job = await yard.add(note, Every(seconds=10), jitter=5)
        first = job.fire_at
        assert job.next_run == BEGIN.add(seconds=10)
        assert job.next_run <= first <= job.next_run.add(seconds=5)
        assert job.sort_index[0] == first.timestamp(unit="nanosecond")
        await until(46)
        assert [slot for slot, _ in await yard.slots()] == [10.0, 20.0, 30.0, 40.0]
        offsets = [begin - slot for begin, slot in zip(begun, (10, 20, 30, 40), strict=True)]
        assert len(set(offsets)) > 1
        assert all(0 <= offset <= 5 for offset in offsets)

    in_yard(tmp_path, main)


def test_the_same_slot_of_the_same_job_has_the_same_jitter_in_every_process(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def main(yard: Yard) -> None:
        seen.append((await yard.add(nothing, Every(seconds=10), jitter=5)).fire_at)

    in_yard(tmp_path / "one", main)
    in_yard(tmp_path / "two", main)
    assert seen[0] == seen[1]


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_a_run_by_hand_is_recorded_beside_the_schedule_and_gives_what_the_job_returns(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        async def answer() -> int:
            return 42

        job = await yard.add(answer, After(seconds=5))
        assert await yard.scheduler.run_job_now(job) == 42
        await until(6)
        rows = await yard.rows()
        assert [(row["scheduled_ts"], row["tick_count"], row["trigger_mode"]) for row in rows] == [
            (None, 0, "manual"),
            (BEGIN.timestamp() + 5, 1, None),
        ]

    in_yard(tmp_path, main)


def test_a_run_by_hand_raises_what_the_job_raises(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        async def fail() -> None:
            raise ZeroDivisionError("by hand")

        failing = await yard.add(fail, After(seconds=5), "fails")
        slow = await yard.add(taking(10), After(seconds=5), "slow", timeout=1)
        with pytest.raises(ZeroDivisionError, match="by hand"):
            await yard.scheduler.run_job_now(failing)
        with pytest.raises(TimeoutError):
            await yard.scheduler.run_job_now(slow)
        yard.scheduler.run_job_now(failing)  # and nobody has to look

    in_yard(tmp_path, main)


def test_a_job_is_busy_while_it_runs_by_hand(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(taking(5), Every(seconds=2))
        await yard.scheduler.run_job_now(job)
        await until(6.5)
        assert await yard.slots() == [(2.0, "skipped overlap x2"), (6.0, "started")]

    in_yard(tmp_path, main)


def test_a_run_by_hand_that_has_not_begun_ends_with_its_job(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, After(seconds=5))
        by_hand = yard.scheduler.run_job_now(job)
        yard.scheduler.dequeue_job(job)
        with pytest.raises(asyncio.CancelledError):
            await by_hand
        assert await yard.rows() == []

    in_yard(tmp_path, main)


@pytest.mark.parametrize("act", ["pause_job", "resume_job", "run_job_now"])
def test_a_job_that_is_not_live_can_not_be_acted_on(tmp_path: Path, act: str) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, After(seconds=5))
        yard.scheduler.dequeue_job(job)
        with pytest.raises(ValueError, match="job 'sweep' is not live"):
            getattr(yard.scheduler, act)(job)

    in_yard(tmp_path, main)


# --- pauses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("skip", [(4.0, "skipped paused x2")]),
        ("run_once", [(4.0, "success"), (6.0, "skipped paused")]),
        ("run_all", [(4.0, "success"), (6.0, "success")]),
    ],
    ids=["skip", "run_once", "run_all"],
)
def test_a_paused_job_runs_no_slot_and_resume_says_what_becomes_of_them(
    tmp_path: Path,
    catch_up: MisfireName,
    expected: list[Any],
) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=2))
        await until(3)
        yard.scheduler.pause_job(job)
        await until(7)
        assert await yard.slots() == [(2.0, "success")]
        yard.scheduler.resume_job(job, catch_up)
        await until(9)
        assert await yard.slots() == [(2.0, "success"), *expected, (8.0, "success")]

    in_yard(tmp_path, main)


def test_a_pause_is_stored_with_who_wanted_it_until_it_ends(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        def stored() -> tuple[Any, Any]:
            (row,) = rows_of(yard.path, "scheduled_jobs")
            return row["paused_at"], row["paused_by"]

        job = await yard.add(nothing, Every(seconds=2))
        await until(3)
        yard.scheduler.pause_job(job, "ada")
        yard.scheduler.pause_job(job, "somebody later")
        await yard.database.flush()
        at, by = stored()
        assert (round(at - BEGIN.timestamp()), by) == (3, "ada")
        yard.scheduler.resume_job(job)
        await yard.database.flush()
        assert stored() == (None, None)

    in_yard(tmp_path, main)


def test_a_pause_that_a_person_wanted_is_still_known_after_its_end(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=2))
        yard.scheduler.pause_job(job, "ada")
        yard.scheduler.resume_job(job)
        yard.scheduler.pause_job(job)
        await yard.database.flush()
        (note,) = rows_of(yard.path, "audit")
        assert (note["actor"], note["action"], note["target"]) == ("ada", "pause", "porch.sweep")
        assert note["session_id"] == yard.database.session_id

    in_yard(tmp_path, main)


# --- for tests -------------------------------------------------------------------------------------------------------


def test_due_jobs_can_be_run_one_after_the_other_and_counted(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        order: list[str] = []

        def noting(name: str) -> Any:  # noqa: ANN401 - a function
            async def note() -> None:
                order.append(f"{name} begins")
                await asyncio.sleep(0.5)
                order.append(f"{name} ends")

            return note

        await yard.add(noting("one"), Every(seconds=3), "one")
        await yard.add(noting("two"), After(seconds=3), "two")
        await yard.add(noting("three"), After(seconds=30), "three")
        yard.stall(4)
        assert await yard.scheduler.trigger_due_jobs() == 2
        assert order == ["one begins", "one ends", "two begins", "two ends"]
        assert await yard.scheduler.trigger_due_jobs() == 0

    in_yard(tmp_path, main)


def test_a_run_of_a_due_job_outlives_the_cancellation_of_its_job(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        async def give_up() -> None:
            yard.scheduler.dequeue_job(job)
            await asyncio.sleep(0.5)

        job = await yard.add(give_up, Every(seconds=3))
        yard.stall(4)
        assert await yard.scheduler.trigger_due_jobs() == 1
        assert await yard.slots() == [(3.0, "success")]

    in_yard(tmp_path, main)


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", ["suspend", "step"])
def test_a_clock_that_jumps_forward_is_noticed_within_the_longest_sleep(
    tmp_path: Path, jump: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = VirtualClock(BEGIN)

    async def main(yard: Yard) -> None:
        await yard.add(nothing, Every(hours=1))
        await until(1)
        getattr(clock, jump)(3 * 3600)
        await asyncio.sleep(30)
        assert await yard.slots() == [(3600.0, "success"), (7200.0, "missed suspended x2")]

    with caplog.at_level(logging.WARNING):
        in_yard(tmp_path, main, clock)
    assert any("stepped" in message for message in messages(caplog))


def test_a_slot_less_than_a_microsecond_away_is_waited_for_as_any_other(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=1, start=BEGIN))
        await asyncio.sleep(1)
        assert await yard.slots() == [(1.0, "success")]

    in_yard(tmp_path, main, VirtualClock(BEGIN.add(nanoseconds=999_999_700)))


def test_a_clock_that_jumps_back_repeats_no_slot(tmp_path: Path) -> None:
    clock = VirtualClock(BEGIN)

    async def main(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=10))
        await asyncio.sleep(21)
        clock.step(-15)
        await asyncio.sleep(30)
        assert await yard.slots() == [(10.0, "success"), (20.0, "success"), (30.0, "success")]

    in_yard(tmp_path, main, clock)


@pytest.mark.parametrize(
    ("settings", "scheduled", "turns"),
    [
        ({}, False, 4),
        ({"default_delay_seconds": 5}, False, 12),
        ({"default_delay_seconds": 0, "min_delay_seconds": 2}, False, 30),
        ({"default_delay_seconds": 100}, False, 2),
        ({}, True, 2),
        ({"max_delay_seconds": 10}, True, 6),
    ],
    ids=["idle", "shorter", "shortest", "longest", "scheduled", "scheduled, shorter"],
)
def test_how_long_the_loop_sleeps_when_nothing_is_due(
    tmp_path: Path, settings: dict[str, float], scheduled: bool, turns: int
) -> None:
    async def main(yard: Yard) -> None:
        if scheduled:
            await yard.add(nothing, After(seconds=3600))
        begun = 0
        turn = yard.scheduler._driver.turn

        async def counted() -> float:
            nonlocal begun
            begun += 1
            return await turn()

        yard.scheduler._driver.turn = counted  # type: ignore[method-assign]  # counted, and otherwise itself
        yard.scheduler.kick()
        await asyncio.sleep(0.5)
        begun = 0
        await asyncio.sleep(60)
        assert begun == turns

    in_yard(tmp_path, main, scheduler=SchedulerConfig(**cast("Any", settings)))


def test_the_shortest_delay_does_not_put_a_job_off(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(nothing, Every(seconds=1))
        await until(3)
        assert [slot for slot, _ in await yard.slots()] == [1.0, 2.0, 3.0]

    in_yard(tmp_path, main, scheduler=SchedulerConfig(min_delay_seconds=10))


# --- its life --------------------------------------------------------------------------------------------------------


def test_jobs_go_on_through_a_restart_of_the_service(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, Every(seconds=2))
        await until(3)
        await yard.scheduler.restart()
        await until(7)
        assert [slot for slot, _ in await yard.slots()] == [2.0, 4.0, 6.0]
        assert not job._dequeued

    in_yard(tmp_path, main)


def test_a_stop_gives_runs_in_flight_some_time_and_cancels_them_then(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(taking(3), After(seconds=1), "quick")
        await yard.add(taking(100), After(seconds=1), "slow")
        await until(2)
        await yard.scheduler.shutdown()
        assert await yard.slots() == [(1.0, "success"), (1.0, "cancelled")]

    in_yard(tmp_path, main)


def test_a_stop_names_the_runs_for_which_it_waits_and_those_that_it_cancels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main(yard: Yard) -> None:
        await yard.add(taking(3), After(seconds=1), "quick")
        for name in "abcdef":
            await yard.add(taking(100), After(seconds=1), name)
        await until(2)
        await yard.scheduler.shutdown()
        lines = [record.getMessage() for record in caplog.records]
        names = "jobs=porch/0/a, porch/0/b, porch/0/c, porch/0/d, porch/0/e and more"
        assert f"runs in flight have 5 s to end: {names}" in lines
        assert f"runs did not end within 5 s and are cancelled: {names}" in lines

    in_yard(tmp_path, main)


def test_an_idle_stop_does_not_wait(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.add(nothing, After(seconds=100))
        before = asyncio.get_running_loop().time()
        await yard.scheduler.shutdown()
        assert asyncio.get_running_loop().time() == before

    in_yard(tmp_path, main)


def test_a_decision_that_cannot_be_carried_out_takes_no_other_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(yard: Yard) -> None:
        record = yard.executor.record_ticks

        def broken(*_: object) -> None:
            yard.executor.record_ticks = record  # type: ignore[method-assign]  # mended
            raise OSError("once")

        yard.executor.record_ticks = broken  # type: ignore[method-assign, assignment]  # as if it were broken
        await yard.add(taking(5), Every(seconds=2))
        await until(9)
        assert [slot for slot, _ in await yard.slots()] == [2.0, 8.0]

    in_yard(tmp_path, main)
    assert "could not be carried out" in messages(caplog, logging.CRITICAL)[0]


def test_a_registration_that_fails_propagates_and_leaves_the_job_on_no_heap(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        job = yard.make(nothing, After(seconds=1), app_key="__duly__.Porch")  # refused by the schema in the app tier
        with pytest.raises(Exception, match="CHECK"):
            await yard.scheduler.add_job(job)
        assert await yard.scheduler.get_all_jobs() == []
        assert job.db_id is None

    in_yard(tmp_path, main)


def test_a_service_that_has_stopped_takes_no_job(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await yard.scheduler.shutdown()
        with pytest.raises(RuntimeError, match="has stopped and takes no job: 'sweep'"):
            await yard.add(nothing, After(seconds=1))
        assert await yard.scheduler.get_all_jobs() == []

    in_yard(tmp_path, main)


def test_every_step_of_a_job_is_told_at_debug(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(yard: Yard) -> None:
        yard.scheduler.logger.setLevel("DEBUG")
        await until(1)
        job = await yard.add(nothing, Every(seconds=2))
        await until(4)
        yard.scheduler.dequeue_job(job)

    with caplog.at_level(logging.DEBUG), contextlib.suppress(AssertionError):
        in_yard(tmp_path, main)
    told = " ".join(messages(caplog, logging.DEBUG))
    for step in ("enqueued", "woken", "dispatched", "next", "dequeued"):
        assert step in told


def test_a_moment_given_once_that_has_passed_runs_at_once(tmp_path: Path) -> None:
    async def main(yard: Yard) -> None:
        await until(10)
        await yard.add(nothing, Once(BEGIN.add(seconds=3)))
        await until(11)
        assert await yard.slots() == [(3.0, "success")]

    in_yard(tmp_path, main)


def test_a_wall_clock_job_runs_in_the_zone_of_the_clock(tmp_path: Path) -> None:
    clock = VirtualClock(BEGIN.to_tz("Europe/Berlin"))

    async def main(yard: Yard) -> None:
        job = await yard.add(nothing, Cron("0 7 * * *"))
        assert job.next_run == BEGIN.add(hours=6)
        await until(7 * 3600)
        assert await yard.slots() == [(6 * 3600.0, "success")]

    in_yard(tmp_path, main, clock)

"""Nothing that users hand in may lose a slot, keep a run in flight for ever, or hold up a stop."""

import asyncio
import gc
import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from whenever import ZonedDateTime

from duly import JobStatus, OnceTrigger, Outcome, Scheduler, every
from duly.core.clock import SECOND, SystemClock, zoned
from duly.testing import World
from duly.triggers import Once
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, PATIENCE, Calls, Gate, eventually, in_thread, job_of, joined


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError(), SystemExit(1)])
def test_whatever_a_listener_raises_the_run_it_was_told_of_is_settled(
    scheduler: Scheduler, error: BaseException
) -> None:
    def raising(_: object) -> None:
        raise error

    scheduler.add_listener(raising)
    calls = Calls()
    job_id = scheduler.schedule(calls, trigger=every(0.01))
    calls.wait(3)
    eventually(lambda: job_of(scheduler, job_id).run_count >= 2)


def test_a_stop_waits_for_a_run_of_a_job_whose_name_another_has_taken(make: Make) -> None:
    scheduler, gate = make(), Gate("finished")
    scheduler.start()
    job_id = scheduler.schedule(gate, "same")
    gate.wait_entered()
    scheduler.cancel(job_id)
    scheduler.schedule(Calls(), "same", LATER)
    assert scheduler.health().in_flight == 1
    stopping = in_thread(scheduler.stop)
    gate.open()
    joined(stopping)
    assert [line.status for line in scheduler.history()] == [Outcome.SUCCESS]
    assert scheduler.health().in_flight == 0


def test_a_stop_that_does_not_wait_is_not_held_up_by_a_job_that_blocks_the_loop(make: Make) -> None:
    scheduler, inside, leave = make(), threading.Event(), threading.Event()
    scheduler.start()

    async def blocking() -> None:
        inside.set()
        leave.wait(PATIENCE)

    job_id = scheduler.schedule(blocking)
    assert inside.wait(PATIENCE)
    clock = SystemClock()
    begun = clock.monotonic()
    scheduler.stop(wait=False)
    took = clock.monotonic() - begun
    leave.set()
    assert took < PATIENCE / 2 * SECOND
    assert scheduler.history(job_id)[0].status is Outcome.INTERRUPTED


def test_run_now_of_an_async_job_that_outlives_its_cancellation_does_not_wait_for_ever(make: Make) -> None:
    scheduler, inside = make(), threading.Event()
    scheduler.start()

    async def clinging() -> None:
        inside.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()

    job_id = scheduler.schedule(clinging, trigger=LATER)
    raised: list[str] = []

    def run_it() -> None:
        try:
            scheduler.run_now(job_id)
        except RuntimeError as error:
            raised.append(str(error))

    running = in_thread(run_it)
    assert inside.wait(PATIENCE)
    scheduler.stop(timeout=0)
    joined(running)
    assert "stopped" in raised[0]
    gc.collect()  # the task that was left behind, here and not inside another test


def test_a_once_that_was_deferred_is_logged_at_registration(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    now = SystemClock().now()
    past = zoned(now - 60 * SECOND, "UTC")
    with caplog.at_level(logging.WARNING, "duly"):
        make().schedule(Calls(), trigger=Once(past))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot be deferred" in caplog.text


@pytest.mark.parametrize("year", [1, 9999])
def test_a_year_that_no_calendar_of_duly_has_is_refused(make: Make, year: int) -> None:
    with pytest.raises(ValueError, match=str(year)):
        make().schedule(Calls(), trigger=OnceTrigger(datetime(year, 6, 1, tzinfo=UTC)))


def test_an_account_tells_what_is_overdue_and_until_when_it_is_drawn_up() -> None:
    world = World()
    scheduler = Scheduler(clock=world.clock)
    job_id = scheduler.schedule(Calls(), trigger=every(seconds=10))
    begun = datetime(2025, 1, 1, tzinfo=UTC)
    world.advance(35)
    account = scheduler.account(job_id)
    assert (account.expected, account.overdue, account.until) == (0, 3, begun + timedelta(seconds=10))
    with scheduler:
        world.advance(1)
        account = scheduler.account(job_id)
        assert (account.expected, account.overdue, account.until) == (3, 0, begun + timedelta(seconds=40))
        assert account.outcomes == {Outcome.SUCCESS: 1, Outcome.MISSED: 2}


def test_next_runs_ends_where_max_runs_does(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=every(hours=1), max_runs=3)
    assert len(scheduler.next_runs(job_id, 10)) == 3


def test_a_time_of_day_is_meant_in_the_zone_of_the_scheduler() -> None:
    from duly import at  # noqa: PLC0415 - beside the zone it is about

    world = World()
    scheduler = Scheduler(clock=world.clock, timezone="Asia/Tokyo")
    job_id = scheduler.schedule(Calls(), trigger=at("07:30"))
    assert job_of(scheduler, job_id).next_run == ZonedDateTime(2025, 1, 2, 7, 30, tz="Asia/Tokyo").to_stdlib()


def test_a_job_that_never_ran_in_a_pause_has_no_last_outcome() -> None:
    world = World()
    with Scheduler(clock=world.clock) as scheduler:
        job_id = scheduler.schedule(Calls(), trigger=every(seconds=10))
        scheduler.pause(job_id)
        world.advance(25)
        scheduler.resume(job_id)
        assert job_of(scheduler, job_id).last_outcome is None
        assert scheduler.list_jobs(JobStatus.FAILED) == []

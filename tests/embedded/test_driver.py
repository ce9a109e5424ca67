"""The driver: it never dies unseen, whatever clock, triggers and the system do to it."""

import logging
import threading
from datetime import UTC, datetime

import pytest
from whenever import TimeDelta, ZonedDateTime

from duly import JobStatus, OnceTrigger, Scheduler, Trigger, TriggerType, every
from duly.core.clock import SECOND, zoned
from duly.core.outcomes import Outcome
from duly.embedded import host
from duly.testing import World
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, Calls, Gate, ShiftedClock, eventually, job_of, logged, soon
from tests.scheduler.custom import Described


class BrokenClock(ShiftedClock):
    """A clock that raises in the thread of the driver, as long as told."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
        self.broken = False

    def now(self) -> int:
        if self.broken and threading.current_thread().name == "duly-driver":
            raise self.error
        return super().now()


@pytest.mark.parametrize("error", [OSError("no time"), SystemExit(3)])
def test_an_error_of_the_driver_is_logged_and_reported_and_the_loop_goes_on(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(host, "_PAUSE_AFTER_ERROR", 0.001)
    clock, calls = BrokenClock(error), Calls()
    with Scheduler(clock=clock) as scheduler:
        clock.broken = True
        scheduler.schedule(calls, trigger=soon(0.005))
        eventually(lambda: scheduler.health().errors)
        assert scheduler.health().errors[-1] == repr(error)
        assert scheduler.health().running
        clock.broken = False
        calls.wait()
    (*_, record) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_the_last_errors_of_the_driver_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_PAUSE_AFTER_ERROR", 0.0001)
    clock = BrokenClock(OSError("no time"))
    with Scheduler(clock=clock) as scheduler:
        clock.broken = True
        scheduler.schedule(Calls(), trigger=soon(0.001))
        eventually(lambda: len(scheduler.health().errors) == 10)


def test_a_healthy_scheduler_says_so(scheduler: Scheduler) -> None:
    scheduler.schedule(Calls(), trigger=LATER)
    health = scheduler.health()
    assert (health.running, health.errors, health.jobs, health.in_flight) == (True, (), 1, 0)
    assert health.next_wakeup == LATER.run_at


def test_health_counts_what_is_in_flight(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.005))
    gate.wait_entered()
    assert scheduler.health().in_flight == 1
    scheduler.cancel(job_id)
    assert scheduler.health().in_flight == 1
    gate.open()
    eventually(lambda: scheduler.health().in_flight == 0)


def test_a_scheduler_that_is_not_started_is_not_running(make: Make) -> None:
    scheduler = make()
    scheduler.schedule(Calls(), trigger=LATER)
    health = scheduler.health()
    assert (health.running, health.jobs, health.next_wakeup) == (False, 1, None)


def test_when_no_thread_can_be_started_the_runs_wait_for_the_next_attempt(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = make()
    scheduler.start()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        ids = [scheduler.schedule(Calls(), f"{number}") for number in range(3)]
        eventually(lambda: scheduler.health().in_flight == 3)
        eventually(lambda: "a worker could not be started: workers=0" in caplog.text)
    ids.append(scheduler.schedule(Calls(), "last"))
    eventually(lambda: all(job_of(scheduler, job_id).status is JobStatus.COMPLETED for job_id in ids))


def test_a_run_that_cannot_be_handed_out_ends_in_an_error_and_what_follows_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None:
        pass

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    calls = Calls()
    with Scheduler() as scheduler:
        scheduler.schedule(calls, "worker there")
        calls.wait()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            moment = soon(0.01)
            job_id = scheduler.schedule(work, trigger=moment)
            scheduler.schedule(calls, "behind", moment)
            calls.wait(2)
            eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
        assert job_of(scheduler, job_id).error == "can't start new thread"
        assert scheduler.account(job_id).adds_up
        assert len(scheduler.health().errors) == 1


class Custom(Described):
    """A trigger of a user: at ``first``, then as ``following`` says."""

    def __init__(self, *following: ZonedDateTime | BaseException | None) -> None:
        self._following = list(following)

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        return current_time

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime | None:
        answer = self._following.pop(0) if self._following else None
        if isinstance(answer, BaseException):
            raise answer
        return answer


def test_a_trigger_that_raises_ends_its_job_and_no_other(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    calls, other = Calls(), Calls()
    scheduler.schedule(other, trigger=every(0.005))
    job_id = scheduler.schedule(calls, "odd", Custom(LookupError("no calendar")))
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    other.wait_for_more(2)
    job = job_of(scheduler, job_id)
    assert (len(calls), job.next_run) == (1, None)
    assert (job.error, job.last_outcome) == ("the trigger raised LookupError: no calendar", Outcome.SUCCESS)
    record = logged(caplog, logging.ERROR)
    assert record.message.startswith("the trigger raised, nothing more is due: job=job_odd func=")
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


def test_a_trigger_that_gives_something_else_than_a_time_ends_its_job(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=Custom("tomorrow"))  # type: ignore[arg-type] # wrong on purpose
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)


def test_a_trigger_that_exits_ends_its_job_and_nothing_of_the_same_tick_is_lost(scheduler: Scheduler) -> None:
    beside, moment = Calls(), soon(0.02)
    other_id = scheduler.schedule(beside, trigger=moment)
    odd_id = scheduler.schedule(Calls(), "odd", Custom(SystemExit(3)))
    beside.wait()
    eventually(lambda: job_of(scheduler, odd_id).status is JobStatus.FAILED)
    eventually(lambda: job_of(scheduler, other_id).status is JobStatus.COMPLETED)
    assert scheduler.health().in_flight == 0


def test_a_slot_at_the_epoch_holds_up_nothing(scheduler: Scheduler) -> None:
    calls = Calls()
    scheduler.schedule(calls, trigger=every(0.01))
    old = scheduler.schedule(Calls(), "old", OnceTrigger(datetime(1970, 1, 1, tzinfo=UTC)))
    calls.wait_for_more(3)
    eventually(lambda: job_of(scheduler, old).status is JobStatus.COMPLETED)


def test_a_trigger_whose_time_is_not_later_than_now_is_asked_again_in_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    scheduler = world.scheduler()
    past = ZonedDateTime(2020, 1, 1, tz="UTC")
    job_id = scheduler.schedule(Calls(), "lagging", Custom(past))
    world.advance(0)
    assert job_of(scheduler, job_id).run_count == 1
    job = job_of(scheduler, job_id)
    assert job.last_run is not None
    assert job.next_run is not None
    assert (job.next_run - job.last_run).total_seconds() == 1
    record = logged(caplog, logging.WARNING)
    assert "gave a time not later than now" in record.message
    assert "job=job_lagging lag=" in record.message


def test_a_custom_trigger_decides_when_its_job_runs(make: Make) -> None:
    clock, calls = ShiftedClock(), Calls()
    scheduler = make(clock=clock)
    moment = zoned(clock.now() // SECOND * SECOND, "UTC") + TimeDelta(hours=1)
    job_id = scheduler.schedule(calls, trigger=Custom(moment, moment + TimeDelta(hours=1), None))
    scheduler.start()
    calls.wait()
    eventually(lambda: job_of(scheduler, job_id).next_run == moment.to_stdlib())
    assert scheduler.account(job_id).expected is None


class Weekdays(Trigger):
    """A trigger by the simple interface: two methods."""

    def get_next_run(self, from_time: datetime | None = None) -> datetime | None:
        return LATER.run_at if from_time is None or from_time < LATER.run_at else None

    def get_type(self) -> TriggerType:
        return TriggerType.CRON


def test_a_trigger_of_the_simple_interface_needs_only_two_methods(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=Weekdays())
    assert scheduler.next_runs(job_id) == [LATER.run_at]


def test_a_trigger_may_be_shared_by_jobs(scheduler: Scheduler) -> None:
    shared, one, two = every(0.005), Calls(), Calls()
    scheduler.schedule(one, "one", shared)
    scheduler.schedule(two, "two", shared)
    one.wait(2)
    two.wait(2)


def test_many_jobs_due_at_once_all_run(make: Make) -> None:
    scheduler, calls = make(), Calls()
    ids = [scheduler.schedule(calls, f"{number}") for number in range(1_000)]
    scheduler.start()
    calls.wait(1_000)
    eventually(lambda: scheduler.health().in_flight == 0)
    assert {job_of(scheduler, job_id).last_outcome for job_id in ids} == {Outcome.SUCCESS}

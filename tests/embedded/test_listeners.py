"""Listeners: told of what happens, after it is recorded, and harmless."""

import logging
import threading

import pytest

from duly import Execution, JobEvent, Notice, OnceTrigger, Scheduler, every
from duly.core.outcomes import Outcome, Reason
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, PATIENCE, Calls, Failing, Gate, ShiftedClock, eventually, job_of


class Ear:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Notice] = []
        self._changed = threading.Condition()

    def __call__(self, notice: Notice) -> None:
        with self._changed:
            self.told.append(notice)
            self._changed.notify_all()

    def wait_for(self, event: JobEvent) -> Notice:
        """The first notice of this event."""
        with self._changed:
            assert self._changed.wait_for(lambda: event in self.events, PATIENCE), self.events
        return next(notice for notice in self.told if notice.event is event)

    @property
    def events(self) -> list[JobEvent]:
        return [notice.event for notice in self.told]


@pytest.fixture
def ear(scheduler: Scheduler) -> Ear:
    ear = Ear()
    scheduler.add_listener(ear)
    return ear


def execution_of(notice: Notice) -> Execution:
    assert notice.execution is not None
    return notice.execution


def test_a_run_is_announced_when_it_starts_and_when_it_succeeded(scheduler: Scheduler, ear: Ear) -> None:
    job_id = scheduler.schedule(Calls(), "report")
    notice = ear.wait_for(JobEvent.SUCCEEDED)
    assert ear.events == [JobEvent.STARTED, JobEvent.SUCCEEDED]
    assert (notice.job_id, notice.name, notice.execution) == (job_id, "report", scheduler.history(job_id)[0])


def test_an_async_run_is_announced_too(scheduler: Scheduler, ear: Ear) -> None:
    async def work() -> None:
        pass

    scheduler.schedule(work)
    ear.wait_for(JobEvent.SUCCEEDED)
    assert ear.events == [JobEvent.STARTED, JobEvent.SUCCEEDED]


def test_a_start_is_announced_before_the_call(scheduler: Scheduler, ear: Ear) -> None:
    seen: list[list[JobEvent]] = []
    scheduler.schedule(lambda: seen.append(list(ear.events)), "look")
    ear.wait_for(JobEvent.SUCCEEDED)
    assert seen == [[JobEvent.STARTED]]
    assert ear.told[0].execution is None


def test_a_run_by_hand_is_announced(scheduler: Scheduler, ear: Ear) -> None:
    scheduler.run_now(scheduler.schedule(Calls(), trigger=LATER))
    ear.wait_for(JobEvent.SUCCEEDED)
    assert ear.events == [JobEvent.STARTED, JobEvent.SUCCEEDED]


def test_a_failure_is_announced(scheduler: Scheduler, ear: Ear) -> None:
    scheduler.schedule(Failing(ValueError("bad")))
    assert execution_of(ear.wait_for(JobEvent.FAILED)).error_message == "bad"


def test_a_time_out_is_announced_as_a_failure(scheduler: Scheduler, ear: Ear) -> None:
    gate = Gate()
    scheduler.schedule(gate, timeout=0.01)
    assert execution_of(ear.wait_for(JobEvent.FAILED)).status is Outcome.TIMED_OUT
    gate.open()


def test_an_interruption_is_announced_as_a_failure(scheduler: Scheduler, ear: Ear) -> None:
    gate = Gate()
    scheduler.schedule(gate)
    gate.wait_entered()
    scheduler.stop(wait=False)
    assert execution_of(ear.wait_for(JobEvent.FAILED)).status is Outcome.INTERRUPTED
    gate.open()


def test_skipped_slots_are_announced(make: Make) -> None:
    clock, ear = ShiftedClock(), Ear()
    scheduler = make(clock=clock)
    scheduler.start()
    scheduler.add_listener(ear)
    job_id = scheduler.schedule(Calls(), trigger=every(60))
    scheduler.pause(job_id)
    clock.step(150)
    scheduler.resume(job_id)
    assert execution_of(ear.wait_for(JobEvent.SKIPPED)).tick_count == 2


def test_missed_slots_are_announced(scheduler: Scheduler, ear: Ear) -> None:
    past = OnceTrigger(LATER.run_at.replace(year=2020))
    scheduler.schedule(Calls(), trigger=past, misfire="skip")
    assert execution_of(ear.wait_for(JobEvent.MISSED)).reason is Reason.DOWN


def test_a_cancelled_job_is_announced(scheduler: Scheduler, ear: Ear) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.cancel(job_id)
    assert ear.told == [Notice(JobEvent.CANCELLED, job_id, "Calls", None)]


def test_a_cancelled_slot_is_announced_with_its_execution(scheduler: Scheduler, ear: Ear) -> None:
    job_id = scheduler.schedule(Failing(ValueError("bad")), retries=1, retry_delay=3600)
    ear.wait_for(JobEvent.FAILED)
    scheduler.cancel(job_id)
    first, second = (notice for notice in ear.told if notice.event is JobEvent.CANCELLED)
    assert (execution_of(first).status, second.execution) == (Outcome.CANCELLED, None)


def test_a_listener_is_told_only_of_the_events_it_asked_for(scheduler: Scheduler) -> None:
    ear, everything = Ear(), Ear()
    scheduler.add_listener(ear, events=["failed"])
    scheduler.add_listener(everything, events=[JobEvent.SUCCEEDED, JobEvent.FAILED])
    scheduler.schedule(Calls(), "good")
    everything.wait_for(JobEvent.SUCCEEDED)
    scheduler.schedule(Failing(ValueError("bad")), "bad")
    everything.wait_for(JobEvent.FAILED)
    assert ear.events == [JobEvent.FAILED]


def test_an_unknown_event_is_refused(scheduler: Scheduler) -> None:
    with pytest.raises(ValueError, match=r"event must be one of 'started'.*got 'ended'"):
        scheduler.add_listener(Ear(), events=["ended"])


def test_a_listener_can_be_taken_off(scheduler: Scheduler, ear: Ear) -> None:
    other = Ear()
    remove = scheduler.add_listener(other)
    remove()
    remove()
    scheduler.schedule(Calls())
    ear.wait_for(JobEvent.SUCCEEDED)
    assert other.told == []


def test_the_same_listener_twice_is_taken_off_one_by_one(scheduler: Scheduler) -> None:
    ear = Ear()
    remove = scheduler.add_listener(ear, ["cancelled"])
    scheduler.add_listener(ear, ["cancelled"])
    remove()
    scheduler.cancel(scheduler.schedule(Calls(), trigger=LATER))
    assert len(ear.told) == 1


@pytest.mark.parametrize("error", [ValueError("bad ear"), SystemExit(3)])
def test_a_raising_listener_is_logged_and_disturbs_neither_jobs_nor_other_listeners(
    scheduler: Scheduler, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def bad(notice: Notice) -> None:
        raise error

    ear, calls = Ear(), Calls()
    scheduler.add_listener(bad)
    scheduler.add_listener(ear)
    job_id = scheduler.schedule(calls, trigger=every(0.005))
    calls.wait(5)
    scheduler.stop()
    assert job_of(scheduler, job_id).run_count == len(calls)
    assert ear.events.count(JobEvent.SUCCEEDED) == len(calls)
    errors = {record.message.partition(":")[0] for record in caplog.records if record.levelno >= logging.ERROR}
    assert errors == {"a listener raised"}


def test_a_listener_finds_what_it_is_told_of_in_the_records(scheduler: Scheduler) -> None:
    found: list[bool] = []

    def look(notice: Notice) -> None:
        job = scheduler.get_job(notice.job_id)
        found.append(job is not None and job.run_count == 1 and notice.execution in scheduler.history(notice.job_id))

    scheduler.add_listener(look, [JobEvent.SUCCEEDED])
    scheduler.schedule(Calls())
    eventually(lambda: found)
    assert found == [True]


def test_a_listener_may_add_a_listener(scheduler: Scheduler) -> None:
    late = Ear()
    remove = scheduler.add_listener(lambda notice: late.told or scheduler.add_listener(late), ["started"])
    scheduler.schedule(Calls())
    late.wait_for(JobEvent.SUCCEEDED)
    remove()


def test_every_slot_is_announced_exactly_once(scheduler: Scheduler, ear: Ear) -> None:
    job_id = scheduler.schedule(Calls(), trigger=every(0.001), mode="queued", max_runs=100)
    eventually(lambda: job_of(scheduler, job_id).next_run is None)
    scheduler.stop()
    slots = sum(notice.execution.tick_count for notice in ear.told if notice.execution is not None)
    assert slots == scheduler.account(job_id).recorded

"""A wall clock that is stepped while the scheduler runs, as it is when the machine slept."""

import logging
import re

import pytest

from duly import JobStatus, Scheduler, every
from duly.core.outcomes import Outcome, Reason
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, Calls, Failing, Gate, ShiftedClock, eventually, job_of, let_time_pass

MINUTE = 60


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def stepped(make: Make, clock: ShiftedClock) -> Scheduler:
    scheduler = make(clock=clock)
    scheduler.start()
    return scheduler


def wake(scheduler: Scheduler) -> None:
    """Have the driver look at the clock now: left alone, it does so every half minute."""
    calls = Calls()
    scheduler.schedule(calls, "wake", if_exists="replace")
    calls.wait()


def test_slots_overtaken_by_a_step_forward_are_missed_as_suspended_and_the_oldest_runs(
    stepped: Scheduler, clock: ShiftedClock
) -> None:
    calls = Calls()
    job_id = stepped.schedule(calls, trigger=every(MINUTE))
    clock.step(10 * MINUTE + 1)
    wake(stepped)
    calls.wait()
    eventually(lambda: job_of(stepped, job_id).run_count)
    (missed,) = stepped.history(job_id, status="missed")
    assert (missed.reason, missed.tick_count) == (Reason.SUSPENDED, 9)
    assert len(calls) == 1


def test_a_job_acted_on_before_the_driver_looks_is_missed_as_suspended_too(
    stepped: Scheduler, clock: ShiftedClock
) -> None:
    job_id = stepped.schedule(Calls(), trigger=every(MINUTE))
    clock.step(10 * MINUTE + 1)
    stepped.cancel(job_id)
    assert {line.reason for line in stepped.history(job_id, status="missed")} == {Reason.SUSPENDED}


def test_a_step_is_logged(stepped: Scheduler, clock: ShiftedClock, caplog: pytest.LogCaptureFixture) -> None:
    wake(stepped)
    clock.step(3600)
    with caplog.at_level(logging.WARNING):
        wake(stepped)
        eventually(lambda: "the wall clock was stepped" in caplog.text)
    assert re.search(r"seconds=\+(3599|3600)\.", caplog.text)


def test_a_job_scheduled_after_a_step_forward_runs_at_once_although_the_driver_sleeps(
    stepped: Scheduler, clock: ShiftedClock
) -> None:
    calls = Calls()
    stepped.schedule(Calls(), "far", LATER)
    eventually(lambda: stepped.health().next_wakeup is not None)
    clock.step(3600)
    stepped.schedule(calls, trigger=every(0.01))
    calls.wait(2)


def test_a_step_back_never_repeats_a_slot(stepped: Scheduler, clock: ShiftedClock) -> None:
    calls = Calls()
    job_id = stepped.schedule(calls, trigger=every(0.005))
    calls.wait(3)
    clock.step(-3600)
    wake(stepped)
    clock.step(3600)
    wake(stepped)
    calls.wait_for_more(3)
    stepped.cancel(job_id)
    eventually(lambda: stepped.account(job_id).in_flight == 0)
    slots = [line.scheduled_at for line in stepped.history(job_id, 1_000)]
    assert len(set(slots)) == len(slots)


def test_a_job_waits_for_its_slot_after_a_step_back(stepped: Scheduler, clock: ShiftedClock) -> None:
    calls = Calls()
    job_id = stepped.schedule(calls, trigger=every(0.005))
    calls.wait(2)
    clock.step(-3600)
    wake(stepped)
    before = len(calls)
    let_time_pass()
    assert len(calls) <= before + 1, "one may have been under way"
    assert job_of(stepped, job_id).status is JobStatus.PENDING


def test_a_retry_waits_its_delay_by_elapsed_time_over_a_step_forward(stepped: Scheduler, clock: ShiftedClock) -> None:
    calls = Failing(ValueError("bad"))
    job_id = stepped.schedule(calls, retries=1, retry_delay=3600)
    eventually(lambda: stepped.history(job_id))
    clock.step(7200)
    wake(stepped)
    wake(stepped)
    assert (len(calls), stepped.account(job_id).in_flight) == (1, 1)


def test_a_retry_waits_its_delay_by_elapsed_time_over_a_step_back(stepped: Scheduler, clock: ShiftedClock) -> None:
    calls = Failing(ValueError("bad"), times=1)
    job_id = stepped.schedule(calls, retries=1, retry_delay=0.05)
    eventually(lambda: stepped.history(job_id))
    clock.step(-3600)
    calls.wait(2)
    eventually(lambda: job_of(stepped, job_id).status is JobStatus.COMPLETED)


def test_a_time_limit_counts_elapsed_time(stepped: Scheduler, clock: ShiftedClock) -> None:
    gate = Gate("in time")
    job_id = stepped.schedule(gate, timeout=MINUTE)
    gate.wait_entered()
    clock.step(3600)
    wake(stepped)
    assert job_of(stepped, job_id).status is JobStatus.RUNNING
    gate.open()
    eventually(lambda: job_of(stepped, job_id).result == "in time")


def test_a_duration_counts_elapsed_time(stepped: Scheduler, clock: ShiftedClock) -> None:
    gate = Gate()
    job_id = stepped.schedule(gate)
    gate.wait_entered()
    clock.step(-3600)
    gate.open()
    eventually(lambda: job_of(stepped, job_id).status is JobStatus.COMPLETED)
    duration = job_of(stepped, job_id).last_duration_ms
    assert duration is not None
    assert 0 <= duration < 10_000


def test_slots_that_pass_during_a_run_while_the_machine_sleeps_are_skipped(
    stepped: Scheduler, clock: ShiftedClock
) -> None:
    gate = Gate()
    job_id = stepped.schedule(gate, trigger=every(MINUTE))
    clock.step(MINUTE + 1)
    wake(stepped)
    gate.wait_entered()
    clock.step(5 * MINUTE)
    gate.open()
    eventually(lambda: job_of(stepped, job_id).skipped == 5)
    assert stepped.history(job_id, status=Outcome.SKIPPED)[0].reason is Reason.OVERLAP

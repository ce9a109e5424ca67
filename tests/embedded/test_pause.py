"""``pause`` and ``resume``: slots that pass are accounted for, and there is no avalanche."""

import pytest

from duly import JobStatus, Scheduler, every
from duly.core.decisions import Cause
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import MisfireName
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, Calls, Gate, ShiftedClock, eventually, job_of

MINUTE = 60


def test_a_paused_job_does_not_run_and_others_do(scheduler: Scheduler) -> None:
    calls, other = Calls(), Calls()
    job_id = scheduler.schedule(calls, trigger=every(0.005))
    scheduler.schedule(other, trigger=every(0.005))
    calls.wait(1)
    scheduler.pause(job_id)
    eventually(lambda: scheduler.account(job_id).in_flight == 0)
    before = len(calls)
    other.wait_for_more(5)
    assert len(calls) == before
    assert job_of(scheduler, job_id).status is JobStatus.PAUSED


def test_a_resumed_job_runs_again(scheduler: Scheduler) -> None:
    calls = Calls()
    job_id = scheduler.schedule(calls, trigger=every(0.005))
    scheduler.pause(job_id)
    scheduler.resume(job_id)
    calls.wait(2)


def test_slots_that_pass_while_paused_are_skipped_in_one_line(make: Make) -> None:
    clock, calls = ShiftedClock(), Calls()
    scheduler = make(clock=clock)
    scheduler.start()
    job_id = scheduler.schedule(calls, trigger=every(MINUTE))
    scheduler.pause(job_id)
    clock.step(10 * MINUTE + 1)
    scheduler.resume(job_id)
    (line,) = scheduler.history(job_id)
    assert (line.status, line.reason, line.tick_count) == (Outcome.SKIPPED, Reason.PAUSED, 10)
    assert (len(calls), job_of(scheduler, job_id).skipped) == (0, 10)


@pytest.mark.parametrize(("catch_up", "runs"), [("skip", 0), ("run_once", 1), ("run_all", 10)])
def test_resume_catches_up_as_told(make: Make, catch_up: MisfireName, runs: int) -> None:
    clock, calls = ShiftedClock(), Calls()
    scheduler = make(clock=clock)
    scheduler.start()
    job_id = scheduler.schedule(calls, trigger=every(MINUTE), misfire="run_all")
    scheduler.pause(job_id)
    clock.step(10 * MINUTE + 1)
    scheduler.resume(job_id, catch_up)
    eventually(lambda: job_of(scheduler, job_id).run_count == runs)
    eventually(lambda: scheduler.health().in_flight == 0)
    job = job_of(scheduler, job_id)
    assert (job.run_count, job.skipped, len(calls)) == (runs, 10 - runs, runs)
    assert {line.reason for line in scheduler.history(job_id, status="skipped")} <= {Reason.PAUSED}


def test_run_once_catches_up_with_the_oldest_slot(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    scheduler.start()
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE))
    first = job_of(scheduler, job_id).next_run
    scheduler.pause(job_id)
    clock.step(10 * MINUTE + 1)
    scheduler.resume(job_id, "run_once")
    eventually(lambda: scheduler.history(job_id, status="success"))
    assert scheduler.history(job_id, status="success")[0].scheduled_at == first


def test_run_all_catches_up_one_after_the_other_oldest_first(make: Make) -> None:
    clock, gate = ShiftedClock(), Gate()
    scheduler = make(clock=clock)
    scheduler.start()
    job_id = scheduler.schedule(gate, trigger=every(MINUTE), mode="parallel")
    scheduler.pause(job_id)
    clock.step(5 * MINUTE + 1)
    scheduler.resume(job_id, "run_all")
    gate.wait_entered()
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).run_count == 5)
    lines = scheduler.history(job_id, status="success")
    slots = [line.scheduled_at for line in lines if line.scheduled_at is not None]
    assert (gate.most_inside, slots == sorted(slots, reverse=True)) == (1, True)
    assert {line.cause for line in lines} == {Cause.CATCH_UP}


def test_run_all_catches_up_with_the_newest_hundred(make: Make) -> None:
    clock, calls = ShiftedClock(), Calls()
    scheduler = make(clock=clock)
    scheduler.start()
    job_id = scheduler.schedule(calls, trigger=every(1))
    scheduler.pause(job_id)
    clock.step(500.5)
    scheduler.resume(job_id, "run_all")
    calls.wait(100)
    eventually(lambda: scheduler.health().in_flight == 0)
    skipped = scheduler.history(job_id, status="skipped")[-1]
    assert (skipped.tick_count, skipped.reason) == (400, Reason.PAUSED)


def test_a_run_in_flight_goes_on_over_a_pause(scheduler: Scheduler) -> None:
    gate = Gate("finished")
    job_id = scheduler.schedule(gate, trigger=every(0.01))
    gate.wait_entered()
    scheduler.pause(job_id)
    assert job_of(scheduler, job_id).status is JobStatus.RUNNING
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).result == "finished")
    assert job_of(scheduler, job_id).status is JobStatus.PAUSED


def test_a_second_pause_and_a_second_resume_do_nothing(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.pause(job_id)
    scheduler.pause(job_id)
    scheduler.resume(job_id)
    scheduler.resume(job_id)
    assert job_of(scheduler, job_id).status is JobStatus.PENDING


def test_a_paused_one_shot_whose_time_passed_does_not_run_at_resume(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    scheduler.start()
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE), max_runs=1)
    scheduler.pause(job_id)
    clock.step(MINUTE + 1)
    scheduler.resume(job_id)
    job = job_of(scheduler, job_id)
    assert (job.skipped, job.run_count, job.status) == (1, 0, JobStatus.PENDING)


def test_a_job_may_pause_itself(scheduler: Scheduler) -> None:
    calls = Calls()

    def once() -> None:
        calls()
        scheduler.pause("job_once")

    scheduler.schedule(once, trigger=every(0.005))
    eventually(lambda: job_of(scheduler, "job_once").status is JobStatus.PAUSED)
    assert len(calls) == 1


def test_cancelling_a_paused_job_accounts_for_what_passed(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    scheduler.start()
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE))
    scheduler.pause(job_id)
    clock.step(3 * MINUTE + 1)
    scheduler.cancel(job_id)
    (line,) = scheduler.history(job_id)
    assert (line.reason, line.tick_count) == (Reason.PAUSED, 3)


@pytest.mark.parametrize("what", ["pause", "resume"])
def test_an_unknown_job_is_refused(scheduler: Scheduler, what: str) -> None:
    with pytest.raises(ValueError, match="Job not found: 'job_unknown'"):
        getattr(scheduler, what)("job_unknown")


@pytest.mark.parametrize("what", ["pause", "resume"])
def test_a_job_that_has_ended_is_refused(scheduler: Scheduler, what: str) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.cancel(job_id)
    with pytest.raises(ValueError, match=r"has ended \(cancelled\): 'job_Calls'"):
        getattr(scheduler, what)(job_id)


def test_an_unknown_catch_up_is_refused_and_the_job_stays_paused(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.pause(job_id)
    with pytest.raises(ValueError, match=r"catch_up.*'some'"):
        scheduler.resume(job_id, "some")  # type: ignore[arg-type] # unknown, on purpose
    assert job_of(scheduler, job_id).status is JobStatus.PAUSED


def test_the_slots_of_a_pause_before_the_start_are_skipped_as_paused(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE))
    scheduler.pause(job_id)
    clock.step(4 * MINUTE + 1)
    scheduler.resume(job_id)
    assert job_of(scheduler, job_id).skipped == 4
    scheduler.start()
    assert {line.reason for line in scheduler.history(job_id)} == {Reason.PAUSED}


def test_what_a_resume_before_the_start_is_to_catch_up_with_runs_at_the_start(make: Make) -> None:
    clock, calls = ShiftedClock(), Calls()
    scheduler = make(clock=clock)
    job_id = scheduler.schedule(calls, trigger=every(MINUTE))
    scheduler.pause(job_id)
    clock.step(4 * MINUTE + 1)
    scheduler.resume(job_id, "run_once")
    scheduler.start()
    calls.wait()


def test_a_one_shot_whose_time_passed_in_a_pause_before_the_start_has_ended(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls())
    scheduler.pause(job_id)
    scheduler.resume(job_id)
    job = job_of(scheduler, job_id)
    assert (job.status, job.skipped, job.next_run) == (JobStatus.FAILED, 1, None)

"""``cancel``: what runs finishes, nothing follows, nobody else notices."""

import pytest

from duly import JobStatus, Scheduler, every
from duly.core.outcomes import Outcome
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, AsyncGate, Calls, Failing, Gate, eventually, job_of, let_time_pass


def test_cancel_tells_whether_there_was_something_to_cancel(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    assert scheduler.cancel(job_id) is True
    assert scheduler.cancel(job_id) is False
    assert scheduler.cancel("job_unknown") is False


def test_a_job_that_has_ended_can_be_cancelled_once(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls())
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert [scheduler.cancel(job_id), scheduler.cancel(job_id)] == [True, False]
    assert job_of(scheduler, job_id).status is JobStatus.CANCELLED


def test_cancelling_the_next_job_leaves_the_one_behind_it(scheduler: Scheduler) -> None:
    head, behind = Calls(), Calls()
    head_id = scheduler.schedule(head, trigger=every(0.04))
    scheduler.schedule(behind, trigger=every(0.05))
    assert scheduler.list_jobs()[0].id == head_id
    scheduler.cancel(head_id)
    behind.wait(2)
    assert len(head) == 0


def test_a_cancelled_job_never_runs_again(scheduler: Scheduler) -> None:
    calls = Calls()
    job_id = scheduler.schedule(calls, trigger=every(0.005))
    calls.wait(2)
    scheduler.cancel(job_id)
    eventually(lambda: scheduler.health().in_flight == 0)
    eventually(lambda: scheduler.account(job_id).in_flight == 0)
    before = len(calls)
    let_time_pass()
    assert len(calls) == before


def test_a_job_cancelled_while_it_runs_finishes_and_stays_cancelled(scheduler: Scheduler) -> None:
    gate = Gate("finished")
    job_id = scheduler.schedule(gate, trigger=every(0.005))
    gate.wait_entered()
    scheduler.cancel(job_id)
    assert job_of(scheduler, job_id).status is JobStatus.CANCELLED
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).result == "finished")
    let_time_pass()
    job = job_of(scheduler, job_id)
    assert (job.status, job.next_run, job.run_count, gate.entries) == (JobStatus.CANCELLED, None, 1, 1)


def test_an_async_job_cancelled_while_it_runs_finishes_too(scheduler: Scheduler) -> None:
    gate = AsyncGate("finished")
    job_id = scheduler.schedule(gate, trigger=every(0.005))
    gate.wait_entered()
    scheduler.cancel(job_id)
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).result == "finished")
    assert gate.cancelled == 0
    assert job_of(scheduler, job_id).status is JobStatus.CANCELLED


def test_a_failing_run_of_a_cancelled_job_is_not_retried(scheduler: Scheduler) -> None:
    gate = Gate()

    def fail() -> None:
        gate()
        raise ValueError("bad")

    job_id = scheduler.schedule(fail, retries=5, retry_delay=0)
    gate.wait_entered()
    scheduler.cancel(job_id)
    gate.open()
    eventually(lambda: scheduler.account(job_id).in_flight == 0)
    assert [line.status for line in scheduler.history(job_id)] == [Outcome.ERROR]
    assert job_of(scheduler, job_id).status is JobStatus.CANCELLED


def test_a_run_cancelled_before_it_began_in_a_full_pool_is_recorded_as_cancelled(make: Make) -> None:
    scheduler, gate, calls = make(max_workers=1), Gate(), Calls()
    scheduler.start()
    scheduler.schedule(gate)
    gate.wait_entered()
    job_id = scheduler.schedule(calls)
    eventually(lambda: scheduler.account(job_id).in_flight == 1)
    assert scheduler.cancel(job_id)
    gate.open()
    eventually(lambda: scheduler.history(job_id))
    assert [line.status for line in scheduler.history(job_id)] == [Outcome.CANCELLED]
    assert (len(calls), job_of(scheduler, job_id).attempts) == (0, 0)


def test_a_retry_that_is_to_come_is_recorded_as_cancelled(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Failing(ValueError("bad")), retries=1, retry_delay=3600)
    eventually(lambda: scheduler.history(job_id))
    scheduler.cancel(job_id)
    assert [line.status for line in scheduler.history(job_id)] == [Outcome.CANCELLED, Outcome.ERROR]
    assert dict(job_of(scheduler, job_id).outcomes) == {Outcome.CANCELLED: 1}


def test_slots_that_wait_their_turn_are_recorded_as_cancelled(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.002), mode="queued")
    gate.wait_entered()
    eventually(lambda: scheduler.account(job_id).in_flight >= 5)
    scheduler.cancel(job_id)
    assert job_of(scheduler, job_id).outcomes[Outcome.CANCELLED] >= 4
    gate.open()
    gate.wait_left()
    assert gate.entries == 1


def test_a_job_may_cancel_itself(scheduler: Scheduler) -> None:
    def once() -> bool:
        return scheduler.cancel("job_once")

    scheduler.schedule(once, trigger=every(0.005))
    eventually(lambda: job_of(scheduler, "job_once").result is True)
    assert job_of(scheduler, "job_once").status is JobStatus.CANCELLED
    assert job_of(scheduler, "job_once").run_count == 1


def test_a_job_can_be_cancelled_before_the_start(make: Make) -> None:
    scheduler, calls = make(), Calls()
    scheduler.cancel(scheduler.schedule(calls))
    with scheduler:
        let_time_pass()
    assert len(calls) == 0


@pytest.mark.parametrize("mode", ["single", "restart", "queued", "parallel"])
def test_cancelling_never_disturbs_other_jobs(scheduler: Scheduler, mode: str) -> None:
    other, gate = Calls(), Gate()
    other_id = scheduler.schedule(other, trigger=every(0.005))
    for number in range(20):
        name = f"{number}"
        scheduler.schedule(gate, name, every(0.001), max_runs=1, mode=mode)  # type: ignore[arg-type] # one of the four
        scheduler.cancel(f"job_{name}")
    gate.open()
    other.wait_for_more(3)
    assert job_of(scheduler, other_id).status in {JobStatus.PENDING, JobStatus.RUNNING}

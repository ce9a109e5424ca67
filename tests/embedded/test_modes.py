"""What becomes of slots that come due while their job runs, with real threads."""

import pytest

from duly import JobStatus, Scheduler, every
from duly.core.decisions import Cause
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import ModeName
from tests.embedded.waiting import Calls, Gate, eventually, job_of


def test_single_skips_what_comes_due_meanwhile(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.005))
    gate.wait_entered()
    passed = scheduler.next_runs(job_id, 5)[-1]
    eventually(lambda: scheduler.next_runs(job_id, 1)[0] > passed)
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).run_count >= 2)
    skipped = scheduler.history(job_id, status=Outcome.SKIPPED)[-1]
    assert skipped.reason is Reason.OVERLAP
    assert skipped.tick_count >= 4
    assert gate.most_inside == 1


def test_queued_runs_at_most_ten_later_and_skips_the_rest(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.002), mode="queued")
    gate.wait_entered()
    eventually(lambda: job_of(scheduler, job_id).skipped >= 3)
    assert scheduler.account(job_id).in_flight == 11
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).run_count >= 11)
    assert gate.most_inside == 1
    waited = [line for line in scheduler.history(job_id, 1_000) if line.cause is Cause.WAITED]
    slots = [line.scheduled_at for line in waited if line.scheduled_at is not None]
    assert slots == sorted(slots, reverse=True)


def test_parallel_runs_beside(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.005), mode="parallel")
    gate.wait_entered(4)
    assert gate.inside == 4
    scheduler.cancel(job_id)
    gate.open()


def test_restart_lets_a_sync_run_end_and_then_runs_the_newest_slot_only(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.005), mode="restart")
    gate.wait_entered()
    eventually(lambda: job_of(scheduler, job_id).skipped >= 3)
    assert scheduler.account(job_id).in_flight == 2
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).run_count >= 2)
    assert gate.most_inside == 1
    assert gate.entries >= 2


@pytest.mark.parametrize("mode", ["single", "restart", "queued", "parallel"])
def test_different_jobs_run_beside_each_other_in_every_mode(scheduler: Scheduler, mode: ModeName) -> None:
    gate = Gate()
    for number in range(3):
        scheduler.schedule(gate, f"{number}", mode=mode)
    gate.wait_entered(3)
    assert gate.inside == 3
    gate.open()


@pytest.mark.parametrize("mode", ["single", "restart", "queued", "parallel"])
def test_a_quick_job_runs_at_every_slot_in_every_mode(scheduler: Scheduler, mode: ModeName) -> None:
    calls = Calls()
    job_id = scheduler.schedule(calls, trigger=every(0.02), mode=mode, max_runs=5)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert len(calls) == 5


def test_slots_stay_on_the_grid_however_long_the_runs_take(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=every(0.01), max_runs=10)
    first = scheduler.next_runs(job_id, 1)[0]
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    for line in scheduler.history(job_id):
        assert line.scheduled_at is not None
        offset = (line.scheduled_at - first).total_seconds() / 0.01
        assert offset == pytest.approx(round(offset), abs=1e-3)

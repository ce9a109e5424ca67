"""A full pool, and time limits of sync functions, whose threads nobody can stop."""

import logging

import pytest

from duly import JobStatus, Scheduler, every
from duly.core.outcomes import Outcome, Reason
from tests.embedded.conftest import Make
from tests.embedded.waiting import Calls, Gate, eventually, job_of, let_time_pass, logged, threads_of_schedulers


def test_while_the_pool_is_exhausted_every_slot_is_accounted_for_and_async_jobs_go_on(make: Make) -> None:
    scheduler, gate, async_calls = make(max_workers=2), Gate(), Calls()
    scheduler.start()

    async def work() -> None:
        async_calls()

    blockers = [scheduler.schedule(gate, f"blocker {number}", every(0.005)) for number in range(2)]
    gate.wait_entered(2)
    starved = [scheduler.schedule(Calls(), f"starved {number}", every(0.002)) for number in range(5)]
    queued = scheduler.schedule(Calls(), "queued", every(0.002), mode="queued")
    goes_on = scheduler.schedule(work, trigger=every(0.002))
    async_calls.wait(60)
    for job_id in (*blockers, *starved, queued, goes_on):
        assert scheduler.account(job_id).adds_up
    assert [job_of(scheduler, job_id).run_count for job_id in (*starved, queued)] == [0] * 6
    gate.open()
    eventually(lambda: all(job_of(scheduler, job_id).run_count for job_id in (*blockers, *starved, queued)))
    for job_id in (*blockers, *starved):
        assert {line.reason for line in scheduler.history(job_id, status="skipped")} <= {Reason.OVERLAP}
        assert job_of(scheduler, job_id).skipped > 5


def test_a_run_that_waits_for_a_worker_is_pending(make: Make) -> None:
    scheduler, gate = make(max_workers=1), Gate()
    scheduler.start()
    scheduler.schedule(gate)
    gate.wait_entered()
    job_id = scheduler.schedule(Calls())
    eventually(lambda: scheduler.account(job_id).in_flight == 1)
    assert job_of(scheduler, job_id).status is JobStatus.PENDING
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)


def test_runs_begin_in_the_order_in_which_they_came_due(make: Make) -> None:
    scheduler, gate, order = make(max_workers=1), Gate(), list[int]()
    scheduler.start()
    scheduler.schedule(gate)
    gate.wait_entered()
    for number in range(20):
        scheduler.schedule(order.append, args=(number,))
    gate.open()
    eventually(lambda: len(order) == 20)
    assert order == list(range(20))


def test_a_sync_run_that_exceeds_its_timeout_ends_in_the_ledger_and_its_result_is_ignored(
    scheduler: Scheduler,
) -> None:
    gate = Gate("too late")
    job_id = scheduler.schedule(gate, timeout=0.02)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    line = scheduler.history(job_id)[0]
    assert (line.status, line.error_type) == (Outcome.TIMED_OUT, "TimeoutError")
    assert line.error_message == "execution timed out after 0.02 s"
    assert line.duration_ms == pytest.approx(20)
    assert (gate.inside, line.started_at.year > 2000) == (1, True)
    gate.open()
    gate.wait_left()
    scheduler.stop()
    assert (job_of(scheduler, job_id).result, len(scheduler.history(job_id))) == (None, 1)


def test_a_late_error_of_a_run_that_timed_out_is_ignored(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()

    def fail() -> None:
        gate()
        raise ValueError("too late")

    job_id = scheduler.schedule(fail, timeout=0.02)
    eventually(lambda: scheduler.history(job_id))
    gate.open()
    scheduler.stop()
    assert [line.status for line in scheduler.history(job_id)] == [Outcome.TIMED_OUT]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_timed_out_run_keeps_its_worker(make: Make) -> None:
    scheduler, gate, calls = make(max_workers=1), Gate(), Calls()
    scheduler.start()
    job_id = scheduler.schedule(gate, timeout=0.01)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    other = scheduler.schedule(calls)
    eventually(lambda: scheduler.account(other).in_flight == 1)
    assert len(calls) == 0
    gate.open()
    calls.wait()


def test_the_retry_of_a_timed_out_run_starts_although_its_thread_goes_on(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, timeout=0.02, retries=1, retry_delay=0.01)
    gate.wait_entered(2)
    assert gate.most_inside == 2
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    lines = scheduler.history(job_id)
    assert [(line.status, line.attempt_number, line.tick_count) for line in lines] == [
        (Outcome.TIMED_OUT, 2, 1),
        (Outcome.TIMED_OUT, 1, 0),
    ]
    gate.open()


def test_a_recurring_job_survives_its_time_outs(make: Make) -> None:
    scheduler, gate = make(max_workers=3), Gate()
    scheduler.start()
    job_id = scheduler.schedule(gate, trigger=every(0.02), timeout=0.01)
    gate.wait_entered(3)
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).run_count >= 1)
    assert job_of(scheduler, job_id).outcomes[Outcome.TIMED_OUT] >= 2


def test_a_run_within_its_timeout_succeeds(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls("value"), timeout=60)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert job_of(scheduler, job_id).result == "value"


def test_a_time_out_is_logged_as_a_warning(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, "slow", timeout=0.01)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.FAILED)
    gate.open()
    record = logged(caplog, logging.WARNING)
    assert record.message == "timed out: job=job_slow attempt=1 message=execution timed out after 0.01 s"


def test_the_limit_counts_from_the_beginning_of_the_call_not_from_the_slot(make: Make) -> None:
    scheduler, gate = make(max_workers=1), Gate()
    scheduler.start()
    scheduler.schedule(gate)
    gate.wait_entered()
    job_id = scheduler.schedule(Calls(), timeout=0.04)
    let_time_pass()
    let_time_pass()
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)


def test_no_thread_is_left_once_the_timed_out_function_has_returned(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, timeout=0.01)
    eventually(lambda: scheduler.history(job_id))
    scheduler.stop()
    gate.open()
    eventually(lambda: not threads_of_schedulers())

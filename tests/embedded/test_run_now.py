"""``run_now``: a run of its own, beside the schedule."""

import asyncio
import contextvars
import threading

import pytest

from duly import JobStatus, Scheduler, every
from duly.core import clock
from duly.core.decisions import Cause
from duly.core.outcomes import Outcome, Reason
from tests.embedded.conftest import Make
from tests.embedded.waiting import (
    LATER,
    AsyncGate,
    Calls,
    Failing,
    Gate,
    ShiftedClock,
    eventually,
    in_thread,
    job_of,
    joined,
    soon,
)


def test_it_gives_what_the_job_returns(scheduler: Scheduler) -> None:
    assert scheduler.run_now(scheduler.schedule(Calls("value"), trigger=LATER)) == "value"


def test_it_calls_with_the_arguments_of_the_job(scheduler: Scheduler) -> None:
    calls = Calls()
    scheduler.run_now(scheduler.schedule(calls, trigger=LATER, args=(1,), kwargs={"two": 2}))
    assert calls.made == [((1,), {"two": 2})]


def test_it_runs_in_the_thread_of_the_caller(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(threading.get_ident, trigger=LATER)
    assert scheduler.run_now(job_id) == threading.get_ident()


@pytest.mark.parametrize("error", [KeyError("lost"), SystemExit(3), KeyboardInterrupt(), TimeoutError("slow")])
def test_it_raises_what_the_job_raises_and_records_it(scheduler: Scheduler, error: BaseException) -> None:
    job_id = scheduler.schedule(Failing(error), trigger=LATER)
    with pytest.raises(type(error)) as raised:
        scheduler.run_now(job_id)
    assert raised.value is error
    line = scheduler.history(job_id)[0]
    assert line.status is (Outcome.TIMED_OUT if isinstance(error, TimeoutError) else Outcome.ERROR)
    assert job_of(scheduler, job_id).status is JobStatus.PENDING


def test_an_unknown_job_is_refused(scheduler: Scheduler) -> None:
    with pytest.raises(ValueError, match=r"^Job not found: 'job_unknown'"):
        scheduler.run_now("job_unknown")


def test_a_cancelled_job_is_refused(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.cancel(job_id)
    with pytest.raises(ValueError, match=job_id):
        scheduler.run_now(job_id)
    assert scheduler.history(job_id) == []


def test_it_is_recorded_without_a_slot(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.run_now(job_id)
    line = scheduler.history(job_id)[0]
    assert (line.status, line.cause, line.scheduled_at, line.tick_count) == (Outcome.SUCCESS, Cause.MANUAL, None, 0)


def test_it_counts_as_a_run_and_as_an_attempt(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.run_now(job_id)
    job = job_of(scheduler, job_id)
    assert (job.run_count, job.attempts, dict(job.outcomes)) == (1, 1, {})
    assert job.last_run is not None


def test_it_does_not_move_the_schedule(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=every(hours=1))
    before = scheduler.next_runs(job_id)
    scheduler.run_now(job_id)
    assert scheduler.next_runs(job_id) == before


def test_it_does_not_use_up_a_pending_one_shot(scheduler: Scheduler) -> None:
    calls = Calls()
    job_id = scheduler.schedule(calls, trigger=soon(0.1))
    scheduler.run_now(job_id)
    assert job_of(scheduler, job_id).status is JobStatus.PENDING
    calls.wait(2)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)


def test_it_leaves_a_one_shot_to_its_slot(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.run_now(job_id)
    job = job_of(scheduler, job_id)
    assert (job.status, job.next_run) == (JobStatus.PENDING, LATER.run_at)


def test_it_works_beside_a_run_of_the_schedule(scheduler: Scheduler) -> None:
    gate = Gate("done")
    job_id = scheduler.schedule(gate, trigger=every(0.01))
    gate.wait_entered()
    running = in_thread(lambda: scheduler.run_now(job_id))
    gate.wait_entered(2)
    assert gate.most_inside == 2
    gate.open()
    joined(running)
    eventually(lambda: job_of(scheduler, job_id).run_count >= 2)
    causes = [line.cause for line in scheduler.history(job_id, status="success")]
    assert {Cause.MANUAL, Cause.DUE} <= set(causes)


def test_its_job_is_busy_meanwhile(make: Make) -> None:
    scheduler, gate = make(), Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.005))
    scheduler.pause(job_id)
    scheduler.start()
    running = in_thread(lambda: scheduler.run_now(job_id))
    gate.wait_entered()
    scheduler.resume(job_id)
    due = scheduler.next_runs(job_id, 3)[-1]
    eventually(lambda: scheduler.next_runs(job_id, 1)[0] > due)
    assert gate.entries == 1
    gate.open()
    joined(running)
    eventually(lambda: job_of(scheduler, job_id).skipped)
    assert Reason.OVERLAP in {line.reason for line in scheduler.history(job_id, status="skipped")}


def test_it_runs_a_paused_job(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls("value"), trigger=LATER)
    scheduler.pause(job_id)
    assert scheduler.run_now(job_id) == "value"
    assert job_of(scheduler, job_id).status is JobStatus.PAUSED


def test_it_runs_a_job_that_has_ended(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls("value"))
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert scheduler.run_now(job_id) == "value"
    assert job_of(scheduler, job_id).run_count == 2


def test_a_job_that_has_ended_shows_how_its_last_run_by_hand_ended(scheduler: Scheduler) -> None:
    answers = [1]
    job_id = scheduler.schedule(answers.pop, "pop")
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    with pytest.raises(IndexError):
        scheduler.run_now(job_id)
    assert job_of(scheduler, job_id).status is JobStatus.FAILED


def test_it_works_without_a_start(make: Make) -> None:
    scheduler = make()
    assert scheduler.run_now(scheduler.schedule(Calls("value"), trigger=LATER)) == "value"


def test_it_is_not_retried(scheduler: Scheduler) -> None:
    calls = Failing(ValueError("bad"))
    job_id = scheduler.schedule(calls, trigger=LATER, retries=3, retry_delay=0)
    with pytest.raises(ValueError, match="bad"):
        scheduler.run_now(job_id)
    assert (len(calls), scheduler.health().in_flight) == (1, 0)


def test_it_may_be_called_from_inside_a_job(scheduler: Scheduler) -> None:
    inner = scheduler.schedule(Calls("value"), trigger=LATER)
    outer = scheduler.schedule(lambda: scheduler.run_now(inner), "outer")
    eventually(lambda: job_of(scheduler, outer).result == "value")


def test_the_last_of_max_runs_may_be_by_hand(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=every(hours=1), max_runs=1)
    scheduler.run_now(job_id)
    job = job_of(scheduler, job_id)
    assert (job.status, job.next_run) == (JobStatus.COMPLETED, None)


def test_a_job_cancelled_while_it_runs_by_hand_stays_cancelled(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(hours=1))
    running = in_thread(lambda: scheduler.run_now(job_id))
    gate.wait_entered()
    scheduler.cancel(job_id)
    gate.open()
    joined(running)
    assert (job_of(scheduler, job_id).status, job_of(scheduler, job_id).run_count) == (JobStatus.CANCELLED, 1)


def test_the_clock_of_the_scheduler_is_the_current_one_inside(make: Make) -> None:
    own = ShiftedClock("Asia/Tokyo")
    scheduler = make(clock=own)
    assert scheduler.run_now(scheduler.schedule(clock.current, trigger=LATER)) is own
    assert clock.current() is not own


def test_a_job_sees_the_context_of_the_caller_and_leaves_none(scheduler: Scheduler) -> None:
    user = contextvars.ContextVar("user", default="nobody")

    def work() -> str:
        seen = user.get()
        user.set("job")
        return seen

    user.set("caller")
    assert scheduler.run_now(scheduler.schedule(work, trigger=LATER)) == "caller"
    assert user.get() == "caller"


async def answer() -> tuple[int, int]:
    await asyncio.sleep(0)
    return 42, threading.get_ident()


def test_an_async_job_runs_on_the_loop_of_the_scheduler_while_the_caller_waits(scheduler: Scheduler) -> None:
    result, thread = scheduler.run_now(scheduler.schedule(answer, trigger=LATER))
    assert result == 42
    assert thread in {other.ident for other in threading.enumerate() if other.name == "duly-loop"}


def test_an_async_job_runs_without_a_start_too(make: Make) -> None:
    scheduler = make()
    assert scheduler.run_now(scheduler.schedule(answer, trigger=LATER)) == (42, threading.get_ident())


def test_what_an_async_job_raises_comes_out(scheduler: Scheduler) -> None:
    async def fail() -> None:
        raise LookupError("nothing")

    job_id = scheduler.schedule(fail, trigger=LATER)
    with pytest.raises(LookupError, match="nothing"):
        scheduler.run_now(job_id)
    assert scheduler.history(job_id)[0].status is Outcome.ERROR


def test_an_async_job_may_be_run_by_hand_from_a_sync_job(scheduler: Scheduler) -> None:
    inner = scheduler.schedule(answer, trigger=LATER)
    outer = scheduler.schedule(lambda: scheduler.run_now(inner)[0], "outer")
    eventually(lambda: job_of(scheduler, outer).result == 42)


def test_an_async_job_cannot_be_run_by_hand_within_a_loop_and_nothing_is_recorded(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(answer, trigger=LATER)

    async def call() -> None:
        scheduler.run_now(job_id)

    with pytest.raises(RuntimeError, match="called from within an event loop"):
        asyncio.run(call())
    assert scheduler.history(job_id) == []
    assert scheduler.account(job_id).in_flight == 0


def test_a_sync_job_may_be_run_by_hand_within_a_loop(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls("value"), trigger=LATER)

    async def call() -> object:
        return scheduler.run_now(job_id)

    assert asyncio.run(call()) == "value"


def test_an_async_run_by_hand_that_a_stop_interrupts_raises_and_is_recorded(scheduler: Scheduler) -> None:
    gate, raised = AsyncGate(), threading.Event()
    job_id = scheduler.schedule(gate, trigger=LATER)

    def call() -> None:
        try:
            scheduler.run_now(job_id)
        except BaseException:  # noqa: BLE001 - which one is up to asyncio
            raised.set()

    running = in_thread(call)
    gate.wait_entered()
    scheduler.stop(timeout=0.01)
    joined(running)
    assert raised.is_set()
    assert [line.status for line in scheduler.history(job_id)] == [Outcome.INTERRUPTED]

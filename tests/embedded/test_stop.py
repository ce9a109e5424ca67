"""``stop``: what becomes of the runs in flight, and from where it may be called."""

import asyncio
import logging
import threading
from contextlib import suppress

import pytest

from duly import JobEvent, JobStatus, Notice, Scheduler, every
from duly.core.clock import SECOND, SystemClock
from duly.core.outcomes import Outcome
from tests.embedded.conftest import Make
from tests.embedded.waiting import (
    LATER,
    PATIENCE,
    AsyncGate,
    Calls,
    Failing,
    Gate,
    eventually,
    in_thread,
    job_of,
    joined,
    let_time_pass,
    threads_of_schedulers,
)


def outcomes(scheduler: Scheduler, job_id: str) -> list[Outcome]:
    return [line.status for line in scheduler.history(job_id)]


def test_stop_ends_all_threads(scheduler: Scheduler) -> None:
    async def work() -> None:
        calls()

    calls = Calls()
    scheduler.schedule(work)
    scheduler.schedule(calls)
    calls.wait(2)
    scheduler.stop()
    assert threads_of_schedulers() == []


def test_stop_before_the_start_does_nothing(make: Make) -> None:
    scheduler = make()
    scheduler.stop()
    assert not scheduler.health().running


def test_a_second_stop_does_nothing(scheduler: Scheduler) -> None:
    scheduler.stop()
    scheduler.stop()
    assert not scheduler.health().running


def test_stops_from_many_threads_all_return(scheduler: Scheduler) -> None:
    scheduler.schedule(Calls(), trigger=every(0.001))
    for thread in [in_thread(scheduler.stop) for _ in range(8)]:
        joined(thread)
    eventually(lambda: not threads_of_schedulers())


def test_stop_waits_for_the_runs_in_flight(scheduler: Scheduler) -> None:
    gate, other = Gate("result"), AsyncGate("other")
    job_id, other_id = scheduler.schedule(gate), scheduler.schedule(other)
    gate.wait_entered()
    other.wait_entered()
    stopping = in_thread(scheduler.stop)
    gate.open()
    other.open()
    joined(stopping)
    assert (job_of(scheduler, job_id).result, job_of(scheduler, other_id).result) == ("result", "other")
    assert job_of(scheduler, job_id).status is JobStatus.COMPLETED


def test_a_run_by_hand_that_the_stop_does_not_let_end_is_interrupted_and_over(scheduler: Scheduler) -> None:
    begun, errors = threading.Event(), list[BaseException]()

    async def deaf() -> None:
        begun.set()
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    def run_by_hand() -> None:
        with pytest.raises(RuntimeError, match="stopped before the run came to its end") as caught:
            scheduler.run_now(job_id)
        errors.append(caught.value)

    gate = Gate()
    scheduler.schedule(gate)
    job_id = scheduler.schedule(deaf, trigger=LATER)
    gate.wait_entered()
    stopping = in_thread(scheduler.stop)
    eventually(lambda: scheduler.health().next_wakeup is None)
    by_hand = in_thread(run_by_hand)
    assert begun.wait(PATIENCE)
    gate.open()
    joined(stopping)
    joined(by_hand)
    assert len(errors) == 1
    assert (outcomes(scheduler, job_id), scheduler.health().in_flight) == ([Outcome.INTERRUPTED], 0)
    scheduler.start()
    joined(in_thread(scheduler.stop))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_task_that_answers_the_stop_with_an_exit_keeps_nobody_waiting(
    scheduler: Scheduler, error: type[BaseException]
) -> None:
    begun, children = threading.Event(), list[asyncio.Task[None]]()

    async def leave() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise error("on its way out") from None

    async def work() -> None:
        children.append(asyncio.create_task(leave()))
        await asyncio.sleep(0)
        begun.set()
        await asyncio.sleep(3600)

    def run_by_hand() -> None:
        with pytest.raises(RuntimeError, match="stopped before the run came to its end"):
            scheduler.run_now(job_id)
        told.set()

    told = threading.Event()
    job_id = scheduler.schedule(work, trigger=LATER)
    by_hand = in_thread(run_by_hand)
    assert begun.wait(PATIENCE)
    scheduler.stop(wait=False)
    joined(by_hand)
    assert told.is_set()
    assert children[0].done()
    eventually(lambda: not threads_of_schedulers())


def test_what_still_runs_after_the_timeout_is_recorded_as_interrupted(scheduler: Scheduler) -> None:
    gate = Gate("too late")
    job_id = scheduler.schedule(gate)
    gate.wait_entered()
    scheduler.stop(timeout=0.02)
    assert outcomes(scheduler, job_id) == [Outcome.INTERRUPTED]
    assert (job_of(scheduler, job_id).status, job_of(scheduler, job_id).attempts) == (JobStatus.FAILED, 1)
    gate.open()
    eventually(lambda: not threads_of_schedulers())
    assert outcomes(scheduler, job_id) == [Outcome.INTERRUPTED]
    assert job_of(scheduler, job_id).result is None


def test_stop_tells_which_thread_a_job_keeps(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    scheduler.schedule(gate)
    gate.wait_entered()
    scheduler.stop(timeout=0)
    assert "a job keeps its thread after the scheduler has stopped: thread=duly-worker_0" in caplog.text
    gate.open()


def test_stop_without_waiting_interrupts_at_once(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.01))
    gate.wait_entered()
    scheduler.stop(wait=False)
    assert outcomes(scheduler, job_id)[0] is Outcome.INTERRUPTED
    assert job_of(scheduler, job_id).status is JobStatus.PENDING
    gate.open()


def test_an_async_run_that_is_interrupted_is_cancelled(scheduler: Scheduler) -> None:
    gate = AsyncGate()
    job_id = scheduler.schedule(gate)
    gate.wait_entered()
    scheduler.stop(timeout=0.01)
    assert outcomes(scheduler, job_id) == [Outcome.INTERRUPTED]
    assert gate.cancelled == 1
    assert threads_of_schedulers() == []


def test_runs_that_wait_for_a_worker_are_cancelled(make: Make) -> None:
    scheduler, gate, calls = make(max_workers=1), Gate(), Calls()
    scheduler.start()
    scheduler.schedule(gate)
    gate.wait_entered()
    job_id = scheduler.schedule(calls)
    eventually(lambda: scheduler.health().in_flight == 2)
    stopping = in_thread(scheduler.stop)
    eventually(lambda: outcomes(scheduler, job_id) == [Outcome.CANCELLED])
    gate.open()
    joined(stopping)
    assert len(calls) == 0


def test_a_retry_that_is_to_come_is_cancelled(scheduler: Scheduler) -> None:
    calls = Failing(ValueError("bad"))
    job_id = scheduler.schedule(calls, retries=3, retry_delay=3600)
    calls.wait()
    eventually(lambda: outcomes(scheduler, job_id) == [Outcome.ERROR])
    scheduler.stop()
    assert outcomes(scheduler, job_id) == [Outcome.CANCELLED, Outcome.ERROR]


def test_slots_that_wait_their_turn_are_cancelled(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.002), mode="queued")
    gate.wait_entered()
    eventually(lambda: job_of(scheduler, job_id).skipped > 0)
    stopping = in_thread(scheduler.stop)
    eventually(lambda: job_of(scheduler, job_id).outcomes.get(Outcome.CANCELLED, 0) >= 10)
    gate.open()
    joined(stopping)
    assert gate.entries == 1


def test_nothing_begins_while_it_waits(scheduler: Scheduler) -> None:
    gate, calls, other = Gate(), Calls(), Calls()
    scheduler.schedule(gate)
    scheduler.schedule(calls, trigger=every(0.005))
    gate.wait_entered()
    calls.wait(1)
    stopping = in_thread(scheduler.stop)
    eventually(lambda: scheduler.health().next_wakeup is None and scheduler.health().in_flight == 1)
    before = len(calls)
    job_id = scheduler.schedule(other)
    let_time_pass()
    assert (len(calls), len(other)) == (before, 0)
    gate.open()
    joined(stopping)
    assert job_of(scheduler, job_id).status is JobStatus.PENDING


def test_a_job_scheduled_while_it_waits_runs_after_the_next_start(scheduler: Scheduler) -> None:
    gate, calls = Gate(), Calls()

    def follow_up() -> None:
        gate()
        scheduler.schedule(calls, name="follow-up", trigger=every(0.01))

    scheduler.schedule(follow_up)
    gate.wait_entered()
    stopping = in_thread(scheduler.stop)
    eventually(lambda: scheduler.health().next_wakeup is None)
    gate.open()
    joined(stopping)
    assert len(calls) == 0
    scheduler.start()
    calls.wait(2)


def test_a_time_out_is_kept_while_it_waits(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, timeout=0.05)
    gate.wait_entered()
    joined(in_thread(scheduler.stop))
    assert outcomes(scheduler, job_id) == [Outcome.TIMED_OUT]
    gate.open()


def test_a_job_may_stop_its_scheduler(scheduler: Scheduler) -> None:
    def last() -> str:
        scheduler.stop()
        return "done"

    job_id = scheduler.schedule(last)
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert job_of(scheduler, job_id).result == "done"
    assert not scheduler.health().running


def test_a_job_that_stops_its_scheduler_waits_for_the_others(scheduler: Scheduler) -> None:
    gate, done = Gate(), threading.Event()

    def last() -> None:
        scheduler.stop()
        done.set()

    job_id = scheduler.schedule(gate)
    gate.wait_entered()
    scheduler.schedule(last)
    eventually(lambda: scheduler.health().next_wakeup is None)
    assert not done.is_set()
    gate.open()
    assert done.wait(5)
    assert outcomes(scheduler, job_id) == [Outcome.SUCCESS]


def test_an_async_job_may_stop_its_scheduler(scheduler: Scheduler) -> None:
    async def last() -> str:
        scheduler.stop()
        return "done"

    job_id = scheduler.schedule(last)
    eventually(lambda: job_of(scheduler, job_id).result == "done")
    eventually(lambda: not threads_of_schedulers())


def test_an_async_job_may_stop_its_scheduler_while_others_run(scheduler: Scheduler) -> None:
    async def last() -> None:
        scheduler.stop()

    gate = AsyncGate()
    job_id = scheduler.schedule(gate)
    gate.wait_entered()
    scheduler.schedule(last)
    eventually(lambda: not threads_of_schedulers())
    assert outcomes(scheduler, job_id) in ([Outcome.INTERRUPTED], [Outcome.CANCELLED])


def test_a_job_run_by_hand_may_stop_its_scheduler(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(scheduler.stop, name="last", trigger=LATER)
    joined(in_thread(lambda: scheduler.run_now(job_id)))
    assert outcomes(scheduler, job_id) == [Outcome.SUCCESS]


def test_an_async_job_run_by_hand_may_stop_its_scheduler(scheduler: Scheduler) -> None:
    async def last() -> None:
        scheduler.stop()

    job_id = scheduler.schedule(last, trigger=LATER)
    joined(in_thread(lambda: scheduler.run_now(job_id)))
    assert outcomes(scheduler, job_id) == [Outcome.SUCCESS]


def test_stop_waits_for_a_run_by_hand(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=LATER)
    running = in_thread(lambda: scheduler.run_now(job_id))
    gate.wait_entered()
    stopping = in_thread(scheduler.stop)
    eventually(lambda: scheduler.health().next_wakeup is None)
    gate.open()
    joined(running)
    joined(stopping)
    assert outcomes(scheduler, job_id) == [Outcome.SUCCESS]


def test_stop_waits_for_a_run_whose_job_was_cancelled_long_ago(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate)
    gate.wait_entered()
    scheduler.cancel(job_id)
    for number in range(1_100):
        scheduler.cancel(scheduler.schedule(Calls(), f"{number}", LATER))
    stopping = in_thread(scheduler.stop)
    eventually(lambda: scheduler.health().next_wakeup is None)
    gate.open()
    joined(stopping)
    assert outcomes(scheduler, job_id) == [Outcome.SUCCESS]


def test_a_listener_may_stop_the_scheduler(scheduler: Scheduler) -> None:
    scheduler.add_listener(lambda notice: scheduler.stop(), [JobEvent.SUCCEEDED])
    scheduler.schedule(Calls())
    eventually(lambda: not threads_of_schedulers())
    assert not scheduler.health().running


def test_a_listener_on_the_driver_thread_may_stop_the_scheduler_while_another_thread_does(scheduler: Scheduler) -> None:
    gate, told, go = Gate(), threading.Event(), threading.Event()

    def stop_too(notice: Notice) -> None:
        told.set()
        assert go.wait(5)
        scheduler.stop()

    scheduler.add_listener(stop_too, [JobEvent.SKIPPED])
    scheduler.schedule(gate, trigger=every(0.002), mode="queued")
    assert told.wait(5)
    stopping = in_thread(scheduler.stop)
    eventually(lambda: scheduler.health().next_wakeup is None)
    go.set()
    gate.open()
    joined(stopping)


def test_a_job_that_starts_its_scheduler_while_it_is_waited_for_does_not_block(scheduler: Scheduler) -> None:
    gate = Gate()

    def start() -> None:
        gate()
        scheduler.start()

    scheduler.schedule(start)
    gate.wait_entered()
    stopping = in_thread(scheduler.stop)
    eventually(lambda: scheduler.health().next_wakeup is None)
    gate.open()
    joined(stopping)
    assert not scheduler.health().running


def test_it_starts_again_although_a_job_keeps_its_thread(scheduler: Scheduler) -> None:
    gate, calls = Gate(), Calls()
    job_id = scheduler.schedule(gate, trigger=every(0.01))
    gate.wait_entered()
    scheduler.stop(timeout=0)
    scheduler.schedule(calls, trigger=every(0.01))
    scheduler.start()
    calls.wait(2)
    gate.wait_entered(2)
    gate.open()
    eventually(lambda: Outcome.SUCCESS in outcomes(scheduler, job_id))


def test_stop_of_an_idle_scheduler_returns_at_once(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    scheduler.schedule(Calls(), trigger=every(hours=1))
    clock = SystemClock()
    since = clock.monotonic()
    with caplog.at_level(logging.WARNING):
        scheduler.stop()
    assert clock.monotonic() - since < SECOND
    assert caplog.text == ""

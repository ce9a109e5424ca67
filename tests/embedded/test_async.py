"""Async jobs: awaited on a loop of the scheduler's own, beside the workers."""

import asyncio
import contextvars
import gc
import logging
import threading

import pytest

from duly import JobStatus, Scheduler, every
from duly.core import clock
from duly.core.outcomes import Outcome
from tests.embedded.conftest import Make
from tests.embedded.waiting import (
    LATER,
    AsyncGate,
    Calls,
    Gate,
    ShiftedClock,
    eventually,
    in_thread,
    job_of,
    threads_of_schedulers,
)


def outcomes(scheduler: Scheduler, job_id: str) -> list[Outcome]:
    return [line.status for line in scheduler.history(job_id)]


def test_an_async_job_is_awaited(scheduler: Scheduler) -> None:
    async def add(one: int, two: int) -> int:
        await asyncio.sleep(0)
        return one + two

    job_id = scheduler.schedule(add, args=(1,), kwargs={"two": 2})
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)
    assert job_of(scheduler, job_id).result == 3


def test_all_async_jobs_share_one_thread(scheduler: Scheduler) -> None:
    async def where() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    ids = [scheduler.schedule(where) for _ in range(5)]
    eventually(lambda: all(job_of(scheduler, job_id).result == "duly-loop" for job_id in ids))
    assert sorted(threads_of_schedulers()) == ["duly-driver", "duly-loop"]


def test_an_object_with_an_async_call_is_awaited(scheduler: Scheduler) -> None:
    gate = AsyncGate("through")
    gate.open()
    job_id = scheduler.schedule(gate)
    eventually(lambda: job_of(scheduler, job_id).result == "through")


def test_many_async_jobs_are_in_flight_at_once(scheduler: Scheduler) -> None:
    gate = AsyncGate()
    ids = [scheduler.schedule(gate) for _ in range(500)]
    gate.wait_entered(500)
    assert gate.inside == 500
    gate.open()
    eventually(lambda: all(job_of(scheduler, job_id).status is JobStatus.COMPLETED for job_id in ids))


def test_async_jobs_go_on_while_every_worker_is_taken(make: Make) -> None:
    scheduler, gate, calls = make(max_workers=1), Gate(), Calls()
    scheduler.start()

    async def work() -> None:
        calls()

    scheduler.schedule(gate)
    gate.wait_entered()
    scheduler.schedule(work, trigger=every(0.005))
    calls.wait(3)
    gate.open()


def test_an_async_job_that_exceeds_its_timeout_is_cancelled_and_timed_out(scheduler: Scheduler) -> None:
    gate = AsyncGate()
    job_id = scheduler.schedule(gate, timeout=0.02)
    eventually(lambda: outcomes(scheduler, job_id) == [Outcome.TIMED_OUT])
    assert gate.cancelled == 1
    assert job_of(scheduler, job_id).error == "execution timed out after 0.02 s"


def test_an_async_job_that_swallows_its_timeout_is_timed_out_all_the_same(scheduler: Scheduler) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "ignored"
        return "unreached"

    job_id = scheduler.schedule(stubborn, timeout=0.02)
    eventually(lambda: outcomes(scheduler, job_id) == [Outcome.TIMED_OUT])
    assert job_of(scheduler, job_id).result is None


def test_a_job_may_use_timeouts_of_its_own(scheduler: Scheduler) -> None:
    async def patient() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            await asyncio.sleep(0.001)
            return "went on"
        return "unreached"

    ids = [scheduler.schedule(patient, timeout=timeout) for timeout in (None, 5.0)]
    eventually(lambda: [job_of(scheduler, job_id).result for job_id in ids] == ["went on"] * 2)


def test_a_time_out_that_a_job_raises_itself_is_timed_out(scheduler: Scheduler) -> None:
    async def impatient() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    job_id = scheduler.schedule(impatient)
    eventually(lambda: outcomes(scheduler, job_id) == [Outcome.TIMED_OUT])


def test_restart_cancels_the_run_and_starts_the_newest_slot(scheduler: Scheduler) -> None:
    gate = AsyncGate()
    job_id = scheduler.schedule(gate, trigger=every(0.01), mode="restart")
    gate.wait_entered(3)
    assert gate.most_inside == 1
    assert gate.cancelled >= 2
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).run_count)
    assert Outcome.CANCELLED in outcomes(scheduler, job_id)


def test_a_job_that_raises_a_cancellation_itself_is_cancelled_and_disturbs_nobody(scheduler: Scheduler) -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    calls = Calls()

    async def work() -> None:
        await asyncio.sleep(0)
        calls()

    job_id = scheduler.schedule(give_up)
    scheduler.schedule(work, trigger=every(0.005))
    eventually(lambda: outcomes(scheduler, job_id) == [Outcome.CANCELLED])
    calls.wait_for_more(2)


def test_a_job_that_cancels_its_own_task_at_its_end_does_not_cancel_the_next(scheduler: Scheduler) -> None:
    async def rude() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def work() -> str:
        await asyncio.sleep(0)
        return "undisturbed"

    gate = Gate()

    async def block() -> None:
        gate()

    scheduler.schedule(block)
    gate.wait_entered()
    scheduler.schedule(rude)
    ids = [scheduler.schedule(work) for _ in range(3)]
    eventually(lambda: scheduler.health().next_wakeup is None)
    gate.open()
    eventually(lambda: all(job_of(scheduler, job_id).result == "undisturbed" for job_id in ids))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_task_of_a_job_that_exits_leaves_the_loop_alive(
    scheduler: Scheduler, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    async def leave() -> None:
        raise error("out")

    async def parent() -> None:
        await asyncio.create_task(leave())

    gate = AsyncGate("undisturbed")
    other = scheduler.schedule(gate)
    gate.wait_entered()
    job_id = scheduler.schedule(parent)
    eventually(lambda: outcomes(scheduler, job_id) == [Outcome.ERROR])
    gate.open()
    eventually(lambda: job_of(scheduler, other).result == "undisturbed")
    assert scheduler.run_now(scheduler.schedule(asyncio.sleep, "sleep", LATER, (0, "alive"))) == "alive"
    caplog.clear()


def test_a_sync_function_that_returns_a_coroutine_fails_and_says_what_to_do(scheduler: Scheduler) -> None:
    async def inner() -> None:
        pass

    job_id = scheduler.schedule(lambda: inner())  # noqa: PLW0108 - that it is not async itself is the point
    eventually(lambda: outcomes(scheduler, job_id) == [Outcome.ERROR])
    error = job_of(scheduler, job_id).error
    assert error is not None
    assert "returned a coroutine: schedule an 'async def' function instead" in error


user = contextvars.ContextVar("user", default="nobody")


def test_context_variables_that_a_job_sets_are_gone_for_the_next(scheduler: Scheduler) -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append(user.get())
        user.set(f"run {len(seen)}")

    gate = Gate()

    async def block() -> None:
        gate()

    scheduler.schedule(block)
    gate.wait_entered()
    for _ in range(5):
        scheduler.schedule(work)
    eventually(lambda: scheduler.health().in_flight == 6)
    gate.open()
    eventually(lambda: len(seen) == 5)
    assert seen == ["nobody"] * 5


def test_context_variables_of_a_sync_job_are_gone_for_the_next(make: Make) -> None:
    scheduler = make(max_workers=1)
    seen: list[str] = []

    def work() -> None:
        seen.append(user.get())
        user.set(f"run {len(seen)}")

    for _ in range(3):
        scheduler.schedule(work)
    scheduler.start()
    eventually(lambda: seen == ["nobody"] * 3)


def test_an_async_job_does_not_see_the_context_of_whose_call_started_the_loop(scheduler: Scheduler) -> None:
    async def who() -> str:
        return user.get()

    job_id = scheduler.schedule(who, trigger=every(0.005))

    def start_the_loop() -> None:
        user.set("somebody")
        scheduler.run_now(scheduler.schedule(asyncio.sleep, "sleep", LATER, (0,)))

    scheduler.pause(job_id)
    in_thread(start_the_loop).join()
    scheduler.resume(job_id)
    eventually(lambda: job_of(scheduler, job_id).result is not None)
    assert job_of(scheduler, job_id).result == "nobody"


def test_the_clock_of_the_scheduler_is_the_current_one_inside_jobs(make: Make) -> None:
    own = ShiftedClock("Asia/Tokyo")
    scheduler = make(clock=own)

    async def which() -> clock.Clock:
        return clock.current()

    ids = [scheduler.schedule(which), scheduler.schedule(clock.current)]
    scheduler.start()
    eventually(lambda: [job_of(scheduler, job_id).result for job_id in ids] == [own, own])


def test_an_async_job_of_a_long_stretch_leaves_room_for_others(scheduler: Scheduler) -> None:
    others = asyncio.Queue[int]()

    async def quick(number: int) -> None:
        await others.put(number)

    async def until_others_ran() -> None:
        for _ in range(200):
            await others.get()

    job_id = scheduler.schedule(until_others_ran)
    for number in range(200):
        scheduler.schedule(quick, args=(number,))
    eventually(lambda: job_of(scheduler, job_id).status is JobStatus.COMPLETED)


def test_a_stop_leaves_nothing_of_asyncio_behind(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    gate = AsyncGate()

    async def with_task() -> None:
        task = asyncio.create_task(asyncio.Event().wait())
        await gate()
        await task

    scheduler.schedule(with_task)
    gate.wait_entered()
    with caplog.at_level(logging.WARNING, logger="asyncio"):
        scheduler.stop(timeout=0.01)
        gc.collect()
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []

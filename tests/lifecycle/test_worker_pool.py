"""The pool of threads for sync code."""

import asyncio
import contextvars
import os
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import pytest

from duly.config import DulyConfig, LifecycleConfig
from duly.core import clock as clocks
from duly.lifecycle import RestartType, WorkerPoolService, no_worker_was_free
from duly.testing.clock import VirtualClock
from tests.lifecycle.house import PATIENCE, House, play, run, turns


class Gate:
    """A function that waits inside until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self._open = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.set()

    def __call__(self) -> str:
        self.entered.release()
        assert self._open.wait(PATIENCE), "nobody opened the gate"
        return threading.current_thread().name

    async def wait_entered(self, number: int = 1) -> None:
        """Until so many more calls have entered."""
        for _ in range(number):
            assert await asyncio.get_running_loop().run_in_executor(None, self.entered.acquire, True, PATIENCE)

    def open(self) -> None:
        """Let everybody through, from now on."""
        self._open.set()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("duly-sync_")]


async def with_pool(work: Callable[[WorkerPoolService], Awaitable[None]], max_workers: int | None = 2) -> None:
    limits = LifecycleConfig(resource_shutdown_timeout_seconds=1)
    pool = House(DulyConfig.hermetic(strict_lifecycle=True, lifecycle=limits), max_workers=max_workers).worker_pool
    before = threads()
    await pool.initialize()
    try:
        await work(pool)
    finally:
        await pool.shutdown()
    for thread in set(threads()) - set(before):
        thread.join(PATIENCE)
        assert not thread.is_alive()


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_a_call_gives_its_result_or_raises() -> None:
    async def work(pool: WorkerPoolService) -> None:
        assert await pool.run(divmod, 7, 2) == (3, 1)
        assert await pool.run(sorted, [1, 3, 2], reverse=True) == [3, 2, 1]
        with pytest.raises(ZeroDivisionError):
            await pool.run(divmod, 1, 0)

    run(with_pool(work))


def test_an_error_that_a_future_does_not_take_is_wrapped() -> None:
    async def work(pool: WorkerPoolService) -> None:
        with pytest.raises(RuntimeError, match=r"next raised StopIteration") as caught:
            await pool.run(next, iter([]))
        assert isinstance(caught.value.__cause__, StopIteration)

    run(with_pool(work))


def test_the_threads_are_named_and_daemons_and_as_many_as_needed_up_to_the_limit() -> None:
    async def work(pool: WorkerPoolService) -> None:
        with Gate() as gate:
            calls = [asyncio.create_task(pool.run(gate)) for _ in range(5)]
            await gate.wait_entered(2)
            snapshot = pool.snapshot()
            assert (snapshot.workers, snapshot.busy, snapshot.waiting, snapshot.leaked) == (2, 2, 3, 0)
            assert {thread.name for thread in threads() if thread.daemon} == {"duly-sync_0", "duly-sync_1"}
            gate.open()
            assert set(await asyncio.gather(*calls)) <= {"duly-sync_0", "duly-sync_1"}
        assert (pool.snapshot().busy, pool.snapshot().waiting) == (0, 0)

    run(with_pool(work))


def test_a_free_thread_is_used_again() -> None:
    async def work(pool: WorkerPoolService) -> None:
        names = {await pool.run(lambda: threading.current_thread().name) for _ in range(20)}
        assert len(names) <= 2

    run(with_pool(work, max_workers=8))


def test_by_default_there_are_four_workers_more_than_processors_up_to_32() -> None:
    assert House(max_workers=None).worker_pool.max_workers == min(32, (os.cpu_count() or 1) + 4)


def test_its_restart_rules() -> None:
    spec = WorkerPoolService.restart_spec
    assert (spec.restart_type, spec.budget_intensity, spec.budget_period_seconds) == (RestartType.PERMANENT, 2, 30.0)


def test_it_is_ready_as_soon_as_it_runs() -> None:
    async def work(pool: WorkerPoolService) -> None:
        await pool.wait_ready(PATIENCE)
        assert pool.status == "running"

    run(with_pool(work))


def test_the_context_of_the_caller_is_copied() -> None:
    variable = contextvars.ContextVar("variable", default="nothing")

    def read_and_write() -> str:
        seen = variable.get()
        variable.set("changed")
        return seen

    async def work(pool: WorkerPoolService) -> None:
        variable.set("of the run")
        assert await pool.run(read_and_write) == "of the run"
        assert variable.get() == "of the run"

    run(with_pool(work))


def test_a_call_whose_limit_passes_while_it_waits_is_never_started_and_says_why() -> None:
    async def work(pool: WorkerPoolService) -> None:
        made: list[int] = []
        with Gate() as gate:
            blocker = asyncio.create_task(pool.run(gate))
            await gate.wait_entered()
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(0.01):
                    await pool.run(made.append, 1)
            assert no_worker_was_free(caught.value)
            assert (pool.snapshot().waiting, pool.snapshot().leaked) == (0, 0)
            gate.open()
            await blocker
        await pool.run(made.append, 2)
        assert made == [2]

    run(with_pool(work, max_workers=1))


def test_a_call_that_outlives_its_limit_keeps_its_worker_and_is_counted_as_leaked() -> None:
    async def work(pool: WorkerPoolService) -> None:
        with Gate() as gate:
            limited = asyncio.create_task(pool.run(gate))
            await gate.wait_entered()
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(0.01):
                    await limited
            assert not no_worker_was_free(caught.value)
            snapshot = pool.snapshot()
            assert (snapshot.busy, snapshot.leaked) == (1, 1)
            [call] = snapshot.running
            assert call.function == "tests.lifecycle.test_worker_pool.Gate"
            assert (call.leaked, call.seconds > 0) == (True, True)
            other = asyncio.create_task(pool.run(len, "four"))
            await turns()
            assert pool.snapshot().waiting == 1
            gate.open()
            assert await other == 4
        assert (pool.snapshot().leaked, pool.snapshot().running) == (0, ())

    run(with_pool(work, max_workers=1))


def test_from_three_quarters_of_the_workers_in_use_a_submission_warns(caplog: pytest.LogCaptureFixture) -> None:
    async def work(pool: WorkerPoolService) -> None:
        with Gate() as gate:
            calls = [asyncio.create_task(pool.run(gate)) for _ in range(2)]
            await gate.wait_entered(2)
            assert warnings_in(caplog) == []
            calls.append(asyncio.create_task(pool.run(gate)))
            await gate.wait_entered()
            [warning] = warnings_in(caplog)
            assert warning.startswith("worker threads: 3 of 4 busy, 0 waiting, 0 leaked; longest running: tests.life")
            gate.open()
            await asyncio.gather(*calls)

    run(with_pool(work, max_workers=4))


def test_there_is_at_most_one_warning_in_30_seconds(caplog: pytest.LogCaptureFixture) -> None:
    async def work(pool: WorkerPoolService) -> None:
        clock = VirtualClock()
        token = clocks.use(clock)
        with Gate() as gate:
            calls = [asyncio.create_task(pool.run(gate)) for _ in range(3)]
            await turns(3)
            assert len(warnings_in(caplog)) == 1
            clock.advance(29.5)
            calls.append(asyncio.create_task(pool.run(gate)))
            await turns(3)
            assert len(warnings_in(caplog)) == 1
            clock.advance(0.5)
            calls.append(asyncio.create_task(pool.run(gate)))
            await turns(3)
            assert len(warnings_in(caplog)) == 2
            gate.open()
            await asyncio.gather(*calls)
        clocks.restore(token)

    run(with_pool(work, max_workers=1))


def test_a_stuck_pool_is_reported_every_30_seconds_without_any_submission(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        clock = VirtualClock()
        clocks.use(clock)
        pool = House(max_workers=1).worker_pool
        await pool.initialize()
        gate = Gate()
        stuck = asyncio.create_task(pool.run(gate))
        await turns()
        assert gate.entered.acquire(timeout=PATIENCE)
        assert len(warnings_in(caplog)) == 1
        for number in (2, 3):
            clock.advance(30)
            await asyncio.sleep(30)
            assert len(warnings_in(caplog)) == number
        assert "1 of 1 busy, 0 waiting, 0 leaked; longest running" in warnings_in(caplog)[-1]
        gate.open()
        stuck.cancel()
        await pool.force_end()

    play(main())


def test_at_the_stop_waiting_calls_are_cancelled_and_running_ones_awaited() -> None:
    async def main() -> None:
        pool = House(max_workers=1).worker_pool
        await pool.initialize()
        with Gate() as gate:
            running = asyncio.create_task(pool.run(gate))
            await gate.wait_entered()
            waiting = asyncio.create_task(pool.run(len, "four"))
            await turns()
            stopping = asyncio.create_task(pool.shutdown())
            await asyncio.wait({waiting})
            assert (waiting.cancelled(), stopping.done()) == (True, False)
            gate.open()
            await stopping
            assert await running == "duly-sync_0"

    run(main())


@pytest.mark.parametrize("forced", ["no", "before", "meanwhile"])
def test_at_the_stop_what_does_not_end_is_left_with_an_error_and_its_stack(
    caplog: pytest.LogCaptureFixture, forced: str
) -> None:
    async def main() -> None:
        limits = LifecycleConfig(resource_shutdown_timeout_seconds=1 if forced == "no" else 100)
        pool = House(DulyConfig.hermetic(strict_lifecycle=True, lifecycle=limits), max_workers=2).worker_pool
        await pool.initialize()
        with Gate() as gate:
            stuck = asyncio.create_task(pool.run(gate))
            await gate.wait_entered()
            stopping = asyncio.create_task(pool.shutdown())
            while forced == "meanwhile" and pool._threads is not None:
                await turns()
            if forced != "no":
                await pool.force_end()
            await stopping
            record = next(record for record in caplog.records if record.levelname == "ERROR")
            assert record.getMessage().startswith(
                "tests.lifecycle.test_worker_pool.Gate did not end in time and is left behind after"
            )
            assert "in __call__" in record.getMessage()
            assert pool.status == "stopped"
        await stuck

    run(main())
    assert warnings_in(caplog) == []


def test_before_the_start_and_after_the_stop_calls_are_refused() -> None:
    async def main() -> None:
        pool = House().worker_pool
        with pytest.raises(RuntimeError, match="the worker pool does not run: start it first"):
            await pool.run(len, "four")
        await pool.initialize()
        await pool.shutdown()
        with pytest.raises(RuntimeError, match="the worker pool does not run: start it first"):
            await pool.run(len, "four")
        assert pool.snapshot().running == ()

    run(main())


def test_it_works_again_after_a_restart() -> None:
    async def work(pool: WorkerPoolService) -> None:
        await pool.restart()
        assert await pool.run(len, "four") == 4

    run(with_pool(work))


def test_a_forced_end_leaves_no_idle_thread_behind() -> None:
    async def work(pool: WorkerPoolService) -> None:
        assert await pool.run(len, "four") == 4
        await pool.force_end()

    run(with_pool(work))


def test_the_end_of_the_loop_does_not_disturb_a_thread() -> None:
    gate = Gate()
    names: list[str] = []

    def work() -> None:
        names.append(gate())

    async def main() -> None:
        pool = House(max_workers=1).worker_pool
        await pool.initialize()
        call = asyncio.create_task(pool.run(work))
        await gate.wait_entered()
        await pool.force_end()
        call.cancel()

    run(main())
    left = threads()
    gate.open()
    for thread in left:
        thread.join(PATIENCE)
    assert names == ["duly-sync_0"]

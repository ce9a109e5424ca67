"""Buckets across threads."""

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest

from duly.lifecycle import Resource, TaskBucket, is_async_callable
from duly.lifecycle import bucket as buckets
from tests.lifecycle.house import House, forever, run, turns


class Room(Resource):
    """A part that owns a bucket."""


async def give(value: int) -> int:
    return value


async def with_pool(work: Callable[[TaskBucket], Any]) -> None:
    """Await ``work`` with a bucket whose root has a running worker pool."""
    house = House()
    await house.worker_pool.initialize()
    room = house.add_child(Room)
    await room.initialize()
    try:
        await work(room.task_bucket)
    finally:
        await room.shutdown()
        await house.worker_pool.shutdown()


def test_spawn_from_another_thread_waits_for_the_handle() -> None:
    async def work(bucket: TaskBucket) -> None:
        task = await bucket.run_in_thread(lambda: bucket.spawn(give(7), name="seven"))
        assert (task.get_name(), await task) == ("seven", 7)

    run(with_pool(work))


def test_spawn_from_another_thread_after_the_owner_has_stopped_names_it() -> None:
    async def main() -> None:
        house = House()
        room = house.add_child(Room)
        await house.worker_pool.initialize()
        await room.initialize()
        await room.shutdown()
        with pytest.raises(RuntimeError, match=r"Duly\.Room has stopped"):
            await house.worker_pool.run(lambda: room.task_bucket.spawn(forever()))
        await house.worker_pool.shutdown()

    run(main())


def test_spawn_gives_up_if_the_loop_is_blocked_and_the_coroutine_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert buckets._HANDLE_SECONDS == 10
    monkeypatch.setattr(buckets, "_HANDLE_SECONDS", 0.01)

    async def work(bucket: TaskBucket) -> None:
        coroutine, failed, raised = forever(), threading.Event(), list[str]()

        def spawn() -> None:
            try:
                bucket.spawn(coroutine)
            except RuntimeError as error:
                raised.append(str(error))
            failed.set()

        thread = threading.Thread(target=spawn)
        thread.start()
        assert failed.wait(10)  # which blocks the loop
        thread.join()
        await turns()
        assert raised == ["the event loop did not take a task of Duly.Room within 0.01 s: it is blocked"]
        assert (inspect.getcoroutinestate(coroutine), len(bucket)) == (inspect.CORO_CLOSED, 0)

    run(with_pool(work))


def test_spawn_without_any_loop_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"the event loop of Duly\.Room does not run: start it first"):
        House().add_child(Room).task_bucket.spawn(forever())


def test_run_sync_gives_the_result_to_a_worker() -> None:
    async def work(bucket: TaskBucket) -> None:
        assert await bucket.run_in_thread(lambda: bucket.run_sync(give(7))) == 7

    run(with_pool(work))


def test_run_sync_raises_what_the_coroutine_raises() -> None:
    async def fail() -> None:
        raise TimeoutError("its own")

    async def work(bucket: TaskBucket) -> None:
        with pytest.raises(TimeoutError, match="its own"):
            await bucket.run_in_thread(lambda: bucket.run_sync(fail()))

    run(with_pool(work))


def test_run_sync_over_time_cancels_the_coroutine() -> None:
    async def work(bucket: TaskBucket) -> None:
        cancelled = asyncio.Event()

        async def wait() -> None:
            try:
                await forever()
            finally:
                cancelled.set()

        with pytest.raises(TimeoutError, match=r"a synchronous call did not end within 0\.01 s"):
            await bucket.run_in_thread(lambda: bucket.run_sync(wait(), 0.01))
        await cancelled.wait()

    run(with_pool(work))


def test_run_sync_has_the_configured_limit() -> None:
    async def work(bucket: TaskBucket) -> None:
        bucket._duly.config.lifecycle.run_sync_timeout_seconds = 0.02
        with pytest.raises(TimeoutError, match=r"within 0\.02 s"):
            await bucket.run_in_thread(lambda: bucket.run_sync(forever()))

    run(with_pool(work))


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_run_sync_refuses_a_limit_that_is_not_positive(limit: float) -> None:
    async def work(bucket: TaskBucket) -> None:
        coroutine = forever()
        with pytest.raises(ValueError, match=f"timeout_seconds must be greater than 0, not {limit}"):
            await bucket.run_in_thread(lambda: bucket.run_sync(coroutine, limit))
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED

    run(with_pool(work))


def test_run_sync_on_the_loop_is_refused_and_the_coroutine_closed() -> None:
    async def work(bucket: TaskBucket) -> None:
        coroutine = forever()
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            bucket.run_sync(coroutine)
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED

    run(with_pool(work))


def test_run_sync_is_cancelled_when_the_owner_stops() -> None:
    async def work(bucket: TaskBucket) -> None:
        begun = asyncio.Event()

        async def wait() -> None:
            begun.set()
            await forever()

        call = asyncio.create_task(bucket.run_in_thread(lambda: bucket.run_sync(wait())))
        await begun.wait()
        await bucket.cancel_all()
        await asyncio.wait({call})
        assert call.cancelled()

    run(with_pool(work))


def test_post_to_loop_calls_soon_on_the_loop() -> None:
    async def work(bucket: TaskBucket) -> None:
        called, threads = asyncio.Event(), list[int]()

        def note(*numbers: int) -> None:
            threads.extend((threading.get_ident(), *numbers))
            called.set()

        await bucket.run_in_thread(bucket.post_to_loop, note, 1, 2)
        await called.wait()
        assert threads == [threading.get_ident(), 1, 2]

    run(with_pool(work))


def test_run_on_loop_thread_gives_the_result_or_raises() -> None:
    async def work(bucket: TaskBucket) -> None:
        def divide(a: int, b: int) -> tuple[float, int]:
            return a / b, threading.get_ident()

        home = threading.get_ident()
        assert await bucket.run_on_loop_thread(divide, 4, 2) == (2.0, home)
        elsewhere = await bucket.run_in_thread(lambda: asyncio.run(bucket.run_on_loop_thread(divide, 6, b=2)))
        assert elsewhere == (3.0, home)
        with pytest.raises(ZeroDivisionError):
            await bucket.run_in_thread(lambda: asyncio.run(bucket.run_on_loop_thread(divide, 1, 0)))

    run(with_pool(work))


def test_what_is_for_a_loop_that_has_ended_is_dropped_or_refused() -> None:
    kept: list[TaskBucket] = []

    async def keep(bucket: TaskBucket) -> None:
        kept.append(bucket)

    run(with_pool(keep))
    kept[0].post_to_loop(pytest.fail, "called on a loop that has ended")
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        asyncio.run(kept[0].run_on_loop_thread(sync_function, 1))


def test_cancel_all_sync_works_from_another_thread() -> None:
    async def work(bucket: TaskBucket) -> None:
        task = bucket.spawn(forever())
        await bucket.run_in_thread(bucket.cancel_all_sync)
        await asyncio.wait({task})
        assert task.cancelled()

    run(with_pool(work))


def sync_function(a: int, *, b: int = 1) -> tuple[int, str]:
    return a + b, threading.current_thread().name.partition("_")[0]


async def async_function(a: int, *, b: int = 1) -> tuple[int, str]:
    return a + b, threading.current_thread().name.partition("_")[0]


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: int, **kwargs: int) -> Any:  # noqa: ANN401 - that of the function
        return function(*args, **kwargs)

    return wrapper


def undeclared(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: int, **kwargs: int) -> Any:  # noqa: ANN401 - that of the function
        return function(*args, **kwargs)

    return wrapper


class AsyncObject:
    async def __call__(self, a: int, *, b: int = 1) -> tuple[int, str]:
        return await async_function(a, b=b)

    async def method(self, a: int, *, b: int = 1) -> tuple[int, str]:
        return await async_function(a, b=b)


class SyncObject:
    def __call__(self, a: int, *, b: int = 1) -> tuple[int, str]:
        return sync_function(a, b=b)


ASYNC = {
    "function": async_function,
    "partial": functools.partial(async_function, b=1),
    "callable object": AsyncObject(),
    "partial of a callable object": functools.partial(AsyncObject(), b=1),
    "bound method": AsyncObject().method,
    "decorated": decorated(async_function),
    "decorated partial": decorated(functools.partial(async_function, b=1)),
}
SYNC = {
    "function": sync_function,
    "partial": functools.partial(sync_function, b=1),
    "callable object": SyncObject(),
    "decorated": decorated(sync_function),
    "class": int,
    "builtin": len,
}


@pytest.mark.parametrize("function", ASYNC.values(), ids=ASYNC)
def test_an_async_callable_is_recognised_and_awaited_on_the_loop(function: Callable[..., Any]) -> None:
    async def work(bucket: TaskBucket) -> None:
        assert await bucket.make_async_adapter(function)(2, b=1) == (3, "MainThread")

    assert is_async_callable(function)
    run(with_pool(work))


@pytest.mark.parametrize("function", SYNC.values(), ids=SYNC)
def test_a_sync_callable_is_recognised(function: Callable[..., Any]) -> None:
    assert not is_async_callable(function)


def test_a_sync_callable_is_called_in_the_pool() -> None:
    async def work(bucket: TaskBucket) -> None:
        assert await bucket.make_async_adapter(sync_function)(2, b=5) == (7, "duly-sync")

    run(with_pool(work))


def test_an_async_callable_behind_an_unknown_wrapper_is_awaited_all_the_same() -> None:
    async def work(bucket: TaskBucket) -> None:
        assert await bucket.make_async_adapter(undeclared(async_function))(2) == (3, "MainThread")

    run(with_pool(work))


def test_an_adapter_has_the_signature_of_its_function() -> None:
    adapter = House().task_bucket.make_async_adapter(sync_function)
    assert inspect.iscoroutinefunction(adapter)
    assert inspect.signature(adapter) == inspect.signature(sync_function)

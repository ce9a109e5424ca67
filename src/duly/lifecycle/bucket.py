"""The tasks of one part, so that they end with it.

Tasks live on the loop on which their part was started; only that loop's thread touches the set. Other threads hand
coroutines over, see ``crossing``.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
from contextvars import ContextVar, copy_context
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from duly.lifecycle.callables import async_adapter
from duly.lifecycle.crossing import call_for, hand_over, pass_on, post, running_loop
from duly.lifecycle.logs import PartLogger, SourceTier
from duly.lifecycle.virtual_time import wait_in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from contextvars import Context, Token

    from duly.lifecycle.root import Root

P = ParamSpec("P")
T = TypeVar("T")

_HANDLE_SECONDS = 10.0
"""How long another thread waits for the loop to take a coroutine."""
_HOPS = 4
"""Turns of the loop after which whoever awaits a task has seen how it ended; ``asyncio.wait`` needs three."""

_current: ContextVar[TaskBucket | None] = ContextVar("duly_task_bucket", default=None)


class TaskBucket:
    """Owns the tasks of one part; the set is guarded by the loop, which is the one it is first used on.

    Always true, also when empty.
    """

    def __init__(self, duly: Root, owner: str, source_tier: SourceTier = "framework") -> None:
        self.owner = owner
        """Unique name of the part."""
        self._source_tier: SourceTier = source_tier
        self._duly = duly
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sealed = False

    @cached_property
    def logger(self) -> PartLogger:
        """Made when there is something to say: buckets are many."""
        return PartLogger(f"{self.owner}.TaskBucket", self._source_tier, self._duly.config.logging.task_bucket)

    def __len__(self) -> int:
        return len(self._tasks)

    def __bool__(self) -> bool:
        return True

    def pending_tasks(self) -> list[asyncio.Task[Any]]:
        """The tasks that have not ended: a snapshot."""
        return list(self._tasks)

    # --- the life of the bucket: its part opens and seals it ---------------------------------------------------------

    @property
    def sealed(self) -> bool:
        """Whether its owner has stopped."""
        return self._sealed

    def open(self) -> None:
        """Take tasks, from now on on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._sealed = False

    def seal(self) -> None:
        """Take no more tasks."""
        self._sealed = True

    def enter(self) -> Token[TaskBucket | None]:
        """Make it the bucket of the current context: plain ``create_task`` lands here. Hand the token to ``leave``."""
        return _current.set(self)

    def leave(self, token: Token[TaskBucket | None]) -> None:
        """Undo ``enter``."""
        _current.reset(token)

    # --- tasks -------------------------------------------------------------------------------------------------------

    def spawn(self, coro: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Start a task, from any thread; off the loop the call waits until the loop has taken it.

        Raises:
            RuntimeError: the owner has stopped, or the loop did not take it within 10 s; the coroutine is closed.
        """
        loop = self._home(coro)
        if running_loop() is loop:
            return self._create(coro, name)
        taken: concurrent.futures.Future[asyncio.Task[T]] = concurrent.futures.Future()
        hand_over(loop, coro, taken, lambda: taken.set_result(self._create(coro, name)))
        try:
            return taken.result(_HANDLE_SECONDS)
        except TimeoutError:
            if not taken.cancel():
                return taken.result()
            raise RuntimeError(
                f"the event loop did not take a task of {self.owner} within {_HANDLE_SECONDS:g} s: it is blocked"
            ) from None

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Hold a task made elsewhere on the loop."""
        if task not in self._tasks:
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def cancel_all(self, timeout_seconds: float | None = None) -> None:
        """Cancel all but the caller's own task and wait for their ends; stragglers are named in a WARNING.

        ``None`` waits ``lifecycle.task_cancellation_timeout_seconds``. What goes on after half of it, as a task does
        that swallows its cancellation, is cancelled once more.
        """
        limit = self._duly.config.lifecycle.task_cancellation_timeout_seconds
        if timeout_seconds is not None:
            limit = min(limit, timeout_seconds)
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        end = loop.time() + limit
        while (pending := self._tasks - {own}) and (left := end - loop.time()) > 0:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=min(limit / 2, left))
        if pending:
            names = ", ".join(sorted(task.get_name() for task in pending))
            self.logger.warning("%s: tasks go on %g s after they were cancelled: %s", self.owner, limit, names)

    def cancel_all_sync(self) -> None:
        """Cancel all but the caller's own task, without waiting; from any thread."""
        own = asyncio.current_task() if running_loop() is not None else None
        self.post_to_loop(self._cancel_others, own)

    # --- threads -----------------------------------------------------------------------------------------------------

    async def run_in_thread(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it in the worker pool and give its result; see ``WorkerPoolService.run``."""
        return await self._duly.worker_pool.run(fn, *args, **kwargs)

    def make_async_adapter(self, fn: Callable[P, Any]) -> Callable[P, Awaitable[Any]]:
        """An async callable of the same signature: awaits an async ``fn``, calls a sync one in the worker pool."""
        return async_adapter(fn, self.run_in_thread)

    def run_sync(self, coro: Coroutine[Any, Any, T], timeout_seconds: float | None = None) -> T:
        """Await it on the loop while the calling thread waits; ``None``: ``lifecycle.run_sync_timeout_seconds``.

        Raises:
            RuntimeError: called from within an event loop, or the owner has stopped.
            ValueError: a limit of zero or less.
            TimeoutError: over time; the coroutine is cancelled.
            asyncio.CancelledError: its task was cancelled, as when the owner stops.
        """
        limit = self._checked_limit(coro, timeout_seconds)
        loop = self._home(coro)
        result: concurrent.futures.Future[T] = concurrent.futures.Future()
        tasks: list[asyncio.Task[T]] = []

        def begin() -> None:
            tasks.append(self._create(coro, None))
            tasks[0].add_done_callback(lambda task: pass_on(task, result))

        hand_over(loop, coro, result, begin)
        if not wait_in_thread(loop, result, limit) and not result.cancel():
            post(loop, lambda: [task.cancel() for task in tasks])
            raise TimeoutError(f"a synchronous call did not end within {limit:g} s")
        try:
            return result.result()
        except concurrent.futures.CancelledError:
            if not tasks:
                raise TimeoutError(f"a synchronous call did not begin within {limit:g} s") from None
            raise asyncio.CancelledError(f"a synchronous call of {self.owner} was cancelled") from None

    def post_to_loop(self, fn: Callable[..., object], *args: Any) -> None:  # noqa: ANN401 - as call_soon
        """Call it on the loop soon and do not wait; from any thread. Dropped if the loop has ended."""
        loop = self._loop or running_loop()
        if loop is None:
            raise RuntimeError(f"{self.owner} has no event loop yet: start it first")
        post(loop, fn, *args)

    def call_on_loop(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it on the loop and give its result, while the calling thread waits; on the loop's thread at once.

        Raises:
            RuntimeError: the owner has no event loop, or that has ended.
            TimeoutError: the loop did not take it within ``lifecycle.run_sync_timeout_seconds``: it is not called.
        """
        loop, running = self._loop, running_loop()
        if running is not None and loop in {running, None}:
            return fn(*args, **kwargs)
        if loop is None or not loop.is_running():
            raise RuntimeError(f"the event loop of {self.owner} does not run: start it first")
        limit = self._duly.config.lifecycle.run_sync_timeout_seconds
        result: concurrent.futures.Future[T] = concurrent.futures.Future()
        loop.call_soon_threadsafe(call_for, result, functools.partial(fn, *args, **kwargs))
        if not wait_in_thread(loop, result, limit) and result.cancel():
            raise TimeoutError(f"the event loop of {self.owner} did not take a call within {limit:g} s: it is blocked")
        return result.result()

    async def run_on_loop_thread(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it on the loop and give its result; may be awaited on another loop.

        Raises:
            RuntimeError: the loop has ended.
        """
        if self._loop is None or asyncio.get_running_loop() is self._loop:
            return fn(*args, **kwargs)
        result: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._loop.call_soon_threadsafe(call_for, result, functools.partial(fn, *args, **kwargs))
        return await asyncio.wrap_future(result)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _home(self, coro: Coroutine[Any, Any, Any]) -> asyncio.AbstractEventLoop:
        """The loop to run it on; ``coro`` is closed if there is none."""
        if self._loop is None or self._loop.is_closed():
            self._loop = running_loop()
        if self._sealed:
            coro.close()
            raise RuntimeError(f"{self.owner} has stopped and takes no more tasks")
        if self._loop is None or not self._loop.is_running():
            coro.close()
            raise RuntimeError(f"the event loop of {self.owner} does not run: start it first")
        return self._loop

    def _create(self, coro: Coroutine[Any, Any, T], name: str | None) -> asyncio.Task[T]:
        if self._sealed:
            coro.close()
            raise RuntimeError(f"{self.owner} has stopped and takes no more tasks")
        context = copy_context()
        context.run(_current.set, self)
        task = asyncio.get_running_loop().create_task(coro, name=name, context=context)
        self.adopt(task)
        return task

    def _checked_limit(self, coro: Coroutine[Any, Any, Any], given: float | None) -> float:
        if running_loop() is not None:
            coro.close()
            raise RuntimeError("called from within an event loop: await the async method instead")
        limit = self._duly.config.lifecycle.run_sync_timeout_seconds if given is None else given
        if not limit > 0:
            coro.close()
            raise ValueError(f"timeout_seconds must be greater than 0, not {given!r}")
        return limit

    def _cancel_others(self, own: asyncio.Task[Any] | None) -> None:
        for task in self._tasks - {own}:
            task.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._report(task, _HOPS)

    def _report(self, task: asyncio.Task[Any], hops: int) -> None:
        """Log what a task has raised, once whoever awaits it has had the time to see it."""
        if not task._log_traceback:  # noqa: SLF001 - how asyncio knows that nobody saw it
            return
        if hops:
            task.get_loop().call_soon(self._report, task, hops - 1)
            return
        error = task.exception()  # from now on asyncio counts it as seen
        self.logger.error("%s: task %s ended with an error", self.owner, task.get_name(), exc_info=error)


def current_bucket() -> TaskBucket | None:
    """The bucket of the part in whose context this is called."""
    return _current.get()


def install_task_factory(loop: asyncio.AbstractEventLoop, fallback: TaskBucket) -> None:
    """Let every task made on ``loop`` land in the bucket of its context.

    ``fallback`` takes those of a context without bucket, or whose bucket is sealed.
    """

    def factory(
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        context: Context | None = None,
        **options: Any,  # noqa: ANN401 - those of asyncio, which grow with its versions
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context, **options)
        bucket = _current.get() if context is None else context.get(_current)
        (fallback if bucket is None or bucket.sealed else bucket).adopt(task)
        return task

    loop.set_task_factory(factory)

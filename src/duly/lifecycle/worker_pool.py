"""The pool of threads for sync code of users, as a service: never Duly's own blocking work.

A caller's limit also covers its wait for a free worker, because it is a limit on awaiting ``run``: cancelled while it
waits, a call is never made, and the error says that no worker was free; cancelled while it is made, it keeps its
worker, since nobody can stop a thread, and is counted as leaked.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, cast

from duly.core import clock as clocks
from duly.core.once_per import OncePer
from duly.lifecycle.crossing import post
from duly.lifecycle.restart import RestartSpec, RestartType
from duly.lifecycle.service import Service
from duly.lifecycle.virtual_time import begin_in_thread, tell_of_threads
from duly.lifecycle.worker_threads import Call, RunningCall, WorkerThreads

if TYPE_CHECKING:
    from collections.abc import Callable

    from duly.lifecycle.resource import Resource
    from duly.lifecycle.root import Root

P = ParamSpec("P")
T = TypeVar("T")

NO_WORKER_FREE = "no worker was free"

_SATURATED = 0.75
_WARNING_SECONDS = 30
_SHOWN = 5
_OF_THE_PHASE = 0.9
"""How much of the phase limit running calls get at the stop: the rest is for saying which did not end."""


def no_worker_was_free(error: BaseException) -> bool:
    """Whether a ``TimeoutError``, or a cancellation, came while a sync call was waiting for a worker."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, asyncio.CancelledError) and cause.args == (NO_WORKER_FREE,):
            return True
        cause = cause.__cause__
    return False


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """The pool at one moment."""

    workers: int
    """The most there may be."""
    busy: int
    waiting: int
    """Calls for which no worker is free."""
    leaked: int
    """Calls under way that have outlived their limit."""
    running: tuple[RunningCall, ...]
    """Longest first."""


class WorkerPoolService(Service):
    """Owns the worker threads from its start to its stop; guarded by the event loop."""

    restart_spec: ClassVar[RestartSpec] = RestartSpec(
        restart_type=RestartType.PERMANENT, budget_intensity=2, budget_period_seconds=30.0
    )

    def __init__(self, duly: Root, *, parent: Resource | None = None, max_workers: int | None = None) -> None:
        """Make a pool of at most ``max_workers`` threads; ``None``: 4 more than processors, but no more than 32."""
        super().__init__(duly, parent=parent)
        self.max_workers = min(32, (os.cpu_count() or 1) + 4) if max_workers is None else max_workers
        self._threads: WorkerThreads | None = None
        self._used = asyncio.Event()
        """Whether calls have come in since nobody was at work."""
        self._warnings = OncePer(_WARNING_SECONDS)

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it in a worker, in a copy of the caller's context, and give its result.

        Raises:
            RuntimeError: the pool does not run.
            asyncio.CancelledError: also without request, if the pool stops before the call has begun.
        """
        threads = self._threads
        if threads is None:
            raise RuntimeError("the worker pool does not run: start it first")
        call = Call(partial(fn, *args, **kwargs), _name_of(fn))
        begin_in_thread(partial(_submit, threads, call))
        self._used.set()
        self._warn_if_saturated(threads)
        try:
            return cast("T", await call.future)
        except asyncio.CancelledError:
            if threads.withdraw(call):
                raise asyncio.CancelledError(NO_WORKER_FREE) from None
            raise

    def snapshot(self) -> PoolSnapshot:
        """How busy it is, and with what."""
        if self._threads is None:
            return PoolSnapshot(self.max_workers, 0, 0, 0, ())
        busy, waiting = self._threads.load()
        running = tuple(self._threads.running())
        return PoolSnapshot(self.max_workers, busy, waiting, sum(call.leaked for call in running), running)

    async def on_initialize(self) -> None:
        """Take calls."""
        self._threads = WorkerThreads(self.max_workers)
        self._used = asyncio.Event()
        tell_of_threads(self._threads.at_work)

    async def serve(self) -> None:
        """Look every 30 s, while calls go on, whether all workers are stuck: then none comes in that would show it."""
        self.mark_ready("takes calls")
        while True:
            await self._used.wait()
            await asyncio.sleep(_WARNING_SECONDS)
            if self._threads is None or self._threads.load() == (0, 0):
                self._used.clear()
            else:
                self._warn_if_saturated(self._threads)

    async def on_shutdown(self) -> None:
        """Drop the calls that wait, await those that run, and leave those that do not end."""
        threads, self._threads = self._threads, None
        if threads is None:
            return
        loop, empty = asyncio.get_running_loop(), asyncio.Event()
        for call in threads.close(partial(post, loop, empty.set)):
            call.future.cancel()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.phase_limit * _OF_THE_PHASE):
                    await empty.wait()
        finally:  # also when its end is forced meanwhile
            self._tell_left(threads)

    def _tell_left(self, threads: WorkerThreads) -> None:
        for left in threads.running(stacks=True):
            message = "%s did not end in time and is left behind after %.1f s\n%s"
            self.logger.error(message, left.function, left.seconds, left.stack)

    def _abandon(self) -> set[asyncio.Task[Any]]:
        threads, self._threads = self._threads, None
        if threads is not None:
            for call in threads.close(_nothing):
                call.future.cancel()
            self._tell_left(threads)
        return super()._abandon()

    def _warn_if_saturated(self, threads: WorkerThreads) -> None:
        busy, waiting = threads.load()
        if busy < _SATURATED * threads.limit or not self._warnings.due(clocks.current().monotonic()):
            return
        running = threads.running()
        longest = ", ".join(f"{call.function} ({call.seconds:.1f} s)" for call in running[:_SHOWN])
        self.logger.warning(
            "worker threads: %s of %s busy, %s waiting, %s leaked; longest running: %s",
            busy,
            threads.limit,
            waiting,
            sum(call.leaked for call in running),
            longest or "none yet",
        )


def _name_of(fn: Callable[..., Any]) -> str:
    while isinstance(fn, partial):
        fn = fn.func
    name = getattr(fn, "__qualname__", None) or type(fn).__qualname__
    return f"{getattr(fn, '__module__', None) or type(fn).__module__}.{name}"


def _submit(threads: WorkerThreads, call: Call) -> None:
    if not call.future.done():
        try:
            threads.submit(call)
        except RuntimeError as error:
            call.future.set_exception(error)


def _nothing() -> None:
    """Nobody waits for the threads of a pool that was forced to end."""

"""The tasks in which jobs and handlers run.

A task of its own for each run would cost more than most runs do. So runs wait in a queue, and a worker task takes one
after the other; another worker is started only when something waits although all workers are suspended. The *pump*
finds that out: it is called behind the newest worker, and again for as long as something waits.

What runs are made of may wait elsewhere, as the events of a bus do: then ``feed`` makes the next runs of it when the
queue is empty, so that each is made when its turn comes.

A worker ends, and leaves the rest to the next, when a run has changed the context variables of its task or its task
was cancelled, and after a batch, so that whatever else is on the loop gets its turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from duly.lifecycle.bucket import TaskBucket

RunT = TypeVar("RunT")

_BATCH = 64
_BATCH_SECONDS = 0.005
_SHOWN = 5
"""How many names a line of the log has."""


class WorkerTasks(Generic[RunT]):
    """Owns the runs that nobody has begun with, and knows the tasks of the others. Guarded by the event loop."""

    def __init__(
        self,
        bucket: TaskBucket,
        perform: Callable[[RunT], Coroutine[Any, Any, None]],
        *,
        name: str,
        feed: Callable[[], bool] | None = None,
    ) -> None:
        """``name`` is that of its tasks. ``feed`` submits what is next; it gives whether there is more to be had."""
        self._bucket = bucket
        self._perform = perform
        self._name = name
        self._feed = feed or _nothing
        self._queue: deque[RunT] = deque()
        self._tasks: dict[RunT, asyncio.Task[None] | None] = {}
        """Who has taken a run; ``None``: nobody yet."""
        self._pumping = False
        self._open = False
        self._context = Context()

    def __len__(self) -> int:
        """How many wait for a worker, or are with one."""
        return len(self._tasks)

    @property
    def waiting(self) -> int:
        """How many wait for a worker to take them."""
        return len(self._queue)

    def open(self) -> None:
        """Begin with what waits; the context of the caller is that of all runs."""
        self._context = copy_context()
        self._open = True
        self._pumping = False
        self.wake()

    def close(self) -> None:
        """Begin with nothing more; what has begun goes on."""
        self._open = False

    def wake(self) -> None:
        """There is something to be had, or will be before the next turn of the loop."""
        if self._open and not self._pumping:
            self._pump_soon()

    def submit(self, run: RunT) -> None:
        """Carry it out."""
        self._queue.append(run)
        self._tasks[run] = None
        if self._open and not self._pumping:
            self._pump_soon()

    async def carry_out(self, run: RunT) -> None:
        """Carry it out at once, in a task of its own; until its end."""
        task = self._tasks[run] = self._bucket.spawn(self._perform(run), name=self._name)
        task.add_done_callback(lambda _: self._tasks.pop(run, None))
        await asyncio.wait({task})

    def holds(self, run: RunT) -> bool:
        """Whether it waits for a worker to take it."""
        return run in self._tasks and self._tasks[run] is None

    def has_begun(self, run: RunT) -> bool:
        """Whether a worker has taken it, and has not ended it."""
        return self._tasks.get(run) is not None

    def cancel(self, run: RunT) -> None:
        """Cancel the task of a run that has begun."""
        task = self._tasks.get(run)
        if task is not None:
            task.cancel()

    def withdraw(self) -> list[RunT]:
        """Take back what no worker has begun with."""
        runs = list(self._queue)
        self._queue.clear()
        for run in runs:
            del self._tasks[run]
        return runs

    def in_flight(self) -> dict[RunT, asyncio.Task[None]]:
        """The runs that have begun, and their tasks."""
        return {run: task for run, task in self._tasks.items() if task is not None}

    async def left_after(self, seconds: float) -> list[RunT]:
        """Of the runs that have begun, those that do not end within so many seconds."""
        in_flight = self.in_flight()
        if in_flight:
            await asyncio.wait(in_flight.values(), timeout=seconds)
        return [run for run, task in in_flight.items() if not task.done()]

    def _pump_soon(self) -> None:
        self._pumping = True
        asyncio.get_running_loop().call_soon(self._pump, context=self._context)

    def _pump(self) -> None:
        """Start a worker if runs wait, and look again behind it: it may not take them all in its first step."""
        self._pumping = False
        if not self._open:
            return
        more = not self._queue and self._feed()
        if self._queue:
            self._bucket.spawn(self._work(), name=self._name)
            more = True
        if more and not self._pumping:
            self._pump_soon()

    async def _work(self) -> None:
        loop, pristine = asyncio.get_running_loop(), copy_context()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a task
        end, queue = loop.time() + _BATCH_SECONDS, self._queue
        for _ in range(_BATCH):
            if not queue and self._open:
                self._feed()
            if not (queue and self._open):
                return
            run = queue.popleft()
            self._tasks[run] = task
            try:
                await self._perform(run)
            finally:
                del self._tasks[run]
            if task.cancelling() or loop.time() > end or copy_context() != pristine:
                return


def some_names(names: Iterable[str]) -> str:
    """Names for a line of the log, some of them if they are many."""
    found = sorted(set(names))
    return ", ".join(found[:_SHOWN]) + (" and more" if len(found) > _SHOWN else "")


def _nothing() -> bool:
    """All runs are submitted."""
    return False

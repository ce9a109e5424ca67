"""Time limits of executions.

Works as ``asyncio.timeout`` does, but has no timer of its own per call: those with the same limit run out in the order
in which they began, so one timer per limit suffices, set for the first of them that has not ended.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from duly.lifecycle.worker_pool import NO_WORKER_FREE, no_worker_was_free


class Deadline:
    """``with deadline:`` cancels the body when its time is up; the body then raises ``TimeoutError``."""

    __slots__ = ("_cancelling", "_queue", "_task", "at", "reached")

    def __init__(self, queue: _Queue, seconds: float) -> None:
        loop = queue.loop
        self.at = loop.time() + seconds
        """When, by the clock of the loop."""
        self.reached = False
        self._queue = queue
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - executions run in tasks
        self._task = task
        self._cancelling = 0

    def __enter__(self) -> Self:
        self._cancelling = self._task.cancelling()
        self._queue.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.discard(self)
        if not self.reached:
            return
        outer = self._task.uncancel() > self._cancelling
        if not outer and isinstance(error, asyncio.CancelledError):
            raise TimeoutError(*([NO_WORKER_FREE] if no_worker_was_free(error) else [])) from error

    def reach(self) -> None:
        """The time is up."""
        self.reached = True
        self._task.cancel()


class Deadlines:
    """Owns the timers. Guarded by the loop."""

    def __init__(self) -> None:
        self._queues: dict[float, _Queue] = {}

    def after(self, seconds: float) -> Deadline:
        """A deadline for the current task, ``seconds`` from now."""
        loop = asyncio.get_running_loop()
        queue = self._queues.get(seconds)
        if queue is None or queue.loop is not loop:
            self._queues = {limit: queue for limit, queue in self._queues.items() if queue and queue.loop is loop}
            queue = self._queues[seconds] = _Queue(loop)
        return Deadline(queue, seconds)


class _Queue:
    """The deadlines of one limit, first to come first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._live: dict[Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._live)

    def add(self, deadline: Deadline) -> None:
        self._live[deadline] = None
        if self._timer is None:
            self._timer = self.loop.call_at(deadline.at, self._run_out)

    def discard(self, deadline: Deadline) -> None:
        self._live.pop(deadline, None)

    def _run_out(self) -> None:
        self._timer = None
        now = self.loop.time()
        while (first := next(iter(self._live), None)) is not None:
            if first.at > now:
                self._timer = self.loop.call_at(first.at, self._run_out)
                return
            del self._live[first]
            first.reach()

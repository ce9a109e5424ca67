"""Floors: what asyncio itself costs when nobody keeps jobs, names, policies or accounts."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from benchmarks.subjects import noop
from benchmarks.subjects.protocols import Job


class CallAt:
    """One timer of the event loop per job; each run is a task."""

    distribution: ClassVar[str | None] = None
    asynchronous: ClassVar[bool] = True

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timers: dict[int, asyncio.TimerHandle] = {}

    async def start(self) -> None:
        """The loop runs already."""

    async def stop(self) -> None:
        """Cancel timers and tasks."""
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()

    async def hourly(self, count: int) -> list[asyncio.TimerHandle]:
        """Set timers."""
        loop = asyncio.get_running_loop()
        moment = loop.time() + 3600
        return [loop.call_at(moment, noop.plain) for _ in range(count)]

    async def cancel(self, handles: Sequence[asyncio.TimerHandle]) -> None:
        """Cancel timers."""
        for handle in handles:
            handle.cancel()

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """Set a timer per job, and again in each run."""
        for index, first in enumerate(firsts):
            self._arm(job, index, first)

    def _arm(self, job: Job, index: int, nominal: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers[index] = loop.call_at(loop.time() + nominal - time.time(), self._tick, job, index, nominal)

    def _tick(self, job: Job, index: int, nominal: float) -> None:
        self._arm(job, index, nominal + 1)
        self._spawn(job, index)

    def _spawn(self, job: Job, *args: object) -> None:
        task = asyncio.get_running_loop().create_task(job(*args))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class CallAtSecond(CallAt):
    """The same, all of them on whole seconds."""

    whole_seconds: ClassVar[bool] = True


class TaskEach:
    """One task per job, and nothing else."""

    distribution: ClassVar[str | None] = None
    asynchronous: ClassVar[bool] = True

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        """The loop runs already."""

    async def stop(self) -> None:
        """Cancel what is left."""
        for task in self._tasks:
            task.cancel()

    async def once(self, job: Job, count: int, due: float) -> None:
        """Make all tasks at the moment, from one timer."""
        asyncio.get_running_loop().call_later(due - time.time(), self._spawn, job, count)

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """Tasks that sleep until the next moment and run the job themselves."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(_each_second(job, index, first)) for index, first in enumerate(firsts)]

    def _spawn(self, job: Job, count: int) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(job()) for _ in range(count)]


async def _each_second(job: Job, index: int, nominal: float) -> None:
    while True:
        await asyncio.sleep(nominal - time.time())
        await job(index)
        nominal += 1

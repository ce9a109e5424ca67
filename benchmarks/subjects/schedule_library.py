"""The ``schedule`` library: a list of jobs that the program itself asks to run what is due."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

import schedule

from benchmarks.subjects import noop
from benchmarks.subjects.protocols import Job


class Schedule:
    """Runs jobs in the thread that asks."""

    distribution: ClassVar[str | None] = "schedule"
    asynchronous: ClassVar[bool] = False

    def __init__(self) -> None:
        self._scheduler: Any = schedule.Scheduler()

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Forget all jobs."""
        self._scheduler.clear()

    async def hourly(self, count: int) -> list[Any]:
        """Register as its users do."""
        return [self._scheduler.every(1).hours.do(noop.plain) for _ in range(count)]

    async def cancel(self, handles: Sequence[Any]) -> None:
        """Cancel by job."""
        for job in handles:
            self._scheduler.cancel_job(job)

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register hourly jobs, move them to ``due``, and ask once as soon as they are due."""
        moment = datetime.fromtimestamp(due)  # noqa: DTZ006 - the library compares naive local times
        for _ in range(count):
            self._scheduler.every(1).hours.do(job).next_run = moment
        asyncio.get_running_loop().call_later(due - time.time() + 0.001, self._scheduler.run_pending)

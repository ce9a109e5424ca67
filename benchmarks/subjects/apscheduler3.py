"""APScheduler 3, with its store in memory, the default."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.background import BackgroundScheduler

from benchmarks.subjects import noop
from benchmarks.subjects.protocols import WORKERS, Job


class Threads:
    """``BackgroundScheduler`` and a thread pool."""

    distribution: ClassVar[str | None] = "apscheduler"
    asynchronous: ClassVar[bool] = False
    noop: ClassVar[Job] = staticmethod(noop.plain)
    import_line: ClassVar[str] = "from apscheduler.schedulers.background import BackgroundScheduler"
    first_job: ClassVar[str] = """
from apscheduler.schedulers.background import BackgroundScheduler
scheduler = BackgroundScheduler()
scheduler.start()
scheduler.add_job(job)
ran.wait()
scheduler.shutdown()
"""

    def __init__(self) -> None:
        self._scheduler: Any = self._make()

    def _make(self) -> object:
        return BackgroundScheduler(executors={"default": ThreadPoolExecutor(WORKERS)}, timezone=UTC)

    async def start(self) -> None:
        """Start its thread."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Shut down; the asyncio scheduler does so in its next turn."""
        self._scheduler.shutdown()
        await asyncio.sleep(0.01)

    async def hourly(self, count: int) -> list[str]:
        """Register through ``add_job``."""
        add_job, job = self._scheduler.add_job, self.noop
        return [add_job(job, "interval", hours=1, id=f"job-{index}").id for index in range(count)]

    async def cancel(self, handles: Sequence[str]) -> None:
        """Remove by id."""
        for job_id in handles:
            self._scheduler.remove_job(job_id)

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register while paused: it would wake up for every single job, and have all of that still to do when due."""
        moment = datetime.fromtimestamp(due, UTC)
        self._scheduler.pause()
        for index in range(count):
            self._scheduler.add_job(job, "date", run_date=moment, id=f"job-{count}-{index:07}", misfire_grace_time=None)
        self._scheduler.resume()

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """Register intervals of a second."""
        options = {"seconds": 1, "misfire_grace_time": None}
        for index, first in enumerate(firsts):
            moment = datetime.fromtimestamp(first, UTC)
            self._scheduler.add_job(job, "interval", args=(index,), start_date=moment, id=f"job-{index}", **options)


class Asyncio(Threads):
    """``AsyncIOScheduler`` with coroutine functions."""

    asynchronous: ClassVar[bool] = True
    noop: ClassVar[Job] = staticmethod(noop.coroutine)

    def _make(self) -> object:
        return AsyncIOScheduler(timezone=UTC)

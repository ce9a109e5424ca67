"""APScheduler 4 (alpha), with its store in memory, the default. It needs an environment of its own."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from apscheduler import AsyncScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from benchmarks.subjects import noop
from benchmarks.subjects.protocols import Job


class Asyncio:
    """``AsyncScheduler`` with coroutine functions."""

    distribution: ClassVar[str | None] = "apscheduler"
    asynchronous: ClassVar[bool] = True
    import_line: ClassVar[str] = "from apscheduler import AsyncScheduler"
    first_job: ClassVar[str] = """
import asyncio
from apscheduler import AsyncScheduler
async def main():
    async with AsyncScheduler() as scheduler:
        await scheduler.start_in_background()
        await scheduler.add_job(job)
        await asyncio.to_thread(ran.wait)
asyncio.run(main())
"""

    def __init__(self) -> None:
        self._scheduler: Any = AsyncScheduler(max_concurrent_jobs=1_000_000)

    async def start(self) -> None:
        """Start its tasks on this loop."""
        await self._scheduler.__aenter__()
        await self._scheduler.start_in_background()

    async def stop(self) -> None:
        """End its tasks."""
        await self._scheduler.__aexit__(None, None, None)

    async def hourly(self, count: int) -> list[str]:
        """Register through ``add_schedule``; an interval of its would begin at once, hence the start time."""
        add_schedule, start = self._scheduler.add_schedule, datetime.now(UTC) + timedelta(hours=1)
        return [
            await add_schedule(noop.coroutine, IntervalTrigger(hours=1, start_time=start), id=f"job-{index}")
            for index in range(count)
        ]

    async def cancel(self, handles: Sequence[str]) -> None:
        """Remove by id."""
        for schedule_id in handles:
            await self._scheduler.remove_schedule(schedule_id)

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register one-shot schedules."""
        moment = datetime.fromtimestamp(due, UTC)
        for index in range(count):
            await self._scheduler.add_schedule(job, DateTrigger(moment), id=f"job-{count}-{index:07}")

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """Register intervals of a second."""
        for index, first in enumerate(firsts):
            trigger = IntervalTrigger(seconds=1, start_time=datetime.fromtimestamp(first, UTC))
            await self._scheduler.add_schedule(job, trigger, id=f"job-{index}", args=(index,))

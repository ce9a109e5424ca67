"""Many jobs of all kinds, which are always at work."""

import asyncio
from collections.abc import Callable
from itertools import count

from duly.apps import App
from duly.core.policy import MisfireName, ModeName
from duly.core.scheduled_job import ScheduledJob
from duly.scheduler import Every

JOBS = 96
MODES: tuple[ModeName, ...] = ("single", "queued", "restart", "parallel")
MISFIRES: tuple[MisfireName, ...] = ("run_once", "run_all", "skip")


class Busy(App):
    """Runs them every second, and some by hand besides."""

    async def on_initialize(self) -> None:
        """Schedule them all at once."""
        self._failures = count()
        jobs = await asyncio.gather(*(self._scheduled(number) for number in range(JOBS)))
        self.task_bucket.spawn(self._run_by_hand(jobs))

    async def quick(self) -> None:
        """Do nothing."""

    def quick_in_a_thread(self) -> None:
        """Do nothing."""

    async def slow(self) -> None:
        """Be busy past the next slot."""
        await asyncio.sleep(1.3)

    async def failing(self) -> None:
        """Fail, but for every third time."""
        if next(self._failures) % 3:
            raise ValueError("no milk")

    async def _scheduled(self, number: int) -> ScheduledJob:
        kinds: tuple[Callable[..., object], ...] = (self.slow, self.failing, self.quick_in_a_thread, self.quick)
        func = kinds[min(number // 12, 3)]  # of the first three one for each mode and misfire
        return await self.scheduler.schedule(
            func,
            Every(seconds=1),
            f"job-{number}",
            mode=MODES[number % 4],
            misfire=MISFIRES[number % 3],
            retries=2 if number // 12 == 1 else 0,
            retry_delay=0.2,
        )

    async def _run_by_hand(self, jobs: list[ScheduledJob]) -> None:
        for number in count():
            await asyncio.sleep(0.1)
            if not self.scheduler.list_jobs():
                return  # it stops
            self.scheduler.run_job_now(jobs[number % 24])

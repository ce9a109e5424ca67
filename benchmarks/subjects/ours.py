"""Duly, by its public names."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from benchmarks.subjects import noop
from benchmarks.subjects.protocols import WORKERS, Job
from duly import IntervalTrigger, OnceTrigger, Scheduler, every


class Threads:
    """Plain functions in the pool."""

    distribution: ClassVar[str | None] = "duly"
    asynchronous: ClassVar[bool] = False
    noop: ClassVar[Job] = staticmethod(noop.plain)
    import_line: ClassVar[str] = "from duly import Scheduler"
    first_job: ClassVar[str] = """
from duly import Scheduler
with Scheduler() as scheduler:
    scheduler.schedule(job)
    ran.wait()
"""

    def __init__(self, history: Path | None = None) -> None:
        self._scheduler = Scheduler(max_workers=WORKERS, history=history)
        self._bursts = 0

    async def start(self) -> None:
        """Start the driver."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Wait until all threads have ended."""
        self._scheduler.stop()

    async def hourly(self, count: int) -> list[str]:
        """Register through ``schedule``."""
        schedule, job = self._scheduler.schedule, self.noop
        return [schedule(job, f"job-{index}", every(hours=1)) for index in range(count)]

    async def cancel(self, handles: Sequence[str]) -> None:
        """Cancel by id."""
        for job_id in handles:
            self._scheduler.cancel(job_id)

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register one-shot jobs."""
        moment = datetime.fromtimestamp(due, UTC)
        self._bursts += 1
        prefix = f"job-{self._bursts}-"
        for index in range(count):
            self._scheduler.schedule(job, f"{prefix}{index}", OnceTrigger(moment))

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """Register intervals of a second."""
        for index, first in enumerate(firsts):
            trigger = IntervalTrigger(seconds=1, start_time=datetime.fromtimestamp(first, UTC))
            self._scheduler.schedule(job, f"job-{index}", trigger, (index,))


class Async(Threads):
    """Coroutine functions on the scheduler's own loop."""

    asynchronous: ClassVar[bool] = True
    noop: ClassVar[Job] = staticmethod(noop.coroutine)

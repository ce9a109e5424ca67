"""What apps of Duly and of hassette have in common: they are written alike, and register jobs alike."""

from collections.abc import Sequence
from itertools import cycle, islice
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from whenever import Instant

from benchmarks.subjects import noop
from benchmarks.subjects.protocols import Job

APP = """
from {library} import App, AppConfig

class Benchmark(App[AppConfig]):
    pass
"""
FIRST_JOB = """
import os, signal, __main__
from {library} import App, AppConfig

class Benchmark(App[AppConfig]):
    async def on_initialize(self):
        await self.scheduler.run_once(self.job, self.now().subtract(seconds=2), name="job")

    async def job(self):
        __main__.job()
        os.kill(os.getpid(), signal.SIGTERM)
"""
PATIENCE_SECONDS = 30


class Apps:
    """So many apps with coroutine functions as jobs, and a folder for their files. Owned by the event loop."""

    asynchronous: ClassVar[bool] = True
    whole_seconds: ClassVar[bool] = True
    noop: ClassVar[Job] = staticmethod(noop.coroutine)

    def __init__(self, apps: int = 1) -> None:
        self.folder = TemporaryDirectory(prefix="duly-benchmark-")
        self.keys = [f"benchmark_{number}" for number in range(apps)]
        self.schedulers: list[Any] = []
        """One of each app, once they have started."""
        self.buses: list[Any] = []
        """As above."""
        self._bursts = 0

    async def hourly(self, count: int) -> list[Any]:
        """Register through ``run_every``, the apps in turns."""
        job = self.noop
        return [
            await scheduler.run_every(job, hours=1, name=f"job-{index}")
            for index, scheduler in enumerate(islice(cycle(self.schedulers), count))
        ]

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register one-shot jobs."""
        at = Instant.from_timestamp(due).to_tz("UTC")
        self._bursts += 1
        run_once = self.schedulers[0].run_once
        for index in range(count):
            await run_once(job, at, name=f"job-{self._bursts}-{index}")

    async def listen(self, handler: Job, topics: Sequence[str]) -> None:
        """Listen through the bus of the first app."""
        listen = self.buses[0].on
        for index, topic in enumerate(topics):
            await listen(topic=topic, handler=handler, name=f"listener-{index}")

    async def emit(self, topic: str, count: int) -> None:
        """Send through the same."""
        emit = self.buses[0].emit
        for number in range(count):
            await emit(topic, number)

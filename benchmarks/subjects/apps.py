"""Apps of Duly, by their public names: the whole runtime, with its ledger in a file."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from whenever import Instant

from benchmarks.subjects import noop
from benchmarks.subjects.ledger_view import LedgerView, assert_none_lost
from benchmarks.subjects.protocols import WORKERS, Job
from duly import App, AppConfig, Duly
from duly.apps import AppHandler
from duly.config import DulyConfig
from duly.scheduler import Every

_APP = """
from duly import App, AppConfig

class Benchmark(App[AppConfig]):
    pass
"""
_FIRST_JOB = """
import os, signal, __main__
from duly import App, AppConfig

class Benchmark(App[AppConfig]):
    async def on_initialize(self):
        await self.scheduler.run_once(self.job, self.now().subtract(seconds=2), name="job")

    async def job(self):
        __main__.job()
        os.kill(os.getpid(), signal.SIGTERM)
"""
_SETTINGS = """
[duly]
data_dir = "{folder}"
config_dir = "{folder}"
logging.log_level = "CRITICAL"
apps.directory = "{folder}"
apps.benchmark = {{ filename = "benchmark.py", class_name = "Benchmark" }}
"""
_PATIENCE_SECONDS = 30


class AppsAsync:
    """Coroutine functions as jobs of apps, with the defaults of Duly."""

    distribution: ClassVar[str | None] = "duly"
    asynchronous: ClassVar[bool] = True
    whole_seconds: ClassVar[bool] = True
    patience: ClassVar[float] = 1.5
    """Instead of 3: every registration waits for the writer, so that many take as long each as few."""
    noop: ClassVar[Job] = staticmethod(noop.coroutine)
    import_line: ClassVar[str] = "from duly import App, AppConfig"
    first_job: ClassVar[str] = """
import os
from duly.cli import run
run(["run", "--config-file", os.environ["BENCHMARK_SETTINGS"]])
"""

    def __init__(self, apps: int = 1) -> None:
        self._folder = TemporaryDirectory(prefix="duly-benchmark-")
        self._apps = apps
        self._duly: Duly | None = None
        self._running: asyncio.Task[int] | None = None
        self._schedulers: list[Any] = []
        self._view: LedgerView | None = None
        self._bursts = 0

    @staticmethod
    @contextmanager
    def surroundings() -> Iterator[Mapping[str, str]]:
        """Files of an app."""
        with TemporaryDirectory(prefix="duly-benchmark-") as name:
            folder = Path(name)
            folder.joinpath("benchmark.py").write_text(_FIRST_JOB)
            settings = folder / "duly.toml"
            settings.write_text(_SETTINGS.format(folder=name))
            yield {"BENCHMARK_SETTINGS": str(settings)}

    async def start(self) -> None:
        """Start all, and wait until the apps are there."""
        folder = Path(self._folder.name)
        folder.joinpath("benchmark.py").write_text(_APP)
        self._duly = Duly(_settings(folder, self._apps), max_workers=WORKERS)
        self._running = asyncio.create_task(self._duly.run_forever())
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not self._duly.is_ready():  # noqa: ASYNC110 - as a program from outside
                await asyncio.sleep(0.05)
        apps: list[App[AppConfig]] = [each for key in _keys(self._apps) for each in self._handler.instances(key)]
        assert len(apps) == self._apps, "an app has not started"
        self._schedulers = [app.scheduler for app in apps]
        self._view = LedgerView(self._path)

    async def stop(self) -> None:
        """Shut down, and delete the file."""
        assert self._duly is not None, "not started"
        assert self._running is not None, "not started"
        assert self._view is not None, "not started"
        self._view.close()
        self._duly.request_shutdown("the benchmark is over")
        assert await self._running == 0, "it did not stop in order"
        assert_none_lost(self._path)
        self._folder.cleanup()

    async def hourly(self, count: int) -> list[Any]:
        """Register through ``run_every``, the apps in turns."""
        job = self.noop
        return [
            await scheduler.run_every(job, hours=1, name=f"job-{index}")
            for index, scheduler in enumerate(islice(cycle(self._schedulers), count))
        ]

    async def cancel(self, handles: Sequence[Any]) -> None:
        """Cancel by job."""
        (scheduler,) = self._schedulers
        for job in handles:
            scheduler.cancel_job(job)

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register one-shot jobs."""
        at = Instant.from_timestamp(due).to_tz("UTC")
        self._bursts += 1
        run_once = self._schedulers[0].run_once
        for index in range(count):
            await run_once(job, at, name=f"job-{self._bursts}-{index}")

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """Register intervals of a second."""
        schedule = self._schedulers[0].schedule
        for index, first in enumerate(firsts):
            trigger = Every(seconds=1, start=Instant.from_timestamp(first).to_tz("UTC"))
            await schedule(job, trigger, name=f"job-{index}", args=(index,))

    def stored(self) -> int:
        """Executions that have ended, as another connection sees them."""
        assert self._view is not None, "not started"
        return self._view.stored()

    @property
    def _path(self) -> Path:
        return Path(self._folder.name) / "duly.db"

    @property
    def _handler(self) -> AppHandler:
        handler = None if self._duly is None else self._duly.find(AppHandler)
        assert handler is not None, "not started"
        return handler


class AppsThreads(AppsAsync):
    """Plain functions as jobs of apps."""

    asynchronous: ClassVar[bool] = False
    noop: ClassVar[Job] = staticmethod(noop.plain)


def _keys(apps: int) -> list[str]:
    return [f"benchmark_{number}" for number in range(apps)]


def _settings(folder: Path, apps: int) -> DulyConfig:
    app = {"filename": "benchmark.py", "class_name": "Benchmark"}
    return DulyConfig.hermetic(
        config_dir=folder,
        data_dir=folder,
        logging={"log_level": "CRITICAL"},
        apps={"directory": folder, "autodetect": False, **dict.fromkeys(_keys(apps), app)},
    )

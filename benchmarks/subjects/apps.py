"""Apps of Duly, by their public names: the whole runtime, with its ledger in a file."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from whenever import Instant

from benchmarks.subjects import noop
from benchmarks.subjects.alike import APP, FIRST_JOB, PATIENCE_SECONDS, Apps
from benchmarks.subjects.ledger_view import LedgerView, assert_none_lost
from benchmarks.subjects.protocols import WORKERS, Job
from duly import App, AppConfig, Duly
from duly.apps import AppHandler
from duly.config import DulyConfig
from duly.lifecycle import part
from duly.scheduler import Every

_SETTINGS = """
[duly]
data_dir = "{folder}"
config_dir = "{folder}"
logging.log_level = "CRITICAL"
apps.directory = "{folder}"
apps.benchmark = {{ filename = "benchmark.py", class_name = "Benchmark" }}
"""


class AppsAsync(Apps):
    """Coroutine functions as jobs of apps, with the defaults of Duly."""

    distribution: ClassVar[str | None] = "duly"
    patience: ClassVar[float] = 1.5
    """Instead of 3: every registration waits for the writer, so that many take as long each as few."""
    import_line: ClassVar[str] = "from duly import App, AppConfig"
    first_job: ClassVar[str] = """
import os
from duly.cli import run
run(["run", "--config-file", os.environ["BENCHMARK_SETTINGS"]])
"""

    def __init__(self, apps: int = 1) -> None:
        super().__init__(apps)
        self._duly: Duly | None = None
        self._running: asyncio.Task[int] | None = None
        self._view: LedgerView | None = None

    @staticmethod
    @contextmanager
    def surroundings() -> Iterator[Mapping[str, str]]:
        """Files of an app."""
        with TemporaryDirectory(prefix="duly-benchmark-") as name:
            folder = Path(name)
            folder.joinpath("benchmark.py").write_text(FIRST_JOB.format(library="duly"))
            settings = folder / "duly.toml"
            settings.write_text(_SETTINGS.format(folder=name))
            yield {"BENCHMARK_SETTINGS": str(settings)}

    async def start(self) -> None:
        """Start all, and wait until the apps are there."""
        folder = Path(self.folder.name)
        folder.joinpath("benchmark.py").write_text(APP.format(library="duly"))
        self._duly = Duly(_settings(folder, self.keys), max_workers=WORKERS)
        self._running = asyncio.create_task(self._duly.run_forever())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._duly.is_ready():  # noqa: ASYNC110 - as a program from outside
                await asyncio.sleep(0.05)
        handler = part(self._duly, AppHandler)
        apps: list[App[AppConfig]] = [each for key in self.keys for each in handler.instances(key)]
        assert len(apps) == len(self.keys), "an app has not started"
        self.schedulers = [app.scheduler for app in apps]
        self.buses = [app.bus for app in apps]
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
        self.folder.cleanup()

    async def cancel(self, handles: Sequence[Any]) -> None:
        """Cancel by job."""
        (scheduler,) = self.schedulers
        for job in handles:
            scheduler.cancel_job(job)

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """Register intervals of a second."""
        schedule = self.schedulers[0].schedule
        for index, first in enumerate(firsts):
            trigger = Every(seconds=1, start=Instant.from_timestamp(first).to_tz("UTC"))
            await schedule(job, trigger, name=f"job-{index}", args=(index,))

    def stored(self) -> int:
        """Executions that have ended, as another connection sees them."""
        assert self._view is not None, "not started"
        return self._view.stored()

    @property
    def _path(self) -> Path:
        return Path(self.folder.name) / "duly.db"


class AppsThreads(AppsAsync):
    """Plain functions as jobs of apps."""

    asynchronous: ClassVar[bool] = False
    noop: ClassVar[Job] = staticmethod(noop.plain)


def _settings(folder: Path, keys: Sequence[str]) -> DulyConfig:
    app = {"filename": "benchmark.py", "class_name": "Benchmark"}
    return DulyConfig.hermetic(
        config_dir=folder,
        data_dir=folder,
        logging={"log_level": "CRITICAL"},
        apps={"directory": folder, "autodetect": False, **dict.fromkeys(keys, app)},
    )

"""hassette, beside a stand-in for Home Assistant: it runs no app without one to connect to."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from hassette import Hassette, HassetteConfig

from benchmarks.subjects.alike import APP, FIRST_JOB, PATIENCE_SECONDS, Apps
from benchmarks.subjects.home_assistant import HomeAssistant
from benchmarks.subjects.protocols import Job

_SETTINGS = """
[hassette]
base_url = "{url}"
import_dot_env_files = false
web_api.run = false
file_watcher.watch_files = false
logging.log_level = "CRITICAL"
database.path = "{folder}/hassette.db"
apps.directory = "{folder}"
apps.apps.benchmark = {{ filename = "benchmark.py", class_name = "Benchmark", config = {{ instance_name = "one" }} }}
"""


class HassetteApp(Apps):
    """An app of hassette, with its defaults but for web interface, file watcher and messages, which are off."""

    distribution: ClassVar[str | None] = "hassette"
    import_line: ClassVar[str] = "from hassette import App, AppConfig"
    first_job: ClassVar[str] = """
import os, sys
from hassette.__main__ import entrypoint
sys.argv = ["hassette", "run", "--config-file", os.environ["BENCHMARK_SETTINGS"], "--token", "none"]
entrypoint()
"""

    def __init__(self, apps: int = 1) -> None:
        super().__init__(apps)
        self._home = HomeAssistant()
        self._hassette: Any = None
        self._running: asyncio.Task[None] | None = None
        self._reader: sqlite3.Connection | None = None

    @staticmethod
    @contextmanager
    def surroundings() -> Iterator[Mapping[str, str]]:
        """Files of an app, and Home Assistant in a thread of its own."""
        with TemporaryDirectory(prefix="duly-benchmark-") as name, _in_thread(HomeAssistant()) as url:
            folder = Path(name)
            folder.joinpath("benchmark.py").write_text(FIRST_JOB.format(library="hassette"))
            settings = folder / "hassette.toml"
            settings.write_text(_SETTINGS.format(folder=name, url=url))
            yield {"BENCHMARK_SETTINGS": str(settings), "HASSETTE__CONFIG_DIR": name, "HASSETTE__DATA_DIR": name}

    async def start(self) -> None:
        """Connect, and wait until the apps are there."""
        url = await self._home.start()
        folder = Path(self.folder.name)
        folder.joinpath("benchmark.py").write_text(APP.format(library="hassette"))
        self._hassette = Hassette(_settings(folder, url, self.keys))
        self._hassette.wire_services()
        self._running = asyncio.create_task(self._hassette.run_forever())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._hassette.is_ready() or None in self._started():  # noqa: ASYNC110 - not ours
                await asyncio.sleep(0.05)
        self.schedulers = [app.scheduler for app in self._started()]
        self.buses = [app.bus for app in self._started()]
        self._reader = sqlite3.connect(folder / "hassette.db")

    async def stop(self) -> None:
        """Shut down, and delete the file."""
        if self._reader is not None:
            self._reader.close()
        with suppress(Exception):
            await self._hassette.shutdown()
        if self._running is not None:
            await asyncio.wait([self._running], timeout=PATIENCE_SECONDS)
        await self._home.stop()
        self.folder.cleanup()

    async def cancel(self, handles: Sequence[Any]) -> None:
        """Cancel by job."""
        (scheduler,) = self.schedulers
        for job in handles:
            scheduler.remove_job(job)

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """Register intervals of a second, on whole seconds."""
        for index in range(len(firsts)):
            await self.schedulers[0].run_every(job, seconds=1, name=f"job-{index}", args=(index,))

    def stored(self) -> int:
        """Executions of jobs and handlers of apps in its file."""
        assert self._reader is not None, "not started"
        found = self._reader.execute("SELECT count(*) FROM executions WHERE source_tier = 'app'")
        return int(found.fetchone()[0])

    def _started(self) -> list[Any]:
        """The apps; ``None`` for one that is not there yet."""
        return [self._hassette.get_app(key) for key in self.keys]


@contextmanager
def _in_thread(home: HomeAssistant) -> Iterator[str]:
    """Let it listen; gives the address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield asyncio.run_coroutine_threadsafe(home.start(), loop).result()
    asyncio.run_coroutine_threadsafe(home.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def _settings(folder: Path, url: str, keys: Sequence[str]) -> Any:  # noqa: ANN401 - a class of the library
    return HassetteConfig(
        token="none",  # noqa: S106 - the stand-in takes any
        base_url=url,
        config_dir=folder,
        data_dir=folder,
        import_dot_env_files=False,
        web_api={"run": False},
        file_watcher={"watch_files": False},
        logging={"log_level": "CRITICAL"},
        database={"path": folder / "hassette.db"},
        apps={
            "directory": folder,
            "apps": {
                key: {"filename": "benchmark.py", "class_name": "Benchmark", "config": [{"instance_name": key}]}
                for key in keys
            },
        },
    )

"""Apps in files, with settings in a file, run by a real handler on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from duly.apps import App, AppHandler, AppSnapshot
from duly.apps.changes import ChangeSet
from duly.apps.loader import AppLoader
from duly.apps.reload import Reloader
from duly.bus.service import BusService
from duly.config import DulyConfig
from duly.lifecycle import install_task_factory
from duly.scheduler import SchedulerService
from duly.testing import VirtualClock, run_virtual
from tests.apps import diary
from tests.apps.folder import Folder
from tests.executor.plant import Plant
from tests.scheduler.yard import BEGIN

T = TypeVar("T")


class Site(Plant):
    """A plant with apps in files."""

    def __init__(self, place: Path, toml: str) -> None:
        self.place = place
        self.folder = Folder(place / "apps")
        self.toml = place / "duly.toml"
        self.write_settings(toml)
        (place / ".env").touch()
        self.config = DulyConfig.load(config_file=self.toml, env_file=place / ".env")
        self.loader = AppLoader()
        self.config.app_finder = self.loader.detect
        super().__init__(place / "duly.db", self.config)
        self.bus = self.house.add_child(BusService, executor=self.executor)
        self.scheduler = self.house.add_child(SchedulerService, executor=self.executor, database=self.database)
        self.apps = self.house.add_child(AppHandler, executor=self.executor, database=self.database, loader=self.loader)
        self.reloader = Reloader(self.config, self.loader, self.apps, self.apps.logger)
        diary.renew()

    def write_settings(self, toml: str) -> None:
        """What ``duly.toml`` says, after what all tests need."""
        folder = self.folder.directory
        head = f'data_dir = "{self.place}"\nstrict_lifecycle = true\ndev_mode = false\n[apps]\ndirectory = "{folder}"\n'
        self.toml.write_text(head + toml, encoding="utf-8")

    def write_app(self, key: str, version: object, *, before: str = "", body: str = "pass") -> Path:
        """An app that notes its version."""
        head = f"from tests.apps.diary import Noting\n{before}\nclass {key.title()}(Noting):\n"
        return self.folder.write(f"{key}.py", f"{head}    version = {version}\n    {body}\n")

    async def start(self) -> None:
        """Start all, as the root would."""
        install_task_factory(asyncio.get_running_loop(), self.house.task_bucket)
        self.config.set_validated_app_manifests()
        await super().start()
        await self.reloader.begin()
        diary.LINES.clear()

    async def stop(self) -> None:
        """Stop all, and leave no modules."""
        await super().stop()
        self.loader.close()

    async def reload(self) -> ChangeSet:
        """Reload what has changed."""
        diary.LINES.clear()
        return await self.reloader.reload()

    def app(self, key: str) -> App[Any]:
        """The first instance of an app."""
        return self.apps.instances(key)[0]

    def shown(self, key: str) -> AppSnapshot:
        """An app as it is now."""
        return self.apps.snapshot()[key]


def table(key: str, more: str = "") -> str:
    """The settings of an app."""
    return f'[apps.{key}]\nfilename = "{key}.py"\nclass_name = "{key.title()}"\n{more}\n'


def on_site(
    place: Path, toml: str, main: Callable[[Site], Coroutine[Any, Any, T]], *, files: Callable[[Site], object]
) -> T:
    """Run ``main`` on virtual time, with apps that have started from ``files``."""

    @asynccontextmanager
    async def started() -> AsyncIterator[Site]:
        site = Site(place, toml)
        files(site)
        try:
            await site.start()
            yield site
        finally:
            await site.stop()

    async def body() -> T:
        async with started() as site:
            return await main(site)

    return run_virtual(body(), VirtualClock(BEGIN))

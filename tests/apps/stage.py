"""A real app handler with all that it needs, on virtual time; app classes come from the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from duly.apps import App, AppHandler, AppSnapshot
from duly.apps.cache_store import CacheStore
from duly.apps.changes import ChangeSet
from duly.bus.service import BusService
from duly.config import AppManifest
from duly.core.clock import SECOND, Clock, current, nanoseconds
from duly.hass.api import ApiResource
from duly.lifecycle import install_task_factory
from duly.runtime.wiring import HassParts, wire_hass
from duly.testing import VirtualClock, run_virtual
from duly.testing.given_home import GivenHome
from duly.testing.given_link import GivenLink
from tests.lifecycle.house import run
from tests.scheduler.yard import BEGIN, Yard

T = TypeVar("T")


class Classes(dict[str, type[App[Any]] | Exception]):
    """A loader: the class of each app, or why there is none."""

    importing = None

    def give_up(self, manifest: AppManifest, seconds: float) -> bool:
        """None of them is imported."""
        del manifest, seconds
        return False

    def __init__(self) -> None:
        super().__init__()
        self.undetected: dict[Path, Exception] = {}

    def load(self, manifest: AppManifest) -> type[App[Any]]:
        """The class of an app."""
        found = self[manifest.app_key]
        if isinstance(found, Exception):
            raise found
        return found

    def is_latest(self, manifest: AppManifest) -> bool:
        """They are always as they are now."""
        return manifest.app_key in self

    def reimport(self, manifest: AppManifest, config: object) -> None:
        """They are always as they are now."""
        self.load(manifest)


class Stage(Yard):
    """A yard with apps."""

    def __init__(self, folder: Path, clock: Clock, *, classes: Classes | None = None, **settings: Any) -> None:  # noqa: ANN401 - groups of settings
        super().__init__(folder / "duly.db", clock, **{"data_dir": folder} | settings)
        self.folder = folder
        self.classes = Classes() if classes is None else classes
        self.events: list[Any] = []
        self.bus = self.house.add_child(BusService, executor=self.executor)
        self.house.add_child(CacheStore)
        self.apps = self.house.add_child(
            AppHandler, executor=self.executor, database=self.database, loader=self.classes
        )
        self.apps.announce_with(self.events.append)

    def add_home(self) -> GivenHome:
        """A Home Assistant that is away until it is told to come."""
        home = GivenHome(self.clock, {"light.lamp": "on"})
        home.up = False
        wire_hass(self.house, HassParts(GivenLink, ApiResource, {"home": home}))
        return home

    def add_app(
        self,
        app_class: type[App[Any]] | Exception,
        *configs: Mapping[str, Any],
        key: str = "porch",
        **fields: Any,  # noqa: ANN401 - of the manifest
    ) -> None:
        """Configure an app, or configure it anew."""
        file = self.folder / f"{key}.py"
        table = {"filename": file.name, "class_name": "Porch", "config": list(configs), **fields}
        self.classes[key] = app_class
        self.house.config.apps.manifests[key] = AppManifest.model_validate(
            {**table, "app_key": key, "app_dir": self.folder, "full_path": file}
        )

    def remove_app(self, key: str) -> None:
        """Configure it no more."""
        del self.house.config.apps.manifests[key], self.classes[key]

    async def change(self, **keys: Collection[str]) -> None:
        """Apply a change set."""
        await self.apps.apply_changes(change(**keys))

    async def start(self) -> None:
        """Start all, with tasks in the bucket of their context, as the root has them."""
        install_task_factory(asyncio.get_running_loop(), self.house.task_bucket)
        await super().start()

    def seconds(self) -> float:
        """Since the begin."""
        return (self.clock.now() - nanoseconds(BEGIN)) / SECOND

    def app(self, key: str = "porch", index: int = 0) -> App[Any]:
        """An instance that is there."""
        return next(app for app in self.apps.instances(key) if app.index == index)

    def shown(self, key: str = "porch") -> AppSnapshot:
        """An app as it is now."""
        return self.apps.snapshot()[key]

    def statuses(self, key: str = "porch") -> list[str]:
        """The status of an app, then those of its instances."""
        shown = self.shown(key)
        return [shown.status.value, *(instance.status.value for instance in shown.instances)]


def change(**keys: Collection[str]) -> ChangeSet:
    """The change set of these apps, by group."""
    return ChangeSet(**{name: frozenset(group) for name, group in keys.items()})


@asynccontextmanager
async def started(stage: Stage) -> AsyncIterator[Stage]:
    """The stage, from its start to its stop."""
    await stage.start()
    try:
        yield stage
    finally:
        await stage.stop()


def on_stage(
    folder: Path,
    main: Callable[[Stage], Coroutine[Any, Any, T]],
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> T:
    """Run ``main`` on virtual time, with a stage that it starts itself by ``started``."""

    async def body() -> T:
        return await main(Stage(folder, current(), **settings))

    return run_virtual(body(), VirtualClock(BEGIN))


def in_real_time(
    folder: Path,
    main: Callable[[Stage], Coroutine[Any, Any, None]],
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> None:
    """As ``on_stage``, on a real loop: for threads that are to be caught at work."""

    async def body() -> None:
        await main(Stage(folder, current(), **settings))

    run(body())

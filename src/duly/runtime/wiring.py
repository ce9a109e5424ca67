"""Which parts a Duly has, and why others are off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duly.apps import AppHandler
from duly.apps.cache_store import CacheStore
from duly.apps.watcher import FileWatcherService
from duly.executor import CommandExecutor
from duly.history import DatabaseService, LoggingService, SessionManager
from duly.lifecycle import Resource, WorkerPoolService
from duly.runtime.snapshot import OffPart
from duly.scheduler import SchedulerService

if TYPE_CHECKING:
    from duly.apps.loader import AppLoader
    from duly.config import DulyConfig

AFTER: Mapping[type[Resource], Sequence[type[Resource]]] = {AppHandler: [CacheStore]}
"""What comes after what without depending on it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the root makes its parts of."""

    loader: AppLoader
    max_workers: int | None
    """Threads for sync code; ``None``: as many as are usual."""
    logs: bool
    """Whether log records are taken, shown and stored."""


def wire(root: Resource, parts: Parts) -> None:
    """Make the parts that the settings ask for."""
    database = root.add_child(DatabaseService)
    root.add_child(WorkerPoolService, max_workers=parts.max_workers)
    root.add_child(SessionManager, database=database)
    if parts.logs:
        root.add_child(LoggingService, database=database)
    executor = root.add_child(CommandExecutor, database=database)
    root.add_child(SchedulerService, executor=executor, database=database)
    root.add_child(CacheStore)
    handler = root.add_child(AppHandler, executor=executor, database=database, loader=parts.loader)
    if _unwatched(root.duly.config) is None:
        root.add_child(FileWatcherService, handler=handler, loader=parts.loader)


def off_parts(config: DulyConfig) -> tuple[OffPart, ...]:
    """The parts that the settings switch off, or that do not exist yet."""
    link = (
        "no Home Assistant token: running without it; set DULY__TOKEN to connect"
        if config.token is None
        else "this version has no link to Home Assistant yet: the token is not used"
    )
    reasons = {
        FileWatcherService.__name__: _unwatched(config),
        "WebsocketService": link,
        "ApiResource": link,
        "StateProxy": link,
        "WebApiService": "no API is served yet" if config.web_api.run else "no API is served: web_api.run is false",
    }
    return tuple(OffPart(name, reason) for name, reason in reasons.items() if reason is not None)


def _unwatched(config: DulyConfig) -> str | None:
    """Why files are not watched; ``None``: they are."""
    if not config.file_watcher.watch_files:
        return "files are not watched: file_watcher.watch_files is false"
    if not config.dev_mode and not config.allow_reload_in_prod:
        return "files are not watched outside dev mode: set allow_reload_in_prod to reload apps that change"
    return None

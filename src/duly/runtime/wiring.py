"""Which parts a Duly has, and why others are off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from duly.apps import AppHandler
from duly.apps.cache_store import CacheStore
from duly.apps.watcher import FileWatcherService
from duly.bus.service import BusService
from duly.bus.states_reader import NoStates
from duly.executor import CommandExecutor
from duly.hass.api import ApiResource
from duly.hass.link import Link, StatesSink
from duly.hass.state_proxy import StateProxy
from duly.history import DatabaseService, LoggingService, SessionManager
from duly.lifecycle import Resource, WorkerPoolService, find_part, part
from duly.runtime.snapshot import OffPart
from duly.scheduler import SchedulerService

if TYPE_CHECKING:
    from duly.apps.loader import AppLoader
    from duly.config import DulyConfig

LINK_SETTINGS = frozenset({"token", "base_url"})
"""Settings with which the link to Home Assistant starts again."""
_OF_HASS = ("WebsocketService", ApiResource.__name__, StateProxy.__name__)
"""The parts that there are only with a token, in the order in which they start."""


class LinkPart(Link, Protocol):
    """A part of the root that is the link."""

    sink: StatesSink
    """Who is told of states."""


@dataclass(frozen=True, slots=True)
class HassParts:
    """The classes of the parts that have to do with Home Assistant, and what makes them beside root, bus and link."""

    link: type[Resource]
    """Of a ``LinkPart``."""
    api: type[ApiResource]
    link_options: Mapping[str, Any] = field(default_factory=dict)
    api_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the root makes its parts of."""

    loader: AppLoader
    max_workers: int | None
    """Threads for sync code; ``None``: as many as are usual."""
    logs: bool
    """Whether log records are taken, shown and stored."""
    hass: HassParts | None
    """Those of Home Assistant; ``None``: there are none."""


def wire(root: Resource, parts: Parts) -> None:
    """Make the parts that the settings ask for."""
    database = root.add_child(DatabaseService)
    root.add_child(WorkerPoolService, max_workers=parts.max_workers)
    root.add_child(SessionManager, database=database)
    if parts.logs:
        root.add_child(LoggingService, database=database)
    executor = root.add_child(CommandExecutor, database=database)
    root.add_child(BusService, executor=executor)
    root.add_child(SchedulerService, executor=executor, database=database)
    root.add_child(CacheStore)
    handler = root.add_child(AppHandler, executor=executor, database=database, loader=parts.loader)
    if parts.hass is not None:
        wire_hass(root, parts.hass)
    if _unwatched(root.duly.config) is None:
        root.add_child(FileWatcherService, handler=handler, loader=parts.loader)


def hass_parts_of(config: DulyConfig) -> HassParts | None:
    """The real ones; ``None``: the settings have no token."""
    if config.token is None:
        return None
    from duly.hass.websocket import WebsocketService  # noqa: PLC0415 - brings aiohttp, which nobody needs without token

    return HassParts(WebsocketService, ApiResource)


def wire_hass(root: Resource, hass: HassParts) -> None:
    """Make the parts that have to do with Home Assistant."""
    bus = part(root.duly, BusService)
    link = cast("LinkPart", root.add_child(hass.link, bus=bus, **hass.link_options))
    root.add_child(hass.api, link=link, **hass.api_options)
    proxy = root.add_child(StateProxy, link=link)
    if isinstance(bus.states, NoStates):
        bus.states.give_way(proxy)
    link.sink = bus.states = proxy
    proxy.on_sync(part(root.duly, AppHandler).start_blocked)


def after(hass: HassParts | None) -> Mapping[type[Resource], Sequence[type[Resource]]]:
    """What comes after what without depending on it."""
    of_states = () if hass is None else (hass.link, hass.api)
    return {AppHandler: [CacheStore], StateProxy: [BusService, SchedulerService, *of_states]}


async def relink(root: Resource) -> None:
    """Have the link that there is begin again."""
    from duly.hass.websocket import WebsocketService  # noqa: PLC0415 - as above

    link = find_part(root.duly, WebsocketService)
    if link is not None:
        await link.relink()


def off_parts(root: Resource) -> tuple[OffPart, ...]:
    """The parts that the settings switch off, or that do not exist yet."""
    config = root.duly.config
    reasons = {FileWatcherService.__name__: _unwatched(config)}
    if find_part(root.duly, StateProxy) is None:
        reasons |= dict.fromkeys(_OF_HASS, "no Home Assistant token: running without it; set DULY__TOKEN to connect")
    reasons["WebApiService"] = (
        "no dashboard is served yet" if config.web_api.run else "no dashboard is served: web_api.run is false"
    )
    return tuple(OffPart(name, reason) for name, reason in reasons.items() if reason is not None)


def _unwatched(config: DulyConfig) -> str | None:
    """Why files are not watched; ``None``: they are."""
    if not config.file_watcher.watch_files:
        return "files are not watched: file_watcher.watch_files is false"
    if not config.dev_mode and not config.allow_reload_in_prod:
        return "files are not watched outside dev mode: set allow_reload_in_prod to reload apps that change"
    return None

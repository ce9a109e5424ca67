"""What a running Duly tells of itself: values, taken at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from duly.apps import AppHandler, AppsSnapshot
from duly.bus.service import BusService
from duly.bus.snapshot import BusSnapshot
from duly.core.outcomes import text_of
from duly.executor import CommandExecutor
from duly.hass.api import ApiResource
from duly.hass.connection_state import LinkSnapshot
from duly.hass.freshness import StatesSnapshot
from duly.hass.no_link import DisabledLink
from duly.hass.state_proxy import StateProxy
from duly.history import DatabaseService, LoggingService
from duly.lifecycle import Resource, WorkerPoolService, find_part

if TYPE_CHECKING:
    from whenever import ZonedDateTime

    from duly.ledger.record_queue import Counts
    from duly.lifecycle import PoolSnapshot
    from duly.runtime.duly import Duly


@dataclass(frozen=True, slots=True)
class OffPart:
    """A part that is not there, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartSnapshot:
    """How a part stands."""

    name: str
    status: str
    ready: bool
    reason: str
    """The one given with the last change of readiness."""
    required: bool
    retry_at: ZonedDateTime | None
    """When its cooldown ends; ``None``: it is not cooling."""
    exception: str | None
    """What its status is due to, if an error: type and text."""


@dataclass(frozen=True, slots=True)
class DropCounters:
    """What was lost since the start, all of it counted."""

    records: Counts
    """Executions."""
    writes: int
    """Writes for which there was no room."""
    log_records: int
    error_handler_failures: int
    error_handlers_suppressed: int


@dataclass(frozen=True, slots=True)
class DulySnapshot:
    """A running Duly at one moment."""

    version: str
    phase: str
    """``checking`` its configuration, or the status of the root."""
    ready: bool
    services: tuple[PartSnapshot, ...]
    """All wired parts."""
    off: tuple[OffPart, ...]
    pool: PoolSnapshot | None
    """``None`` before the parts are wired; so are the next."""
    apps: AppsSnapshot | None
    bus: BusSnapshot | None
    link: LinkSnapshot
    """The link to Home Assistant."""
    states: StatesSnapshot | None
    """Those of Home Assistant; ``None``: there is no token."""
    drops: DropCounters | None


def snapshot_of(duly: Duly) -> DulySnapshot:
    """How it is now."""
    pool, apps = find_part(duly, WorkerPoolService), find_part(duly, AppHandler)
    bus, api, states = find_part(duly, BusService), find_part(duly, ApiResource), find_part(duly, StateProxy)
    link = DisabledLink() if api is None else api.link
    return DulySnapshot(
        version=version("duly"),
        phase="checking" if duly.checking else duly.status.value,
        ready=duly.is_ready(),
        services=tuple(_of_part(duly, each) for each in duly.children),
        off=duly.off,
        pool=None if pool is None else pool.snapshot(),
        apps=None if apps is None else apps.snapshot(),
        bus=None if bus is None else bus.snapshot(),
        link=link.snapshot(),
        states=None if states is None else states.snapshot(),
        drops=_drops_of(duly),
    )


def _drops_of(duly: Duly) -> DropCounters | None:
    executor, database = find_part(duly, CommandExecutor), find_part(duly, DatabaseService)
    logs = find_part(duly, LoggingService)
    if executor is None or database is None:
        return None
    return DropCounters(
        executor.get_drop_counters(),
        database.refused_writes,
        0 if logs is None else logs.dropped,
        executor.get_error_handler_failures(),
        executor.get_error_handlers_suppressed(),
    )


def _of_part(duly: Duly, part: Resource) -> PartSnapshot:
    error = part.exception
    return PartSnapshot(
        name=type(part).__name__,
        status=part.status.value,
        ready=part.is_ready(),
        reason=part.ready_reason,
        required=part.required,
        retry_at=duly.retry_at(part),
        exception=None if error is None else f"{type(error).__name__}: {text_of(error)}",
    )

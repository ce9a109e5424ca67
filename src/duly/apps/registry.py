"""What is known of every app: its manifest, its class, its instances, and why one does not run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from duly.apps.app import App
from duly.apps.only_app import Marks
from duly.config.manifest import AppManifest
from duly.core.errors import DulyError
from duly.core.outcomes import text_of, traceback_of
from duly.lifecycle import ResourceStatus

ONLY_APP = "only_app"
"""Why an app is blocked: another one is to run alone."""
NO_HASS = "no_hass"
"""Why an app is blocked: its start needs Home Assistant, which is not there."""

_FAILED = {ResourceStatus.FAILED, ResourceStatus.CRASHED}
_ALIVE = {ResourceStatus.STARTING, ResourceStatus.RUNNING}


class AppStatus(StrEnum):
    """Where an app stands, all its instances together."""

    DISABLED = "disabled"
    BLOCKED = "blocked"
    RUNNING = "running"
    DEGRADED = "degraded"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class AppFailure:
    """Why an app or an instance of it does not run."""

    message: str
    traceback: str

    @classmethod
    def of(cls, error: BaseException) -> AppFailure:
        """What is told of an error: its kind too, unless it is one of Duly's, whose text says all."""
        text = text_of(error)
        known = isinstance(error, DulyError | TimeoutError) and bool(text)
        return cls(text if known else f"{type(error).__name__}: {text}".removesuffix(": "), traceback_of(error))


@dataclass(frozen=True, slots=True)
class InstanceSnapshot:
    """One instance at one moment."""

    index: int
    instance_name: str
    class_name: str
    status: ResourceStatus
    owner_id: str
    """Whose its jobs and listeners are."""
    error_message: str | None
    """Why it does not run: it has failed, or its app is blocked."""
    error_traceback: str | None


@dataclass(frozen=True, slots=True)
class AppSnapshot:
    """One app at one moment; error and traceback are the first ones of it."""

    app_key: str
    class_name: str
    display_name: str
    filename: str
    enabled: bool
    auto_loaded: bool
    status: AppStatus
    block_reason: str | None
    reload_error: str | None
    """Why its latest version is not the one that runs, or that would."""
    error_message: str | None
    error_traceback: str | None
    instances: tuple[InstanceSnapshot, ...]


@dataclass(frozen=True, slots=True)
class AppsSnapshot:
    """All apps at one moment, in the order of the configuration."""

    apps: tuple[AppSnapshot, ...]
    counts: Mapping[AppStatus, int]
    """Of every status, also where no app has it."""
    only_app: str | None
    """The key of the app that is to run alone."""

    def __getitem__(self, app_key: str) -> AppSnapshot:
        for app in self.apps:
            if app.app_key == app_key:
                return app
        raise KeyError(unknown(app_key))


@dataclass(slots=True, eq=False)
class Instance:
    """One instance of an app; part of its entry."""

    index: int
    name: str
    app: App[Any] | None = None
    """``None``: not made yet, stopped, or undone because its start failed."""
    failure: AppFailure | None = None
    blocked: AppFailure | None = None
    """What it misses of Home Assistant, with which its start begins anew; ``None``: nothing."""
    ended: bool = False
    """Whether it has run and was stopped."""

    @property
    def status(self) -> ResourceStatus:
        """Where it is in its life."""
        if self.app is not None:
            return self.app.status
        if self.failure is not None:
            return ResourceStatus.FAILED
        return ResourceStatus.STOPPED if self.ended else ResourceStatus.NOT_STARTED

    @property
    def alive(self) -> bool:
        """Whether it runs, or is about to."""
        return self.status in _ALIVE

    @property
    def trouble(self) -> AppFailure | None:
        """Why it does not run; ``None``: nothing is wrong with it."""
        return self.failure or self.blocked


@dataclass(slots=True, eq=False)
class Entry:
    """What is known of one app; owned by the registry. ``lock`` is held by whoever starts or stops its instances."""

    manifest: AppManifest
    app_class: type[App[Any]] | None = None
    """The class of the version that runs, or ran last; ``None``: never loaded."""
    instances: list[Instance] = field(default_factory=list)
    failure: AppFailure | None = None
    """Why there is no instance at all, such as a file that cannot be imported."""
    reload_error: str | None = None
    block_reason: str | None = None
    by_hand: bool = False
    """It was stopped by hand, and stays so until it is started by hand."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    reconciling: asyncio.Task[None] | None = None
    """Puts its stored registrations in order, in the background."""

    @property
    def may_run(self) -> bool:
        """Whether it is to run."""
        return self.manifest.enabled and self.block_reason is None and not self.by_hand

    @property
    def live(self) -> list[Instance]:
        """Its instances that have an app: starting, running, or stopped by themselves."""
        return [instance for instance in self.instances if instance.app is not None]

    @property
    def blocked(self) -> list[Instance]:
        """Its instances that start once Home Assistant is there."""
        return [instance for instance in self.instances if instance.blocked is not None]

    @property
    def lacks_hass(self) -> bool:
        """Whether that is so of all of them."""
        return bool(self.instances) and len(self.blocked) == len(self.instances)

    @property
    def complete(self) -> bool:
        """Whether all of its instances run."""
        return bool(self.instances) and all(one.status is ResourceStatus.RUNNING for one in self.instances)

    @property
    def status(self) -> AppStatus:
        """Where it stands."""
        if not self.manifest.enabled:
            return AppStatus.DISABLED
        if self.block_reason is not None or self.lacks_hass:
            return AppStatus.BLOCKED
        if self.by_hand:
            return AppStatus.STOPPED
        failed = [instance.status in _FAILED for instance in self.instances]
        if self.failure is not None or (failed and all(failed)):
            return AppStatus.FAILED
        if any(failed) or self.blocked:
            return AppStatus.DEGRADED
        running = any(instance.status is ResourceStatus.RUNNING for instance in self.instances)
        return AppStatus.RUNNING if running else AppStatus.STOPPED

    def refusal(self) -> str | None:
        """Why it cannot be started or stopped by hand."""
        key = self.manifest.app_key
        if not self.manifest.enabled:
            return f"app {key!r} is disabled: set enabled = true in its table"
        if self.block_reason is not None:
            return f"app {key!r} is blocked: {self.block_reason}"
        if self.lacks_hass:
            return f"app {key!r} is blocked: {NO_HASS}, it starts by itself once there are states of Home Assistant"
        return None

    def snapshot(self) -> AppSnapshot:
        """How it is now."""
        manifest = self.manifest
        first = self.failure or next((one.trouble for one in self.instances if one.trouble is not None), None)
        return AppSnapshot(
            app_key=manifest.app_key,
            class_name=manifest.class_name,
            display_name=manifest.display_name,
            filename=manifest.filename,
            enabled=manifest.enabled,
            auto_loaded=manifest.auto_loaded,
            status=self.status,
            block_reason=self.block_reason or (NO_HASS if self.blocked else None),
            reload_error=self.reload_error,
            error_message=None if first is None else first.message,
            error_traceback=None if first is None else first.traceback,
            instances=tuple(self._instance_snapshot(instance) for instance in self.instances),
        )

    def _instance_snapshot(self, instance: Instance) -> InstanceSnapshot:
        trouble = instance.trouble
        return InstanceSnapshot(
            index=instance.index,
            instance_name=instance.name,
            class_name=self.manifest.class_name,
            status=instance.status,
            owner_id=f"{self.manifest.app_key}/{instance.name}",
            error_message=None if trouble is None else trouble.message,
            error_traceback=None if trouble is None else trouble.traceback,
        )


class AppRegistry:
    """Owns what is known of the apps; guarded by the event loop. The app handler is the only one who changes it."""

    def __init__(self) -> None:
        self.marks = Marks()
        """Of those that are to run alone."""
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def __getitem__(self, app_key: str) -> Entry:
        try:
            return self._entries[app_key]
        except KeyError:
            raise KeyError(unknown(app_key)) from None

    def take(self, manifests: Iterable[AppManifest]) -> None:
        """Take these for the manifests in force, in their order; apps that are not among them are forgotten."""
        former = self._entries
        self._entries = {}
        for manifest in manifests:
            entry = former.get(manifest.app_key) or Entry(manifest)
            entry.manifest = manifest
            self._entries[manifest.app_key] = entry

    def instance_name(self, app_key: str, index: int) -> str | None:
        """The configured name of an instance; ``None``: there is none."""
        entry = self._entries.get(app_key)
        if entry is None:
            return None
        return next((instance.name for instance in entry.instances if instance.index == index), None)

    def snapshot(self) -> AppsSnapshot:
        """All apps as they are now."""
        apps = tuple(entry.snapshot() for entry in self._entries.values())
        counted = Counter(app.status for app in apps)
        counts = MappingProxyType({status: counted[status] for status in AppStatus})
        return AppsSnapshot(apps, counts, self.marks.only_app)


def unknown(app_key: str) -> str:
    """That there is no such app."""
    return f"no app {app_key!r} is configured: see duly check for those that are"

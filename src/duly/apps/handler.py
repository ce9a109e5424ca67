"""Starts, stops and exchanges apps; what goes wrong in one stays with that one.

Whoever starts or stops instances of an app holds its entry's ``lock``; whoever decides which apps run at all holds
``_deciding``. Both go on in tasks of the handler's own when their callers give up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from duly.apps.announcing import event_of, tell
from duly.apps.hass_needs import is_on_its_way, lacks_hass
from duly.apps.import_thread import in_import_thread
from duly.apps.limits import start_within, stop_within
from duly.apps.only_app import Marks, is_only_app
from duly.apps.reconciliation import reconcile, reconcile_gone
from duly.apps.registry import ONLY_APP, AppFailure, AppRegistry, AppSnapshot, AppsSnapshot, Entry, Instance
from duly.apps.versions import Version, version_of
from duly.bus.service import BusService
from duly.events import DulyAppLoadCompletedEvent, DulyAppStateEvent
from duly.executor import CommandExecutor
from duly.hass.api import ApiResource
from duly.hass.state_proxy import StateProxy
from duly.lifecycle import Resource, ResourceStatus, WorkerPoolService
from duly.scheduler import SchedulerService

if TYPE_CHECKING:
    from pathlib import Path

    from duly.apps.app import App
    from duly.apps.app_config import AppConfig
    from duly.apps.changes import ChangeSet
    from duly.apps.loader import AppLoader
    from duly.config import AppManifest
    from duly.history import DatabaseService
    from duly.lifecycle import Root

AppEvent: TypeAlias = DulyAppStateEvent | DulyAppLoadCompletedEvent

_OF_THE_LIMIT = 0.95
"""How much of the limit of its start the handler waits for apps; those that need longer go on beside."""
_MOST = 0.5
"""How much of its limit an import must have gone on to be given up: before it may have waited for others."""
_AFTER_FORCE = 1.0
"""Seconds that a stop has beyond the limit of an app, for its forced end."""


class AppHandler(Resource):
    """Owns the apps: the only one who makes, starts and stops them. Guarded by the event loop."""

    depends_on: ClassVar[list[type[Resource]]] = [
        *(CommandExecutor, BusService, SchedulerService, WorkerPoolService),
        *(ApiResource, StateProxy),  # which are not required: for the order only
    ]
    log_setting: ClassVar[str] = "app_handler"

    def __init__(
        self,
        duly: Root,
        *,
        parent: Resource | None = None,
        executor: CommandExecutor,
        database: DatabaseService,
        loader: AppLoader,
    ) -> None:
        super().__init__(duly, parent=parent)
        self.registry = AppRegistry()
        """To be read; changed by the handler alone."""
        self._executor = executor
        self._database = database
        self._loader = loader
        self._announce: Callable[[AppEvent], object] | None = None
        self._deciding = asyncio.Lock()
        self._operations: set[asyncio.Task[Any]] = set()
        self._syncs = 0
        """How often states of Home Assistant have come, all of them."""
        executor.instance_names = self.registry.instance_name

    # --- what it tells -----------------------------------------------------------------------------------------------

    def snapshot(self) -> AppsSnapshot:
        """All apps as they are now."""
        return self.registry.snapshot()

    def instances(self, app_key: str) -> list[App[Any]]:
        """The instances of an app that are there, in order of index.

        Raises:
            KeyError: there is no such app.
        """
        return [instance.app for instance in self.registry[app_key].instances if instance.app is not None]

    @property
    def apps(self) -> list[App[Any]]:
        """All instances that are there."""
        return [instance.app for entry in self.registry for instance in entry.instances if instance.app is not None]

    def announce_with(self, announce: Callable[[AppEvent], object] | None) -> None:
        """Call ``announce``, which must not wait, with an event for each change; ``None``: tell nobody."""
        self._announce = announce

    def _tell(self, event: AppEvent) -> None:
        tell(self._announce, event, self.logger)

    # --- by hand -----------------------------------------------------------------------------------------------------

    async def start_app(self, app_key: str) -> AppSnapshot:
        """Start an app, or those of its instances that have failed; does nothing if all of it runs.

        Raises:
            KeyError: there is no such app.
            ValueError: it is disabled or blocked.
        """
        return await self._by_hand(app_key, self._start_anew)

    async def stop_app(self, app_key: str) -> AppSnapshot:
        """Stop an app, until it is started by hand; does nothing if it has stopped. Raises as ``start_app``."""
        return await self._by_hand(app_key, self._stop_for_good)

    async def reload_app(self, app_key: str, *, reimport: bool = False) -> AppSnapshot:
        """Exchange the instances of an app for new ones; ``reimport``: of its file as it is now.

        A new version that cannot be loaded leaves the old one running, with ``reload_error`` in the snapshot. An app
        that was stopped by hand stays stopped. Raises as ``start_app``.
        """
        return await self._by_hand(app_key, self._reimport if reimport else self._reload)

    async def _by_hand(self, app_key: str, work: Callable[[Entry], Awaitable[None]]) -> AppSnapshot:
        entry = self.registry[app_key]

        async def locked() -> None:
            async with self._hold(entry):
                if self.registry[app_key] is not entry:
                    raise ValueError(f"app {app_key!r} was configured anew meanwhile: try again")
                if refusal := entry.refusal():
                    raise ValueError(refusal)
                await work(entry)

        if refusal := entry.refusal():
            raise ValueError(refusal)
        await self._operate(locked())
        return entry.snapshot()

    async def _start_anew(self, entry: Entry) -> None:
        entry.by_hand = False
        if entry.instances and all(instance.alive for instance in entry.instances):
            return
        version = await self._load(entry.manifest)
        same = version.app_class is entry.app_class and len(version.configs) == len(entry.instances)
        if not entry.live or not same or entry.reload_error is not None:
            await self._exchange(entry, version)
        else:
            await self._start_some(entry, version, [one for one in entry.instances if not one.alive])

    async def _stop_for_good(self, entry: Entry) -> None:
        entry.by_hand = True
        for instance in entry.blocked:
            instance.blocked = None
        await self._stop_instances(entry)

    async def _reload(self, entry: Entry) -> None:
        if not entry.by_hand:
            await self._exchange(entry, await self._load(entry.manifest))

    async def _reimport(self, entry: Entry) -> None:
        if entry.by_hand:
            return
        try:
            await in_import_thread(self._loader.reimport, entry.manifest, self.duly.config)
        except Exception as error:  # noqa: BLE001 - a module of a user's may raise anything
            self.keep(entry.manifest.app_key, error)
        else:
            await self._reload(entry)

    # --- change sets -------------------------------------------------------------------------------------------------

    async def apply_changes(self, changes: ChangeSet) -> None:
        """Bring the apps to where the manifests and modules in force want them; others run on undisturbed."""
        await self._operate(self._apply(changes))

    def keep(self, app_key: str, error: Exception) -> None:
        """Take note that the latest version of an app cannot be loaded, so that the one before stays."""
        entry = self.registry[app_key]
        failure = AppFailure.of(error)
        entry.reload_error = failure.message
        if not entry.live and entry.may_run:
            self._fail(entry, failure)
            return
        self.logger.error(
            "%s: app_key=%s reason=%s",
            "the old version of an app keeps running" if entry.live else "the new version of an app is not taken",
            app_key,
            failure.message,
            extra={"app_key": app_key},
        )

    async def _apply(self, changes: ChangeSet) -> None:
        async with self._deciding:
            orphans = self._entries(changes.orphans)
            await _all(self._retire(entry) for entry in orphans)
            self.registry.take(self.duly.config.apps.manifests.values())
            await _all(self._retire(entry) for entry in orphans if entry.live)  # started by hand meanwhile
            groups = [self._entries(keys) for keys in (changes.reimport_apps, changes.reload_apps, changes.new_apps)]
            versions = await self._versions(entry for group in groups for entry in group)
            freed = [entry for entry in self._decide(versions) if entry.manifest.app_key not in versions]
            versions |= await self._versions(freed)
            await _all(self._stop_locked(entry) for entry in self.registry if not entry.may_run and entry.live)
            for group in (*groups, freed):
                await _all(self._exchange_locked(entry, versions[entry.manifest.app_key]) for entry in group)
        self._tell(DulyAppLoadCompletedEvent.now())

    def _entries(self, keys: Collection[str]) -> list[Entry]:
        """Those of the apps that are known and enabled."""
        return [entry for entry in self.registry if entry.manifest.app_key in keys and entry.manifest.enabled]

    def _decide(self, versions: Mapping[str, Version]) -> list[Entry]:
        """Say which apps are blocked, given the latest versions; give those that are no more."""
        config = self.duly.config
        enabled = [entry for entry in self.registry if entry.manifest.enabled]
        classes = {entry.manifest.app_key: _latest(entry, versions) for entry in enabled}
        marked = tuple(key for key, app_class in classes.items() if app_class is not None and is_only_app(app_class))
        marks = Marks(marked, honoured=config.dev_mode or config.allow_only_app_in_prod)
        if marks != self.registry.marks:
            marks.tell(self.logger)
        self.registry.marks = marks
        blocked_before = [entry for entry in self.registry if entry.block_reason is not None]
        for entry in self.registry:
            entry.block_reason = ONLY_APP if entry in enabled and marks.block(entry.manifest.app_key) else None
            if entry.block_reason is not None:
                entry.failure = None if marks.conflict is None else AppFailure(marks.conflict, "")
        return [entry for entry in blocked_before if entry.may_run]

    # --- versions ----------------------------------------------------------------------------------------------------

    async def _versions(self, entries: Iterable[Entry]) -> dict[str, Version]:
        wanted = list(entries)
        loaded = await asyncio.gather(*(self._load(entry.manifest) for entry in wanted))
        return {entry.manifest.app_key: version for entry, version in zip(wanted, loaded, strict=True)}

    async def _load(self, manifest: AppManifest) -> Version:
        """The version that is in force now; what is wrong with it is in it."""
        limit = self.duly.config.lifecycle.app_startup_timeout_seconds
        waited_for: set[Path | None] = set()
        work = asyncio.ensure_future(in_import_thread(self._version, manifest))
        try:
            while not (await asyncio.wait({work}, timeout=limit))[0]:
                file = self._loader.importing
                if self._loader.give_up(manifest, limit * _MOST) or file in waited_for:
                    late = TimeoutError(f"importing {file or manifest.full_path} did not end within {limit} s")
                    return Version(None, (), late)
                waited_for.add(file)  # another, which its own app gives up
            return work.result()
        except Exception as error:  # noqa: BLE001 - a module of a user's may raise anything
            return Version(None, (), error)
        finally:
            work.cancel()

    def _version(self, manifest: AppManifest) -> Version:
        version = version_of(self._loader.load(manifest), manifest, self.duly.config)
        return replace(version, latest=self._loader.is_latest(manifest))

    async def _exchange_locked(self, entry: Entry, version: Version) -> None:
        async with self._hold(entry):
            if entry.may_run:
                await self._exchange(entry, version)
            elif version.problem is None:
                entry.app_class = version.app_class
                if version.latest:
                    entry.reload_error = None

    async def _exchange(self, entry: Entry, version: Version) -> None:
        """Put a version in the place of the one that runs, which stays if the new one has a problem."""
        if version.problem is not None and entry.live:
            self.keep(entry.manifest.app_key, version.problem)
            return
        await self._stop_instances(entry)
        await self._launch(entry, version)

    async def _launch(self, entry: Entry, version: Version) -> None:
        manifest = entry.manifest
        entry.failure = None
        if version.latest:
            entry.reload_error = None
        if version.error is not None:
            self._fail(entry, AppFailure.of(version.error))
            return
        entry.app_class = version.app_class
        entry.instances = _instances(manifest)
        for instance, config in zip(entry.instances, version.configs, strict=True):
            await self._start_instance(entry, instance, config)
        self._reconcile_later(entry)

    def _fail(self, entry: Entry, failure: AppFailure) -> None:
        """None of its instances can be made."""
        entry.failure = failure
        entry.instances = _instances(entry.manifest)
        for instance in entry.instances:
            instance.failure = failure
        key = entry.manifest.app_key
        self.logger.error("app failed: app_key=%s\n%s", key, failure.traceback, extra={"app_key": key})

    # --- instances that need Home Assistant --------------------------------------------------------------------------

    def start_blocked(self) -> None:
        """Start what waits for states of Home Assistant: they are there now, or have come anew."""
        self._syncs += 1
        if not self.shutdown_event.is_set() and any(entry.blocked for entry in self.registry):
            self._spawn(_all(self._unblock(entry) for entry in self.registry))

    async def _unblock(self, entry: Entry) -> None:
        async with self._hold(entry):
            if not (entry.may_run and entry.blocked):
                return
            version = await self._load(entry.manifest)
            if version.app_class is entry.app_class and len(version.configs) == len(entry.instances):
                await self._start_some(entry, version, entry.blocked)
            else:
                await self._exchange(entry, version)

    # --- instances ---------------------------------------------------------------------------------------------------

    async def _start_some(self, entry: Entry, version: Version, instances: Collection[Instance]) -> None:
        for instance, config in zip(entry.instances, version.configs, strict=True):
            if instance in instances:
                await self._stop_instance(instance)
                await self._start_instance(entry, instance, config)
        self._reconcile_later(entry)

    async def _start_instance(self, entry: Entry, instance: Instance, config: AppConfig | Exception) -> None:
        """Start it, also again if it has missed states that came meanwhile."""
        tried = -1
        while tried != self._syncs:
            tried = self._syncs
            await self._try_to_start(entry, instance, config)
            if instance.blocked is None:
                return

    async def _try_to_start(self, entry: Entry, instance: Instance, config: AppConfig | Exception) -> None:
        instance.failure = instance.blocked = None
        try:
            app = self._make(entry, instance, config)
            await start_within(self, app)
        except Exception as error:  # noqa: BLE001 - what a user's class does in its start concerns this instance only
            self._note(entry, instance, error)
            self._drop(instance)
        else:
            self.logger.info("instance started: app=%s", app.unique_name, extra=app.log_fields)

    def _note(self, entry: Entry, instance: Instance, error: Exception) -> None:
        """It did not start, or not yet."""
        failure, app, key = AppFailure.of(error), instance.app, entry.manifest.app_key
        fields = {"app_key": key, "instance_name": instance.name, "instance_index": instance.index}
        if app is not None and lacks_hass(app, error):
            instance.blocked = failure
            level = logging.INFO if is_on_its_way(app) else logging.WARNING
            text = "instance blocked, it starts once there are states of Home Assistant: app=%s/%s reason=%s"
            self.logger.log(level, text, key, instance.name, failure.message, extra=fields)
        else:
            instance.failure = failure
            self.logger.error("instance failed: app=%s/%s", key, instance.name, exc_info=error, extra=fields)

    def _make(self, entry: Entry, instance: Instance, config: AppConfig | Exception) -> App[Any]:
        if isinstance(config, Exception):
            raise config
        assert entry.app_class is not None  # noqa: S101 - there is a configuration of it
        app = self.add_child(entry.app_class, manifest=entry.manifest, app_config=config, index=instance.index)
        app.tell_of_status(lambda change: self._tell(event_of(change)))
        instance.app, instance.name = app, app.instance_name
        return app

    async def _stop_locked(self, entry: Entry) -> None:
        async with self._hold(entry):
            await self._stop_instances(entry)

    async def _retire(self, entry: Entry) -> None:
        """It is to run no more, and nothing is to be told of its last run."""
        async with self._hold(entry):
            await self._stop_instances(entry)
            entry.instances, entry.failure, entry.reload_error = [], None, None

    async def _stop_instances(self, entry: Entry) -> None:
        await _all(self._stop_instance(instance) for instance in entry.live)

    async def _stop_instance(self, instance: Instance) -> None:
        app = instance.app
        if app is None:
            return
        await stop_within(self, app)
        instance.ended = True
        self._drop(instance)
        self.logger.info("instance stopped: app=%s", app.unique_name, extra=app.log_fields)

    def _drop(self, instance: Instance) -> None:
        if instance.app is not None:
            self.children.remove(instance.app)
            instance.app.tell_of_status(None)
            instance.app = None

    def _reconcile_later(self, entry: Entry) -> None:
        """Put the stored registrations of an app in order, once all of its instances run."""
        if entry.complete:
            key = entry.manifest.app_key
            work = reconcile(self, self.instances(key), self._executor, self._database)
            entry.reconciling = self.task_bucket.spawn(work, name=f"{self.unique_name} reconciles {key}")

    # --- its life ----------------------------------------------------------------------------------------------------

    @property
    def startup_limit(self) -> float:
        """That of an app, where it is longer."""
        return max(super().startup_limit, self.duly.config.lifecycle.app_startup_timeout_seconds)

    @property
    def phase_limit(self) -> float:
        """That of an app and its forced end, where it is longer."""
        return max(super().phase_limit, self.duly.config.lifecycle.app_shutdown_timeout_seconds + _AFTER_FORCE)

    async def on_initialize(self) -> None:
        """Start all apps, and wait until all have started or failed, or nearly for the limit of the start."""
        first = self._spawn(self._start_all())
        await asyncio.wait({first}, timeout=self.startup_limit * _OF_THE_LIMIT)
        if not first.done():
            slow = ", ".join(app.unique_name for app in self.children if app.status is ResourceStatus.STARTING)
            self.logger.warning("apps go on starting in the background: %s", slow)

    async def end_intake(self) -> None:
        """Stop all apps, also those that are starting."""
        for operation in self._operations:
            operation.cancel()
        if self._operations:
            await asyncio.wait(self._operations)
        await _all(self._stop_locked(entry) for entry in self.registry)

    async def _start_all(self) -> None:
        async with self._deciding:
            self.registry.take(self.duly.config.apps.manifests.values())
            versions = await self._versions(entry for entry in self.registry if entry.manifest.enabled)
            self._decide(versions)
            wanted = [entry for entry in self.registry if entry.manifest.enabled and not entry.live]
            await _all(self._exchange_locked(entry, versions[entry.manifest.app_key]) for entry in wanted)
        self._tell(DulyAppLoadCompletedEvent.now())
        await self._reconcile_gone()

    async def _reconcile_gone(self) -> None:
        """Retire what is left of apps that are configured no more, unless one may only not have been found."""
        apps = self.duly.config.apps
        if self._loader.undetected or (apps.autodetect and not apps.directory.is_dir()):
            return
        async with self._deciding:  # no app of such a key begins meanwhile
            known = {*apps.manifests, *apps.apps}  # a table that is incomplete makes no app
            await reconcile_gone(self, known, self._executor, self._database)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.task_bucket.spawn(work, name=f"{self.unique_name} works")
        self._operations.add(task)
        task.add_done_callback(self._operations.discard)
        return task

    async def _operate(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to the end, also if the caller is cancelled, as one is that belongs to the app it stops."""
        if self.shutdown_event.is_set():
            work.close()
            raise RuntimeError("apps cannot be started or stopped any more: Duly stops")
        await asyncio.shield(self._spawn(work))

    @asynccontextmanager
    async def _hold(self, entry: Entry) -> AsyncIterator[None]:
        async with entry.lock:
            if entry.reconciling is not None:
                entry.reconciling.cancel()
                await asyncio.wait({entry.reconciling})
                entry.reconciling = None
            yield


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*work)


def _instances(manifest: AppManifest) -> list[Instance]:
    return [Instance(index, str(table["instance_name"])) for index, table in enumerate(manifest.app_config)]


def _latest(entry: Entry, versions: Mapping[str, Version]) -> type[App[Any]] | None:
    """The class that counts for the entry: that of a version without problem, else the one it has."""
    version = versions.get(entry.manifest.app_key)
    if version is None or (version.problem is not None and entry.live):
        return entry.app_class
    return version.app_class

"""The root of a Duly that runs apps: makes the parts, starts and stops them in waves, and says how it ended.

run_forever: prepare -> wire_services -> initialize (waves) -> wait -> shutdown (waves backwards) -> exit code
"""

from __future__ import annotations

import asyncio
import sys
from contextvars import ContextVar
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from duly.apps import AppHandler, AppStatus
from duly.apps.import_thread import in_import_thread
from duly.apps.loader import AppLoader, app_file
from duly.apps.watcher import FileWatcherService
from duly.bus.service import BusService
from duly.config.active import ACTIVE_CONFIG
from duly.config.errors import ConfigurationError, DulyNotInitializedError
from duly.core.clock import zoned
from duly.core.errors import DulyError
from duly.core.outcomes import text_of
from duly.hass.state_proxy import StateProxy
from duly.history import LoggingService, SessionManager
from duly.lifecycle import (
    Resource,
    ResourceRole,
    ResourceStatus,
    Service,
    StatusChange,
    WorkerPoolService,
    find_part,
    install_task_factory,
    part,
)
from duly.lifecycle.signals import Signals
from duly.lifecycle.supervision import ServiceWatcher
from duly.lifecycle.tasks import own_task, unless_set
from duly.lifecycle.waves import Waves, waves_of
from duly.runtime.announcing import event_of
from duly.runtime.loop_watch import LoopWatch
from duly.runtime.preparation import prepare
from duly.runtime.registries import RegistryValidationError, check_registries
from duly.runtime.snapshot import snapshot_of
from duly.runtime.wiring import LINK_SETTINGS, Parts, after, hass_parts_of, off_parts, relink, wire, wire_hass
from duly.scheduler import SchedulerService

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from whenever import ZonedDateTime

    from duly.config import DulyConfig
    from duly.events import DulyPayload, Event
    from duly.runtime.snapshot import DulySnapshot, OffPart
    from duly.runtime.wiring import HassParts

    Publish: TypeAlias = Callable[[Event[DulyPayload[Any]]], object]

_MARGIN_SECONDS = 1.0
"""What the forced end of the last wave may take beyond the limit of the whole."""

_SUMMED = (AppStatus.RUNNING, AppStatus.DEGRADED, AppStatus.FAILED, AppStatus.BLOCKED)

_instance: ContextVar[Duly | None] = ContextVar("duly_instance", default=None)


class Duly(Resource):
    """Owns the parts, their waves and why the process ends; guarded by the event loop.

    There is one per context. ``run_forever`` does all of it; ``initialize`` and ``shutdown`` start and stop the parts
    only, for who checks the settings, takes signals and owns the loop otherwise.
    """

    role: ClassVar[ResourceRole] = ResourceRole.ROOT

    def __init__(
        self,
        config: DulyConfig,
        *,
        loader: AppLoader | None = None,
        max_workers: int | None = None,
        logs: bool = True,
        hass: HassParts | None = None,
    ) -> None:
        """Make it the one of this context.

        ``loader`` gives the classes of apps, by default from their files. ``max_workers`` threads are for sync code,
        ``None``: as many as are usual. Without ``logs`` log records are neither shown nor stored. ``hass`` are
        the parts of Home Assistant, by default those that there are with a token.

        Raises:
            RuntimeError: there is one that has not ended.
        """
        former = _instance.get()
        if former is not None and not former.ended:
            raise RuntimeError("this context has a Duly already: run one at a time, or each in a context of its own")
        self.config = config
        self.off: tuple[OffPart, ...] = ()
        """Parts that are not wired, and why."""
        self.checking = False
        """Whether its configuration is being checked."""
        super().__init__(self)
        self._waves: Waves | None = None
        self._watcher = ServiceWatcher(self, self.fail)
        self._fatal: tuple[str, BaseException] | None = None
        self.stop_by: float | None = None
        """When its stop must be over, in the time of the loop; ``None``: it has not begun."""
        self._forced = False
        self._stop_reason = ""
        self._publish: Publish | None = None
        self._over = False
        self._own_loader = loader is None
        self._parts = Parts(loader or AppLoader(), max_workers, logs=logs, hass=hass or hass_parts_of(config))
        _instance.set(self)
        ACTIVE_CONFIG.set(config)

    @classmethod
    def get_instance(cls) -> Duly:
        """The one of this context.

        Raises:
            DulyNotInitializedError: there is none.
        """
        duly = _instance.get()
        if duly is None or duly.ended:
            raise DulyNotInitializedError("no Duly runs in this context: make one with Duly(config)")
        return duly

    @property
    def ended(self) -> bool:
        """Whether it has run, and another may follow."""
        return self._over or self.status is ResourceStatus.STOPPED

    # --- parts -------------------------------------------------------------------------------------------------------

    def wire_services(self) -> None:
        """Make all parts that the settings ask for; nothing is started.

        Raises:
            ValueError: they do not fit together.
        """
        if self._waves is not None:
            return
        wire(self, self._parts)
        self._order()
        self.announce_with(part(self, BusService).publish)
        watcher = find_part(self, FileWatcherService)
        if watcher is not None:
            watcher.tell_of_settings(self._take_settings)

    def _order(self) -> None:
        self.off = off_parts(self)
        self._waves = Waves(self, waves_of(self.children, after=after(self._parts.hass)))

    @property
    def worker_pool(self) -> WorkerPoolService:
        """Where sync code of users runs."""
        return part(self, WorkerPoolService)

    # --- other settings ----------------------------------------------------------------------------------------------

    def _take_settings(self, changed: Collection[str]) -> None:
        """Let what goes by these settings, given by their paths, begin anew."""
        if not LINK_SETTINGS.isdisjoint(changed):
            self.task_bucket.spawn(self._link_anew(), name="Duly links anew")

    async def _link_anew(self) -> None:
        if find_part(self, StateProxy) is not None:
            await relink(self)
        elif (hass := hass_parts_of(self.config)) is not None:
            self._parts = replace(self._parts, hass=hass)
            wire_hass(self, hass)
            self._order()
            for app in part(self, AppHandler).apps:
                app.link_anew()
            part(self, SchedulerService).follow_anew()
            for each in [child for child in self.children if child.status is ResourceStatus.NOT_STARTED]:
                await each.initialize()

    # --- what parts tell ---------------------------------------------------------------------------------------------

    def announce_with(self, publish: Publish) -> None:
        """Call ``publish``, which must not wait, on the loop with each event of Duly's own. For wired parts.

        Of executions the executor tells the bus by itself, while somebody listens.
        """
        self._publish = publish
        part(self, AppHandler).announce_with(publish)
        watcher = find_part(self, FileWatcherService)
        if watcher is not None:
            watcher.announce_with(publish)

    def announce(self, change: StatusChange) -> None:
        """Let the start go on, if that is what it waits for, and make an event of the change if anybody listens."""
        if self._waves is not None:
            self._waves.notice()
        if self._publish is not None and change.resource.role is not ResourceRole.APP:
            try:
                self._publish(event_of(change, self.retry_at(change.resource)))
            except Exception as error:  # noqa: BLE001 - who listens must not affect the parts
                self.logger.debug("a change of status could not be announced: %s", error)

    def on_service_failed(self, service: Service, error: BaseException) -> None:
        """Supervise it."""
        self._watcher.on_failed(service, error)

    def fail(self, what: str, error: BaseException) -> None:
        """End the process with code 1: ``what`` has failed. The first reason is kept."""
        if self._fatal is None:
            self._fatal = (what, error)
            sessions = find_part(self, SessionManager)
            if sessions is not None:
                sessions.fatal_error = error
        self.request_shutdown(f"{what} failed")

    def retry_at(self, part: Resource) -> ZonedDateTime | None:
        """When the cooldown of a service ends; ``None``: it is not cooling."""
        moment = self._watcher.retry_at(part)
        return None if moment is None else zoned(moment, "UTC")

    # --- start and stop of the parts ---------------------------------------------------------------------------------

    async def _start_children(self) -> None:
        assert self._waves is not None  # noqa: S101 - see run_forever
        loop = asyncio.get_running_loop()
        install_task_factory(loop, self.task_bucket)
        try:
            await self._waves.start()
        except Exception as error:
            self.fail("the start", error)
            raise

    async def end_intake(self) -> None:
        """Restart nothing any more."""
        await self._watcher.close()

    async def _stop_children(self) -> None:
        if self._waves is not None:
            self._forced |= not await self._waves.stop(self._deadline())
        await self.task_bucket.cancel_all()

    def _deadline(self) -> float:
        """When the stop must be over: its limit counts from the first time on that this is asked for."""
        if self.stop_by is None:
            limit = self.config.lifecycle.total_shutdown_timeout_seconds
            self.stop_by = asyncio.get_running_loop().time() + limit
        return self.stop_by

    # --- the whole ---------------------------------------------------------------------------------------------------

    async def run_forever(self) -> int:
        """Run until the stop is asked for, and give the exit code of the process.

        0: stopped as asked; 1: something failed, or the stop had to be forced; 2: the configuration is not right, which
        is told on standard error. A second signal ends the process at once.
        """
        if self.ended or self._starting is not None:
            raise RuntimeError("this Duly has run already: make a new one")
        limit = self.config.lifecycle.total_shutdown_timeout_seconds
        try:
            with Signals(self.request_shutdown, limit=limit) as signals:
                return await self._run(signals)
        finally:
            self._over = True
            if self._own_loader:
                self._parts.loader.close()

    async def _run(self, signals: Signals) -> int:
        asyncio.get_running_loop().set_debug(self.config.asyncio_debug_mode)
        self._standing.belong_to_running_loop()
        try:
            self.wire_services()
        except ValueError as error:
            self.logger.critical("the parts do not fit together: %s", error)
            return 1
        logs = find_part(self, LoggingService)
        if logs is not None:
            logs.install()
        try:
            problem = await self._check()
            if problem is None:
                if not self.shutdown_event.is_set():
                    await self._live(signals)
                self._tell_end()
        finally:
            asyncio.get_running_loop().set_task_factory(None)
            if logs is not None:
                logs.close()
        if problem is not None:
            sys.stderr.write(f"{problem}\n")
            return 2
        return 1 if self._fatal is not None or self._forced else 0

    async def _check(self) -> ConfigurationError | None:
        """Check the configuration, unless asked to stop; what is wrong with it."""
        self.checking = True
        limit = self.config.lifecycle.app_startup_timeout_seconds
        slow = asyncio.get_running_loop().call_later(limit, self._tell_slow_check, limit)
        try:
            work = in_import_thread(prepare, self.config, self._parts.loader)
            await unless_set(self.shutdown_event, work, "Duly checks its configuration")
        except ConfigurationError as error:
            return error
        except Exception as error:  # noqa: BLE001 - told at the end
            self.fail("the check of the configuration", error)
        finally:
            slow.cancel()
            self.checking = False
        return None

    def _tell_slow_check(self, seconds: float) -> None:
        file = self._parts.loader.importing
        what = "nothing is imported" if file is None else f"the import of {file} goes on"
        self.logger.warning("the configuration is still being checked after %s s: %s", seconds, what)

    async def _live(self, signals: Signals) -> None:
        """Start all parts, be there, and stop them."""
        try:
            check_registries(self._parts.loader.digests(), self.logger, strict=self.config.strict_lifecycle)
        except RegistryValidationError as error:
            self.fail("the check of what apps have registered", error)
            return
        for reason in dict.fromkeys(each.reason for each in self.off):
            self.logger.info(reason)
        with LoopWatch(self._app_of):
            try:
                await unless_set(self.shutdown_event, self.initialize(), "Duly starts")
                if self.is_ready():
                    self.logger.info(await self._summary())
                await self.shutdown_event.wait()
            except Exception as error:  # noqa: BLE001 - of the start, which has been undone
                self.fail("the start", error)
            finally:
                signals.arm()
                await self._end()

    async def _end(self) -> None:
        stop = own_task(self.shutdown(), "Duly stops")
        left = self._deadline() - asyncio.get_running_loop().time()
        if not (await asyncio.wait({stop}, timeout=left + _MARGIN_SECONDS))[0]:
            self._forced = True
            await self.force_end()
            await asyncio.wait({stop})

    # --- what it says ------------------------------------------------------------------------------------------------

    def request_shutdown(self, reason: str) -> None:
        """Ask the whole process to stop, from any thread or signal handler."""
        self._stop_reason = self._stop_reason or reason
        super().request_shutdown(reason)

    def snapshot(self) -> DulySnapshot:
        """How it is now."""
        return snapshot_of(self)

    def _tell_end(self) -> None:
        if self._fatal is None:
            self.logger.info("stopped: %s", self._stop_reason)
            return
        what, error = self._fatal
        expected = isinstance(error, DulyError | TimeoutError)  # its message says all there is to say
        self.logger.critical("ended because %s failed: %s", what, text_of(error), exc_info=None if expected else error)

    async def _summary(self) -> str:
        counts = part(self, AppHandler).snapshot().counts
        apps = ", ".join(f"{counts[status]} {status}" for status in _SUMMED)
        jobs = len(await part(self, SchedulerService).get_all_jobs())
        return f"Duly {version('duly')} is running; apps: {apps}; jobs: {jobs}; dashboard: none"

    def _app_of(self, files: Sequence[str]) -> str | None:
        """The app whose file comes first."""
        keys = {str(app_file(manifest)): key for key, manifest in self.config.apps.manifests.items()}
        return next((keys[file] for file in files if file in keys), None)

"""One life of the process in which the apps of a harness run: from its start to its stop, or its crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextvars import copy_context
from typing import Any, NoReturn, TypeVar

from duly.apps import App, AppHandler
from duly.apps.changes import ChangeSet
from duly.config import DulyConfig
from duly.core import clock as clocks
from duly.core.clock import SECOND, SystemClock
from duly.core.outcomes import Reason
from duly.executor import CommandExecutor
from duly.history import DatabaseService
from duly.lifecycle import part
from duly.runtime import Duly
from duly.runtime.wiring import HassParts
from duly.scheduler import SchedulerService
from duly.testing.clock import VirtualClock
from duly.testing.crash import crash
from duly.testing.failures import Failures
from duly.testing.given_apps import GivenApps
from duly.testing.stacks import stacks_of
from duly.testing.virtual_loop import PATIENCE, HarnessStuckError, VirtualLoop

T = TypeVar("T")

_HORIZON = 366 * 86_400 * SECOND
_REAL = SystemClock()


class AppProcess:
    """Owns a loop on virtual time and the Duly on it. For one thread; nothing goes on between two calls."""

    def __init__(self, config: DulyConfig, clock: VirtualClock, loader: GivenApps, hass: HassParts) -> None:
        self._clock = clock
        self._context = copy_context()
        self._context.run(clocks.use, clock)
        self._loop = VirtualLoop(clock)
        self._duly = self._context.run(Duly, config, loader=loader, max_workers=1, logs=False, hass=hass)

    def start(self, failures: Failures) -> None:
        """Start all parts and the apps; what executions raise goes to ``failures``."""
        self._context.run(self._wire)
        failures.watch(part(self._duly, CommandExecutor))
        self.run(self._duly.initialize())
        self.run(self._until_started())

    def apps(self, app_key: str) -> list[App[Any]]:
        """The instances that run."""
        return self._handler.instances(app_key)

    def run(self, work: Awaitable[T]) -> T:
        """Await it, moving time as far as it waits for, and settle.

        Raises:
            HarnessStuckError: it takes more than a year, or 10 s of real time.
        """
        task, latest = self._begin(work), self._clock.now() + _HORIZON
        patience_ends = _REAL.monotonic() + round(PATIENCE * SECOND)
        self._clock.turn(Reason.STALLED)
        while not task.done():
            event = self._clock.next_event()
            if event is None or event > latest or _REAL.monotonic() > patience_ends:
                self._give_up(task)
            self._clock.elapse_until(event)
            self._clock.turn(Reason.STALLED)
        self.settle()
        return task.result()

    def settle(self) -> None:
        """Until nothing is left to do at this moment, and all records are written."""
        self._clock.turn(Reason.STALLED)
        if self._database.is_open:
            flushed = self._begin(self._database.flush())
            self._clock.turn(Reason.STALLED)
            flushed.result()

    @property
    def asked_to_stop(self) -> bool:
        """Whether the process is to end: an app wants that, or something that it cannot do without has failed."""
        return self._duly.shutdown_event.is_set()

    def kick(self) -> None:
        """Have the scheduler look at the clocks, which by itself it does only when something is due."""
        self._loop.call_soon(part(self._duly, SchedulerService).kick, context=self._context)

    def reload(self, app_key: str, *, reimport: bool) -> None:
        """Exchange the instances of an app, for its new manifest or, with ``reimport``, its new class."""
        keys = frozenset({app_key})
        changes = ChangeSet(reimport_apps=keys) if reimport else ChangeSet(reload_apps=keys)
        self.run(self._handler.apply_changes(changes))

    def stop(self) -> None:
        """Stop it in order."""
        try:
            self.run(self._duly.shutdown())
        finally:
            self._end_loop()

    def crash(self) -> None:
        """End it as ``kill -9`` would: no hook runs, and nothing more is written. What is left goes with ``bury``."""
        self._clock.detach(self._loop)
        crash(self._duly)

    def bury(self) -> None:
        """Let go of the tasks of a process that has crashed, and of its loop."""
        self._loop.bury()

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _database(self) -> DatabaseService:
        return part(self._duly, DatabaseService)

    @property
    def _handler(self) -> AppHandler:
        return part(self._duly, AppHandler)

    async def _until_started(self) -> None:
        """Until slow apps, which the handler leaves behind, have started or failed, too."""
        operations = self._handler._operations  # noqa: SLF001 - a server has no use for it
        if operations:
            await asyncio.wait(operations)

    def _wire(self) -> None:
        self._duly.wire_services()
        self._duly.config.set_validated_app_manifests()
        self._duly.worker_pool.logger.setLevel("ERROR")  # that its one worker is busy is no news

    def _begin(self, work: Awaitable[T]) -> asyncio.Task[T]:
        """A task in no bucket: that of the root would end with it."""
        return self._context.run(lambda: asyncio.Task(_await(work), loop=self._loop))

    def _give_up(self, task: asyncio.Task[Any]) -> NoReturn:
        stacks = stacks_of(self._loop)
        task.cancel()
        self._clock.turn(Reason.STALLED)
        raise HarnessStuckError(f"what is waited for does not come\n\n{stacks}")

    def _end_loop(self) -> None:
        loop = self._loop
        for task in asyncio.all_tasks(loop):
            task.cancel()
        self._clock.turn(Reason.STALLED)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.bury()  # with tasks that do not let themselves be cancelled


async def _await(work: Awaitable[T]) -> T:
    return await work

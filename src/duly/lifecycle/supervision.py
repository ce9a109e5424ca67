"""What is done about a service that fails: it is restarted by its rules, given up, or the process ends.

One task per service sees to a failure until the service is ready again or given up. What fails meanwhile is told to
that task, so that no failure is lost and none is counted twice. Time is that of the event loop, which is monotonic.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from duly.core import clock as clocks
from duly.core.clock import SECOND
from duly.lifecycle.logs import PartLogger
from duly.lifecycle.restart import RestartType
from duly.lifecycle.status import ResourceStatus

if TYPE_CHECKING:
    from duly.lifecycle.root import Root
    from duly.lifecycle.service import Service

_S = ResourceStatus


class ServiceWatcher:
    """Owns what is known of services that have failed, and the tasks that see to them; guarded by the event loop."""

    def __init__(self, duly: Root, on_fatal: Callable[[str, BaseException], None]) -> None:
        """Tell ``on_fatal`` the service, and the error, for which the process must end."""
        self.logger = PartLogger("ServiceWatcher", "framework", duly.config.logging.service_watcher)
        self._duly = duly
        self._on_fatal = on_fatal
        self._cases: dict[Service, _Case] = {}

    def on_failed(self, service: Service, error: BaseException) -> None:
        """See to it, unless that is being done: then this is part of it."""
        if self._duly.shutdown_event.is_set():
            return
        case = self._cases.setdefault(service, _Case())
        if case.task is None:
            case.task = self._duly.task_bucket.spawn(
                self._see_to(service, case, error), name=f"{service.unique_name} is seen to"
            )
        elif case.failure is not None and not case.failure.done():
            case.failure.set_result(error)

    def retry_at(self, service: object) -> int | None:
        """When its cooldown ends, in nanoseconds since the epoch; ``None``: it is not cooling."""
        case = self._cases.get(service)  # type: ignore[call-overload]  # anything may be asked for
        return None if case is None else case.retry_at

    async def close(self) -> None:
        """See to nothing any more: waits, and starts under way, are given up."""
        tasks = [case.task for case in self._cases.values() if case.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _see_to(self, service: Service, case: _Case, error: BaseException) -> None:
        failure: BaseException | None = error
        try:
            while failure is not None and not self._duly.shutdown_event.is_set():
                failure = await self._react(service, case, failure)
        finally:
            case.task = case.retry_at = None

    async def _react(self, service: Service, case: _Case, error: BaseException) -> BaseException | None:
        """What is to be done about one failure; gives the next one, ``None`` if that is all."""
        spec, now = service.restart_spec, asyncio.get_running_loop().time()
        if spec.is_fatal(error):
            self._crash(service, error)
            return None
        if spec.is_hopeless(error):
            await self._give_up(service, error, "no restart helps against it")
            return None
        case.forget(now - spec.budget_period_seconds)
        if case.outlasted:
            return await self._exhaust(service, case, error, "its serve() goes on")
        if len(case.restarts) >= spec.budget_intensity:
            used = f"{spec.budget_intensity} restarts in {spec.budget_period_seconds:g} s were not enough"
            return await self._exhaust(service, case, error, used)
        case.restarts.append(now)
        wait = spec.backoff_seconds(len(case.restarts))
        self.logger.warning(
            "%s is restarted in %g s, %d of %d: %r",
            service.unique_name,
            wait,
            len(case.restarts),
            spec.budget_intensity,
            error,
        )
        return await self._restart_after(wait, service, case)

    async def _restart_after(self, seconds: float, service: Service, case: _Case) -> BaseException | None:
        """Restart it; gives why it is not ready, ``None`` if it is, or is not needed any more."""
        stop = self._duly.shutdown_event
        service.restart_at = clocks.current().now() + round(seconds * SECOND)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stop.wait()
        finally:
            service.restart_at = None
        case.retry_at = None
        if stop.is_set() or service.is_ready():  # somebody has restarted it by hand
            return None
        try:
            return await self._restart(service, case)
        finally:
            case.last = asyncio.get_running_loop().time()

    async def _restart(self, service: Service, case: _Case) -> BaseException | None:
        loop = asyncio.get_running_loop()
        case.outlasted = False
        failure = case.failure = loop.create_future()
        task = loop.create_task(service.restart(ready_within=service.restart_spec.startup_timeout_seconds))
        try:
            await asyncio.wait({task, failure}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()  # it has failed before it was ready, or the process stops
            await asyncio.wait({task})
            case.failure = None
        error = None if task.cancelled() else task.exception()
        case.outlasted = error is not None and service.serving
        if error is None and failure.done():
            error = failure.result()
        if error is None:
            self.logger.info("%s works again", service.unique_name)
        return error

    async def _exhaust(self, service: Service, case: _Case, error: BaseException, why: str) -> BaseException | None:
        spec = service.restart_spec
        case.cycles += 1
        if spec.restart_type is RestartType.TRANSIENT and 0 < spec.max_cooldown_cycles < case.cycles:
            why = f"{spec.max_cooldown_cycles} cooldowns were not enough"
        elif spec.restart_type is RestartType.TRANSIENT:
            return await self._cool_down(service, case, error, why)
        await self._give_up(service, error, why)
        return None

    async def _cool_down(self, service: Service, case: _Case, error: BaseException, why: str) -> BaseException | None:
        spec = service.restart_spec
        await service.release(restart_follows=True)
        case.retry_at = clocks.current().now() + round(spec.cooldown_seconds * SECOND)
        service.set_status(_S.EXHAUSTED_COOLING, exception=error)
        self.logger.error("%s rests for %g s: %s: %r", service.unique_name, spec.cooldown_seconds, why, error)
        case.restarts.clear()
        return await self._restart_after(spec.cooldown_seconds, service, case)

    async def _give_up(self, service: Service, error: BaseException, why: str) -> None:
        """Leave it down, or the process with it."""
        if service.restart_spec.restart_type is RestartType.PERMANENT:
            self._crash(service, error)
            return
        await service.release(restart_follows=False)
        service.set_status(_S.EXHAUSTED_DEAD, exception=error)
        self.logger.error("%s stays down: %s: %r", service.unique_name, why, error)

    def _crash(self, service: Service, error: BaseException) -> None:
        self._on_fatal(service.unique_name, error)  # first: the change of status may be refused
        service.set_status(_S.CRASHED, exception=error)


class _Case:
    """What is known of one service."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.failure: asyncio.Future[BaseException] | None = None
        """Of the restart under way."""
        self.restarts: deque[float] = deque()
        """Those of the window."""
        self.cycles = 0
        """Cooldowns since it last worked for a whole window."""
        self.outlasted = False
        """Whether ``serve`` has not ended, so that it cannot be started again."""
        self.retry_at: int | None = None
        self.last = 0.0
        """When it was restarted last."""

    def forget(self, before: float) -> None:
        """Let go of what is older."""
        if self.last < before:
            self.cycles = 0
        while self.restarts and self.restarts[0] < before:
            self.restarts.popleft()

"""Error handlers of apps: each in a task of its own, so many at a time and no more.

Each listener and each job has ten starts in hand and gets one more per second; at most ten of its handlers are in
flight. What goes beyond is counted, and told once a minute.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from duly.core.clock import SECOND, Clock
from duly.core.outcomes import traceback_of
from duly.executor.contexts import ErrorContext
from duly.executor.entities import ByEntity, OncePerMinute
from duly.executor.execution import Execution
from duly.executor.protocols import ErrorHandler

if TYPE_CHECKING:
    from duly.lifecycle import Resource

_AT_ONCE = 10
_MOST_IN_FLIGHT = 10


class _Allowance:
    """What one listener or job may start. Times are monotonic nanoseconds."""

    __slots__ = ("in_flight", "since", "suppressed", "tokens")

    def __init__(self, now: int) -> None:
        self.tokens = float(_AT_ONCE)
        self.since = now
        self.in_flight = 0
        self.suppressed = 0
        """Since the last warning."""

    def take(self, now: int) -> bool:
        self.tokens = min(_AT_ONCE, self.tokens + (now - self.since) / SECOND)
        self.since = now
        if self.tokens < 1 or self.in_flight >= _MOST_IN_FLIGHT:
            return False
        self.tokens -= 1
        return True


class ErrorHandlers:
    """Owns what is remembered of error handlers; their tasks belong to ``part``. Guarded by the event loop."""

    def __init__(self, part: Resource, clock: Clock) -> None:
        self.failures = 0
        """Handlers that have failed themselves."""
        self.suppressed = 0
        """Handlers that were not started."""
        self._part = part
        self._clock = clock
        self._allowances: ByEntity[_Allowance] = ByEntity()
        self._warnings = OncePerMinute(clock)

    def start(self, execution: Execution, error: BaseException) -> None:
        """Start the handler for an execution that has failed, if it has one."""
        command = execution.command
        handler = command.error_handler or command.app_level_error_handler
        if handler is None:
            return
        now, owner = self._clock.monotonic(), command.owner
        allowance = self._allowances.get(owner)
        if allowance is None:
            allowance = _Allowance(now)
            self._allowances.set(owner, allowance)
        if not allowance.take(now):
            self._suppress(execution, allowance)
            return
        context = command.error_context(error, traceback_of(error), execution.id)
        task = self._part.task_bucket.spawn(self._call(handler, context), name=command.handler_task)
        allowance.in_flight += 1
        task.add_done_callback(lambda _: _land(allowance))

    def _suppress(self, execution: Execution, allowance: _Allowance) -> None:
        command = execution.command
        self.suppressed += 1
        allowance.suppressed += 1
        if self._warnings.due(command.owner):
            self._part.logger.warning(
                "error handlers are not started, it fails too often: %s suppressed=%d",
                command.entity_label,
                allowance.suppressed,
            )
            allowance.suppressed = 0

    async def _call(self, handler: ErrorHandler, context: ErrorContext) -> None:
        limit = self._part.duly.config.lifecycle.error_handler_timeout_seconds
        logger = self._part.logger
        deadline = asyncio.timeout(limit)
        try:
            async with deadline:
                await self._part.task_bucket.make_async_adapter(handler)(context)
        except Exception as error:  # the one place that catches what an error handler raises
            self.failures += 1
            if deadline.expired():
                logger.warning("an error handler exceeded its limit: limit=%gs %s", limit, context.log_label)
            else:
                logger.exception("an error handler failed: %s", context.log_label, exc_info=error)
        else:
            if deadline.expired():  # it has swallowed its cancellation
                self.failures += 1
                logger.warning("an error handler exceeded its limit: limit=%gs %s", limit, context.log_label)


def _land(allowance: _Allowance) -> None:
    allowance.in_flight -= 1

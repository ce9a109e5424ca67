"""Starting and stopping one instance within its time, in a context that says whose it is."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from structlog.contextvars import bound_contextvars

from duly.core.context import CURRENT_EXECUTION_ID
from duly.lifecycle import ResourceStatus
from duly.lifecycle.tasks import own_task

if TYPE_CHECKING:
    from duly.apps.app import App
    from duly.lifecycle import Resource

_WAITS = "it waits for Home Assistant"
_SLOW = "let its hooks do less, or raise lifecycle.app_startup_timeout_seconds"


async def start_within(handler: Resource, app: App[Any]) -> None:
    """Start it within ``app_startup_timeout_seconds``; if that fails, all of it is undone.

    Raises:
        TimeoutError: it did not start in time.
        Exception: what a hook of it has raised.
    """
    settings = handler.duly.config.lifecycle
    limit = settings.app_startup_timeout_seconds
    start = _task_as(app, app.initialize(), "start")
    if not (await asyncio.wait({start}, timeout=limit))[0]:
        hint = _WAITS if app.waits_for_hass else _SLOW
        error = TimeoutError(f"{app.unique_name} did not start within {limit} s: {hint}")
        start.cancel(str(error))
        if not (await asyncio.wait({start}, timeout=settings.app_shutdown_timeout_seconds))[0]:
            await _force(app)
        raise error
    if start.cancelled():
        raise RuntimeError(f"the start of {app.unique_name} was cancelled from within")
    start.result()
    if app.status is not ResourceStatus.RUNNING:
        raise RuntimeError(f"{app.unique_name} was stopped before it had started")


async def stop_within(handler: Resource, app: App[Any]) -> None:
    """Stop it within ``app_shutdown_timeout_seconds``, or force its end; no job of it is left either way."""
    stop = _task_as(app, app.shutdown(), "stop")
    limit = handler.duly.config.lifecycle.app_shutdown_timeout_seconds
    if not (await asyncio.wait({stop}, timeout=limit))[0]:
        handler.logger.warning("app did not stop within %s s: app=%s", limit, app.unique_name, extra=app.log_fields)
        await _force(app)
    elif not stop.cancelled() and (error := stop.exception()) is not None:
        handler.logger.error("app did not stop as it should: app=%s", app.unique_name, exc_info=error)


async def _force(app: App[Any]) -> None:
    await app.force_end()
    await app.end_intake()  # which the stop may not have come to


def _task_as(app: App[Any], work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task in which log records are the app's, and of no execution.

    In no bucket: one that clings has had its time here, and the stop of the handler is not to wait for it again.
    """
    former = CURRENT_EXECUTION_ID.set(None)
    try:
        with bound_contextvars(**app.log_fields):
            task = own_task(work, f"{app.unique_name}.{name}")
    finally:
        CURRENT_EXECUTION_ID.reset(former)
    task.add_done_callback(functools.partial(_look_at, app))
    return task


def _look_at(app: App[Any], task: asyncio.Task[None]) -> None:
    """It may end when nobody waits for it any more: in a stop, what apps need for their start ends before them."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        app.logger.debug("%s ended: %r", task.get_name(), error)

"""Calling the functions of tasks."""

from __future__ import annotations

import asyncio
from functools import partial
from inspect import isawaitable
from typing import Any

import structlog

from duly.core.context import CURRENT_EXECUTION_ID
from duly.core.errors import DulyError
from duly.dispatch.bus import wire_of
from duly.dispatch.task_ledger import Attempt
from duly.dispatch.tasks import Task
from duly.dispatch.tracing import span_of_task
from duly.ledger.registrations import method_name
from duly.lifecycle.worker_threads import Call, WorkerThreads

log = structlog.get_logger("duly.dispatch")


class OutputError(DulyError):
    """What a task returns cannot be published; trying again does not help."""


class Performer:
    """Owns the threads of sync functions from its making to ``close``. Guarded by the event loop."""

    def __init__(self, threads: int) -> None:
        self._threads = WorkerThreads(threads)

    def close(self) -> None:
        """Begin no more calls; those that run are left to end with the process."""
        for call in self._threads.close(_nothing):
            call.future.cancel()

    async def perform(self, task: Task, attempt: Attempt, headers: dict[str, str], room: int) -> object:
        """What the function returns; whatever it raises is raised. ``room``: the bytes that fit into a result.

        Raises:
            TimeoutError: it takes too long. A sync function cannot be stopped and goes on in its thread.
            OutputError: what it returns is no JSON, or too large.
        """
        CURRENT_EXECUTION_ID.set(attempt.execution_id)  # of this task alone
        arguments = task.arguments(attempt.message)
        with span_of_task(headers, task.worker_type, attempt.message.task_id):
            async with asyncio.timeout(task.timeout):
                output = await (task.function(*arguments) if task.is_async else self._in_thread(task, arguments))
                if isawaitable(output):
                    output = await output
        _check(output, room)
        return output

    async def _in_thread(self, task: Task, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401 - whatever it returns
        call = Call(partial(task.function, *arguments), method_name(task.function))
        self._threads.submit(call)
        try:
            return await call.future
        except asyncio.CancelledError:
            if not self._threads.withdraw(call):
                log.warning("worker.thread_left", function=call.name, seconds=round(call.seconds(), 3))
            raise


def _check(output: object, room: int) -> None:
    try:
        size = len(wire_of({"output": output}))
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputError(f"returned what is no JSON: {error}") from error
    if size > room:
        raise OutputError(f"returned {size} bytes of JSON, the server takes {room}: return less, or a reference to it")


def _nothing() -> None:
    """Nobody waits for the threads."""

"""Fan-out: what the function that ``expand_from`` names gives for one slot.

It is looked up and called in a thread, so that neither a slow import nor a slow call holds up other entries; what an
async function gives is awaited on the loop. Nothing can stop a thread: a call that does not end in time is left
behind, and until it ends its function is not called again. Python keeps what was imported; an import that failed is
tried again for the next slot.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable
from functools import partial
from traceback import format_exception_only
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary, finalize

from duly.core.errors import DulyError
from duly.dispatch.plain import Copying, Fault, NotPlainError, escaped, name_of, not_json, type_name
from duly.lifecycle.callables import is_async_callable
from duly.lifecycle.virtual_time import begin_in_thread, tell_of_threads
from duly.lifecycle.worker_threads import Call, WorkerThreads

if TYPE_CHECKING:
    from duly.dispatch.entry import ScheduleEntry

T = TypeVar("T")

ExpansionEvent: TypeAlias = Literal[
    "scheduler.expand_from_import_failed",
    "scheduler.expand_from_bad_return",
    "scheduler.expand_from_call_failed",
    "scheduler.invalid_expand_from",
]

_IMPORT_FAILED: Final = "scheduler.expand_from_import_failed"
_BAD_RETURN: Final = "scheduler.expand_from_bad_return"
_CALL_FAILED: Final = "scheduler.expand_from_call_failed"
_INVALID: Final = "scheduler.invalid_expand_from"


class ExpansionError(DulyError):
    """A fan-out that came to nothing; ``event`` is the name under which it is logged."""

    def __init__(self, event: ExpansionEvent, text: str) -> None:
        super().__init__(text)
        self.event: ExpansionEvent = event


_MOST_THREADS: Final = 1000
_threads_of_loops: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, WorkerThreads]] = WeakKeyDictionary()


async def expand(entry: ScheduleEntry) -> list[dict[str, Any]]:
    """The dicts for one slot, as plain data that JSON can write; nobody else holds them.

    Raises:
        ExpansionError: there are none, for whatever reason.
        asyncio.CancelledError: the caller is cancelled.
    """
    path, limit = entry.expand_from or "", entry.expand_timeout_seconds
    if any(call.leaked and call.function == path for call in _threads().running()):
        raise ExpansionError(_CALL_FAILED, f"{path} has not come back from an earlier call, which took too long")
    scope = asyncio.timeout(limit)
    try:
        async with scope:
            returned = await _returned(path)
    except TimeoutError as error:
        if scope.expired():
            raise _too_slow(path, limit) from None
        raise _failed(path, error) from error
    if scope.expired():
        raise _too_slow(path, limit)
    return _checked(path, returned, entry.max_fan_out)


async def _returned(path: str) -> object:
    """What the function gives; a ``TimeoutError`` may also be that of the limit."""
    try:
        function = await _in_thread(path, partial(_function, path))
        if is_async_callable(function):
            returned = function()
        else:
            returned = await _in_thread(path, function)
        return await returned if inspect.isawaitable(returned) else returned
    except asyncio.CancelledError as error:
        if _asked_to_end():
            raise
        raise _failed(path, error) from error
    except (ExpansionError, TimeoutError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # code of a user's, which may even ask the process to end
        raise _failed(path, error) from error


def _asked_to_end() -> bool:
    """Whether a cancellation is meant for the task, and does not come out of the function."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _function(path: str) -> Callable[[], object]:
    """What ``path`` names; imports its module."""
    module, dot, name = path.rpartition(".")
    if not dot or not module or not name:
        raise ExpansionError(_INVALID, f"expand_from must be a dotted path 'package.module.function', got {path!r}")
    try:
        found: object = getattr(importlib.import_module(module), name)
    except BaseException as error:  # as above
        raise ExpansionError(_IMPORT_FAILED, f"cannot import {path}: {_words(error)}") from error
    if not callable(found):
        raise ExpansionError(_INVALID, f"expand_from must name a function, {path} is of type {type(found).__name__}")
    return found


async def _in_thread(path: str, function: Callable[[], T]) -> T:
    threads, call = _threads(), Call(function, path)
    begin_in_thread(partial(_begin, threads, call))
    try:
        return cast("T", await call.future)
    except asyncio.CancelledError:
        threads.withdraw(call)
        raise


def _begin(threads: WorkerThreads, call: Call) -> None:
    if not call.future.done():
        threads.submit(call)


def _threads() -> WorkerThreads:
    """Those of the running loop; they end with it, unless a call in them does not."""
    loop = asyncio.get_running_loop()
    threads = _threads_of_loops.get(loop)
    if threads is None:
        threads = _threads_of_loops[loop] = WorkerThreads(_MOST_THREADS)
        tell_of_threads(threads.at_work)
        finalize(loop, threads.close, _nothing)
    return threads


def _nothing() -> None:
    """Nobody waits for the threads of a loop that is gone."""


def _failed(path: str, error: BaseException) -> ExpansionError:
    return ExpansionError(_CALL_FAILED, f"{path} raised {_words(error)}")


def _words(error: BaseException) -> str:
    """An exception on one line, also if its own text cannot be had."""
    return " ".join(line.strip() for line in format_exception_only(error))


def _too_slow(path: str, limit: float) -> ExpansionError:
    return ExpansionError(_CALL_FAILED, f"{path} took more than {limit:g} seconds")


def _checked(path: str, returned: object, most: int) -> list[dict[str, Any]]:
    """What came back as plain data, if it is a list of dicts that JSON can write."""
    if not issubclass(type(returned), list):
        raise ExpansionError(_BAD_RETURN, f"{path} must return a list of dicts, got {name_of(type(returned))}")
    copying = Copying()
    try:
        items: list[Any] = copying.copy(returned)
    except NotPlainError as error:
        raise _bad(path, error.fault) from None
    if len(items) > most:
        raise ExpansionError(_BAD_RETURN, f"{path} returned {len(items)} items, max_fan_out is {most}")
    for index, item in enumerate(items):
        if type(item) is not dict:
            raise _bad(path, Fault((index,), f"expected dict, got {type_name(item)}"))
    for fault in (*copying.faults, *not_json(items)):
        raise _bad(path, fault)
    return items


def _bad(path: str, fault: Fault) -> ExpansionError:
    index, *inside = fault.place or ("?",)
    where = f"item {index}" + (f": {escaped('.'.join(map(str, inside)))}" if inside else "")
    return ExpansionError(_BAD_RETURN, f"{path} returned what cannot be dispatched: {where}: {fault.text}")

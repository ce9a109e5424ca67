"""Handing a coroutine from a thread to the event loop.

The thread waits on a ``concurrent.futures.Future``, which both sides may give up: whoever is first decides whether the
coroutine begins or is closed, so that none is left behind unawaited.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread, if one does."""
    return asyncio._get_running_loop()  # noqa: SLF001 - the public one raises if there is none


def post(loop: asyncio.AbstractEventLoop, fn: Callable[[*Ts], object], *args: *Ts) -> bool:
    """Call it on the loop soon, from any thread; false, and dropped, if the loop has ended."""
    try:
        loop.call_soon_threadsafe(fn, *args)
    except RuntimeError:
        return False
    return True


def hand_over(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any],
    handle: concurrent.futures.Future[Any],
    begin: Callable[[], None],
) -> None:
    """Call ``begin`` on the loop unless ``handle`` was cancelled before; what it raises goes to ``handle``.

    Raises:
        RuntimeError: the loop has ended; ``coro`` is closed.
    """

    def take() -> None:
        if not handle.set_running_or_notify_cancel():
            coro.close()
            return
        try:
            begin()
        except RuntimeError as error:
            handle.set_exception(error)

    try:
        loop.call_soon_threadsafe(take)
    except RuntimeError:
        coro.close()
        raise


def call_for(result: concurrent.futures.Future[T], fn: Callable[[], T]) -> None:
    """Call ``fn`` for whoever waits for ``result``, unless that was cancelled before."""
    if result.set_running_or_notify_cancel():
        try:
            result.set_result(fn())
        except Exception as error:  # noqa: BLE001 - raised where the result is awaited
            result.set_exception(error)


def pass_on(task: asyncio.Task[T], result: concurrent.futures.Future[T]) -> None:
    """Hand the end of a task to the thread that waits."""
    if task.cancelled():
        result.set_exception(concurrent.futures.CancelledError())
    elif (error := task.exception()) is not None:
        result.set_exception(error)
    else:
        result.set_result(task.result())

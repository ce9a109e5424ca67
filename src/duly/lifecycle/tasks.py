"""Tasks that bring parts up and down, or that something else may end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def own_task(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """A task that its maker owns: in no bucket, which would cancel it."""
    return asyncio.Task(work, loop=asyncio.get_running_loop(), name=name)


def is_cancelled() -> bool:
    """Whether the running task is asked to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def unless_set(event: asyncio.Event, work: Coroutine[Any, Any, Any], name: str) -> None:
    """Do ``work``, which has that name, to its end, which may raise, or give it up once ``event`` is set."""
    task = own_task(work, name)
    stop = own_task(event.wait(), f"{name} may be given up")
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        stop.cancel()
        task.cancel()


async def raced(work: Coroutine[Any, Any, T], *ends: Coroutine[Any, Any, object]) -> asyncio.Task[T]:
    """Do ``work`` until one of ``ends`` is over first; its task, done, or cancelled and then awaited to its end."""
    task = asyncio.create_task(work)
    ending = [asyncio.create_task(each) for each in ends]
    try:
        await asyncio.wait((task, *ending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, *ending):
            each.cancel()
        await asyncio.wait((task, *ending))
    return task


async def to_the_end(task: asyncio.Task[None]) -> None:
    """Await a task to its end also when cancelled meanwhile, and raise that only then."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if not task.cancelled():
                cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()

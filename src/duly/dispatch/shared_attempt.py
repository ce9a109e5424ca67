"""One attempt at something that several wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedAttempt(Generic[T]):
    """Owns the attempt that is under way, if one is. Guarded by the event loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None

    async def at(self, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What comes of the attempt under way, or else of this one. It goes on when one who waits is cancelled.

        It is made in a context of its own: what it starts belongs to no job or app, and outlives those who wait.
        """
        if self._task is None:
            self._task = asyncio.create_task(attempt(), context=Context())
            self._task.add_done_callback(self._forget)
        return await asyncio.shield(self._task)

    def _forget(self, task: asyncio.Task[T]) -> None:
        self._task = None
        if not task.cancelled():
            task.exception()  # seen, also if nobody waits any more

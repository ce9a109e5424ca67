"""The events on their way to be dispatched, and the producers that wait for room."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from duly.events import Event

AnyEvent: TypeAlias = Event[Any]


class Channel:
    """Owns the events that nobody has dispatched yet, in order of arrival. Guarded by the event loop."""

    def __init__(self, capacity: Callable[[], int]) -> None:
        """``capacity`` is asked whenever an event comes or goes."""
        self._capacity = capacity
        self._events: deque[AnyEvent] = deque()
        self._line: deque[tuple[AnyEvent, asyncio.Future[bool]]] = deque()
        """Producers that wait, and what they bring."""

    def __len__(self) -> int:
        return len(self._events)

    @property
    def producers(self) -> int:
        """How many wait for room."""
        return len(self._line)

    def put_at_once(self, event: AnyEvent, beyond: int = 0) -> bool:
        """Take an event if there is room, counting so many places beyond the capacity."""
        if len(self._events) >= self._capacity() + beyond or (self._line and not beyond):
            return False
        self._events.append(event)
        return True

    async def put(self, event: AnyEvent) -> bool:
        """Take an event as soon as there is room, in the order of the producers; False: the channel was emptied."""
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._line.append((event, taken))
        return await taken

    def take(self) -> AnyEvent | None:
        """The next event, if there is one."""
        if not self._events:
            return None
        event = self._events.popleft()
        if self._line:
            self._let_in()
        return event

    def clear(self) -> int:
        """Drop all events, those of waiting producers too; give their number."""
        number = len(self._events)
        self._events.clear()
        while self._line:
            _, taken = self._line.popleft()
            if not taken.done():
                taken.set_result(False)
                number += 1
        return number

    def _let_in(self) -> None:
        capacity = self._capacity()
        while self._line and len(self._events) < capacity:
            event, taken = self._line.popleft()
            if not taken.done():  # else its producer has given up
                self._events.append(event)
                taken.set_result(True)

"""A fleet in memory: what replicas share, as little of it as the protocol asks for. With it histories are played."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from duly.core.clock import SECOND, current
from duly.dispatch.fleet import LeadershipLostError, Position

_WINDOW_SECONDS = 10
_DOUBT_SECONDS = 5
"""A message that may be older is asked for before it is sent."""


class SharedStore:
    """What all replicas see: who leads, and the committed positions. Guarded by the event loop."""

    def __init__(self) -> None:
        self.fence = 0
        self.sealed = 0
        """The fence of the last leadership that could commit."""
        self.free = asyncio.Event()
        self.free.set()
        self.positions: dict[str, Position] = {}

    def steal(self) -> None:
        """Let another replica lead though the leader has not noticed."""
        self.free.set()


class ModelFleet:
    """One replica's view of the store."""

    def __init__(self, store: SharedStore) -> None:
        self.led: ModelLeadership | None = None
        """The last leadership."""
        self._store = store

    async def lead(self, begin: Callable[[int | None], Awaitable[None]]) -> "ModelLeadership":
        store = self._store
        while not store.free.is_set():
            await store.free.wait()
        store.free.clear()
        store.fence += 1
        fence = store.fence
        await begin(fence)
        if store.sealed > fence:
            raise LeadershipLostError("another one was faster")
        previous, store.sealed = store.sealed or None, fence
        self.led = ModelLeadership(store, fence, previous)
        return self.led


class ModelLeadership:
    def __init__(self, store: SharedStore, fence: int, previous: int | None) -> None:
        self.fence = fence
        self.previous = previous
        self.positions = dict(store.positions)
        self._store = store
        self._over = asyncio.Event()

    def lose(self) -> None:
        """Let it be known that another replica leads."""
        self._over.set()

    async def commit(self, changes: Mapping[str, Position | None]) -> None:
        await asyncio.sleep(0)
        if self._store.sealed != self.fence:
            self._over.set()
            raise LeadershipLostError("another replica leads")
        for name, position in changes.items():
            if position is None:
                self._store.positions.pop(name, None)
            else:
                self._store.positions[name] = position

    async def lost(self) -> str:
        await self._over.wait()
        return "another replica leads"

    async def release(self) -> None:
        if self._store.fence == self.fence:
            self._store.free.set()


class ModelStream:
    """A stream that knows a message again for a while, if it can be reached; afterwards it has to be asked."""

    def __init__(self) -> None:
        self.messages: dict[str, Mapping[str, Any]] = {}
        self.taken_twice = 0
        self.stored_twice: list[str] = []
        self._stored_at: dict[str, int] = {}
        self._reachable = asyncio.Event()
        self._reachable.set()

    @property
    def connected(self) -> bool:
        return self._reachable.is_set()

    def go_away(self) -> None:
        self._reachable.clear()

    def come_back(self) -> None:
        self._reachable.set()

    async def until_connected(self) -> None:
        await self._reachable.wait()

    async def deliver(
        self, subject: str, message: Mapping[str, Any], message_id: str, *, since: int | None = None
    ) -> bool:
        clock = current()
        first = clock.now() if since is None else min(since, clock.now())
        await self._reachable.wait()
        await asyncio.sleep(0.001)
        now, stored_at = clock.now(), self._stored_at.get(message_id)
        if stored_at is not None:
            if now - stored_at < _WINDOW_SECONDS * SECOND or now - first >= _DOUBT_SECONDS * SECOND:
                self.taken_twice += 1
                return False
            self.stored_twice.append(message_id)
        self.messages[message_id] = {"subject": subject, **message}
        self._stored_at[message_id] = now
        return True

"""Handing records to the ledger's queue, and waiting where it has no room."""

from __future__ import annotations

import asyncio

from duly.history import DatabaseService
from duly.ledger.entries import Entry
from duly.ledger.record_queue import Promise


class Recording:
    """Owns the waits of those that found no room. Guarded by the event loop."""

    def __init__(self, database: DatabaseService) -> None:
        self._records = database.records
        self._rooms: set[asyncio.Future[None]] = set()
        self._held_up = 0
        """Outcomes that wait for room."""
        self._ended = False

    def open(self) -> None:
        """Let producers wait."""
        self._ended = False

    def end(self) -> None:
        """Nobody waits any longer: what has no room now is lost, and counted."""
        self._ended = True
        for room in self._rooms:
            room.cancel()

    def put(self, entry: Entry) -> bool:
        """Queue it if there is room."""
        return self._records.put(entry)

    def put_first(self, entry: Entry | Promise[Entry]) -> None:
        """Queue a mark, or slots that did not run, whatever the room: nothing waits for these."""
        self._records.append(entry)

    @property
    def has_room(self) -> bool:
        """Whether there is room, and no outcome waits for it, whose place it is; or nobody waits for it any longer."""
        return not (self._records.full or self._held_up) or self._ended

    async def wait_for_room(self) -> None:
        """Until there is room; those who queue without waiting ask before they make more."""
        while not self.has_room:
            await self._room()

    async def put_when_room(self, entry: Entry) -> None:
        """Queue it as soon as there is room; a cancellation takes effect only then."""
        cancelled: asyncio.CancelledError | None = None
        self._held_up += 1
        try:
            while not self._records.put(entry):
                if self._ended:
                    self._records.give_up(entry)
                    break
                try:
                    await self._room()
                except asyncio.CancelledError as error:
                    cancelled = cancelled or error
        finally:
            self._held_up -= 1
        if cancelled is not None:
            raise cancelled

    async def _room(self) -> None:
        room = asyncio.wrap_future(self._records.room())
        self._rooms.add(room)
        try:
            await asyncio.wait({room})
        finally:
            self._rooms.discard(room)
            room.cancel()

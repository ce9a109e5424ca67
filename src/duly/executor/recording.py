"""Handing records to the ledger's queue, and waiting where it has no room."""

from __future__ import annotations

import asyncio

from duly.history import DatabaseService
from duly.ledger.entries import Entry


class Recording:
    """Owns the waits of those that found no room. Guarded by the event loop."""

    def __init__(self, database: DatabaseService) -> None:
        self._records = database.records
        self._rooms: set[asyncio.Future[None]] = set()
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

    def put_first(self, entry: Entry) -> None:
        """Queue a mark, or slots that did not run, whatever the room: nothing waits for these."""
        self._records.append(entry)

    async def wait_for_room(self) -> None:
        """Until there is room; those who queue without waiting ask before they make more."""
        while self._records.full and not self._ended:
            await self._room()

    async def put_when_room(self, entry: Entry) -> None:
        """Queue it as soon as there is room; a cancellation takes effect only then."""
        cancelled: asyncio.CancelledError | None = None
        while not self._records.put(entry):
            if self._ended:
                self._records.give_up(entry)
                break
            try:
                await self._room()
            except asyncio.CancelledError as error:
                cancelled = cancelled or error
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

"""Group commit of positions: whatever has changed meanwhile is committed at once.

A round takes the positions of all entries that have changed, sees to it that all rows put so far are durable, and only
then commits: the order on which ``fleet`` relies. Whoever waits for an entry to be committed is told after the first
round that has taken its position later than the wait began.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from duly.dispatch.fleet import LeadershipLostError

if TYPE_CHECKING:
    from duly.dispatch.book import Book
    from duly.dispatch.fleet import Leadership, Position
    from duly.dispatch.live_entry import LiveEntry

_OVER: Final = "the leadership is over, another replica may lead"


class Committer:
    """Owns what is to be committed, for one leadership. Guarded by the event loop."""

    def __init__(self, leadership: Leadership, book: Book) -> None:
        self._leadership = leadership
        self._book = book
        self._lost = book.lost
        self._changed: dict[str, LiveEntry | None] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._alarm = asyncio.Event()
        self._over = False

    def changed(self, live: LiveEntry) -> None:
        """Commit the position of an entry, as it is when its round comes."""
        self._changed[live.name] = live
        self._alarm.set()

    def forget(self, name: str) -> None:
        """Commit that there is no such entry any more."""
        self._changed[name] = None
        self._alarm.set()

    async def committed(self) -> None:
        """Wait until all changes so far are committed.

        Raises:
            LeadershipLostError: they will not be, the leadership is over.
        """
        self.check()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._alarm.set()
        await waiter

    async def run(self) -> None:
        """Commit what changes, until cancelled.

        Raises:
            LeadershipLostError: another replica leads.
            DatabaseFileError: rows are lost, so what they tell must not be committed.
        """
        while True:
            await self._alarm.wait()
            self._alarm.clear()
            await self._round()

    def close(self) -> None:
        """Let those who wait know that nothing more is committed."""
        self._over = True
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(LeadershipLostError(_OVER))

    def check(self) -> None:
        """See that something can still be committed.

        Raises:
            LeadershipLostError: nothing can.
        """
        if self._over:
            raise LeadershipLostError(_OVER)

    async def _round(self) -> None:
        changed, self._changed = self._changed, {}
        waiting = len(self._waiting)
        positions: dict[str, Position | None] = {
            name: None if live is None else live.position() for name, live in changed.items()
        }
        await self._book.flush(self._lost)
        if positions:
            await self._leadership.commit(positions)
        for waiter in self._waiting[:waiting]:
            if not waiter.done():
                waiter.set_result(None)
        del self._waiting[:waiting]

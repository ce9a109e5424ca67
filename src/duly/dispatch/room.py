"""A bound on how many are inside at once."""

from __future__ import annotations

import asyncio
from collections import deque


class Room:
    """Lets so many in at a time, in order. Guarded by the event loop.

    ``asyncio.Semaphore`` does the same, but looks at all that wait whenever one leaves.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_enter(self) -> bool:
        """Go in, if there is a place; then ``leave`` has to follow."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def enter(self) -> None:
        """Go in when there is a place; then ``leave`` has to follow."""
        if self.try_enter():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place was given to it already
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place to the next that waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

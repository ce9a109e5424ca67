"""How the link stands: its state, and the one table of its changes."""

from __future__ import annotations

import asyncio

from duly.core import clock as clocks
from duly.hass.connection_state import TRANSITIONS, ConnectionState
from duly.lifecycle import InvalidLifecycleTransitionError, Resource

_S = ConnectionState


class LinkStanding:
    """Owned by one link; guarded by the event loop."""

    def __init__(self, part: Resource) -> None:
        self._part = part
        self.state = _S.DISCONNECTED
        self.since = clocks.current().now()
        """When it came into its state, in nanoseconds since the epoch."""
        self.changed = asyncio.Event()
        """Set, and replaced by another one, at each change."""

    def change(self, state: ConnectionState) -> None:
        """Follow the table; the present one again does nothing.

        Raises:
            InvalidLifecycleTransitionError: the table does not know the change and ``strict_lifecycle`` is on; else
                that is a WARNING and the change takes place.
        """
        if state is self.state:
            return
        if state not in TRANSITIONS[self.state]:
            name = f"{self._part.unique_name}.connection"
            if self._part.duly.config.strict_lifecycle:
                raise InvalidLifecycleTransitionError(name, self.state, state)
            self._part.logger.warning("invalid status change of %s: %s to %s", name, self.state, state)
        self.state, self.since = state, clocks.current().now()
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def until_connected(self) -> None:
        """Until there is a link, or a token is missing."""
        while self.state not in {_S.CONNECTED, _S.DISABLED}:
            await self.changed.wait()

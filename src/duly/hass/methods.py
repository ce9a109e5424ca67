"""All that an app asks of Home Assistant."""

from __future__ import annotations

from functools import cached_property

from duly.hass.connection_state import ConnectionState
from duly.hass.helpers import Helpers
from duly.hass.outgoing import seconds_of
from duly.hass.rest_methods import RestMethods
from duly.hass.socket_methods import SocketMethods
from duly.hass.waits import Waits


class ApiMethods(SocketMethods, RestMethods):
    """The methods of ``Api``, over any link and any way to make requests."""

    helpers: Helpers

    @cached_property
    def waits(self) -> Waits:
        """Those for the link."""
        return Waits()

    @property
    def connected(self) -> bool:
        """Whether the link is up."""
        return self._link.connected

    @property
    def connection_state(self) -> ConnectionState:
        """How the link stands."""
        return self._link.state

    async def wait_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - named by the contract
        """Until the link is up, for ``timeout`` seconds at most.

        Raises:
            TimeoutError: it was not within that time.
            HassUnavailableError: there is no token.
        """
        limit = seconds_of(timeout)
        with self.waits.one():
            await self._link.wait_connected(limit)

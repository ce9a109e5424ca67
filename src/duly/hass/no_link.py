"""The link of a Duly without token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from duly.hass.connection_state import ConnectionState, LinkSnapshot
from duly.hass.errors import HassUnavailableError

NO_LINK: Final = (
    "there is no link to Home Assistant: no token is set; make a long-lived access token in Home Assistant and set it "
    "as `token`, or as DULY__TOKEN"
)


class DisabledLink:
    """Nothing dials, and every command is refused."""

    state: Final = ConnectionState.DISABLED
    connected: Final = False

    def snapshot(self) -> LinkSnapshot:
        """Disabled, since ever."""
        return LinkSnapshot(ConnectionState.DISABLED, since=0)

    def unavailable(self) -> HassUnavailableError:
        """The error for who needs it; names the setting."""
        return HassUnavailableError(NO_LINK, state=ConnectionState.DISABLED)

    async def command(self, message: Mapping[str, Any], *, timeout: float | None = None) -> NoReturn:  # noqa: ARG002, ASYNC109 - of its protocol
        """Refused."""
        raise self.unavailable()

    async def send(self, message: Mapping[str, Any]) -> NoReturn:  # noqa: ARG002 - of its protocol
        """Refused."""
        raise self.unavailable()

    async def wait_connected(self, timeout: float | None = None) -> NoReturn:  # noqa: ARG002, ASYNC109 - of its protocol
        """Refused: it will not be."""
        raise self.unavailable()

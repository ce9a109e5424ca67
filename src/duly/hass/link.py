"""What others see of the link to Home Assistant; ``WebsocketService`` is the one that is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from duly.events import RawState, RawStateChangeEvent
from duly.hass.connection_state import ConnectionState, LinkSnapshot
from duly.hass.errors import HassUnavailableError


class Link(Protocol):
    """The connection. Guarded by the event loop."""

    @property
    def state(self) -> ConnectionState:
        """How it stands."""
        ...

    @property
    def connected(self) -> bool:
        """Whether all features are up."""
        ...

    def snapshot(self) -> LinkSnapshot:
        """How it stands, with times and counts."""
        ...

    def unavailable(self) -> HassUnavailableError:
        """The error for who needs it while it is not up: since when, the last error, the next attempt."""
        ...

    async def command(self, message: Mapping[str, Any], *, timeout: float | None = None) -> Any:  # noqa: ASYNC109, ANN401 - of the answer; what it is depends on the command
        """Send a command, without ``id``, and give the ``result`` of the answer.

        ``timeout`` in seconds; ``None``: ``response_timeout_seconds``.

        Raises:
            HassUnavailableError: the link is not up, or is lost before the answer.
            HassTimeoutError: no answer in time.
            HassCommandError: Home Assistant said no.
        """
        ...

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a command and return once it is written; a later refusal is a WARNING.

        Raises:
            HassUnavailableError: the link is not up, or is lost before it is written.
        """
        ...

    async def wait_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - of the wait
        """Until it is up.

        Raises:
            TimeoutError: it was not within so many seconds.
            HassUnavailableError: there is no token.
        """
        ...


class StatesSink(Protocol):
    """Who keeps the states that the link brings. Guarded by the event loop; never waits."""

    def replace_all(self, states: Sequence[RawState]) -> None:
        """All states, after a sync."""
        ...

    def apply(self, event: RawStateChangeEvent) -> None:
        """A change, before its event is dispatched."""
        ...

    def mark_fresh(self) -> None:
        """The link is up: the states are those of Home Assistant now; called after ``replace_all``."""
        ...

    def mark_stale(self) -> None:
        """The link is lost."""
        ...

"""How the link to Home Assistant stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ConnectionState(StrEnum):
    """States of the link."""

    DISABLED = "disabled"
    """There is no token."""
    DISCONNECTED = "disconnected"
    """Not started, or shut down."""
    CONNECTING = "connecting"
    """The socket is being opened."""
    AUTHENTICATING = "authenticating"
    SYNCING = "syncing"
    """Subscribing, and loading states."""
    CONNECTED = "connected"
    WAITING = "waiting"
    """Backing off before the next attempt."""
    REJECTED = "rejected"
    """The token is refused."""


_S = ConnectionState

TRANSITIONS: Final[Mapping[ConnectionState, frozenset[ConnectionState]]] = {
    _S.DISABLED: frozenset({_S.DISCONNECTED, _S.CONNECTING}),
    _S.DISCONNECTED: frozenset({_S.DISABLED, _S.CONNECTING}),
    _S.CONNECTING: frozenset({_S.AUTHENTICATING, _S.WAITING, _S.DISCONNECTED}),
    _S.AUTHENTICATING: frozenset({_S.SYNCING, _S.WAITING, _S.REJECTED, _S.DISCONNECTED}),
    _S.SYNCING: frozenset({_S.CONNECTED, _S.WAITING, _S.REJECTED, _S.DISCONNECTED}),
    _S.CONNECTED: frozenset({_S.WAITING, _S.DISCONNECTED}),
    _S.WAITING: frozenset({_S.CONNECTING, _S.DISCONNECTED}),
    _S.REJECTED: frozenset({_S.CONNECTING, _S.DISCONNECTED}),
}
"""Which state may follow which."""


@dataclass(frozen=True, slots=True)
class LinkSnapshot:
    """How the link stands. Times are nanoseconds since the epoch."""

    state: ConnectionState
    since: int
    last_error: str | None = None
    next_attempt: int | None = None
    """``None``: none is planned."""
    generation: int = 0
    """Connections so far."""
    connects: int = 0
    losses: int = 0
    failed_attempts: int = 0
    events: int = 0
    """Taken from Home Assistant."""
    bad_events: int = 0
    """Of which no event could be made."""

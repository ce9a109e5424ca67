"""What the link needs of a network: sockets that carry text both ways. One conformance suite tests all that do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

from duly.config import DulyConfig


class SocketClosedError(ConnectionError):
    """The socket is closed, or is lost."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason if code is None else f"{reason} (code {code})")
        self.code = code
        """Of the peer's farewell; ``None``: it was not closed in order."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect, and how."""

    url: str
    """Its scheme is ``ws`` or ``wss``."""
    verify_ssl: bool
    connect_seconds: float
    """Longest wait until the connection stands."""
    total_seconds: float
    """Longest wait until the socket is open."""
    heartbeat_seconds: float
    """Between two pings; a peer that does not answer one within half of it is gone."""

    @classmethod
    def of(cls, config: DulyConfig) -> Self:
        """That of Home Assistant, as the settings say."""
        limits = config.websocket
        return cls(
            url=f"ws{config.base_url.removeprefix('http').rstrip('/')}/api/websocket",
            verify_ssl=config.verify_ssl,
            connect_seconds=limits.connection_timeout_seconds,
            total_seconds=limits.total_timeout_seconds,
            heartbeat_seconds=limits.heartbeat_interval_seconds,
        )


class Socket(Protocol):
    """Text in both directions. One task reads, one writes."""

    async def send(self, text: str) -> None:
        """Hand it to the network, and wait if that has too much to do.

        Raises:
            OSError: the socket is closed or lost.
        """
        ...

    async def receive(self) -> str:
        """The next text.

        Raises:
            SocketClosedError: there will be none.
        """
        ...

    async def close(self) -> None:
        """Say farewell, and let go of the connection, within a second or so. Never raises; may be called again."""
        ...


class Transport(Protocol):
    """Opens sockets."""

    async def open(self, endpoint: Endpoint) -> Socket:
        """A socket that is open.

        Raises:
            OSError: there is none; ``TimeoutError``: not in time.
        """
        ...

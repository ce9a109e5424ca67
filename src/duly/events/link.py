"""The link to Home Assistant comes and goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from duly.events.event import DulyPayload, Event
from duly.events.topics import Topic


@dataclass(frozen=True, slots=True)
class LinkConnectedPayload:
    """The link is up, and states are fresh."""

    first: bool
    """Whether it is for the first time in this process."""
    generation: int
    """Connections so far, this one included."""
    ha_version: str


@dataclass(frozen=True, slots=True)
class LinkDisconnectedPayload:
    """The link was up, and is no more."""

    reason: str
    close_code: int | None
    """``None``: the socket was not closed in order."""


@dataclass(frozen=True, slots=True)
class DulyLinkEvent(Event[DulyPayload[Any]]):
    """Sent when the link to Home Assistant has come up, or has been lost."""

    @classmethod
    def connected(cls, data: LinkConnectedPayload) -> Self:
        """The event that announces a link."""
        return cls(Topic.DULY_EVENT_WEBSOCKET_CONNECTED, DulyPayload(data, event_type="websocket_connected"))

    @classmethod
    def disconnected(cls, data: LinkDisconnectedPayload) -> Self:
        """The event that announces a loss."""
        return cls(Topic.DULY_EVENT_WEBSOCKET_DISCONNECTED, DulyPayload(data, event_type="websocket_disconnected"))

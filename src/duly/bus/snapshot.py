"""The bus at one moment, for who shows how it stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BusSnapshot:
    """The bus at one moment; numbers of what was lost or kept away count from the start of the process."""

    listeners: int
    channel: int
    """Events that wait to be dispatched."""
    capacity: int
    producers: int
    """Those who wait for room in the channel."""
    waiting: int
    """Matches that wait for their turn."""
    running: int
    """Handlers that run."""
    dispatched: int
    excluded: int
    """Events that no listener got, because of the settings."""
    dropped_matches: int
    """For lack of room behind a handler that runs."""
    dropped_own: int
    """Duly's own events for which the channel had no room."""
    dropped_at_end: int
    """Events that came after the shutdown had begun, or had not been dispatched by then."""

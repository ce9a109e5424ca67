"""How far behind Home Assistant the link is, told by the times of events."""

from __future__ import annotations

from whenever import ZonedDateTime

from duly.core import clock as clocks
from duly.core.clock import SECOND, nanoseconds

_MUCH = 1.0
"""Seconds: on an idle machine it is some milliseconds."""
_LATE = "; Duly was behind with its events, and Home Assistant drops who falls behind: look for what blocks the loop"


class Lag:
    """Of one connection: owns the smallest distance seen between its clock and ours, which may be any.

    An event that comes from further away than that has waited; guarded by the event loop.
    """

    def __init__(self) -> None:
        self._least: int | None = None
        self.seconds = 0.0
        """For how long the last event has waited."""

    def note(self, fired: ZonedDateTime) -> None:
        """An event of that time has come."""
        distance = clocks.current().monotonic() - nanoseconds(fired)
        self._least = distance if self._least is None else min(self._least, distance)
        self.seconds = (distance - self._least) / SECOND

    def words(self) -> str:
        """What may have led to a loss now, without figures so that it is one cause each time; empty: nothing known."""
        return _LATE if self.seconds >= _MUCH else ""

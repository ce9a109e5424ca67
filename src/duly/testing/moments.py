"""Moments and durations as tests write them."""

from __future__ import annotations

from typing import TypeAlias

from whenever import Instant, PlainDateTime, TimeDelta, ZonedDateTime

from duly.core.clock import Zone, at_wall_clock, nanoseconds, zoned

Moment: TypeAlias = ZonedDateTime | Instant | PlainDateTime | str
"""A date and time, or its text in ISO format; without a zone it is meant in that of the clock."""

Duration: TypeAlias = TimeDelta | float
"""A number is one of seconds."""


def in_zone(given: Moment, zone: Zone) -> ZonedDateTime:
    """The moment; one with a zone of its own keeps it.

    Raises:
        ValueError: a text that is no date and time.
        TypeError: something else.
    """
    moment = _parsed(given) if isinstance(given, str) else given
    if isinstance(moment, ZonedDateTime):
        return moment
    if isinstance(moment, PlainDateTime):
        return at_wall_clock(moment, zone)
    if isinstance(moment, Instant):
        return zoned(moment.timestamp(unit="nanosecond"), zone)
    raise TypeError(f"a moment must be a date and time, or its text, got {given!r} of type {type(given).__name__}")


def moment_of(given: Moment, zone: Zone) -> int:
    """The moment in nanoseconds since the epoch; raises as ``in_zone``."""
    return nanoseconds(in_zone(given, zone))


def seconds_of(given: Duration) -> float:
    """The duration in seconds."""
    return given.total("seconds") if isinstance(given, TimeDelta) else given


def _parsed(text: str) -> ZonedDateTime | Instant | PlainDateTime:
    for kind in (PlainDateTime, ZonedDateTime, Instant):
        try:
            return kind.parse_iso(text)
        except ValueError:
            continue
    raise ValueError(f"a moment must be a date and time such as '2025-01-01T07:00', got {text!r}")

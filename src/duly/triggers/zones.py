"""The UTC offsets of a zone as segments on the line of instants, 1970 to 2199, in whole seconds.

``whenever`` knows where a zone changes; cron arithmetic needs the segments between, and for each of them which part is
left out when wall-clock times that occur twice are to run once.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

from whenever import ZonedDateTime

from duly.core.clock import SECOND, Zone, zoned
from duly.triggers.builtin import HORIZON

Overlap = Literal["first", "second", "both"]

BEGINNING = -(1 << 40)
"""Start of the first segment: earlier than any time there is."""

END = HORIZON // SECOND + 1
"""End of the last segment."""


class Segment(NamedTuple):
    """Instants with one UTC offset."""

    start: int
    """First instant of the offset."""
    low: int
    """First instant whose wall-clock time counts: later than ``start`` by a second pass that does not."""
    high: int
    """End, exclusive, of the instants whose wall-clock time counts: earlier by a first pass that does not."""
    offset: int
    """Local time minus UTC."""
    before: int
    """Offset of the segment before; smaller than ``offset``: local times in [start + before, start + offset) do not
    exist."""


class Segments:
    """All segments of a zone under one ``Overlap`` rule, and their starts for bisection. Immutable."""

    __slots__ = ("all", "overlap", "starts", "zone")

    def __init__(self, offsets: tuple[tuple[int, int], ...], overlap: Overlap, zone: Zone | int) -> None:
        """``zone`` is what they were asked for: a zone, or the seconds of a fixed offset."""
        self.zone = zone
        self.overlap: Overlap = overlap
        found = []
        for index, (start, offset) in enumerate(offsets):
            end, after = offsets[index + 1] if index + 1 < len(offsets) else (END, offset)
            before = offsets[index - 1][1] if index else offset
            low = start + max(0, before - offset) if overlap == "first" else start
            high = end - max(0, offset - after) if overlap == "second" else end
            found.append(Segment(start, low, high, offset, before))
        self.all = tuple(found)
        self.starts = tuple(start for start, _ in offsets)


def segments(zone: Zone, overlap: Overlap) -> Segments:
    """The segments of ``zone``; the zone of the system is looked up at each call, for it may be changed.

    Raises:
        whenever.TimeZoneNotFoundError: a ``ValueError``; no such zone.
    """
    if zone is not None:
        return _segments(zone, overlap)
    moment = zoned(0, None)
    name = moment.tz_id
    return Segments(_offsets(moment), overlap, None) if name is None else _system_segments(name, overlap)


@lru_cache(maxsize=512)
def fixed_segments(offset: int) -> Segments:
    """One segment with ``offset`` seconds."""
    return Segments(((BEGINNING, offset),), "both", offset)


@lru_cache(maxsize=512)
def _segments(zone: str, overlap: Overlap) -> Segments:
    return Segments(_offsets(zoned(0, zone)), overlap, zone)


@lru_cache(maxsize=16)
def _system_segments(name: str, overlap: Overlap) -> Segments:
    """Those of the zone of the system while ``name`` is its name."""
    return Segments(_offsets(zoned(0, name)), overlap, None)


def _offsets(moment: ZonedDateTime) -> tuple[tuple[int, int], ...]:
    """(start, offset) of each segment; changes that leave the offset alone are none."""
    found = [(BEGINNING, _offset(moment))]
    change = moment.next_transition()
    while change is not None and (start := change.timestamp()) < END:
        if (offset := _offset(change)) != found[-1][1]:
            found.append((start, offset))
        change = change.next_transition()
    return tuple(found)


def _offset(moment: ZonedDateTime) -> int:
    return int(moment.offset.total("seconds"))

"""``CronChain``: the wall-clock times of a ``LocalTimes``, laid over the offsets of a zone, as a set of instants.

An instant belongs to the chain if its wall-clock time matches, unless its pass over a repeated hour does not count
(``zones.Segment``); and instants after a gap belong to it in place of matching times that do not exist. So ``next`` is
the least of the set after a moment, ``previous`` the greatest before one, and nothing depends on where a walk began.
"""

from bisect import bisect_right
from functools import lru_cache
from typing import Literal

from duly.core.clock import SECOND
from duly.triggers.calendar import BEYOND
from duly.triggers.local_times import DAY_SECONDS, LocalTimes
from duly.triggers.zones import Segment, Segments

Gap = Literal["shift", "after_gap", "skip"]

_MARGIN = 2 * DAY_SECONDS
"""More than any UTC offset, or change of one, amounts to."""


class CronChain:
    """All ticks of a cron expression in one zone, 1970 to 2199; whole seconds, given in nanoseconds.

    Immutable but for a note of the offset last seen, which changes no answer and is replaced as a whole.
    """

    __slots__ = ("_segments", "_starts", "_steady", "gap", "local_times", "offsets")

    def __init__(self, local_times: LocalTimes, segments: Segments, gap: Gap) -> None:
        self.local_times = local_times
        self._segments = segments.all
        self._starts = segments.starts
        self.offsets = segments
        self.gap: Gap = gap
        self._steady = (0, 0, 0)
        """(low, high, offset): between these instants ticks are those of the offset and no others."""

    def first(self, now: int) -> int | None:
        """First tick later than ``now``."""
        return self.next(now, now)

    def next(self, previous: int, now: int) -> int | None:
        """First tick later than both."""
        second = (previous if previous > now else now) // SECOND  # noqa: FURB136 - max() takes twice as long
        low, high, offset = self._steady
        if low <= second < high and (tick := self.local_times.next(second + offset + 1) - offset) < high:
            return tick * SECOND
        found = self._after(second)
        return None if found is None else found * SECOND

    def previous(self, before: int) -> int | None:
        """Last tick earlier than ``before``."""
        found = self._before(-(-before // SECOND))
        return None if found is None else found * SECOND

    def count(self, previous: int, until: int) -> tuple[int, int]:
        """How many ticks lie in (previous, until], and the last of them; costs years, not ticks."""
        number = self.between(previous, until)
        last = self.previous(until + 1) if number else None
        return number, previous if last is None else last

    def between(self, after: int, until: int) -> int:
        """How many ticks lie in (after, until]."""
        start, end = after // SECOND + 1, until // SECOND + 1
        if start >= end:
            return 0
        found = range(self._index(start), self._index(end - 1) + 1)
        return sum(self._count(self._segments[index], start, end) for index in found)

    def _after(self, second: int) -> int | None:
        """First tick later than ``second``."""
        index = self._index(second)
        while index < len(self._segments):
            segment = self._segments[index]
            offset = segment.offset
            local = self.local_times.next(max(second + 1, segment.low) + offset)
            tick = min(local - offset, self._shifted_after(segment, second))
            if tick < segment.high:
                self._steady = (segment.start + abs(offset - segment.before), segment.high, offset)
                return tick
            near = segment.high <= second + _MARGIN  # clocks may go back, to matching times behind us
            index = index + 1 if near else max(index + 1, self._index(local - _MARGIN))
        return None

    def _before(self, second: int) -> int | None:
        """Last tick earlier than ``second``."""
        index = self._index(second - 1)
        while index >= 0:
            segment = self._segments[index]
            offset = segment.offset
            local = self.local_times.previous(min(second, segment.high) - 1 + offset)
            tick = max(local - offset, self._shifted_before(segment, second))
            if tick >= segment.low:
                return tick
            near = segment.low >= second - _MARGIN  # as in _after
            index = index - 1 if near else min(index - 1, self._index(local + _MARGIN))
        return None

    def _shifted_after(self, segment: Segment, second: int) -> int:
        """First tick later than ``second`` that stands for one in the gap before ``segment``, else ``BEYOND``."""
        start, before, length = segment.start, segment.before, segment.offset - segment.before
        if length <= 0 or self.gap == "skip" or second >= start + length:
            return BEYOND
        if self.gap == "after_gap":
            return start if second < start and self._gap_matches(segment) else BEYOND
        tick = self.local_times.next(max(second + 1, start) + before) - before
        return tick if tick < start + length else BEYOND

    def _shifted_before(self, segment: Segment, second: int) -> int:
        """Last tick earlier than ``second`` that stands for one in the gap before ``segment``, else ``-BEYOND``."""
        start, before, length = segment.start, segment.before, segment.offset - segment.before
        if length <= 0 or self.gap == "skip" or second <= start:
            return -BEYOND
        if self.gap == "after_gap":
            return start if self._gap_matches(segment) else -BEYOND
        tick = self.local_times.previous(min(second, start + length) - 1 + before) - before
        return tick if tick >= start else -BEYOND

    def _gap_matches(self, segment: Segment) -> bool:
        return self.local_times.next(segment.start + segment.before) < segment.start + segment.offset

    def _count(self, segment: Segment, start: int, end: int) -> int:
        """How many ticks of ``segment`` lie in [start, end)."""
        low, high, offset = max(start, segment.low), min(end, segment.high), segment.offset
        number = self.local_times.count(low + offset, high + offset)
        return number + self._count_shifted(segment, start, end)

    def _count_shifted(self, segment: Segment, start: int, end: int) -> int:
        """How many ticks in [start, end) stand for ones in the gap, and coincide with no other; minute by minute."""
        count, before, offset = self.local_times.count, segment.before, segment.offset
        end, number = min(end, segment.start + offset - before), 0
        whole_minutes = (offset - before) % 60 == 0 and self.gap == "shift"
        tick = self._shifted_after(segment, start - 1)
        while tick < end:
            stop = min(tick - (tick + before) % 60 + 60, end) if whole_minutes else tick + 1
            if not count(tick + offset, stop + offset):
                number += count(tick + before, stop + before) if whole_minutes else 1
            tick = self._shifted_after(segment, stop - 1)
        return number

    def _index(self, second: int) -> int:
        """Number of the segment that holds ``second``; the first and the last reach as far as needed."""
        return max(0, bisect_right(self._starts, second) - 1)


@lru_cache(maxsize=4096)
def shared_chain(local_times: LocalTimes, segments: Segments, gap: Gap) -> CronChain:
    """One chain for all jobs of the same schedule, zone and rule."""
    return CronChain(local_times, segments, gap)

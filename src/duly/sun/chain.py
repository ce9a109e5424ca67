"""``SunChain``: one slot for each solar day that has the event."""

from dataclasses import dataclass
from datetime import time

from whenever import Time

from duly.core.clock import SECOND, Zone, at_wall_clock, nanoseconds, round_to_second, zoned
from duly.sun.sky import Half, Sky
from duly.triggers.builtin import HORIZON

_MARGIN = 4
"""Solar days by which a slot may lie off its event: an offset of a day, a limit on the wall clock of another zone."""
_FIRST = -30_000
"""A solar day before all others that matter: in 1887."""


@dataclass(frozen=True, slots=True)
class SunChain:
    """Slots of an event of the sun; whole seconds, in nanoseconds. Immutable."""

    sky: Sky
    half: Half | None
    """``None``: noon, or midnight."""
    noon: bool
    offset: int
    """Nanoseconds."""
    not_before: time | None
    not_after: time | None
    zone: Zone
    """In which the limits are meant."""
    always: bool
    """Whether a day without the event has a slot all the same."""

    def first(self, now: int) -> int | None:
        """First slot later than ``now``."""
        return self.next(now, now)

    def next(self, previous: int, now: int) -> int | None:
        """First slot later than both."""
        after = max(previous, now)
        for day in range(self._day(after) - _MARGIN, self._day(HORIZON) + _MARGIN):
            if self._occurs(day) and (slot := self._slot(day)) > after:
                return slot if slot <= HORIZON else None
        return None

    def previous(self, before: int) -> int | None:
        """Last slot earlier than ``before``."""
        before = min(before, HORIZON + 1)
        for day in range(self._day(before) + _MARGIN, _FIRST, -1):
            if self._occurs(day) and (slot := self._slot(day)) < before:
                return slot
        return None

    def count(self, previous: int, until: int) -> tuple[int, int]:
        """How many slots lie in (previous, until], and the last of them; looks at the days, not for the moments."""
        number = self.between(previous, until)
        last = self.previous(until + 1) if number else None
        return number, previous if last is None else last

    def between(self, after: int, until: int) -> int:
        """How many slots lie in (after, until]."""
        until = min(until, HORIZON)
        if after >= until:
            return 0
        begin, end = self._day(after), self._day(until)
        surely = range(begin + _MARGIN + 1, end - _MARGIN)
        return sum(
            self._occurs(day) and (day in surely or after < self._slot(day) <= until)
            for day in range(max(begin - _MARGIN, _FIRST), end + _MARGIN + 1)
        )

    def _day(self, moment: int) -> int:
        return self.sky.day_of((moment - self.offset) / SECOND)

    def _occurs(self, day: int) -> bool:
        return self.half is None or self.always or self.sky.passes(day, self.half)

    def _slot(self, day: int) -> int:
        slot = round_to_second(int(self._event(day) * SECOND) + self.offset)
        if self.not_before is not None:
            slot = max(slot, self._limit(day, self.not_before))
        if self.not_after is not None:
            slot = min(slot, self._limit(day, self.not_after))
        return slot

    def _event(self, day: int) -> float:
        if self.half is not None:
            return self.sky.nearest(day, self.half)
        return self.sky.noon(day) if self.noon else self.sky.midnight(day)

    def _limit(self, day: int, at: time) -> int:
        """``at`` on the wall clock, on the date that it is at noon of that solar day."""
        date = zoned(int(self.sky.noon(day) * SECOND), self.zone).date()
        return nanoseconds(at_wall_clock(date.at(Time(at)), self.zone))

"""The chains of ``OnBusinessDays``: slots that are kept or left out, and slots that are moved."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache

from whenever import Date, Time

from duly.core.clock import SECOND, Zone, at_wall_clock, nanoseconds, zoned
from duly.triggers.builtin import HORIZON, BuiltInChain
from duly.triggers.interval import Grid
from duly.triggers.once import Delay, NextTimeOfDay

_FIRST, _LAST = Date(1899, 1, 1), Date(2201, 1, 1)
"""Beyond all slots, and the free days around them."""
_PIECE = 366
"""Days that are looked at together where they are all alike."""


class Days:
    """The days of a calendar in a zone. Immutable but for notes of what the calendar has answered."""

    def __init__(self, is_business: Callable[[Date], bool], zone: Zone) -> None:
        self._zone = zone
        self.is_business = lru_cache(maxsize=4096)(is_business)
        """Whether people work on a day."""

    def day_of(self, moment: int) -> Date:
        """The date on the wall clock."""
        return zoned(moment, self._zone).date()

    def time_of(self, moment: int) -> Time:
        """The time on the wall clock."""
        return zoned(moment, self._zone).time()

    def start(self, day: Date) -> int:
        """Its first moment."""
        return self.at(day, Time())

    def at(self, day: Date, time: Time) -> int:
        """A time on that day; moved forward in a gap, the first of two."""
        return nanoseconds(at_wall_clock(day.at(time), self._zone))

    def beside(self, day: Date, step: int) -> Date | None:
        """The nearest business day from ``day`` on, with a ``step`` of -1 backwards; ``None``: there is none."""
        while _FIRST < day < _LAST:
            if self.is_business(day):
                return day
            day = day.add(days=step)
        return None

    def end_of_business(self, day: Date) -> Date:
        """The first free day after the business day ``day``, but at most a year on."""
        for _ in range(_PIECE):
            day = day.add(days=1)
            if not self.is_business(day):
                break
        return day


def floats(chain: BuiltInChain) -> bool:
    """Whether slots hang on each other or on the moment of scheduling, instead of standing by themselves."""
    if isinstance(chain, Kept):
        return floats(chain.base)
    return isinstance(chain, Delay | NextTimeOfDay) or (isinstance(chain, Grid) and chain.start is None)


class Kept:
    """The slots of ``base`` on business days. Immutable."""

    __slots__ = ("_days", "base")

    def __init__(self, base: BuiltInChain, days: Days) -> None:
        self.base = base
        self._days = days

    def first(self, now: int) -> int | None:
        """First slot, seen from ``now``."""
        return self._kept(self.base.first(now))

    def next(self, previous: int, now: int) -> int | None:
        """First slot later than both."""
        return self._kept(self.base.next(previous, now))

    def _kept(self, slot: int | None) -> int | None:
        """``slot``, or the first behind it on a business day."""
        days = self._days
        while slot is not None and not days.is_business(day := days.day_of(slot)):
            business = days.beside(day, 1)
            slot = None if business is None else self.base.next(slot, days.start(business) - 1)
        return slot

    def count(self, previous: int, until: int) -> tuple[int, int]:
        """How many slots follow ``previous`` up to ``until``, and the last; costs as many steps as there are weeks."""
        number, last = 0, previous
        while (slot := self.next(last, last)) is not None and slot <= until:
            end = self._days.start(self._days.end_of_business(self._days.day_of(slot)))
            more, last = self.base.count(slot, min(until, end - 1))
            number += more + 1
        return number, last

    def between(self, after: int, until: int) -> int:
        """How many slots lie in (after, until]."""
        slot = self.first(after)
        return 0 if slot is None or not after < slot <= until else self.count(slot, until)[0] + 1

    def previous(self, before: int) -> int | None:
        """Last slot earlier than ``before``."""
        days, step_by_step = self._days, floats(self.base)
        slot = self.base.previous(before)
        while slot is not None and not days.is_business(day := days.day_of(slot)):
            business = days.beside(day, -1)
            if business is None:
                return None
            slot = self.base.previous(slot if step_by_step else days.start(business.add(days=1)))
        return slot


class Moved:
    """The slots of ``base``, those on free days moved to the business day behind or before. Immutable.

    ``base`` stands by itself: it is a set of moments, and so is this, worked out day by day.
    """

    __slots__ = ("_days", "_slots_of", "_step", "base")

    def __init__(self, base: BuiltInChain, days: Days, *, forward: bool) -> None:
        self.base = base
        self._days = days
        self._step = 1 if forward else -1
        self._slots_of = lru_cache(maxsize=64)(self._worked_out)

    def first(self, now: int) -> int | None:
        """First slot later than ``now``."""
        return self.next(now, now)

    def next(self, previous: int, now: int) -> int | None:
        """First slot later than both."""
        after = max(previous, now)
        for day in self._business_days(self._days.day_of(after)):
            slots = self._slots_of(day)
            if slots and slots[-1] > after:
                return slots[bisect_right(slots, after)]
        return None

    def previous(self, before: int) -> int | None:
        """Last slot earlier than ``before``."""
        day: Date | None = self._days.day_of(min(before, HORIZON))
        while day is not None and (day := self._days.beside(day, -1)) is not None:
            slots = self._slots_of(day)
            if slots and slots[0] < before:
                return slots[bisect_left(slots, before) - 1]
            free_behind = self._days.beside(day.add(days=1), 1)
            end = HORIZON if free_behind is None else self._days.start(free_behind)
            if self.base.previous(end) is None:
                return None
            day = day.add(days=-1)
        return None

    def count(self, previous: int, until: int) -> tuple[int, int]:
        """How many slots lie in (previous, until], and the last of them; looks at each day."""
        number, last = 0, previous
        for day in self._business_days(self._days.day_of(previous)):
            slots = self._slots_of(day)
            begin, end = bisect_right(slots, previous), bisect_right(slots, until)
            if end > begin:
                number, last = number + end - begin, slots[end - 1]
            if self._days.start(day) > until:
                break
        return number, last

    def between(self, after: int, until: int) -> int:
        """How many slots lie in (after, until]."""
        return self.count(after, until)[0]

    def _business_days(self, day: Date) -> Iterator[Date]:
        """Those from ``day`` on, up to the last that may have a slot."""
        last = self.base.previous(HORIZON + 1)
        end = None if last is None else self._days.beside(self._days.day_of(last), 1) or _LAST
        business = self._days.beside(day, 1)
        while business is not None and end is not None and business <= end:
            yield business
            business = self._days.beside(business.add(days=1), 1)

    def _worked_out(self, day: Date) -> tuple[int, ...]:
        """The slots of a business day, in order: its own, and those of the free days that move to it."""
        days, found = self._days, set(self._of_base(day))
        latest = days.start(day.add(days=1)) - SECOND
        free = day.add(days=-self._step)
        while _FIRST < free < _LAST and not days.is_business(free):
            found.update(min(days.at(day, days.time_of(slot)), latest) for slot in self._of_base(free))
            free = free.add(days=-self._step)
        return tuple(sorted(found))

    def _of_base(self, day: Date) -> Iterator[int]:
        start = self._days.start(day)
        slot = self.base.previous(self._days.start(day.add(days=1)))
        while slot is not None and slot >= start:
            yield slot
            slot = self.base.previous(slot)

"""Which days of the calendar a cron expression means: a bit per day, worked out year by year on demand.

Days are counted from 1970-01-01; weekdays from Sunday, 0.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

FIRST_YEAR = 1970
LAST_YEAR = 2200
"""One year more than chains reach, for local time may run ahead of UTC."""

BEYOND = 1 << 60
"""A day, or second, after all others; its negative is before all."""

_EPOCH = date(1970, 1, 1).toordinal()
_YEAR_STARTS = tuple(date(year, 1, 1).toordinal() - _EPOCH for year in range(FIRST_YEAR, LAST_YEAR + 2))
_EVERY_SEVENTH = tuple(sum(1 << day for day in range(first, 31, 7)) for first in range(7))
_SUNDAY, _SATURDAY = 0, 6
_FEBRUARY = 2


class DaysOfMonth(NamedTuple):
    """What the day-of-month field says. ``numbers`` and ``nearest`` have bit *n* for day *n*."""

    numbers: int = 0
    nearest: int = 0
    """Weekday nearest to day *n*, within the month; a month without a day *n* has none."""
    before_last: frozenset[int] = frozenset()
    """Days before the last one of the month: ``L`` is 0."""
    last_weekday: bool = False

    def mask(self, first_weekday: int, length: int) -> int:
        """Bit 0 is the first day of a month of ``length`` days that begins on ``first_weekday``."""
        found = self.numbers >> 1
        for days in self.before_last:
            found |= 1 << length >> days + 1
        for day in range(1, length + 1):
            if self.nearest >> day & 1:
                found |= 1 << _nearest_weekday(day, first_weekday, length) - 1
        if self.last_weekday:
            found |= 1 << _nearest_weekday(length, first_weekday, length) - 1
        return found & (1 << length) - 1


class DaysOfWeek(NamedTuple):
    """What the day-of-week field says. ``weekdays`` and ``last`` have bit *d* for weekday *d*."""

    weekdays: int = 0
    nth: frozenset[tuple[int, int]] = frozenset()
    """(weekday, n): the n-th such day of the month."""
    last: int = 0

    def mask(self, first_weekday: int, length: int) -> int:
        """Bit 0 is the first day of a month of ``length`` days that begins on ``first_weekday``."""
        found = 0
        for weekday in range(7):
            first = (weekday - first_weekday) % 7
            if self.weekdays >> weekday & 1:
                found |= _EVERY_SEVENTH[first]
            if self.last >> weekday & 1:
                found |= 1 << first + (length - 1 - first) // 7 * 7
        for weekday, number in self.nth:
            found |= 1 << (weekday - first_weekday) % 7 + 7 * (number - 1)
        return found & (1 << length) - 1


class Days:
    """The days of an expression, as a set that can be walked both ways.

    Masks of years are kept once worked out; that changes no answer, and threads may at worst do it twice.
    """

    __slots__ = ("_either", "_month", "_months", "_week", "_years")

    def __init__(self, month: DaysOfMonth, months: int, week: DaysOfWeek, *, either: bool) -> None:
        """``months`` has bit *m* for month *m*; ``either``: one of the day fields suffices, else both must match."""
        self._month = month
        self._months = months
        self._week = week
        self._either = either
        self._years: dict[int, int] = {}

    def possible(self) -> bool:
        """Whether there is any such day, in all the years."""
        return any(self._month_mask(*shape) for shape in self._shapes())

    def next(self, day: int) -> int:
        """First of these days at or after ``day``, else ``BEYOND``."""
        index = bisect_right(_YEAR_STARTS, day) - 1
        if index < 0:
            day, index = 0, 0
        if index > LAST_YEAR - FIRST_YEAR:
            return BEYOND
        mask = (self._years.get(index) or self._year(index)) >> day - _YEAR_STARTS[index]
        if mask:
            return day + (mask & -mask).bit_length() - 1
        for later in range(index + 1, LAST_YEAR - FIRST_YEAR + 1):
            if mask := self._years.get(later) or self._year(later):
                return _YEAR_STARTS[later] + (mask & -mask).bit_length() - 1
        return BEYOND

    def previous(self, day: int) -> int:
        """Last of these days at or before ``day``, else ``-BEYOND``."""
        day = min(day, _YEAR_STARTS[-1] - 1)
        index = bisect_right(_YEAR_STARTS, day) - 1
        if index < 0:
            return -BEYOND
        mask = self._year(index) & (2 << day - _YEAR_STARTS[index]) - 1
        while not mask and index:
            index -= 1
            mask = self._year(index)
        return _YEAR_STARTS[index] + mask.bit_length() - 1 if mask else -BEYOND

    def count(self, first: int, end: int) -> int:
        """How many of these days lie in [first, end)."""
        first, end = max(first, 0), min(end, _YEAR_STARTS[-1])
        if first >= end:
            return 0
        low, high = (bisect_right(_YEAR_STARTS, day) - 1 for day in (first, end - 1))
        whole = sum(self._year(index).bit_count() for index in range(low, high + 1))
        before = self._year(low) & (1 << first - _YEAR_STARTS[low]) - 1
        after = self._year(high) >> end - _YEAR_STARTS[high]
        return whole - before.bit_count() - after.bit_count()

    def _year(self, index: int) -> int:
        mask = self._years.get(index)
        if mask is None:
            mask = self._years[index] = self._year_mask(FIRST_YEAR + index)
        return mask

    def _year_mask(self, year: int) -> int:
        mask, start = 0, date(year, 1, 1).toordinal()
        for month in range(1, 13):
            if self._months >> month & 1:
                first = date(year, month, 1)
                length = _length(month, leap=_is_leap(year))
                mask |= self._month_mask(first.isoweekday() % 7, length) << first.toordinal() - start
        return mask

    def _month_mask(self, first_weekday: int, length: int) -> int:
        by_date, by_weekday = self._month.mask(first_weekday, length), self._week.mask(first_weekday, length)
        return by_date | by_weekday if self._either else by_date & by_weekday

    def _shapes(self) -> Iterator[tuple[int, int]]:
        """(first weekday, length) of all months meant; each shape occurs within 28 years."""
        lengths = {
            _length(month, leap=leap) for month in range(1, 13) if self._months >> month & 1 for leap in (False, True)
        }
        return ((weekday, length) for length in lengths for weekday in range(7))


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _length(month: int, *, leap: bool) -> int:
    return 28 + leap if month == _FEBRUARY else 30 + (month + month // 8) % 2


def _nearest_weekday(day: int, first_weekday: int, length: int) -> int:
    weekday = (first_weekday + day - 1) % 7
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day

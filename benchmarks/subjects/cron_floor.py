"""The floor for cron in Python: a tuned walk over bit masks in integer seconds. UTC only, no DST, no policies.

The days that match are a mask per year, made once; the minutes of a day that match are one mask of 1,440 bits. The
lowest bit above a position is ``mask >> position`` and ``x & -x``.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from typing import Any, ClassVar

from benchmarks.subjects.protocols import Job, NotOfferedError

_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_YEARS = [date(year, 1, 1).toordinal() - _EPOCH for year in range(1970, 2201)]


class Bitmasks:
    """Fields with ``*``, numbers, ranges and steps, ``L`` and ``d#n``; just what is measured."""

    distribution: ClassVar[str | None] = None

    def fresh(self, expression: str, zone: str, moments: Sequence[int]) -> tuple[Job, list[tuple[Any, ...]]]:
        """Ask one walk for every moment."""
        return _searcher(expression, zone), [(moment,) for moment in moments]

    def chained(self, expression: str, zone: str, start: int) -> Callable[[int], None]:
        """Feed each answer back."""
        ask = _searcher(expression, zone)
        at = start

        def walk(steps: int) -> None:
            nonlocal at
            moment = at
            for _ in range(steps):
                moment = ask(moment)
            at = moment

        return walk

    def seconds(self, answer: Any) -> int:  # noqa: ANN401 - each library has its own type
        """Seconds they are."""
        return int(answer)


@cache
def _searcher(expression: str, zone: str) -> Callable[[int], int]:
    if zone != "UTC":
        raise NotOfferedError(zone)
    minutes, hours, days, months, weekdays = expression.split()
    minute_mask, hour_mask = _mask(minutes, 0, 59), _mask(hours, 0, 23)
    times = sum(minute_mask << 60 * hour for hour in range(24) if hour_mask >> hour & 1)
    first = (times & -times).bit_length() - 1
    year_mask = cache(lambda index: _year_mask(1970 + index, days, months, weekdays))

    def after(moment: int) -> int:
        day, minute = divmod(moment // 60 + 1, 1440)
        index = bisect_right(_YEARS, day) - 1
        offset = day - _YEARS[index]
        left = year_mask(index) >> offset
        if left & 1:
            rest = times >> minute
            if rest:
                return day * _DAY + (minute + (rest & -rest).bit_length() - 1) * 60
        left = left >> 1 << 1
        while not left:
            index += 1
            offset = 0
            left = year_mask(index)
        return (_YEARS[index] + offset + (left & -left).bit_length() - 1) * _DAY + first * 60

    return after


def _mask(field: str, low: int, high: int) -> int:
    span, _, step = field.partition("/")
    if span != "*":
        first, _, last = span.partition("-")
        low, high = int(first), int(last or first)
    return sum(1 << value for value in range(low, high + 1, int(step or 1)))


def _year_mask(year: int, days: str, months: str, weekdays: str) -> int:
    month_mask = _mask(months, 1, 12)
    mask, position = 0, 0
    for month in range(1, 13):
        for day in range(1, monthrange(year, month)[1] + 1):
            if month_mask >> month & 1 and _day_matches(date(year, month, day), days, weekdays):
                mask |= 1 << position
            position += 1
    return mask


def _day_matches(day: date, days: str, weekdays: str) -> bool:
    wanted, _, nth = weekdays.partition("#")
    by_weekday = bool(_mask(wanted, 0, 6) >> day.isoweekday() % 7 & 1) and (not nth or (day.day + 6) // 7 == int(nth))
    last = monthrange(day.year, day.month)[1]
    by_day = day.day == last if days == "L" else bool(_mask(days, 1, 31) >> day.day & 1)
    return by_day or by_weekday if "*" not in (days, weekdays) else by_day and by_weekday

"""``LocalTimes``: the wall-clock times a cron expression means, in a calendar without zones.

Times are seconds since 1970-01-01 00:00 local time. The minutes of a day are the bits of one integer, so the next
matching minute is a shift and the lowest bit set.
"""

from duly.triggers.calendar import BEYOND, Days

DAY_SECONDS = 86_400
"""Seconds in a day of the calendar."""

_ALL_HOURS = (1 << 24) - 1
_SECOND_ZERO = 1


class LocalTimes:
    """The set of matching local times. Immutable; equal expressions share one."""

    __slots__ = ("_days", "_first", "_last", "_minutes", "_per_day", "_seconds", "all_hours", "day_or", "texts")

    all_hours: bool
    """Whether the hour field matches all 24: then a DST change must not alter the cadence."""

    texts: tuple[str, ...]
    """The six fields that mean this, without ``H``."""
    day_or: bool
    """Of two restricted day fields one suffices."""

    def __init__(
        self, seconds: int, minutes: int, hours: int, days: Days | None, *, texts: tuple[str, ...], day_or: bool
    ) -> None:
        """Take a bit per second, minute and hour that match; ``days`` ``None``: every day."""
        self.texts = texts
        self.day_or = day_or
        self._seconds = seconds
        self._minutes = sum(minutes << 60 * hour for hour in range(24) if hours >> hour & 1)
        self._days = days
        self._first = _lowest(self._minutes) * 60 + _lowest(seconds)
        self._last = (self._minutes.bit_length() - 1) * 60 + seconds.bit_length() - 1
        self._per_day = self._minutes.bit_count() * seconds.bit_count()
        self.all_hours = hours == _ALL_HOURS

    def next(self, local: int) -> int:
        """First matching time at or after ``local``, else ``BEYOND``."""
        day, second = divmod(local, DAY_SECONDS)
        days = self._days
        if days is not None and (found := days.next(day)) != day:
            return found * DAY_SECONDS + self._first if found != BEYOND else BEYOND
        if self._seconds == _SECOND_ZERO:
            minute = (second + 59) // 60
            if later := self._minutes >> minute:
                return day * DAY_SECONDS + (minute + (later & -later).bit_length() - 1) * 60
        elif (found := self._next_second(second)) >= 0:
            return day * DAY_SECONDS + found
        day += 1
        if days is not None and (day := days.next(day)) == BEYOND:
            return BEYOND
        return day * DAY_SECONDS + self._first

    def previous(self, local: int) -> int:
        """Last matching time at or before ``local``, else ``-BEYOND``."""
        day, second = divmod(local, DAY_SECONDS)
        days = self._days
        if days is not None and (found := days.previous(day)) != day:
            return found * DAY_SECONDS + self._last if found != -BEYOND else -BEYOND
        if (found := self._previous_second(second)) >= 0:
            return day * DAY_SECONDS + found
        day -= 1
        if days is not None and (day := days.previous(day)) == -BEYOND:
            return -BEYOND
        return day * DAY_SECONDS + self._last

    def count(self, start: int, end: int) -> int:
        """How many matching times lie in [start, end)."""
        if start >= end:
            return 0
        (first, start_second), (last, end_second) = divmod(start, DAY_SECONDS), divmod(end, DAY_SECONDS)
        days = last - first if self._days is None else self._days.count(first, last)
        return days * self._per_day - self._before(first, start_second) + self._before(last, end_second)

    def _before(self, day: int, second: int) -> int:
        """How many matching times of ``day`` are earlier than its ``second``."""
        if self._days is not None and self._days.next(day) != day:
            return 0
        minute, second = divmod(second, 60)
        whole = (self._minutes & (1 << minute) - 1).bit_count() * self._seconds.bit_count()
        part = (self._seconds & (1 << second) - 1).bit_count() if self._minutes >> minute & 1 else 0
        return whole + part

    def _next_second(self, second: int) -> int:
        """First matching second of the day at or after ``second``, else -1."""
        minute, second = divmod(second, 60)
        if self._minutes >> minute & 1 and (later := self._seconds >> second):
            return minute * 60 + second + _lowest(later)
        later = self._minutes >> minute + 1
        return (minute + 1 + _lowest(later)) * 60 + _lowest(self._seconds) if later else -1

    def _previous_second(self, second: int) -> int:
        """Last matching second of the day at or before ``second``, else -1."""
        minute, second = divmod(second, 60)
        if self._minutes >> minute & 1 and (earlier := self._seconds & (2 << second) - 1):
            return minute * 60 + earlier.bit_length() - 1
        earlier = self._minutes & (1 << minute) - 1
        return (earlier.bit_length() - 1) * 60 + self._seconds.bit_length() - 1 if earlier else -1


def _lowest(bits: int) -> int:
    """Number of the lowest bit set."""
    return (bits & -bits).bit_length() - 1

"""What a cron expression means, said a second time: by set definition, slowly, with ``zoneinfo``.

Shares nothing with ``duly.triggers``: it takes every combination of matching day, hour, minute and second, and asks of
each which instants that wall-clock time has.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import product
from zoneinfo import ZoneInfo

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def values(text: str, low: int, high: int, names: list[str] | None = None, first_name: int = 0) -> set[int]:
    """The numbers that a field of numbers, names, ranges and steps allows."""
    found: set[int] = set()
    for item in text.lower().split(","):
        span, _, step = item.partition("/")
        ends = [f"{low}", f"{high}"] if span in ("*", "?") else span.split("-")
        numbers = [names.index(end) + first_name if names and end in names else int(end) for end in ends]
        if len(numbers) > 1 and numbers[1] < numbers[0]:
            numbers[1] += 7
        found |= {n for n in range(numbers[0], numbers[-1] + 1) if (n - numbers[0]) % int(step or 1) == 0}
    return found


def weekday(day: date) -> int:
    """0 is Sunday."""
    return day.isoweekday() % 7


def days_of(day: date) -> list[date]:
    """All days of its month."""
    return [date(day.year, day.month, n + 1) for n in range(calendar.monthrange(day.year, day.month)[1])]


def nearest_workday(day: date) -> date:
    """The Monday to Friday of the same month that is nearest; there is never a tie but over a month's edge."""
    return min((d for d in days_of(day) if d.isoweekday() < 6), key=lambda d: abs(d - day))


def month_day_matches(item: str, day: date) -> bool:
    month = days_of(day)
    if item == "lw":
        return day == max(d for d in month if d.isoweekday() < 6)
    if item.startswith("l"):
        return day == month[-1] - timedelta(days=int(item[2:] or 0))
    if item.endswith("w"):
        wanted = int(item[:-1])
        return wanted <= len(month) and day == nearest_workday(month[wanted - 1])
    return day.day in values(item, 1, 31)


def week_day_matches(item: str, day: date) -> bool:
    if "#" in item:
        wanted, nth = item.split("#")
        same = [d for d in days_of(day) if weekday(d) == weekday(day)]
        return weekday(day) in week_days(wanted) and same.index(day) + 1 == int(nth)
    if item.endswith("l"):
        return weekday(day) in week_days(item[:-1]) and (day + timedelta(days=7)).month != day.month
    return weekday(day) in week_days(item)


def week_days(text: str) -> set[int]:
    return {n % 7 for n in values(text, 0, 7, WEEKDAYS)}


class Oracle:
    """One expression of five or six fields in one zone."""

    def __init__(
        self, expression: str, zone: str, *, gap: str = "shift", overlap: str = "first", day_or: bool = True
    ) -> None:
        minute, hour, month_day, month, week_day, second = (*expression.split(), "0")[:6]
        self.zone = ZoneInfo(zone)
        self.minutes, self.hours, self.seconds = values(minute, 0, 59), values(hour, 0, 23), values(second, 0, 59)
        self.months = values(month, 1, 12, MONTHS, 1)
        self.month_day, self.week_day = month_day.lower(), week_day.lower()
        self.day_or = day_or and month_day[0] not in "*?" and week_day[0] not in "*?"
        cadence = len(self.hours) == 24
        self.gap = "skip" if cadence and gap == "shift" else gap
        self.overlap = "both" if cadence and overlap == "first" else overlap
        self.day_matches = cache(self._day_matches)

    def ticks(self, after: int, until: int) -> list[int]:
        """All ticks in (after, until], in seconds since the epoch."""
        found: set[int] = set()
        first, last = (datetime.fromtimestamp(moment, self.zone).date() for moment in (after, until))
        for number in range(-1, (last - first).days + 2):
            day = first + timedelta(days=number)
            if self.day_matches(day):
                for hour, minute, second in product(self.hours, self.minutes, self.seconds):
                    found.update(self.instants(datetime.combine(day, time(hour, minute, second))))
        return sorted(tick for tick in found if after < tick <= until)

    def instants(self, local: datetime) -> Iterator[int]:
        """The instants at which a matching wall-clock time runs."""
        first, second = (local.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(self.zone).replace(tzinfo=None) == local:
            if self.overlap != "second":
                yield int(first.timestamp())
            if self.overlap != "first":
                yield int(second.timestamp())
        elif self.gap == "shift":
            yield int(first.timestamp())  # fold=0 in a gap: the offset before it, so moved forward by its length
        elif self.gap == "after_gap":
            yield self.end_of_gap(local)

    def end_of_gap(self, local: datetime) -> int:
        while True:
            local = local.replace(second=0) + timedelta(minutes=1)
            instant = local.replace(tzinfo=self.zone).astimezone(UTC)
            if instant.astimezone(self.zone).replace(tzinfo=None) == local:
                return int(instant.timestamp())

    def _day_matches(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date = any(month_day_matches(item, day) for item in self.month_day.split(","))
        by_week = any(week_day_matches(item, day) for item in self.week_day.split(","))
        return by_date or by_week if self.day_or else by_date and by_week


def transitions(zone: str, year: int) -> list[int]:
    """Instants in ``year`` (UTC) at which the offset changes, found by walking it hour by hour, then by halving."""
    info = ZoneInfo(zone)
    hour = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    found = []
    while hour < end:
        low, high = hour, hour + 86_400
        if offset(info, low) != offset(info, high):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(info, middle) == offset(info, low) else (low, middle)
            found.append(high)
        hour += 86_400
    return found


def offset(zone: ZoneInfo, instant: int) -> int:
    """Seconds that local time is ahead of UTC."""
    ahead = datetime.fromtimestamp(instant, zone).utcoffset()
    assert ahead is not None
    return int(ahead.total_seconds())

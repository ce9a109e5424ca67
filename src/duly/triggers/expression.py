"""Cron text and what it means: fields, names, macros, ``L W # ?`` and ``H``.

Text becomes six canonical fields (upper case, seconds last); ``H`` is replaced by the numbers it stands for; then each
field becomes a bit mask or a rule for days. Everything is cached by text: a thousand jobs share one ``LocalTimes``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from duly.triggers.calendar import Days, DaysOfMonth, DaysOfWeek
from duly.triggers.local_times import LocalTimes

MACROS = {
    "@HOURLY": "0 * * * *",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@WEEKLY": "0 0 * * 0",
    "@MONTHLY": "0 0 1 * *",
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_SUNDAY_AS_SEVEN = 7
_LONGEST_MONTH = 31
_WEEKS_OF_MONTH = 5
_MOST_DIGITS = 9


class Field(NamedTuple):
    """One of the six fields: its name, and the numbers it takes."""

    name: str
    low: int
    high: int
    hash_high: int
    """Greatest number ``H`` stands for: one that every month has, and no Sunday twice."""
    names: tuple[str, ...] = ()
    first_name: int = 0
    """Number of the first of ``names``."""

    def number(self, text: str) -> int:
        """The number that ``text`` writes or names."""
        if text in self.names:
            return self.names.index(text) + self.first_name
        value = whole_number(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{text} is not within {self.low}-{self.high}")
        return value

    def range(self, text: str) -> tuple[int, int]:
        """First and last number of ``*``, ``?``, ``n`` or ``a-b``; in ``FRI-SUN`` Sunday is the last."""
        if text == "*" or (text == "?" and self in (DAY_OF_MONTH, DAY_OF_WEEK)):
            return self.low, self.high
        first, dash, last = text.partition("-")
        low = self.number(first)
        high = self.number(last) if dash else low
        if last == WEEKDAYS[0] and low:
            high = _SUNDAY_AS_SEVEN
        if high < low:
            raise ValueError(f"the range {text} runs backwards")
        return low, high

    def mask(self, item: str) -> int:
        """Bits of one item of the list: a range, or a step ``*/n`` or ``a-b/n``."""
        text, slash, every = item.partition("/")
        step = whole_number(every) if slash else 1
        if not step or (slash and text != "*" and "-" not in text):
            raise ValueError(f"{item} is no step; write */n or a-b/n")
        low, high = self.range(text)
        return sum(1 << value for value in range(low, high + 1, step))

    def hashed(self, item: str, hash_id: str) -> str:
        """``item`` with ``H``, ``H(a-b)`` or ``H/n`` replaced by the numbers it stands for."""
        if not is_hashed(item):
            return item
        low, high, step = self.low, self.hash_high, 0
        if item.startswith("H(") and item.endswith(")") and "-" in item:
            low, high = self.range(item[2:-1])
        elif item.startswith("H/"):
            step = whole_number(item[2:])
            if not 0 < step <= high - low + 1:
                raise ValueError(f"{item} does not fit into {low}-{high}")
        elif item != "H":
            raise ValueError(f"{item} is not understood; write H, H(a-b) or H/n")
        value = low + _hash(f"{self.name}:{hash_id}") % (step or high - low + 1)
        return f"{value}-{high}/{step}" if step else str(value)


MINUTE = Field("minute", 0, 59, 59)
HOUR = Field("hour", 0, 23, 23)
DAY_OF_MONTH = Field("day_of_month", 1, 31, 28)
MONTH = Field("month", 1, 12, 12, MONTHS, 1)
DAY_OF_WEEK = Field("day_of_week", 0, 7, 6, WEEKDAYS)
SECOND_FIELD = Field("second", 0, 59, 59)
FIELDS = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, SECOND_FIELD)

Texts = tuple[str, ...]
"""The canonical texts of the six fields."""


@lru_cache(maxsize=4096)
def field_texts(expression: str) -> Texts:
    """Six canonical fields of ``expression``, macros replaced.

    Raises:
        ValueError: an unknown macro, neither five nor six fields, or a character that is not ASCII.
    """
    if not expression.isascii():
        raise ValueError("it is not written in ASCII")
    text = expression.strip().upper()
    if text.startswith("@") and text not in MACROS:
        raise ValueError(f"unknown macro {expression.strip()!r}, known: {' '.join(MACROS).lower()}")
    parts = tuple(MACROS.get(text, text).split())
    if len(parts) not in (5, 6):
        raise ValueError(f"{len(parts)} fields instead of 5 or 6")
    return parts if len(parts) == len(FIELDS) else (*parts, "0")


def hashes(texts: Texts) -> bool:
    """Whether ``H`` stands in any of the fields."""
    return any(is_hashed(item) for text in texts for item in text.split(","))


def is_hashed(item: str) -> bool:
    """Whether ``H`` stands for the number of this item of a list."""
    return item.startswith("H")


def hashed_texts(texts: Texts, hash_id: str) -> Texts:
    """The fields with ``H`` replaced by the numbers that ``hash_id`` gives, the same in every process.

    Raises:
        ValueError: a form of ``H`` that is not understood.
    """
    return tuple(_hashed(field, text, hash_id) for field, text in zip(FIELDS, texts, strict=True))


@lru_cache(maxsize=4096)
def local_times_of(texts: Texts, day_or: bool) -> LocalTimes:  # noqa: FBT001 - keywords slow lru_cache down
    """What six fields without ``H`` mean; ``day_or``: of two restricted day fields one suffices.

    Raises:
        ValueError: a field that is not understood, named with its value; or no such day exists.
    """
    minutes, hours, _, months, _, seconds = (
        0 if field in (DAY_OF_MONTH, DAY_OF_WEEK) else _mask(field, text)
        for field, text in zip(FIELDS, texts, strict=True)
    )
    days = _days(texts[2], months, texts[4], day_or)
    if not days.possible():
        raise ValueError(f"no such day exists: day_of_month {texts[2]!r}, month {texts[3]!r}, day_of_week {texts[4]!r}")
    every_day = texts[2] in "*?" and texts[3] == "*" and texts[4] in "*?"
    return LocalTimes(seconds, minutes, hours, None if every_day else days, texts=texts, day_or=day_or)


def whole_number(text: str) -> int:
    """The number that ASCII digits write."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ValueError(f"{text!r} is not a number")
    return int(text)


@lru_cache(maxsize=1024)
def _days(month_days: str, months: int, week_days: str, day_or: bool) -> Days:  # noqa: FBT001 - as above
    restricted = not month_days.startswith(("*", "?")) and not week_days.startswith(("*", "?"))
    with _named(DAY_OF_MONTH, month_days):
        by_date = _days_of_month(month_days)
    with _named(DAY_OF_WEEK, week_days):
        by_weekday = _days_of_week(week_days)
    return Days(by_date, months, by_weekday, either=day_or and restricted)


def _hashed(field: Field, text: str, hash_id: str) -> str:
    with _named(field, text):
        return ",".join(field.hashed(item, hash_id) for item in text.split(","))


def _mask(field: Field, text: str) -> int:
    mask = 0
    with _named(field, text):
        for item in text.split(","):
            mask |= field.mask(item)
    return mask


def _days_of_month(text: str) -> DaysOfMonth:
    numbers, nearest, before_last, last_weekday = 0, 0, set(), False
    for item in text.split(","):
        if item == "LW":
            last_weekday = True
        elif item == "L":
            before_last.add(0)
        elif item.startswith("L-"):
            before_last.add(_days_before_last(item[2:]))
        elif item.endswith("W"):
            nearest |= 1 << DAY_OF_MONTH.number(item[:-1])
        else:
            numbers |= DAY_OF_MONTH.mask(item)
    return DaysOfMonth(numbers, nearest, frozenset(before_last), last_weekday)


def _days_before_last(text: str) -> int:
    days = whole_number(text)
    if days >= _LONGEST_MONTH:
        raise ValueError(f"no month has {days} days before its last")
    return days


def _days_of_week(text: str) -> DaysOfWeek:
    weekdays, nth, last = 0, set(), 0
    for item in text.split(","):
        day, sharp, number = item.partition("#")
        if sharp:
            nth.add((DAY_OF_WEEK.number(day) % 7, _week_of_month(number)))
        elif len(item) > 1 and item.endswith("L"):
            last |= 1 << DAY_OF_WEEK.number(item[:-1]) % 7
        else:
            mask = DAY_OF_WEEK.mask(item)
            weekdays |= (mask | mask >> _SUNDAY_AS_SEVEN) & 0b111_1111
    return DaysOfWeek(weekdays, frozenset(nth), last)


def _week_of_month(text: str) -> int:
    number = whole_number(text)
    if not 1 <= number <= _WEEKS_OF_MONTH:
        raise ValueError(f"{number} is not within 1-{_WEEKS_OF_MONTH}")
    return number


def _hash(text: str) -> int:
    """A number that looks random; the multiplication breaks up crc32, of which similar texts have similar values."""
    value = crc32(text.encode()) * 0x9E37_79B9_7F4A_7C15 & 0xFFFF_FFFF_FFFF_FFFF
    return (value ^ value >> 29) * 0xBF58_476D_1CE4_E5B9 >> 32 & 0xFFFF_FFFF


@contextmanager
def _named(field: Field, text: str) -> Iterator[None]:
    """Add field and value to the message of a ``ValueError``."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{field.name} {text!r}: {error}") from None

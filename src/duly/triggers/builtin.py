"""What all built-in triggers share: the arithmetic is in their chain, the rest only translates times."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Protocol

from whenever import ZonedDateTime

from duly.core.clock import SECOND, Zone, nanoseconds, zoned

HORIZON = 7_258_118_400 * SECOND - 1
"""Last nanosecond of the year 2199: there chains end."""

LONGEST = HORIZON // SECOND
"""Seconds of the longest interval or delay: over 230 years nothing recurs before chains end."""

_YEARS = range(1900, 2200)
"""Of moments that a trigger may be given."""


class BuiltInChain(Protocol):
    """A ``Chain`` that can also count any window and look back."""

    def first(self, now: int) -> int | None:
        """First element, seen from ``now``."""
        ...

    def next(self, previous: int, now: int) -> int | None:
        """First element later than both."""
        ...

    def count(self, previous: int, until: int) -> tuple[int, int]:
        """How many follow the element ``previous`` up to ``until`` inclusive, and the last (``previous`` if none)."""
        ...

    def between(self, after: int, until: int) -> int:
        """How many lie in (after, until], ``after`` being any moment."""
        ...

    def previous(self, before: int) -> int | None:
        """Last element earlier than ``before``."""
        ...


class BuiltInTrigger(ABC):
    """A trigger that answers in ``ZonedDateTime``, in the zone of the argument, what its chain says in nanoseconds."""

    __slots__ = ()

    @abstractmethod
    def chain(self, zone: Zone) -> BuiltInChain:
        """Bind the trigger to ``zone``, which its own, if it has one, overrides."""

    @abstractmethod
    def trigger_id(self) -> str:
        """Stable identity, equal for equal schedules."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        """First run seen from ``current_time``; ``None``: nothing is ever due."""
        zone = current_time.tz_id
        return _moment(self.chain(zone).first(nanoseconds(current_time)), zone)

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime | None:
        """First run later than both, in the zone of ``previous_run``; ``None``: the schedule has ended."""
        zone = previous_run.tz_id
        return _moment(self.chain(zone).next(nanoseconds(previous_run), nanoseconds(current_time)), zone)

    def count(self, after: ZonedDateTime, until: ZonedDateTime) -> int:
        """How many runs lie in (after, until]; a schedule without an anchor hangs on ``after``."""
        return self.chain(after.tz_id).between(nanoseconds(after), nanoseconds(until))

    def previous(self, before: ZonedDateTime) -> ZonedDateTime | None:
        """Last run earlier than ``before``; ``None``: there is none."""
        zone = before.tz_id
        return _moment(self.chain(zone).previous(nanoseconds(before)), zone)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.trigger_id()}>"


def checked_year(name: str, moment: datetime | ZonedDateTime) -> None:
    """Refuse a ``moment`` that lies beyond the horizon or long before there were schedules.

    Raises:
        ValueError: it does; the text begins with ``name``.
    """
    if moment.year not in _YEARS:
        raise ValueError(f"{name} must lie in the years {_YEARS[0]} to {_YEARS[-1]}, got {moment}")


def not_a_number(trigger: str, **parts: object) -> TypeError:
    """What to raise when ``parts``, the arguments of ``trigger``, do not add up; names the one at fault."""
    name, value = next((name, value) for name, value in parts.items() if not isinstance(value, int | float))
    return TypeError(f"{trigger} {name!r} must be a number, got {value!r}")


def decimal_seconds(duration: int) -> str:
    """Nanoseconds as seconds, exact and without trailing zeros: ``0.25``, ``90``."""
    seconds, rest = divmod(duration, SECOND)
    return f"{seconds}.{rest:09}".rstrip("0").rstrip(".") if rest else str(seconds)


def _moment(moment: int | None, zone: Zone) -> ZonedDateTime | None:
    return None if moment is None else zoned(moment, zone)

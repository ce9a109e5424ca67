"""The triggers of the embedded scheduler: ``datetime`` outside, the chains of ``duly.triggers`` inside.

Naive datetimes are wall-clock times in the zone of the scheduler; outside one, in that of the current clock. Aware ones
keep theirs, and so does the answer; a zone without an IANA name counts as the fixed offset it has at that moment.
"""

import re
from abc import ABC, abstractmethod
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import Literal, Self

from whenever import ZonedDateTime

from duly.core import clock
from duly.core.clock import EPOCH, SECOND, Zone, stdlib_nanoseconds, zoned
from duly.core.trigger import StoredType
from duly.triggers.builtin import HORIZON, BuiltInChain, BuiltInTrigger, checked_year, decimal_seconds, not_a_number
from duly.triggers.cron import Cron
from duly.triggers.expression import FIELDS
from duly.triggers.interval import Grid, shared_grid
from duly.triggers.once import NextTimeOfDay, Single, clock_numbers, iso, next_time_of_day
from duly.triggers.zones import fixed_segments

_SHORTEST = 0.001
_CRON_FIELDS = 5
_TIME_OF_DAY = re.compile(r"[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2})?")


class TriggerType(StrEnum):
    """Kind of a trigger."""

    ONCE = "once"
    INTERVAL = "interval"
    CRON = "cron"


class Trigger(ABC):
    """When a job of the embedded scheduler is due.

    A trigger of one's own implements the two abstract methods, and overrides ``trigger_id`` if it has arguments.
    """

    __slots__ = ()

    @abstractmethod
    def get_next_run(self, from_time: datetime | None = None) -> datetime | None:
        """First run later than ``from_time``, by default now; ``None`` when nothing is left."""

    @abstractmethod
    def get_type(self) -> TriggerType:
        """Kind of the trigger."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        """First run after ``current_time``."""
        found = self.get_next_run(current_time.to_stdlib())
        return None if found is None else zoned(stdlib_nanoseconds(found, current_time.tz_id), current_time.tz_id)

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime | None:
        """First run later than both."""
        return self.first_run_time(max(previous_run, current_time))

    def trigger_label(self) -> str:
        """Name of the class."""
        return type(self).__name__

    def trigger_detail(self) -> str | None:
        """Nothing."""
        return None

    def trigger_db_type(self) -> StoredType:
        """``custom``."""
        return "custom"

    def trigger_id(self) -> str:
        """Name of the class with its module."""
        return f"custom:{type(self).__module__}.{type(self).__qualname__}"


class ChainedTrigger(BuiltInTrigger, Trigger):
    """A trigger whose arithmetic is a chain."""

    __slots__ = ()

    def get_next_run(self, from_time: datetime | None = None) -> datetime | None:
        """First run later than ``from_time``, by default now; ``None`` when nothing is left."""
        host = clock.current()
        now = host.now() if from_time is None else stdlib_nanoseconds(from_time, host.zone)
        slot = self._chain_from(from_time, host.zone).first(now)
        if slot is None or slot <= now:
            return None
        if from_time is None or from_time.tzinfo is None:
            return zoned(slot, host.zone).to_stdlib()
        return (EPOCH + timedelta(microseconds=slot // 1000)).astimezone(from_time.tzinfo)

    def _chain_from(self, from_time: datetime | None, zone: Zone) -> BuiltInChain:  # noqa: ARG002 - for CronTrigger
        return self.chain(zone)


class OnceTrigger(ChainedTrigger):
    """Run once, at ``run_at``; scheduled when that has passed, the job's misfire policy decides.

    Raises:
        TypeError: ``run_at`` is no ``datetime``.
        ValueError: ``run_at`` lies before 1900 or after 2199.
    """

    __slots__ = ("run_at",)

    def __init__(self, run_at: datetime) -> None:
        _check_moment("run_at", run_at)
        self.run_at = run_at

    def chain(self, zone: Zone) -> BuiltInChain:
        """The one moment."""
        return Single(stdlib_nanoseconds(self.run_at, zone))

    def get_type(self) -> TriggerType:
        """``ONCE``."""
        return TriggerType.ONCE

    def trigger_label(self) -> str:
        """``once``."""
        return "once"

    def trigger_detail(self) -> str:
        """The moment in ISO 8601."""
        return _iso(self.run_at)

    def trigger_db_type(self) -> Literal["once"]:
        """``once``."""
        return "once"

    def trigger_id(self) -> str:
        """``once:{moment in ISO 8601}``; a naive one without a zone, so that it is the same in every host."""
        return f"once:{_iso(self.run_at)}"


class _TimeOfDay(OnceTrigger):
    """Run once, at a time of day, next seen from the moment of scheduling and on the wall clock of the scheduler.

    Only outside a scheduler it is a moment: ``run_at``, seen from construction, in the zone of the current clock.
    """

    __slots__ = ("_at",)

    def __init__(self, at: time) -> None:
        host = clock.current()
        super().__init__(next_time_of_day(zoned(host.now(), host.zone), at).to_stdlib())
        self._at = at

    def chain(self, zone: Zone) -> NextTimeOfDay:
        """The time of day in ``zone``."""
        return NextTimeOfDay(self._at, zone)

    def _chain_from(self, from_time: datetime | None, zone: Zone) -> BuiltInChain:  # noqa: ARG002 - for CronTrigger
        return super().chain(zone)

    def trigger_detail(self) -> str:
        """The time of day."""
        return self._at.isoformat()

    def trigger_id(self) -> str:
        """``once:{time of day}``, so that it is the same in every host, on every day."""
        return f"once:{self._at.isoformat()}"


class IntervalTrigger(ChainedTrigger):
    """Run every so often, elapsed time, on the grid of ``start_time``, else of the moment of scheduling.

    Before ``start_time`` the first slot is ``start_time``; ``end_time`` is the last moment at which there may be one.
    Intervals are not rounded. Slots end before the year 2200.

    Raises:
        ValueError: the interval is not finite or below a millisecond, ``start_time`` lies after ``end_time``, or one of
            them before 1900 or after 2199.
        TypeError: a part of the interval is no number, or a bound no ``datetime``.
    """

    __slots__ = ("_grid", "end_time", "start_time")

    def __init__(
        self,
        seconds: float = 0,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
        *,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> None:
        try:
            interval = seconds + 60 * minutes + 3600 * hours + 86_400 * days
            if not _SHORTEST <= interval < HORIZON:
                raise ValueError(f"interval must be finite and at least {_SHORTEST} seconds, got {interval!r}")
        except TypeError:
            raise not_a_number("interval", seconds=seconds, minutes=minutes, hours=hours, days=days) from None
        self._grid = shared_grid(round(interval * SECOND))
        self.start_time = start_time
        self.end_time = end_time
        if start_time is not None or end_time is not None:
            for name, bound in (("start_time", start_time), ("end_time", end_time)):
                if bound is not None:
                    _check_moment(name, bound)
            self._grid = self._bounded(clock.current().zone)

    @property
    def interval_seconds(self) -> float:
        """The interval."""
        return self._grid.step / SECOND

    def chain(self, zone: Zone) -> Grid:
        """The grid; only bounds without a zone depend on ``zone``.

        Raises:
            ValueError: in this zone the start lies after the end.
        """
        if self.start_time is None and self.end_time is None:
            return self._grid
        return self._bounded(zone)

    def _bounded(self, zone: Zone) -> Grid:
        start = None if self.start_time is None else stdlib_nanoseconds(self.start_time, zone)
        end = HORIZON if self.end_time is None else stdlib_nanoseconds(self.end_time, zone)
        if start is not None and start > end:
            raise ValueError(f"start_time {self.start_time} must not be later than end_time {self.end_time}")
        return Grid(self._grid.step, start, end)

    def get_type(self) -> TriggerType:
        """``INTERVAL``."""
        return TriggerType.INTERVAL

    def trigger_label(self) -> str:
        """``every``."""
        return "every"

    def trigger_detail(self) -> str:
        """The interval in whole seconds."""
        return f"{self._grid.step // SECOND}s"

    def trigger_db_type(self) -> Literal["interval"]:
        """``interval``."""
        return "interval"

    def trigger_id(self) -> str:
        """``every:{seconds}`` with its fraction, ``;start=…``, ``;end=…``."""
        start = "" if self.start_time is None else f";start={_iso(self.start_time)}"
        end = "" if self.end_time is None else f";end={_iso(self.end_time)}"
        return f"every:{decimal_seconds(self._grid.step)}{start}{end}"


class CronTrigger(Cron, ChainedTrigger):
    """Run at the wall-clock times of five cron fields, in the dialect of ``duly.triggers.Cron``.

    ``timezone`` is an IANA name, a ``ZoneInfo`` or ``datetime.UTC``, by default the zone of the argument or the
    scheduler.

    Raises:
        ValueError: a field is not understood (the text names it and its value), or nothing can ever match; no such
            zone.
        TypeError: a field is no text; a zone without a name.
    """

    __slots__ = ()

    def __init__(
        self,
        minute: str = "*",
        hour: str = "*",
        day_of_month: str = "*",
        month: str = "*",
        day_of_week: str = "*",
        *,
        timezone: str | tzinfo | None = None,
    ) -> None:
        fields = (minute, hour, day_of_month, month, day_of_week)
        try:
            expression = _joined(fields)
        except TypeError:
            raise _not_a_text(fields) from None
        super().__init__(expression, timezone=timezone)

    @classmethod
    def from_expression(cls, expression: str, timezone: str | tzinfo | None = None) -> Self:
        """The trigger of ``"minute hour day_of_month month day_of_week"``.

        Raises:
            ValueError: not five fields, or as for the class.
            TypeError: ``expression`` is no text, or as for the class.
        """
        if not isinstance(expression, str):
            raise TypeError(f"cron expression must be a string, got {expression!r}")
        fields = expression.split()
        if len(fields) != _CRON_FIELDS:
            raise ValueError(
                f"Invalid cron expression: {expression!r} has {len(fields)} fields instead of 5, "
                "'minute hour day_of_month month day_of_week'"
            )
        return cls(*fields, timezone=timezone)

    def get_type(self) -> TriggerType:
        """``CRON``."""
        return TriggerType.CRON

    def _chain_from(self, from_time: datetime | None, zone: Zone) -> BuiltInChain:
        if from_time is None or from_time.tzinfo is None or self.timezone is not None:
            return self.chain(zone)
        if (key := _zone_key(from_time)) is not None:
            return self.chain(key)
        offset = from_time.utcoffset() or timedelta()
        return self.chain_over(fixed_segments(offset // timedelta(seconds=1)))


def every(seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> IntervalTrigger:
    """Run at that interval, beginning one interval after scheduling."""
    return IntervalTrigger(seconds, minutes, hours, days)


def at(when: str | datetime) -> OnceTrigger:
    """Run once: at a ``datetime``, or at ``"HH:MM"`` or ``"HH:MM:SS"`` today, tomorrow if that has passed.

    Text is wall-clock time in the zone of the scheduler, today being the day of scheduling; outside one, in the zone of
    the current clock, today being the day of the call. In a DST gap it moves forward by the length of the gap, and one
    that occurs twice means the first occurrence.

    Raises:
        ValueError: other text; a ``datetime`` before 1900 or after 2199.
        TypeError: neither text nor a ``datetime``.
    """
    return _TimeOfDay(_time_of_day(when)) if isinstance(when, str) else OnceTrigger(when)


def cron(expression: str, timezone: str | tzinfo | None = None) -> CronTrigger:
    """Run at the wall-clock times of ``"minute hour day_of_month month day_of_week"``."""
    return CronTrigger.from_expression(expression, timezone)


def _time_of_day(text: str) -> time:
    numbers = clock_numbers(text) if _TIME_OF_DAY.fullmatch(text) else None
    if numbers is None:
        raise ValueError(f"at() takes 'HH:MM', 'HH:MM:SS' or a datetime, got {text!r}")
    return time(*numbers)


@lru_cache(maxsize=4096)
def _joined(fields: tuple[str, ...]) -> str:
    """The expression that ``fields`` form; a ``TypeError`` if one of them is no text."""
    expression = " ".join(fields)
    for field, value in zip(FIELDS, fields, strict=False):
        if value.split() != [value]:
            raise ValueError(f"Invalid cron expression: {field.name} {value!r} must be one field without white space")
    return expression


def _not_a_text(fields: tuple[object, ...]) -> TypeError:
    """What to raise when one of ``fields`` is no text; names it."""
    name, value = next((f.name, value) for f, value in zip(FIELDS, fields, strict=False) if not isinstance(value, str))
    return TypeError(f"{name} must be a string, got {value!r}")


def _check_moment(name: str, moment: object) -> None:
    if not isinstance(moment, datetime):
        raise TypeError(f"{name} must be a datetime, got {moment!r}")
    checked_year(name, moment)


def _zone_key(moment: datetime) -> str | None:
    """IANA name of the zone of an aware ``moment``, if it has one."""
    key: str | None = getattr(moment.tzinfo, "key", None)
    return key


def _iso(moment: datetime) -> str:
    if moment.tzinfo is None or (key := _zone_key(moment)) is None:
        return moment.isoformat()
    return iso(zoned(stdlib_nanoseconds(moment, key), key))

"""Triggers of a single run: ``After`` a delay, ``Once`` at a moment."""

import re
from datetime import time
from typing import Literal

from whenever import Time, TimeDelta, ZonedDateTime

from duly.core import clock
from duly.core.clock import SECOND, Zone, at_wall_clock, nanoseconds, round_to_second, zoned
from duly.triggers.builtin import HORIZON, LONGEST, BuiltInTrigger, checked_year, decimal_seconds, not_a_number

IfPast = Literal["tomorrow", "error"]

_HOURS_AND_MINUTES = re.compile(r"[0-9]{1,2}:[0-9]{1,2}")


class Single:
    """One slot, ``at``. Immutable."""

    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at

    def first(self, now: int) -> int:  # noqa: ARG002 - fixed, even when it has passed
        """The slot, also if it lies before ``now``."""
        return self.at

    def next(self, previous: int, now: int) -> None:
        """``None``: nothing follows."""

    def count(self, previous: int, until: int) -> tuple[int, int]:  # noqa: ARG002 - there is no second slot
        """None follow."""
        return 0, previous

    def between(self, after: int, until: int) -> int:
        """1 if the slot lies in (after, until], else 0."""
        return int(after < self.at <= until)

    def previous(self, before: int) -> int | None:
        """The slot if it is earlier than ``before``."""
        return self.at if self.at < before else None


class Delay:
    """One slot, ``delay`` after the moment of scheduling, rounded to the second. Immutable."""

    __slots__ = ("delay",)

    def __init__(self, delay: int) -> None:
        self.delay = delay

    def first(self, now: int) -> int | None:
        """``now`` + delay, rounded."""
        slot = round_to_second(now + self.delay)
        return slot if slot <= HORIZON else None

    def next(self, previous: int, now: int) -> None:
        """``None``: nothing follows."""

    def count(self, previous: int, until: int) -> tuple[int, int]:  # noqa: ARG002 - there is no second slot
        """None follow."""
        return 0, previous

    def between(self, after: int, until: int) -> int:
        """1 if the slot, were it scheduled at ``after``, lies in (after, until]."""
        return int(after < round_to_second(after + self.delay) <= until)

    def previous(self, before: int) -> None:
        """``None``: the slot exists only once it is scheduled."""


class NextTimeOfDay:
    """One slot: the next ``at`` on the wall clock of ``zone`` after the moment of scheduling. Immutable."""

    __slots__ = ("at", "zone")

    def __init__(self, at: time, zone: Zone) -> None:
        self.at = at
        self.zone = zone

    def first(self, now: int) -> int:
        """``at`` today, tomorrow if that is not later than ``now``."""
        return nanoseconds(next_time_of_day(zoned(now, self.zone), self.at))

    def next(self, previous: int, now: int) -> None:
        """``None``: nothing follows."""

    def count(self, previous: int, until: int) -> tuple[int, int]:  # noqa: ARG002 - there is no second slot
        """None follow."""
        return 0, previous

    def between(self, after: int, until: int) -> int:
        """1 if the slot, were it scheduled at ``after``, lies in (after, until]."""
        return int(self.first(after) <= until)

    def previous(self, before: int) -> None:
        """``None``: the slot exists only once it is scheduled."""


class After(BuiltInTrigger):
    """Run once, a delay of elapsed time after scheduling.

    ``timedelta`` replaces ``seconds`` and ``minutes``.

    Raises:
        ValueError: the delay is not positive, or more than 230 years.
        TypeError: ``seconds`` or ``minutes`` is no number, or ``timedelta`` no ``whenever.TimeDelta``.
    """

    __slots__ = ("_delay",)

    def __init__(self, seconds: float = 0, minutes: float = 0, timedelta: TimeDelta | None = None) -> None:
        self._delay = Delay(_of_numbers(seconds, minutes) if timedelta is None else _of_timedelta(timedelta))

    def chain(self, zone: Zone) -> Delay:  # noqa: ARG002 - elapsed time knows no zone
        """The delay, the same in every zone."""
        return self._delay

    def trigger_label(self) -> str:
        """``after``."""
        return "after"

    def trigger_detail(self) -> str:
        """The delay in whole seconds."""
        return f"{self._delay.delay // SECOND}s"

    def trigger_db_type(self) -> Literal["after"]:
        """``after``."""
        return "after"

    def trigger_id(self) -> str:
        """``after:{seconds}``, with their fraction."""
        return f"after:{decimal_seconds(self._delay.delay)}"


class Once(BuiltInTrigger):
    """Run once, at a moment fixed at construction.

    ``at`` is ``"HH:MM"`` in the zone of the current clock, or a moment. What lies at or before now is an error with
    ``if_past="error"``; else a wall-clock time is put off to tomorrow and a moment runs at once, and ``warning`` says
    so. Inside a DST gap a wall-clock time moves forward by the length of the gap; one that occurs twice means the
    first occurrence.

    Raises:
        ValueError: ``at`` or ``if_past`` is not one of these, ``at`` lies before 1900 or after 2199, or the time has
            passed and ``if_past`` is ``"error"``.
        TypeError: ``at`` is neither text nor a ``ZonedDateTime``.
    """

    __slots__ = ("_at", "_if_past", "_label", "warning")

    warning: str | None
    """What the host logs at WARNING when it registers the trigger; ``None``: nothing."""

    def __init__(self, at: str | ZonedDateTime, if_past: IfPast = "tomorrow") -> None:
        if if_past not in ("tomorrow", "error"):
            raise ValueError(f"Once 'if_past' must be 'tomorrow' or 'error', got {if_past!r}")
        if isinstance(at, str):
            self._at, self.warning = _wall_clock_target(at, if_past)
            self._label = at
        elif isinstance(at, ZonedDateTime):
            checked_year("Once 'at'", at)
            self._at, self.warning = at, _absolute_warning(at, if_past)
            self._label = iso(at)
        else:
            raise TypeError(f"Once 'at' must be 'HH:MM' or a ZonedDateTime, got {at!r}")
        self._if_past = if_past

    def chain(self, zone: Zone) -> Single:  # noqa: ARG002 - the target is fixed at construction
        """The target, rounded to the second."""
        return Single(round_to_second(nanoseconds(self._at)))

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime:  # noqa: ARG002 - fixed at construction
        """The target as it is, whatever ``current_time``."""
        return self._at

    def trigger_label(self) -> str:
        """``once``."""
        return "once"

    def trigger_detail(self) -> str:
        """The text as given, else the target in ISO 8601."""
        return self._label

    def trigger_db_type(self) -> Literal["once"]:
        """``once``."""
        return "once"

    def trigger_id(self) -> str:
        """``once:{target in ISO 8601}``."""
        suffix = "" if self._if_past == "tomorrow" else f";if_past={self._if_past}"
        return f"once:{iso(self._at)}{suffix}"


def hours_and_minutes(at: str, trigger: str) -> tuple[int, int]:
    """Read ``"HH:MM"`` for ``trigger``, whose name the error texts carry.

    Raises:
        ValueError: not two parts of one or two ASCII digits, or out of range.
    """
    if not _HOURS_AND_MINUTES.fullmatch(at):
        raise ValueError(f"{trigger} 'at' must be 'HH:MM', got {at!r}")
    if (numbers := clock_numbers(at)) is None:
        raise ValueError(f"{trigger} 'at' time out of range: {at!r}")
    return numbers[0], numbers[1]


def clock_numbers(at: str) -> tuple[int, int, int] | None:
    """Hour, minute and second of digits between colons, seconds being optional; ``None`` if there is no such time."""
    hour, minute, second = (*map(int, at.split(":")), 0)[:3]
    return (hour, minute, second) if hour in range(24) and minute in range(60) and second in range(60) else None


def next_time_of_day(now: ZonedDateTime, at: time) -> ZonedDateTime:
    """``at`` on the day of ``now``, on the next if that is not later; moved forward in a gap, the first of two."""
    today = _wall_clock(now, 0, at)
    return today if today > now else _wall_clock(now, 1, at)


def iso(moment: ZonedDateTime) -> str:
    """ISO 8601 with offset and, unless the zone of the system has no name, zone."""
    return moment.format_iso(tz_id_display="if_available")


def _wall_clock(now: ZonedDateTime, days: int, at: time) -> ZonedDateTime:
    """``at``, ``days`` calendar days after ``now``."""
    return at_wall_clock(now.date().add(days=days).at(Time(at)), now.tz_id)


def _of_numbers(seconds: float, minutes: float) -> int:
    try:
        delay = seconds + 60 * minutes
        return _checked_delay(delay * SECOND, f"{delay} seconds")
    except TypeError:
        raise not_a_number("After", seconds=seconds, minutes=minutes) from None


def _of_timedelta(delay: object) -> int:
    if not isinstance(delay, TimeDelta):
        raise TypeError(f"After 'timedelta' must be a whenever.TimeDelta, got {delay!r}")
    return _checked_delay(delay.total("nanoseconds"), str(delay))


def _checked_delay(delay: float, shown: str) -> int:
    """Nanoseconds as a whole number; ``shown`` is what errors call them."""
    if delay > LONGEST * SECOND:
        raise ValueError(f"After trigger delay must be at most 230 years ({LONGEST} seconds), got {shown}")
    rounded = round(delay) if delay > 0 else 0
    if not rounded:
        raise ValueError(f"After trigger delay must be positive, got {shown}")
    return rounded


def _wall_clock_target(at: str, if_past: IfPast) -> tuple[ZonedDateTime, str | None]:
    time_of_day = time(*hours_and_minutes(at, "Once"))
    host = clock.current()
    now = zoned(host.now(), host.zone)
    target = _wall_clock(now, 0, time_of_day)
    if target > now:
        return target, None
    if if_past == "error":
        raise ValueError(f"Once({at!r}) constructed after the target time; now is {iso(now)}")
    tomorrow = _wall_clock(now, 1, time_of_day)
    return tomorrow, f"Once({at!r}): the time had passed today and was deferred to {iso(tomorrow)}"


def _absolute_warning(at: ZonedDateTime, if_past: IfPast) -> str | None:
    host = clock.current()
    if nanoseconds(at) > host.now():
        return None
    if if_past == "error":
        raise ValueError(f"Once target {iso(at)} is in the past")
    return f"Once target {iso(at)} has passed; an absolute time cannot be deferred, so it runs at once"

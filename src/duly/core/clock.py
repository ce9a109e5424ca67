"""Time enters Duly here and nowhere else.

Inside, a moment is an ``int``: nanoseconds since the Unix epoch, UTC. It becomes a ``ZonedDateTime`` only where a
person or a trigger of a user looks at it.
"""

import time
from contextvars import ContextVar, Token
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias

from whenever import SYSTEM_TZ, Instant, PlainDateTime, ZonedDateTime

SECOND = 1_000_000_000
"""Nanoseconds in a second."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)

NEVER = 1 << 63
"""Later than every moment that a clock shows: the end of a chain, a deadline that does not come."""

Zone: TypeAlias = str | None
"""An IANA name; ``None`` means the time zone of the system."""


class Clock(Protocol):
    """Where a host gets its time from."""

    @property
    def zone(self) -> Zone:
        """The zone in which wall-clock times without one are meant."""
        ...

    def now(self) -> int:
        """Wall-clock time in nanoseconds since the epoch; may be stepped either way."""
        ...

    def monotonic(self) -> int:
        """Nanoseconds since an arbitrary moment, never going back; stands still while a POSIX machine sleeps."""
        ...


class SystemClock:
    """The clock of the machine. Immutable, so it may be shared by everybody."""

    __slots__ = ("_zone",)

    def __init__(self, zone: Zone = None) -> None:
        """Take wall-clock times in ``zone``.

        Raises:
            whenever.TimeZoneNotFoundError: a ``ValueError``; no such zone in the time zone database.
        """
        self._zone = checked_zone(zone)

    @property
    def zone(self) -> Zone:
        """The zone given, or ``None`` for that of the system."""
        return self._zone

    def now(self) -> int:
        """Wall-clock time in nanoseconds since the epoch."""
        return time.time_ns()

    def monotonic(self) -> int:
        """Nanoseconds that never go back."""
        return time.monotonic_ns()


def checked_zone(zone: Zone) -> Zone:
    """Give ``zone`` back if the time zone database knows it.

    Raises:
        whenever.TimeZoneNotFoundError: a ``ValueError``; it does not.
    """
    zoned(0, zone)
    return zone


def zoned(moment: int, zone: Zone) -> ZonedDateTime:
    """Nanoseconds since the epoch as a date and time in ``zone``."""
    return Instant.from_timestamp(moment, unit="nanosecond").to_tz(SYSTEM_TZ if zone is None else zone)


def at_wall_clock(moment: PlainDateTime, zone: Zone, *, later: bool = False) -> ZonedDateTime:
    """When clocks on the wall show this in ``zone``: moved forward in a gap, the first of two, or the ``later``."""
    return moment.assume_tz(SYSTEM_TZ if zone is None else zone, disambiguation="later" if later else "compatible")


def nanoseconds(moment: ZonedDateTime) -> int:
    """Nanoseconds since the epoch."""
    return moment.timestamp(unit="nanosecond")


def stdlib_nanoseconds(moment: datetime, zone: Zone) -> int:
    """Nanoseconds since the epoch; a naive ``moment`` is taken in ``zone``, the first of two unless ``fold``."""
    if moment.tzinfo is not None:
        return (moment - EPOCH) // _MICROSECOND * 1000
    return nanoseconds(at_wall_clock(PlainDateTime(moment.replace(fold=0)), zone, later=bool(moment.fold)))


def round_to_second(moment: int) -> int:
    """Nearest whole second, exact halves to the even one, as ``ZonedDateTime.round`` does."""
    seconds, rest = divmod(moment, SECOND)
    if rest * 2 > SECOND or (rest * 2 == SECOND and seconds % 2):
        seconds += 1
    return seconds * SECOND


_current: ContextVar[Clock] = ContextVar("duly_clock", default=SystemClock())  # noqa: B039 - immutable


def current() -> Clock:
    """The clock of the host in whose context this is called; outside any host, that of the system."""
    return _current.get()


def use(clock: Clock) -> Token[Clock]:
    """Make ``clock`` the current one of this context; hand the token to ``restore``."""
    return _current.set(clock)


def restore(token: Token[Clock]) -> None:
    """Undo ``use``."""
    _current.reset(token)

"""``OnBusinessDays``: any trigger, on the days on which people work.

A slot on a free day does not exist, or is moved to a business day beside it. It is not a slot that is skipped: so the
chain is all there is to account for, and a calendar that changes cannot make the ledger of days gone by wrong.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import date
from typing import Literal, Protocol, TypeAlias, get_args, runtime_checkable

from whenever import Date

from duly.core.arguments import callable_name
from duly.core.clock import Zone, checked_zone
from duly.triggers.builtin import BuiltInChain, BuiltInTrigger
from duly.triggers.business_days import Days, Kept, Moved, floats
from duly.triggers.clock_changes import named_zone

Otherwise: TypeAlias = Literal["skip", "next", "previous"]
Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_WEEKDAYS = get_args(Weekday)


@runtime_checkable
class BusinessCalendar(Protocol):
    """Which days are business days. Asked again and again, it answers the same, in every process."""

    def is_business_day(self, day: Date) -> bool:
        """Whether people work on that day."""
        ...

    def calendar_id(self) -> str:
        """Stable identity: equal calendars give equal ids."""
        ...


class Workdays:
    """All days but those of the week-end and the given ``holidays``. Immutable.

    Raises:
        ValueError: no such day of the week, no day at all left, or a text that is no date.
        TypeError: a holiday of another kind.
    """

    __slots__ = ("_free", "_weekend")

    def __init__(
        self, holidays: Iterable[Date | date | str] = (), *, weekend: Collection[Weekday] = ("sat", "sun")
    ) -> None:
        self._free = frozenset(map(date_of, holidays))
        self._weekend = frozenset(map(_weekday, weekend))
        if len(self._weekend) == len(_WEEKDAYS):
            raise ValueError("'weekend' must leave a business day, got all seven")

    def is_business_day(self, day: Date) -> bool:
        """Whether it is neither in the week-end nor a holiday."""
        return day.day_of_week().value - 1 not in self._weekend and day not in self._free

    def calendar_id(self) -> str:
        """The week-end and the holidays."""
        days = "+".join(_WEEKDAYS[number] for number in sorted(self._weekend))
        return "/".join([days, *(day.format_iso() for day in sorted(self._free))])


class _Asked:
    """A calendar that is a function of the day. Immutable."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[Date], bool]) -> None:
        self._ask = ask

    def is_business_day(self, day: Date) -> bool:
        return bool(self._ask(day))

    def calendar_id(self) -> str:
        return f"{getattr(self._ask, '__module__', '')}.{callable_name(self._ask)}"


class OnBusinessDays(BuiltInTrigger):
    """The runs of ``trigger`` on business days. ``otherwise`` says what becomes of the others.

    ``"skip"``: there are none. ``"next"``, ``"previous"``: they move to the next or previous business day, to the same
    time on the wall clock; those that thereby coincide run once. (In a gap the time moves forward by its length, and of
    a time that occurs twice the first is meant.)

    ``calendar`` is a ``BusinessCalendar``, such as ``Workdays`` or ``duly.calendars.Holidays``; a collection of
    holidays, with Saturday and Sunday as week-end; or a named function of a ``whenever.Date``. Days are those of the
    zone of ``trigger``, by default that of the argument or the host; ``timezone`` is another.

    Raises:
        ValueError: an unknown word or zone; an interval or delay that is not fixed to a start, with ``"next"`` or
            ``"previous"``: moved, it would lose its grid.
        TypeError: ``trigger`` is none of Duly's, or ``calendar`` none of these.
    """

    __slots__ = ("_timezone", "calendar", "otherwise", "trigger")

    def __init__(
        self,
        trigger: BuiltInTrigger,
        calendar: BusinessCalendar | Collection[Date | date | str] | Callable[[Date], bool] = (),
        otherwise: Otherwise = "skip",
        *,
        timezone: str | None = None,
    ) -> None:
        if not isinstance(trigger, BuiltInTrigger):
            raise TypeError(f"OnBusinessDays 'trigger' must be one of Duly's triggers, got {trigger!r}")
        if otherwise not in get_args(Otherwise):
            known = ", ".join(map(repr, get_args(Otherwise)))
            raise ValueError(f"OnBusinessDays 'otherwise' must be one of {known}, got {otherwise!r}")
        self.trigger = trigger
        self.calendar = _calendar(calendar)
        self.otherwise: Otherwise = otherwise
        self._timezone = checked_zone(timezone)
        if otherwise != "skip" and floats(trigger.chain(timezone)):
            raise ValueError(
                f"OnBusinessDays cannot move the runs of {trigger.trigger_id()}, which hang on each other: "
                "give it a start, or use otherwise='skip'"
            )

    @property
    def interval_seconds(self) -> float | None:
        """That of the trigger, if it is an interval."""
        found: float | None = getattr(self.trigger, "interval_seconds", None)
        return found

    def bind(self, name: str) -> "OnBusinessDays":
        """The same for the job of this name: only a ``Cron`` with an ``H`` differs."""
        bind = getattr(self.trigger, "bind", None)
        if bind is None:
            return self
        return OnBusinessDays(bind(name), self.calendar, self.otherwise, timezone=self._timezone)

    def chain(self, zone: Zone) -> BuiltInChain:
        """The runs on business days."""
        base = self.trigger.chain(zone)
        days = Days(self.calendar.is_business_day, named_zone(base, zone) if self._timezone is None else self._timezone)
        return Kept(base, days) if self.otherwise == "skip" else Moved(base, days, forward=self.otherwise == "next")

    def trigger_label(self) -> str:
        """That of the trigger."""
        label: str = self.trigger.trigger_label()  # type: ignore[attr-defined]  # every built-in has one
        return label

    def trigger_detail(self) -> str:
        """That of the trigger, and that it is for business days."""
        return f"{self.trigger.trigger_detail()} on business days"  # type: ignore[attr-defined]  # as above

    def trigger_db_type(self) -> Literal["custom"]:
        """``custom``: the calendar is known to the program alone."""
        return "custom"

    def trigger_id(self) -> str:
        """``business:{calendar};{otherwise};`` and that of the trigger."""
        zone = "" if self._timezone is None else f"{self._timezone};"
        return f"business:{self.calendar.calendar_id()};{self.otherwise};{zone}{self.trigger.trigger_id()}"


def _calendar(calendar: object) -> BusinessCalendar:
    if isinstance(calendar, BusinessCalendar):
        return calendar
    if callable(calendar):
        if callable_name(calendar) == "<lambda>":
            raise TypeError("OnBusinessDays 'calendar' must be a function with a name, which a lambda has not: use def")
        return _Asked(calendar)
    if isinstance(calendar, Iterable) and not isinstance(calendar, str):
        return Workdays(calendar)
    raise TypeError(
        f"OnBusinessDays 'calendar' must be a calendar, a collection of holidays or a function, got {calendar!r}"
    )


def date_of(day: object) -> Date:
    """A holiday as a date.

    Raises:
        TypeError: it is neither a date nor its text.
        ValueError: a text that is no date.
    """
    if isinstance(day, Date):
        return day
    if isinstance(day, str):
        return Date.parse_iso(day)
    if isinstance(day, date):
        return Date(day.year, day.month, day.day)
    raise TypeError(f"a holiday must be a date or text such as '2025-12-25', got {day!r}")


def _weekday(name: str) -> int:
    if name not in _WEEKDAYS:
        raise ValueError(f"'weekend' must be of {', '.join(map(repr, _WEEKDAYS))}, got {name!r}")
    return _WEEKDAYS.index(name)

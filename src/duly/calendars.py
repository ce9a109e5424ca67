"""Holidays of countries, for ``OnBusinessDays``. Install ``duly[holidays]``."""

from collections.abc import Iterable
from datetime import date
from threading import Lock

from whenever import Date

from duly.triggers.business import date_of

try:
    from holidays import country_holidays
except ModuleNotFoundError as error:
    hint = f"duly.calendars needs {error.name}, which is not installed: pip install 'duly[holidays]'"
    raise ModuleNotFoundError(hint, name=error.name) from None


class Holidays:
    """The business days of a country: neither in its week-end nor a holiday, as far as the package ``holidays`` knows.

    ``country`` and ``subdiv`` are codes of ISO 3166, such as ``"DE"`` and ``"BY"``. ``categories`` are those of the
    package, by default public holidays; with ``observed=False`` holidays are not made up for on other days. ``also``
    are more free days. A version of the package that knows other holidays changes days to come; what has been is
    recorded and stays.

    Raises:
        ValueError: the package does not know the country, its part, or a category; a text that is no date.
    """

    __slots__ = ("_also", "_holidays", "_id", "_lock")

    def __init__(
        self,
        country: str,
        subdiv: str | None = None,
        *,
        categories: Iterable[str] | None = None,
        observed: bool = True,
        also: Iterable[Date | date | str] = (),
    ) -> None:
        kinds = None if categories is None else tuple(sorted(categories))
        try:
            self._holidays = country_holidays(country, subdiv=subdiv, categories=kinds, observed=observed)
        except (NotImplementedError, ValueError) as error:
            raise ValueError(f"Holidays of country {country!r}, subdiv {subdiv!r}: {error}") from None
        self._also = frozenset(map(date_of, also))
        self._id = _identity(country, subdiv, kinds, self._also) + ("" if observed else ";unobserved")
        self._lock = Lock()
        """The package works out a year when it is first asked for, and is not made for several threads."""

    def is_business_day(self, day: Date) -> bool:
        """Whether people work on that day."""
        if day in self._also:
            return False
        with self._lock:
            return bool(self._holidays.is_working_day(day.to_stdlib()))

    def calendar_id(self) -> str:
        """``holidays:{country}``, and what else was given."""
        return self._id


def _identity(country: str, subdiv: str | None, kinds: tuple[str, ...] | None, also: frozenset[Date]) -> str:
    place = f"holidays:{country}" if subdiv is None else f"holidays:{country}-{subdiv}"
    return "/".join([place, *(kinds or ()), *(day.format_iso() for day in sorted(also))])

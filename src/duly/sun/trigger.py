"""``Sun``: a trigger that follows the sun."""

import re
from dataclasses import replace
from datetime import time
from typing import Literal, TypeAlias, get_args

from whenever import TimeDelta

from duly.core.clock import SECOND, Zone, checked_zone
from duly.sun.chain import SunChain
from duly.sun.sky import DAY, Half, Sky, horizon_zenith, twilight_zenith
from duly.triggers.builtin import BuiltInTrigger, decimal_seconds
from duly.triggers.once import clock_numbers

SunEvent: TypeAlias = Literal["dawn", "sunrise", "noon", "sunset", "dusk", "midnight"]
Polar: TypeAlias = Literal["skip", "nearest"]

_TWILIGHTS = {"civil": 6.0, "nautical": 12.0, "astronomical": 18.0}
"""Degrees of the sun below the horizon."""
_HALVES: dict[str, Half] = {"dawn": "rise", "sunrise": "rise", "sunset": "set", "dusk": "set"}
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2})?")


class Sun(BuiltInTrigger):
    """Run at an event of the sun over a place, once a day; works without network, embedded and in apps.

    ``latitude`` and ``longitude`` are degrees, north and east positive; ``elevation`` metres above what bounds the
    view. ``offset`` seconds, or a ``whenever.TimeDelta``, move the run: negative ones before the event. ``twilight``
    says for ``dawn`` and ``dusk`` how far the sun is below the horizon: ``"civil"``, ``"nautical"``,
    ``"astronomical"``, or degrees.

    ``not_before`` and ``not_after``, ``"HH:MM"`` or ``"HH:MM:SS"``, bound the run *after* the offset, on the date on
    which the noon between the day's rise and set falls; in ``timezone``, by default that of the argument or the host.

    Near the poles there are days on which the sun does not come up, or does not go down. With ``polar="skip"`` they
    have no run. With ``"nearest"`` they have one, when the sun comes nearest to the event: at solar noon if it stays
    below, and if it stays above at solar midnight, the one before noon for ``dawn`` and ``sunrise``, the one behind it
    for ``sunset`` and ``dusk``. So the runs of ``sunrise`` go over into midnight as summer comes, and never jump.

    Times are rounded to the second. They agree with almanacs to a minute; weather and hills are not known.

    Raises:
        ValueError: an unknown event or word, a number out of its range, no such time or zone.
        TypeError: a number is none.
    """

    __slots__ = ("_chain", "_id", "_timezone", "event")

    def __init__(
        self,
        event: SunEvent,
        *,
        latitude: float,
        longitude: float,
        elevation: float = 0,
        offset: float | TimeDelta = 0,
        not_before: str | None = None,
        not_after: str | None = None,
        twilight: str | float = "civil",
        timezone: str | None = None,
        polar: Polar = "skip",
    ) -> None:
        _check_word("event", event, get_args(SunEvent))
        _check_word("polar", polar, get_args(Polar))
        self.event: SunEvent = event
        self._timezone = checked_zone(timezone)
        depression = _depression(twilight)
        for name, value, most in (
            ("latitude", latitude, 90),
            ("longitude", longitude, 180),
            ("elevation", elevation, 10_000),
        ):
            _check_number(name, value, most)
        self._chain = SunChain(
            sky=Sky(latitude, longitude, _zenith(event, depression, elevation)),
            half=_HALVES.get(event),
            noon=event == "noon",
            offset=_offset(offset),
            not_before=_time("not_before", not_before),
            not_after=_time("not_after", not_after),
            zone=None,
            always=polar == "nearest",
        )
        if not_before is not None and not_after is not None:
            _check_limits(not_before, not_after, self._chain)
        self._id = _identity(
            f"sun:{event};lat={latitude:g};lon={longitude:g}",
            elevation=(elevation, 0),
            offset=(decimal_seconds(self._chain.offset), "0"),
            not_before=(self._chain.not_before, None),
            not_after=(self._chain.not_after, None),
            twilight=(depression, _TWILIGHTS["civil"]),
            timezone=(timezone, None),
            polar=(polar, "skip"),
        )

    def chain(self, zone: Zone) -> SunChain:
        """The runs, with limits in ``timezone``, else in ``zone``."""
        return replace(self._chain, zone=zone if self._timezone is None else self._timezone)

    def trigger_label(self) -> str:
        """``sun``."""
        return "sun"

    def trigger_detail(self) -> str:
        """The event, and the offset in seconds if there is one."""
        seconds = self._chain.offset / SECOND
        return f"{self.event} {seconds:+g}s" if seconds else self.event

    def trigger_db_type(self) -> Literal["custom"]:
        """``custom``: where the sun stands is known to the program alone."""
        return "custom"

    def trigger_id(self) -> str:
        """``sun:{event};lat={latitude};lon={longitude}``, and what differs from the defaults."""
        return self._id


def _check_word(name: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise ValueError(f"Sun {name!r} must be one of {', '.join(map(repr, words))}, got {value!r}")


def _check_number(name: str, value: object, most: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"Sun {name!r} must be a number, got {value!r}")
    if not -most <= value <= most:
        raise ValueError(f"Sun {name!r} must lie between {-most} and {most}, got {value!r}")


def _depression(twilight: str | float) -> float:
    if isinstance(twilight, str):
        _check_word("twilight", twilight, tuple(_TWILIGHTS))
        return _TWILIGHTS[twilight]
    _check_number("twilight", twilight, 90)
    return float(twilight)


def _zenith(event: SunEvent, depression: float, elevation: float) -> float:
    if event in ("dawn", "dusk"):
        return twilight_zenith(depression, elevation)
    return horizon_zenith(elevation)


def _offset(offset: float | TimeDelta) -> int:
    seconds = offset.total("seconds") if isinstance(offset, TimeDelta) else offset
    _check_number("offset", seconds, DAY)
    return round(seconds * SECOND)


def _time(name: str, text: object) -> time | None:
    if text is None:
        return None
    numbers = clock_numbers(text) if isinstance(text, str) and _TIME.fullmatch(text) else None
    if numbers is None:
        raise ValueError(f"Sun {name!r} must be 'HH:MM' or 'HH:MM:SS', got {text!r}")
    return time(*numbers)


def _check_limits(not_before: str, not_after: str, chain: SunChain) -> None:
    assert chain.not_before is not None and chain.not_after is not None  # noqa: PT018, S101 - both are given
    if chain.not_before > chain.not_after:
        raise ValueError(f"Sun 'not_before' must not be later than 'not_after', got {not_before!r} and {not_after!r}")


def _identity(start: str, **options: tuple[object, object]) -> str:
    """``start``, and the options whose value is not the default beside it."""
    return start + "".join(f";{name}={value}" for name, (value, default) in options.items() if value != default)

"""``Sky``: when the sun stands highest and lowest over a place, and when it passes an altitude.

Days here are *solar days*, numbered from 1970 by their noon, and moments are seconds since the epoch. Each solar day
has at most one rise and one set through an altitude, the rise before its noon and the set behind it. So no calendar,
zone or date line has a say in which events there are, and the events of successive days are in order of time.

The formulas for the place of the sun are those of astral.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin
from typing import Literal

from astral import refraction_at_zenith
from astral.sun import adjust_to_horizon, eq_of_time, sun_declination

Half = Literal["rise", "set"]

DAY = 86_400
_HALF_DAY = DAY / 2
_PER_DEGREE = 240
"""Seconds in which the earth turns by a degree."""
_RADIUS = 16 / 60
"""Degrees from the middle of the sun to its upper edge, which is what rises and sets."""
_POLE = 89.8
"""Degrees of latitude beyond which astral does not go: there days have no length."""
_EXACT = 0.05
"""Seconds to which a moment is found."""


@dataclass(frozen=True, slots=True)
class Sky:
    """The sky over a place; ``zenith`` is the angle from straight up that the sun passes, in degrees."""

    latitude: float
    longitude: float
    zenith: float

    def day_of(self, moment: float) -> int:
        """The solar day in which a moment lies, to half an hour."""
        return int((moment + self.longitude * _PER_DEGREE) // DAY)

    def noon(self, day: int) -> float:
        """When the sun stands highest."""
        return self._transit(day * DAY + _HALF_DAY - self.longitude * _PER_DEGREE)

    def midnight(self, day: int) -> float:
        """When the sun stands lowest, before the noon of the day."""
        return self._transit(day * DAY - self.longitude * _PER_DEGREE)

    def passes(self, day: int, half: Half) -> bool:
        """Whether the sun rises, or sets, through the angle on that day."""
        low, high = self._ends(day, half)
        return self._altitude(low) < 0 <= self._altitude(high)

    def nearest(self, day: int, half: Half) -> float:
        """When it does; on a day without, when it comes nearest: at noon, or at the midnight of that half."""
        return _nearest(self, day, half)

    def _ends(self, day: int, half: Half) -> tuple[float, float]:
        """When the sun is lowest, and highest, in that half of the day."""
        return self.midnight(day if half == "rise" else day + 1), self.noon(day)

    def _transit(self, mean: float) -> float:
        """The moment at which the sun is where a sun of even pace would be at ``mean``."""
        moment = mean
        for _ in range(2):
            moment = mean - eq_of_time(_century(moment)) * 60
        return moment

    def _altitude(self, moment: float) -> float:
        """The sine of the altitude of the sun over the angle; negative: below."""
        century = _century(moment)
        declination = radians(sun_declination(century))
        latitude = radians(max(-_POLE, min(_POLE, self.latitude)))
        mean = moment + self.longitude * _PER_DEGREE - _HALF_DAY + eq_of_time(century) * 60
        angle = radians(mean % DAY / _PER_DEGREE)
        height = sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(angle)
        return height - cos(radians(self.zenith))


@lru_cache(maxsize=4096)
def _nearest(sky: Sky, day: int, half: Half) -> float:
    """Found by halving: between its lowest and its highest the sun only climbs, and on the way down only falls."""
    low, high = sky._ends(day, half)  # noqa: SLF001 - its own method, but for the cache
    if sky._altitude(high) < 0:  # noqa: SLF001 - as above
        return high
    while abs(high - low) > _EXACT:
        middle = (low + high) / 2
        if sky._altitude(middle) < 0:  # noqa: SLF001 - as above
            low = middle
        else:
            high = middle
    return high


def horizon_zenith(elevation: float) -> float:
    """The zenith angle at which the edge of the sun is seen on the horizon, from ``elevation`` metres above it."""
    return _seen(90 + _RADIUS, elevation)


def twilight_zenith(depression: float, elevation: float) -> float:
    """The zenith angle at which the sun is ``depression`` degrees below the horizon."""
    return _seen(90 + depression, elevation)


def _seen(zenith: float, elevation: float) -> float:
    zenith += adjust_to_horizon(elevation)
    return zenith + refraction_at_zenith(zenith)


def _century(moment: float) -> float:
    """Julian centuries since the year 2000."""
    return (moment / DAY + 2_440_587.5 - 2_451_545) / 36_525

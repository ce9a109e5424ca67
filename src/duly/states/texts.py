"""What the text of a state says. All raise ``ValueError`` for text that says something else."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from whenever import Date, PlainDateTime, Time, ZonedDateTime

from duly.core import clock as clocks
from duly.core.clock import at_wall_clock
from duly.events.hass import moment

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?P<point>\.\d*)?|(?P<bare>\.\d+))(?P<exponent>[eE][+-]?\d+)?", re.ASCII)


def on_or_off(text: str) -> bool:
    """``on`` or ``off``."""
    if text not in {"on", "off"}:
        raise ValueError(f"neither on nor off: {text!r}")
    return text == "on"


def number(text: str) -> float:
    """A number in decimal digits; an ``int`` if it is written as one."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"not a number: {text!r}")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"too large a number: {text!r}")
    return value if any(found.group("point", "bare", "exponent")) else int(text)


def whole_number(text: str) -> int:
    """A number without a fraction, ``"3"`` or ``"3.0"``."""
    found = number(text)
    if found != int(found):
        raise ValueError(f"not a whole number: {text!r}")
    return int(found)


def local_time(text: str) -> ZonedDateTime:
    """A date and time without zone: meant in that of the current clock."""
    return at_wall_clock(PlainDateTime.parse_iso(text), clocks.current().zone)


READERS: Final[Mapping[type, Callable[[str], Any]]] = {
    str: str,
    bool: on_or_off,
    int: whole_number,
    float: lambda text: float(number(text)),
    ZonedDateTime: moment,
    Date: Date.parse_iso,
    Time: Time.parse_iso,
}
"""How a value of a type is read, unless the class of the state says otherwise."""

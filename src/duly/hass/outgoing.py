"""What goes to Home Assistant, checked: values as JSON can carry them, times as it reads them, names, time limits."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, TypeAlias
from urllib.parse import quote

from whenever import Date, Instant, OffsetDateTime, PlainDateTime, Time, TimeDelta, ZonedDateTime

from duly.core import clock as clocks
from duly.core.arguments import is_number
from duly.core.clock import at_wall_clock

Moment: TypeAlias = ZonedDateTime | PlainDateTime | Date | str
"""A date and time, or its text in ISO format; without a zone it is meant in that of the clock, a date is midnight."""


def sendable(value: Any, where: str = "data") -> Any:  # noqa: ANN401 - any value of a user's
    """The value in what JSON has: times as ISO text, durations as seconds, collections as lists, members as values.

    ``where`` names it in errors.

    Raises:
        TypeError: JSON has nothing for it.
        ValueError: a number that is none.
    """
    if isinstance(value, Enum):
        return sendable(value.value, where)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} must be a finite number, got {value!r}")
        return value
    if isinstance(value, Mapping):
        return {_key(key, where): sendable(each, f"{where}[{key!r}]") for key, each in value.items()}
    if isinstance(value, Collection) and not isinstance(value, bytes | bytearray | memoryview):
        return [sendable(each, f"{where}[{place}]") for place, each in enumerate(value)]
    return _time(value, where)


def moment_text(given: Moment, name: str) -> str:
    """A moment with its offset, as Home Assistant reads it; ``name`` is the argument's.

    Raises:
        TypeError: it is none of ``Moment``.
        ValueError: a text that is no date and time.
    """
    moment = _parsed(given, name) if isinstance(given, str) else given
    if isinstance(moment, Date):
        moment = moment.at(Time.MIDNIGHT)
    if isinstance(moment, PlainDateTime):
        moment = at_wall_clock(moment, clocks.current().zone)
    if isinstance(moment, ZonedDateTime | OffsetDateTime):
        return _with_offset(moment)
    raise TypeError(f"{name} must be a ZonedDateTime, PlainDateTime, Date or ISO text, got {given!r:.200}")


def query_of(params: Mapping[str, Any] | None) -> dict[str, str]:
    """Parameters of an address as text; those that are ``None`` are left out."""
    plain = sendable(params or {}, "params")
    return {name: _query_text(value, name) for name, value in plain.items() if value is not None}


def entity_id_of(given: str, name: str = "entity_id") -> str:
    """One entity's id.

    Raises:
        TypeError: it is no text.
        ValueError: it is not ``domain.object``.
    """
    if not isinstance(given, str):
        raise TypeError(f"{name} must be text, got {given!r:.200} of type {type(given).__name__}")
    if not re.fullmatch(r"\w+\.\w+", given):
        raise ValueError(f"{name} must be one id such as 'light.kitchen', got {given!r}")
    return given


def entity_ids_of(given: Collection[str], name: str = "entity_ids") -> list[str]:
    """Several entities' ids, each once; raises as ``entity_id_of``."""
    if isinstance(given, str):
        raise TypeError(f"{name} must be a list of ids, got the text {given!r}: put it in a list")
    return list(dict.fromkeys(entity_id_of(each, name) for each in given))


def name_of(given: str, name: str, hint: str = "") -> str:
    """The name of a domain, of a service, of a type of event.

    Raises:
        TypeError: it is no text.
        ValueError: it is empty, or has something that no such name has.
    """
    if not isinstance(given, str):
        raise TypeError(f"{name} must be text, got {given!r:.200} of type {type(given).__name__}")
    if not given or any(character in given for character in ".,/ ?*"):
        raise ValueError(f"{name} must be a name without dot, comma or blank, got {given!r}{hint}")
    return given


def seconds_of(timeout: float | None) -> float | None:
    """How long something may take; ``None``: there is no limit, or that of the settings.

    Raises:
        ValueError: it is no number greater than 0.
    """
    if timeout is not None and not is_number(timeout, above=0):
        raise ValueError(f"timeout must be a number of seconds greater than 0, got {timeout!r}")
    return timeout


def in_path(text: str) -> str:
    """Text as one step of an address."""
    return quote(text, safe="")


def _key(key: object, where: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if not isinstance(key, str):
        raise TypeError(f"keys of {where} must be text, got {key!r:.200}")
    return key


def _time(value: object, where: str) -> str | float:
    if isinstance(value, ZonedDateTime | OffsetDateTime):
        return _with_offset(value)
    if isinstance(value, Instant | PlainDateTime | Date | Time):
        return value.format_iso()
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, TimeDelta):
        return value.total("seconds")
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    raise TypeError(f"{where} cannot be sent as JSON: {value!r:.200} of type {type(value).__name__}")


def _with_offset(moment: ZonedDateTime | OffsetDateTime) -> str:
    """ISO text without the name of a zone, which Home Assistant does not read."""
    return (moment.to_fixed_offset() if isinstance(moment, ZonedDateTime) else moment).format_iso()


def _parsed(text: str, name: str) -> ZonedDateTime | OffsetDateTime | PlainDateTime | Date:
    for kind in (ZonedDateTime, OffsetDateTime, PlainDateTime, Date):
        try:
            return kind.parse_iso(text)
        except ValueError:
            continue
    raise ValueError(f"{name} must be a date and time such as '2025-01-01T07:00', got {text!r}")


def _query_text(value: object, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"params[{name!r}] must be text or a number, got {value!r:.200}")

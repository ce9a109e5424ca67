"""What a cache can hold, and how it is written: bytes as they are, anything else as text.

The text is JSON, in which a table ``{"$duly": kind, "is": …}`` stands for what JSON does not know. Reading it runs no
code but that of the kinds below, whatever the text says.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import whenever

Stored: TypeAlias = bytes | str

_KIND = "$duly"

_TIMES: Mapping[type, Callable[[str], Any]] = {
    kind: kind.parse_iso
    for kind in (
        *(whenever.Date, whenever.YearMonth, whenever.MonthDay, whenever.IsoWeekDate, whenever.Time),
        *(whenever.Instant, whenever.OffsetDateTime, whenever.PlainDateTime),
        *(whenever.TimeDelta, whenever.ItemizedDelta, whenever.ItemizedDateDelta),
    )
} | {whenever.ZonedDateTime: partial(whenever.ZonedDateTime.parse_iso, offset_mismatch="keep_instant")}

_READ: Mapping[str, Callable[[Any], Any]] = {
    "dict": dict,
    "bytes": base64.b64decode,
    **{kind.__name__: parse for kind, parse in _TIMES.items()},
}


def encode(value: object) -> Stored:
    """The value as it is stored; ``decode`` gives an equal one of the same type.

    Raises:
        TypeError: it is no JSON value, ``bytes``, or time or delta of ``whenever``, or contains what is none.
        ValueError: it contains itself.
    """
    if type(value) is bytes:
        return value
    try:
        return json.dumps(_plain(value), separators=(",", ":"))
    except RecursionError:
        raise ValueError("a value that contains itself cannot be cached: it is nested without end") from None


def decode(stored: Stored) -> Any:  # noqa: ANN401 - what was stored
    """The value.

    Raises:
        ValueError: something else wrote it.
    """
    if isinstance(stored, bytes):
        return stored
    try:
        return json.loads(stored, object_hook=_read)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not written by this version of Duly: {error!r}") from error


def _plain(value: Any) -> Any:  # noqa: ANN401 - one kind of value each
    kind = type(value)
    if value is None or kind in {bool, int, str} or (kind is float and math.isfinite(value)):
        return value
    if kind is list:
        return [_plain(item) for item in value]
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise TypeError(f"a table in a cache has text for keys, not {_named(key)} ({key!r})")
        table = {key: _plain(item) for key, item in value.items()}
        return _tagged(kind, list(table.items())) if _KIND in table else table
    if kind is bytes:
        return _tagged(kind, base64.b64encode(value).decode())
    if kind in _TIMES:
        return _tagged(kind, value.format_iso())
    raise TypeError(
        f"a cache holds JSON values (None, bool, int, float, str, list, dict), bytes, and times and deltas of whenever,"
        f" not {_named(value)}: store what it is made of"
    )


def _tagged(kind: type, written: object) -> dict[str, object]:
    return {_KIND: kind.__name__, "is": written}


def _read(table: dict[str, Any]) -> Any:  # noqa: ANN401 - what was stored
    return _READ[table[_KIND]](table["is"]) if _KIND in table else table


def _named(value: object) -> str:
    kind = type(value)
    if kind is float:
        return f"float {value}"
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"

"""What a cache can hold."""

import enum
import json
import math
from collections import OrderedDict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from whenever import (
    MONDAY,
    Date,
    Instant,
    IsoWeekDate,
    ItemizedDateDelta,
    ItemizedDelta,
    MonthDay,
    OffsetDateTime,
    PlainDateTime,
    Time,
    TimeDelta,
    YearMonth,
    ZonedDateTime,
)

from duly.apps.cache_values import decode, encode

TIMES = [
    Date(2024, 2, 29),
    YearMonth(2024, 2),
    MonthDay(2, 29),
    IsoWeekDate(2024, 1, MONDAY),
    Time(1, 2, 3, nanosecond=4),
    Instant.from_utc(2024, 2, 29, 1, 2, 3, nanosecond=4),
    OffsetDateTime.parse_iso("2024-02-29T01:02:03.000000004+05:30"),
    PlainDateTime(2024, 2, 29, 1, 2, 3, nanosecond=4),
    ZonedDateTime(2024, 10, 27, 2, 30, tz="Europe/Berlin", disambiguation="later"),
    TimeDelta(hours=-5, nanoseconds=3),
    ItemizedDelta(months=2, hours=3),
    ItemizedDateDelta(years=1, days=3),
]


class Colour(enum.StrEnum):
    RED = "red"


class Pair(NamedTuple):
    one: int
    other: int


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, 1, -(10**30), 0.1, -1e300, "", "Grüße \U0001f600 \x00", "\ud800"),
        *([], {}, [None, [True]], {"a": {"b": [1, 2.5, "c"]}}, {"": None}),
        *(b"", b"\x00\xff", {"picture": b"\x00\xff"}),
        *({"$duly": 1}, {"$duly": "bytes", "is": "AAAA"}, {"a": [{"$duly": {"$duly": b"x"}}]}),
        *TIMES,
        {"seen": TIMES},
    ],
    ids=repr,
)
def test_what_is_stored_comes_back_equal_and_of_the_same_type(value: object) -> None:
    back = decode(encode(value))
    assert back == value
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ((1, 2), "tuple"),
        ({1}, "set"),
        (bytearray(b"x"), "bytearray"),
        (1j, "complex"),
        (math.nan, "float nan"),
        (math.inf, "float inf"),
        (Decimal(1), "decimal.Decimal"),
        (datetime(2024, 1, 1, tzinfo=UTC), "datetime.datetime"),
        (Path(), r"pathlib\S*.PosixPath"),  # pathlib._local in Python 3.13
        (OrderedDict(a=1), "collections.OrderedDict"),
        (Colour.RED, r"\w+.test_cache_values.Colour"),
        (Pair(1, 2), r"\w+.test_cache_values.Pair"),
        (object(), "object"),
        (len, "builtin_function_or_method"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
@pytest.mark.parametrize("deep", [False, True])
def test_anything_else_is_refused_by_its_type(value: object, named: str, deep: bool) -> None:
    with pytest.raises(TypeError, match=rf", not ([\w.]+\.)?{named}: "):
        encode({"deep": [value]} if deep else value)


@pytest.mark.parametrize("key", [1, None, b"a", (1, 2)])
def test_tables_have_text_for_keys(key: object) -> None:
    with pytest.raises(TypeError, match=rf"has text for keys, not {type(key).__name__} "):
        encode({key: 1})


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        encode(loop)


def test_bytes_are_stored_as_they_are_and_all_else_as_json() -> None:
    assert encode(b"\x00") == b"\x00"
    assert json.loads(encode({"a": [1]})) == {"a": [1]}


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "{",
        '{"$duly": "Sock", "is": 1}',
        '{"$duly": "bytes"}',
        '{"$duly": "Date", "is": "soon"}',
        '{"$duly": "Date", "is": 5}',
        '{"$duly": [], "is": 5}',
        '{"$duly": "bytes", "is": 5}',
        '{"$duly": "dict", "is": 5}',
        '{"$duly": "ZonedDateTime", "is": "2024-01-01T00:00:00+01:00[Sea/Atlantis]"}',
    ],
)
def test_what_something_else_wrote_is_a_value_error(stored: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(stored)


def test_a_moment_stays_the_same_when_the_rules_of_its_zone_change() -> None:
    stored = '{"$duly": "ZonedDateTime", "is": "2024-07-01T12:00:00+03:00[Europe/Berlin]"}'
    assert decode(stored) == ZonedDateTime(2024, 7, 1, 11, tz="Europe/Berlin")

"""What goes to Home Assistant: values, times, names."""

import datetime as dt
import json
from collections import OrderedDict, UserDict
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Date, Instant, OffsetDateTime, PlainDateTime, Time, TimeDelta, ZonedDateTime

from duly.core import clock as clocks
from duly.hass.outgoing import entity_id_of, entity_ids_of, moment_text, name_of, query_of, sendable
from duly.testing import VirtualClock

BERLIN = ZonedDateTime(2025, 7, 1, 7, tz="Europe/Berlin")


class Mode(Enum):
    AWAY = "away"


class Effect(StrEnum):
    RAINBOW = "rainbow"


class Step(IntEnum):
    TWO = 2


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (0.5, 0.5),
        ("on", "on"),
        (Mode.AWAY, "away"),
        (Effect.RAINBOW, "rainbow"),
        (Step.TWO, 2),
        ((255, 0, 0), [255, 0, 0]),
        ({"light.porch"}, ["light.porch"]),
        ({"light.porch": 1}.keys(), ["light.porch"]),
        ({"a": 1}.values(), [1]),
        (range(3), [0, 1, 2]),
        (OrderedDict(a=UserDict(b=(1,))), {"a": {"b": [1]}}),
        ({Mode.AWAY: 1}, {"away": 1}),
        (BERLIN, "2025-07-01T07:00:00+02:00"),
        (OffsetDateTime(2025, 7, 1, 7, offset=TimeDelta(hours=2)), "2025-07-01T07:00:00+02:00"),
        (Instant.from_utc(2025, 7, 1, 5), "2025-07-01T05:00:00Z"),
        (PlainDateTime(2025, 7, 1, 7), "2025-07-01T07:00:00"),
        (Date(2025, 7, 1), "2025-07-01"),
        (Time(7, 30), "07:30:00"),
        (TimeDelta(minutes=1.5), 90),
        (dt.datetime(2025, 7, 1, 7, tzinfo=dt.UTC), "2025-07-01T07:00:00+00:00"),
        (dt.date(2025, 7, 1), "2025-07-01"),
        (dt.time(7, 30), "07:30:00"),
        (dt.timedelta(minutes=1.5), 90),
    ],
)
def test_a_value_becomes_what_json_has(value: object, sent: object) -> None:
    assert sendable(value) == sent


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match=r"data\['brightness'\]\[0\] must be a finite number, got"):
        sendable({"brightness": [number]})


@pytest.mark.parametrize("value", [object(), b"raw", bytearray(b"raw"), Decimal(1), lambda: None])
def test_what_json_has_nothing_for_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(TypeError, match=r"service data\['deep'\]\['x'\] cannot be sent as JSON: .* of type"):
        sendable({"deep": {"x": value}}, "service data")


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="keys of data must be text, got 5"):
        sendable({5: "five"})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_json_has_stays_as_it_is(value: Any) -> None:  # noqa: ANN401 - any JSON
    assert sendable(value) == value
    assert json.loads(json.dumps(sendable(value), allow_nan=False)) == value


# --- moments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (BERLIN, "2025-07-01T07:00:00+02:00"),
        (PlainDateTime(2025, 7, 1, 7), "2025-07-01T07:00:00+02:00"),
        (PlainDateTime(2025, 1, 1, 7), "2025-01-01T07:00:00+01:00"),
        (Date(2025, 7, 1), "2025-07-01T00:00:00+02:00"),
        ("2025-07-01", "2025-07-01T00:00:00+02:00"),
        ("2025-07-01T07:00", "2025-07-01T07:00:00+02:00"),
        ("2025-07-01 07:00", "2025-07-01T07:00:00+02:00"),
        ("2025-03-30T02:30", "2025-03-30T03:30:00+02:00"),
        ("2025-10-26T02:30", "2025-10-26T02:30:00+02:00"),
        ("2025-07-01T07:00Z", "2025-07-01T07:00:00+00:00"),
        ("2025-07-01T07:00:00.25-05:00", "2025-07-01T07:00:00.25-05:00"),
        ("2025-07-01T07:00-04:00[America/New_York]", "2025-07-01T07:00:00-04:00"),
    ],
)
def test_a_moment_is_sent_with_its_offset_and_without_zone_meant_in_that_of_the_clock(given: Any, text: str) -> None:  # noqa: ANN401 - of each kind
    token = clocks.use(VirtualClock(BERLIN))
    try:
        assert moment_text(given, "start") == text
    finally:
        clocks.restore(token)


@pytest.mark.parametrize("given", ["", "yesterday", "07:00", "2025-13-01"])
def test_a_text_that_is_no_moment_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=f"start must be a date and time such as '2025-01-01T07:00', got '{given}'"):
        moment_text(given, "start")


@pytest.mark.parametrize("given", [None, 5, dt.datetime(2025, 7, 1, tzinfo=dt.UTC), Time(7)])
def test_what_is_no_moment_is_refused(given: Any) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(TypeError, match="end must be a ZonedDateTime, PlainDateTime, Date or ISO text, got"):
        moment_text(given, "end")


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["light.kitchen", "sensor.2nd_floor", "input_boolean.x"])
def test_an_entity_id_is_taken(given: str) -> None:
    assert entity_id_of(given) == given


@pytest.mark.parametrize(
    "given", ["", "light", "light.", ".x", "light.a,light.b", "light.a b", "a/b.c", "light.*", "a.b.c"]
)
def test_what_is_not_one_entity_id_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"entity_id must be one id such as 'light\.kitchen', got "):
        entity_id_of(given)


def test_an_entity_id_is_text() -> None:
    with pytest.raises(TypeError, match=r"entity_id must be text, got \['light.a'\] of type list"):
        entity_id_of(["light.a"])  # type: ignore[arg-type] # wrong on purpose


def test_several_ids_are_a_list_of_them_each_once() -> None:
    assert entity_ids_of(("light.a", "light.b", "light.a")) == ["light.a", "light.b"]
    with pytest.raises(TypeError, match="put it in a list"):
        entity_ids_of("light.a")


@pytest.mark.parametrize("given", ["", "light.turn_on", "light,switch", "turn on", "*"])
def test_a_name_is_one_word(given: str) -> None:
    with pytest.raises(ValueError, match="service must be a name without dot, comma or blank"):
        name_of(given, "service")


def test_a_name_is_text() -> None:
    with pytest.raises(TypeError, match="domain must be text, got None"):
        name_of(None, "domain")  # type: ignore[arg-type] # wrong on purpose


def test_parameters_become_text_and_those_without_value_are_left_out() -> None:
    params = {"a": 1, "b": True, "c": False, "d": None, "e": BERLIN, "f": ""}
    assert query_of(params) == {"a": "1", "b": "true", "c": "false", "e": "2025-07-01T07:00:00+02:00", "f": ""}
    assert query_of(None) == {}


def test_a_parameter_that_is_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match=r"params\['a'\] must be text or a number"):
        query_of({"a": [1]})

"""States of what people set by hand."""

import pytest
from whenever import Date, Time, TimeDelta, ZonedDateTime

from duly.core.clock import restore, use
from duly.states import (
    CounterState,
    InputBooleanState,
    InputButtonState,
    InputDatetimeState,
    InputNumberState,
    InputSelectState,
    InputTextState,
    TimerState,
    state_of,
)
from duly.states.errors import StateConversionError
from duly.testing import VirtualClock
from tests.states.raws import raw


@pytest.mark.parametrize(("text", "value"), [("on", True), ("off", False)])
def test_a_toggle(text: str, value: bool) -> None:
    assert state_of(raw("input_boolean.a", text), InputBooleanState).value is value


@pytest.mark.parametrize(("text", "value"), [("21.0", 21.0), ("21", 21.0), ("-0.5", -0.5)])
def test_a_number(text: str, value: float) -> None:
    given = {"min": 0, "max": 30.5, "step": 0.5, "unit_of_measurement": "°C"}
    state = state_of(raw("input_number.a", text, **given), InputNumberState)
    assert (state.value, type(state.value)) == (value, float)
    assert {name: getattr(state.attributes, name) for name in given} == given


def test_a_counter() -> None:
    given = {"minimum": 0, "maximum": None, "initial": 5, "step": 1}
    state = state_of(raw("counter.a", "7", **given), CounterState)
    assert (state.value, type(state.value)) == (7, int)
    assert {name: getattr(state.attributes, name) for name in given} == given


@pytest.mark.parametrize("entity_id", ["input_number.a", "counter.a"])
@pytest.mark.parametrize("text", ["many", "nan", "1e999", "9" * 400, ""])
def test_a_number_that_is_none_does_not_fit(entity_id: str, text: str) -> None:
    with pytest.raises(StateConversionError):
        _ = state_of(raw(entity_id, text)).value


def test_a_counter_counts_whole_numbers_only() -> None:
    assert state_of(raw("counter.a", "7.0"), CounterState).value == 7
    with pytest.raises(StateConversionError):
        _ = state_of(raw("counter.a", "7.5")).value


def test_a_choice() -> None:
    state = state_of(raw("input_select.a", "Home", options=["Home", "Away"]), InputSelectState)
    assert (state.value, state.attributes.options) == ("Home", ("Home", "Away"))


def test_a_text() -> None:
    given = {"min": 0, "max": 100, "pattern": "[a-z]*", "mode": "password"}
    state = state_of(raw("input_text.a", "12", **given), InputTextState)
    assert state.value == "12"
    assert {name: getattr(state.attributes, name) for name in given} == given


def test_a_timer() -> None:
    given = {"duration": "0:05:00", "remaining": "0:04:59", "finishes_at": "2025-06-01T10:05:00+00:00"}
    state = state_of(raw("timer.a", "active", **given), TimerState)
    assert state.value == "active"
    assert state.attributes.duration == TimeDelta(minutes=5)
    assert state.attributes.remaining == TimeDelta(minutes=4, seconds=59)
    assert state.attributes.finishes_at == ZonedDateTime(2025, 6, 1, 10, 5, tz="UTC")


def test_the_duration_of_a_timer_may_exceed_a_day() -> None:
    assert state_of(raw("timer.a", "idle", duration="100:00:01"), TimerState).attributes.duration == TimeDelta(
        hours=100, seconds=1
    )


def test_a_button_tells_when_it_was_pressed() -> None:
    state = state_of(raw("input_button.a", "2025-06-01T10:00:00.250000+00:00"), InputButtonState)
    assert state.value == ZonedDateTime(2025, 6, 1, 10, nanosecond=250_000_000, tz="UTC")


@pytest.mark.parametrize(
    ("has_date", "has_time", "text", "value"),
    [
        (True, True, "2025-06-01 07:30:00", ZonedDateTime(2025, 6, 1, 7, 30, tz="Europe/Berlin")),
        (True, True, "2025-03-30 02:30:00", ZonedDateTime(2025, 3, 30, 3, 30, tz="Europe/Berlin")),  # left out
        (True, True, "2025-10-26 02:30:00", ZonedDateTime.parse_iso("2025-10-26T02:30+02:00[Europe/Berlin]")),  # first
        (True, False, "2025-06-01", Date(2025, 6, 1)),
        (False, True, "07:30:00", Time(7, 30)),
    ],
)
def test_a_date_a_time_or_both(has_date: bool, has_time: bool, text: str, value: ZonedDateTime | Date | Time) -> None:
    token = use(VirtualClock(ZonedDateTime(2025, 1, 1, tz="Europe/Berlin")))
    try:
        state = state_of(raw("input_datetime.a", text, has_date=has_date, has_time=has_time), InputDatetimeState)
        assert (state.value, type(state.value)) == (value, type(value))
    finally:
        restore(token)
    assert (state.attributes.has_date, state.attributes.has_time) == (has_date, has_time)


def test_a_date_and_time_without_zone_of_the_clock_is_in_that_of_the_system() -> None:
    state = state_of(raw("input_datetime.a", "2025-06-01 07:30:00", has_date=True, has_time=True), InputDatetimeState)
    assert isinstance(state.value, ZonedDateTime)
    assert state.value.to_plain().format_iso() == "2025-06-01T07:30:00"


@pytest.mark.parametrize(
    ("has_date", "has_time", "text"),
    [(True, True, "2025-06-01"), (True, False, "07:30:00"), (False, True, "2025-06-01"), (None, None, "07:30:00")],
)
def test_a_date_or_time_that_is_another_does_not_fit(has_date: bool | None, has_time: bool | None, text: str) -> None:
    with pytest.raises(StateConversionError):
        _ = state_of(raw("input_datetime.a", text, has_date=has_date, has_time=has_time)).value

"""States of devices and people."""

from typing import Any

import pytest
from whenever import Date, ZonedDateTime

from duly.states import (
    BinarySensorState,
    ClimateState,
    CoverState,
    LightState,
    PersonState,
    SensorState,
    SwitchState,
    state_of,
)
from duly.states.errors import StateConversionError
from tests.states.raws import raw


@pytest.mark.parametrize(
    ("domain", "cls"), [("switch", SwitchState), ("binary_sensor", BinarySensorState), ("light", LightState)]
)
@pytest.mark.parametrize(("text", "value"), [("on", True), ("off", False)])
def test_what_is_on_or_off_is_a_bool(
    domain: str, cls: type[SwitchState | BinarySensorState | LightState], text: str, value: bool
) -> None:
    state = state_of(raw(f"{domain}.a", text))
    assert isinstance(state, cls)
    assert state.value is value


@pytest.mark.parametrize("text", ["", "ON", "true", "1"])
def test_nothing_else_is_on_or_off(text: str) -> None:
    with pytest.raises(StateConversionError):
        _ = state_of(raw("switch.a", text)).value


def test_what_every_domain_may_have() -> None:
    attributes = state_of(raw("switch.a", device_class="outlet", icon="mdi:power", supported_features=3)).attributes
    assert (attributes.device_class, attributes.icon, attributes.supported_features) == ("outlet", "mdi:power", 3)
    none = state_of(raw("switch.a")).attributes
    assert (none.device_class, none.icon, none.supported_features) == (None, None, None)


def test_attributes_of_a_light() -> None:
    given: dict[str, Any] = {"brightness": 128, "color_mode": "hs", "color_temp_kelvin": 2700, "effect": "rainbow"}
    state = state_of(raw("light.a", **given, rgb_color=[255, 0, 10], hs_color=[357.6, 100.0]), LightState)
    found = state.attributes
    assert {name: getattr(found, name) for name in given} == given
    assert (found.rgb_color, found.hs_color) == ((255, 0, 10), (357.6, 100.0))


def test_attributes_that_are_null_or_absent_are_none() -> None:
    found = state_of(raw("light.a", "off", brightness=None, rgb_color=None), LightState).attributes
    assert (found.brightness, found.rgb_color, found.effect) == (None, None, None)
    assert "brightness" in found
    assert "effect" not in found


@pytest.mark.parametrize("attributes", [{"unit_of_measurement": "°C"}, {"state_class": "measurement"}])
@pytest.mark.parametrize(
    ("text", "value"),
    [("21", 21), ("21.5", 21.5), ("-3", -3), ("+.5", 0.5), ("1e3", 1000.0), ("7.", 7.0)],
)
def test_a_sensor_with_unit_or_state_class_measures_numbers(
    attributes: dict[str, str], text: str, value: float
) -> None:
    state = state_of(raw("sensor.a", text, **attributes), SensorState)
    assert (state.value, type(state.value)) == (value, type(value))


@pytest.mark.parametrize("text", ["warm", "", "nan", "inf", "1_000", " 7", "0x10", "1e999", "٣", "1,5"])
def test_what_is_no_number_is_text_though_there_is_a_unit(text: str) -> None:
    assert state_of(raw("sensor.a", text, unit_of_measurement="°C"), SensorState).value == text


def test_a_number_without_unit_and_state_class_is_text() -> None:
    assert state_of(raw("sensor.version", "12"), SensorState).value == "12"


def test_a_timestamp_is_a_moment_and_a_date_is_a_date() -> None:
    moment = state_of(raw("sensor.a", "2025-06-01T05:00:00+02:00", device_class="timestamp"), SensorState)
    assert moment.value == ZonedDateTime(2025, 6, 1, 3, tz="UTC")
    date = state_of(raw("sensor.a", "2025-06-01", device_class="date"), SensorState)
    assert date.value == Date(2025, 6, 1)


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_a_timestamp_or_date_that_is_none_does_not_fit(kind: str) -> None:
    with pytest.raises(StateConversionError):
        _ = state_of(raw("sensor.a", "soon", device_class=kind)).value


def test_attributes_of_a_sensor() -> None:
    found = state_of(raw("sensor.a", "1", unit_of_measurement="W", state_class="measurement"), SensorState).attributes
    assert (found.unit_of_measurement, found.state_class) == ("W", "measurement")


def test_a_thermostat() -> None:
    given = {
        "current_temperature": 20.5,
        "temperature": 21,
        "target_temp_low": 19.0,
        "target_temp_high": 24.0,
        "hvac_action": "heating",
        "preset_mode": "eco",
        "fan_mode": "auto",
    }
    state = state_of(raw("climate.a", "heat", **given, hvac_modes=["off", "heat"]), ClimateState)
    assert state.value == "heat"
    assert {name: getattr(state.attributes, name) for name in given} == given
    assert state.attributes.hvac_modes == ("off", "heat")


@pytest.mark.parametrize(
    ("text", "is_open", "is_closed"),
    [
        ("open", True, False),
        ("closed", False, True),
        ("opening", False, False),
        ("closing", False, False),
        ("unknown", False, False),
    ],
)
def test_a_cover(text: str, is_open: bool, is_closed: bool) -> None:
    state = state_of(raw("cover.a", text, current_position=40, current_tilt_position=0), CoverState)
    assert (state.is_open, state.is_closed) == (is_open, is_closed)
    assert state.value == (None if text == "unknown" else text)
    assert (state.attributes.current_position, state.attributes.current_tilt_position) == (40, 0)


@pytest.mark.parametrize(("text", "is_home"), [("home", True), ("not_home", False), ("Office", False)])
def test_a_person(text: str, is_home: bool) -> None:
    given = {"latitude": 52.5, "longitude": 13.4, "gps_accuracy": 12, "source": "device_tracker.phone"}
    state = state_of(raw("person.a", text, **given), PersonState)
    assert (state.value, state.is_home) == (text, is_home)
    assert {name: getattr(state.attributes, name) for name in given} == given

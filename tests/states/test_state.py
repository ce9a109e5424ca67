"""The state of an entity, whatever its domain."""

import copy
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from whenever import ZonedDateTime

from duly import states
from duly.events import HassContext
from duly.states import AnyState, Attributes, LightState, State, SwitchState, state_of
from duly.states.errors import StateConversionError
from tests.states.raws import CONTEXT, raw

LAMP = raw("light.kitchen", "on", friendly_name="Kitchen", brightness=128, icon="mdi:lamp")


def test_it_says_which_entity_it_is_of() -> None:
    state = state_of(LAMP)
    assert (state.entity_id, state.domain, state.object_id) == ("light.kitchen", "light", "kitchen")
    assert (state.friendly_name, state.state, state.raw) == ("Kitchen", "on", LAMP)


def test_a_state_of_a_domain_without_class_is_a_plain_one_with_text_as_value() -> None:
    state = state_of(raw("lawn_mower.front", "mowing", battery=80))
    assert type(state) is State
    assert (state.domain, state.value, state.attributes["battery"]) == ("lawn_mower", "mowing", 80)


def test_times_are_in_utc() -> None:
    state = state_of(LAMP)
    assert state.last_changed == ZonedDateTime(2025, 6, 1, 10, nanosecond=1_000, tz="UTC")
    assert state.last_updated == ZonedDateTime(2025, 6, 1, 11, tz="UTC")
    assert state.last_reported == ZonedDateTime(2025, 6, 1, 12, nanosecond=500_000_000, tz="UTC")


@pytest.mark.parametrize("time", [None, "", "yesterday", 17])
def test_a_time_that_is_not_there_or_no_time_is_none(time: object) -> None:
    state = state_of({**LAMP, "last_changed": time})
    assert state.last_changed is None


def test_only_what_makes_a_state_has_to_be_there() -> None:
    state = state_of({"entity_id": "light.kitchen", "state": "on"})
    assert state.value is True
    assert (dict(state.attributes), state.friendly_name, state.last_changed) == ({}, None, None)
    assert state.context == HassContext("")


def test_the_context_tells_what_it_is_due_to() -> None:
    assert state_of(LAMP).context == HassContext(str(CONTEXT["id"]), None, "52a1")


@pytest.mark.parametrize(("text", "unknown", "unavailable"), [("unknown", True, False), ("unavailable", False, True)])
@pytest.mark.parametrize("entity_id", ["light.a", "sensor.a", "counter.a", "input_datetime.a", "vacuum.a"])
def test_unknown_and_unavailable_have_no_value(entity_id: str, text: str, unknown: bool, unavailable: bool) -> None:
    state = state_of(raw(entity_id, text))
    assert (state.value, state.is_unknown, state.is_unavailable) == (None, unknown, unavailable)
    assert state.state == text


def test_a_known_state_is_neither_unknown_nor_unavailable() -> None:
    state = state_of(LAMP)
    assert not state.is_unknown
    assert not state.is_unavailable


def test_text_that_does_not_fit_is_an_error_of_the_value_alone() -> None:
    state = state_of(raw("light.kitchen", "glowing"))
    assert state.state == "glowing"
    with pytest.raises(StateConversionError, match="LightState can make nothing of the state 'glowing'") as caught:
        _ = state.value
    assert (caught.value.entity_id, caught.value.state) == ("light.kitchen", "glowing")


def test_what_it_was_converted_to_is_kept() -> None:
    state = state_of(raw("sensor.sunrise", "2025-06-01T03:00:00+00:00", device_class="timestamp"))
    assert state.value is state.value
    assert state.attributes is state.attributes
    assert state.last_changed is state.last_changed


def test_it_does_not_change() -> None:
    state = state_of(LAMP, LightState)
    with pytest.raises(FrozenInstanceError, match="'state' of <LightState"):
        state.state = "off"  # type: ignore[misc] # the error is the point
    with pytest.raises(FrozenInstanceError, match="'raw'"):
        del state.raw
    with pytest.raises(AttributeError, match=r"LightAttributes\.brightness cannot be set"):
        state.attributes.brightness = 3  # type: ignore[assignment] # as above
    with pytest.raises(TypeError):
        state.attributes["brightness"] = 3  # type: ignore[index] # as above


def test_states_are_equal_if_home_assistant_sent_the_same() -> None:
    state, same, other = state_of(LAMP), state_of(dict(LAMP)), state_of({**LAMP, "state": "off"})
    assert (state == same, hash(state) == hash(same)) == (True, True)
    assert state != other
    assert state != LAMP


def test_it_is_light() -> None:
    assert not hasattr(state_of(LAMP), "__dict__")
    assert not hasattr(state_of(LAMP).attributes, "__dict__")


def test_copies_and_pickles_are_equal() -> None:
    state = state_of(LAMP)
    assert state.value is True
    for other in (copy.copy(state), copy.deepcopy(state), pickle.loads(pickle.dumps(state))):  # noqa: S301 - our own
        assert (type(other), other) == (LightState, state)


def test_it_shows_entity_and_state() -> None:
    assert repr(state_of(LAMP)) == "<LightState light.kitchen='on'>"


@pytest.mark.parametrize(
    ("entity_id", "kind", "expected"),
    [
        ("light.a", None, LightState),
        ("light.a", LightState, LightState),
        ("light.a", State, LightState),
        ("vacuum.a", State, State),
        ("vacuum.a", None, State),
    ],
)
def test_the_class_is_that_of_the_domain_or_the_one_asked_for(
    entity_id: str, kind: type[AnyState] | None, expected: type[AnyState]
) -> None:
    assert type(state_of(raw(entity_id), kind)) is expected


def test_a_class_of_another_domain_is_refused() -> None:
    with pytest.raises(ValueError, match=r"SwitchState is for the domain 'switch', and 'light\.a' is of another"):
        state_of(raw("light.a"), SwitchState)


def test_a_class_without_domain_takes_any() -> None:
    class Measured(State[float, Attributes]):
        pass

    assert state_of(raw("number.a", "3.5"), Measured).value == 3.5
    assert state_of(raw("input_number.a", "4"), Measured).value == 4.0


def test_all_classes_are_public() -> None:
    classes = [getattr(states, name) for name in states.__all__ if name.endswith("State")]
    domains: list[Any] = [cls.domain for cls in classes if cls not in {State, AnyState}]
    assert sorted(domains) == [
        *("binary_sensor", "climate", "counter", "cover", "input_boolean", "input_button", "input_datetime"),
        *("input_number", "input_select", "input_text", "light", "person", "sensor", "switch", "timer"),
    ]

"""Classes of states that users write."""

from enum import Enum
from types import new_class
from typing import Any, Generic, TypeVar

import pytest

from duly.states import Attributes, LightState, State, state_of
from duly.states.attributes import integer, text
from duly.states.errors import StateConversionError
from tests.states.raws import raw

V = TypeVar("V")


class RobotAttributes(Attributes):
    """What a robot has."""

    battery_level = integer()
    fan_speed = text()


class RobotState(State[str, RobotAttributes]):
    """A robot."""

    domain = "robot"


def test_a_class_with_a_domain_becomes_the_class_of_its_states() -> None:
    state = state_of(raw("robot.sam", "cleaning", battery_level=40))
    assert isinstance(state, RobotState)
    assert (state.domain, state.value, state.attributes.battery_level) == ("robot", "cleaning", 40)
    assert state.attributes.fan_speed is None


@pytest.mark.parametrize(
    ("kind", "sent", "value"), [(bool, "on", True), (int, "3", 3), (float, "3", 3.0), (str, "3", "3")]
)
def test_the_type_argument_says_how_text_is_read(kind: type, sent: str, value: object) -> None:
    generic: Any = State
    cls: Any = new_class("Gauge", (generic[kind, Attributes],), exec_body=lambda body: body.update(domain="gauge"))
    assert state_of(raw("gauge.a", sent), cls).value == value


def test_a_class_may_read_text_itself() -> None:
    class Mood(Enum):
        GOOD = "good"
        BAD = "bad"

    class MoodState(State[Mood, Attributes]):
        domain = "mood"

        def read(self, text: str) -> Mood:
            return Mood(text)

    assert state_of(raw("mood.anna", "good"), MoodState).value is Mood.GOOD
    with pytest.raises(StateConversionError, match="MoodState can make nothing of the state 'so so'"):
        _ = state_of(raw("mood.anna", "so so")).value


def test_a_type_that_nobody_can_read_is_refused_where_the_class_is_made() -> None:
    with pytest.raises(TypeError, match=r"ListState must override read\(\): there is no one way to read bytes"):

        class ListState(State[bytes, Attributes]):
            domain = "list_of_bytes"

    assert type(state_of(raw("list_of_bytes.a"))) is State


def test_the_newest_class_for_a_domain_wins() -> None:
    class Former(State[str, Attributes]):
        domain = "reloaded"

    class Latter(State[str, Attributes]):
        domain = "reloaded"

    assert type(state_of(raw("reloaded.a"))) is Latter
    assert type(state_of(raw("reloaded.a"), Former)) is Former


def test_a_class_for_a_domain_of_ours_is_used_where_it_is_asked_for() -> None:
    class Lamp(State[str, Attributes]):
        domain = "light"

    assert state_of(raw("light.a"), Lamp).value == "on"
    assert type(state_of(raw("light.a"))) is LightState


def test_a_class_derived_from_ours_takes_its_place() -> None:
    from duly.states import registry  # noqa: PLC0415 - its table is put back

    before = registry.class_of("light")
    try:

        class Dimmer(LightState):
            domain = "light"

            @property
            def percent(self) -> float | None:
                brightness = self.attributes.brightness
                return None if brightness is None else brightness / 2.55

        state = state_of(raw("light.a", brightness=51))
        assert isinstance(state, Dimmer)
        assert state.percent == pytest.approx(20)
    finally:
        assert before is not None
        registry._classes["light"] = before


def test_a_subclass_that_names_no_domain_is_for_that_of_its_base_but_not_registered() -> None:
    class Dimmer(LightState):
        pass

    assert type(state_of(raw("light.a"))) is LightState
    assert state_of(raw("light.a"), Dimmer).value is True
    with pytest.raises(ValueError, match="Dimmer is for the domain 'light'"):
        state_of(raw("switch.a"), Dimmer)


def test_a_class_may_be_generic_itself() -> None:
    class Tagged(State[V, RobotAttributes], Generic[V]):
        pass

    class TaggedState(Tagged[str]):
        domain = "tagged"

    state = state_of(raw("tagged.a", "x", battery_level=3), TaggedState)
    assert (state.value, state.attributes.battery_level) == ("x", 3)


@pytest.mark.parametrize(
    ("domain", "error"), [("light.kitchen", ValueError), ("", ValueError), ("Light", ValueError), (3, TypeError)]
)
def test_a_domain_that_is_none_is_refused(domain: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="domain of Odd must be"):
        type("Odd", (State,), {"domain": domain})

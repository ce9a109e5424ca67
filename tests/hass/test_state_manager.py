"""States, as an app reads them."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from duly.hass.connection_state import ConnectionState
from duly.hass.domain_states import DomainStates
from duly.hass.errors import EntityNotFoundError, HassError, HassUnavailableError, StatesNotReadyError
from duly.hass.no_link import DisabledLink
from duly.hass.state_manager import StateManager
from duly.states import Attributes, LightState, State, SwitchState
from duly.states.attributes import integer
from duly.states.errors import StateConversionError
from duly.testing import START
from tests.hass.hand_link import Home, at_home, state
from tests.lifecycle.house import House


class MowerAttributes(Attributes):
    """What a mower has."""

    battery_level = integer()


class MowerState(State[str, MowerAttributes]):
    """A mower."""

    domain = "test_mower"


def in_full_home(main: Callable[[StateManager], None]) -> None:
    """Look at a home with a few entities."""

    async def body(home: Home) -> None:
        home.connect(
            state("light.kitchen", "on", brightness=200),
            state("light.porch", "unavailable"),
            state("switch.pump", "off"),
            state("sun.sun", "above_horizon"),
            state("test_mower.front", "mowing", battery_level=70),
        )
        main(home.states)

    at_home(body)


# --- one state, all states -------------------------------------------------------------------------------------------


def test_a_state_is_found_by_its_entity_id() -> None:
    def main(states: StateManager) -> None:
        found = states.get("light.kitchen")
        assert isinstance(found, LightState)
        assert states["light.kitchen"] == found
        assert type(states["sun.sun"]) is State
        assert states["sun.sun"].value == "above_horizon"

    in_full_home(main)


@pytest.mark.parametrize("entity_id", ["light.cellar", "vacuum.sam", "light", "", "kitchen", "light.kitchen.x"])
def test_an_entity_that_is_not_there(entity_id: str) -> None:
    def main(states: StateManager) -> None:
        assert states.get(entity_id) is None
        assert entity_id not in states
        with pytest.raises(EntityNotFoundError, match=f"there is no entity '{entity_id}'") as caught:
            _ = states[entity_id]
        assert caught.value.entity_id == entity_id
        assert isinstance(caught.value, KeyError)
        assert isinstance(caught.value, HassError)

    in_full_home(main)


def test_all_states() -> None:
    def main(states: StateManager) -> None:
        ids = ["light.kitchen", "light.porch", "switch.pump", "sun.sun", "test_mower.front"]
        assert (list(states), len(states)) == (ids, 5)
        assert [found.entity_id for found in states.values()] == ids
        assert "light.kitchen" in states
        assert 3 not in states

    in_full_home(main)


def test_iteration_neither_fails_nor_skips_where_a_value_does_not_fit() -> None:
    async def main(home: Home) -> None:
        home.connect(state("switch.a", "burning"), state("switch.b", "on"))
        home.tell("switch.c", {"state": "?"})
        assert [found.state for found in home.states.values()] == ["burning", "on", "?"]
        assert [found.state for found in home.states.switch.values()] == ["burning", "on", "?"]
        with pytest.raises(StateConversionError):
            _ = home.states.switch["a"].value

    at_home(main)


def test_it_is_true_with_and_without_states() -> None:
    async def main(home: Home) -> None:
        assert home.states
        home.connect()
        assert home.states

    at_home(main)


# --- the states of a domain ------------------------------------------------------------------------------------------


def test_a_state_of_a_domain_is_found_by_either_id() -> None:
    def main(states: StateManager) -> None:
        kitchen: LightState = states.light["kitchen"]
        assert kitchen.attributes.brightness == 200
        assert states.light["light.kitchen"] == states.light.get("kitchen") == states.light.get("light.kitchen")
        assert states.light["porch"].is_unavailable

    in_full_home(main)


@pytest.mark.parametrize("name", ["cellar", "light.cellar", "", "kitchen "])
def test_an_entity_that_is_not_in_the_domain(name: str) -> None:
    def main(states: StateManager) -> None:
        assert states.light.get(name) is None
        assert name not in states.light
        with pytest.raises(EntityNotFoundError, match="there is no entity 'light"):
            _ = states.light[name]

    in_full_home(main)


def test_an_entity_of_another_domain_is_refused() -> None:
    def main(states: StateManager) -> None:
        for ask in (states.light.__getitem__, states.light.get):
            with pytest.raises(
                ValueError, match=r"'switch\.pump' is not of the domain 'light': ask for it as states\["
            ):
                ask("switch.pump")
        assert "switch.pump" not in states.light
        assert "lights.kitchen" not in states.light

    in_full_home(main)


def test_a_domain_is_a_mapping_by_entity_id() -> None:
    def main(states: StateManager) -> None:
        lights = states.light
        ids = ["light.kitchen", "light.porch"]
        assert (list(lights), list(lights.keys()), len(lights)) == (ids, ids, 2)
        assert [found.state for found in lights.values()] == ["on", "unavailable"]
        assert dict(lights) == dict(lights.items()) == {each: states[each] for each in ids}
        assert "kitchen" in lights
        assert "light.kitchen" in lights
        assert 3 not in lights  # type: ignore[comparison-overlap] # that is why it is not
        assert {type(found) for found in lights.values()} == {LightState}
        assert repr(lights) == "<LightState of the domain light>"

    in_full_home(main)


def test_a_domain_that_was_kept_shows_what_is_there_now() -> None:
    async def main(home: Home) -> None:
        lights = home.states.light
        home.connect(state("light.a"))
        assert list(lights) == ["light.a"]
        walk = iter(lights.values())
        home.tell("light.b", state("light.b"))
        home.tell("light.a", None)
        assert [found.entity_id for found in walk] == ["light.a"]
        assert list(lights) == ["light.b"]

    at_home(main)


def test_a_domain_with_class_and_without_entities_is_empty() -> None:
    def main(states: StateManager) -> None:
        assert (len(states.climate), list(states.climate), dict(states.climate)) == (0, [], {})

    in_full_home(main)


def test_a_domain_without_class_has_plain_states() -> None:
    def main(states: StateManager) -> None:
        for suns in (states.sun, states.domain("sun")):
            assert type(suns["sun"]) is State
        assert len(states.domain("vacuum")) == 0

    in_full_home(main)


def test_a_class_of_ones_own_is_used_everywhere() -> None:
    def main(states: StateManager) -> None:
        mower: MowerState = states[MowerState]["front"]
        assert mower.attributes.battery_level == 70
        assert type(states["test_mower.front"]) is MowerState
        assert type(states.test_mower["front"]) is MowerState
        assert type(states.domain("test_mower")["front"]) is MowerState

    in_full_home(main)


def test_a_class_that_is_asked_for_is_the_one_that_is_given() -> None:
    class Dimmer(LightState):
        @property
        def percent(self) -> float:
            return (self.attributes.brightness or 0) / 2.55

    def main(states: StateManager) -> None:
        assert states[Dimmer]["kitchen"].percent == pytest.approx(78.4, abs=0.1)
        assert type(states[LightState]["kitchen"]) is LightState
        assert len(states[SwitchState]) == 1

    in_full_home(main)


def test_a_class_without_domain_is_refused() -> None:
    def main(states: StateManager) -> None:
        odds: tuple[Any, ...] = (State, int)
        for odd in odds:
            with pytest.raises(TypeError, match=f"{odd.__name__} is no class for the states of a domain"):
                _ = states[odd]

    in_full_home(main)


@pytest.mark.parametrize("name", ["", "light.kitchen"])
def test_a_domain_that_is_none_is_refused(name: str) -> None:
    def main(states: StateManager) -> None:
        with pytest.raises(ValueError, match="a domain is what stands before the dot"):
            states.domain(name)

    in_full_home(main)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("lihgt", "did you mean 'light'?"),
        ("input_nubmer", "did you mean 'input_number'?"),
        ("sum", "did you mean 'sun'?"),
        ("freshnes", "did you mean 'freshness'?"),
        ("xylophone", "check it"),
    ],
)
def test_a_misspelt_domain_is_told_with_the_nearest_name(name: str, near: str) -> None:
    def main(states: StateManager) -> None:
        with pytest.raises(AttributeError) as caught:
            getattr(states, name)
        assert str(caught.value) == (
            f"there is no domain '{name}': {near}; states.domain('{name}') is for one that has no entities yet"
        )
        assert not isinstance(caught.value, HassError)
        assert not hasattr(states, name)

    in_full_home(main)


def test_entities_are_no_attributes() -> None:
    def main(states: StateManager) -> None:
        with pytest.raises(AttributeError, match=r"ask for states\['light.kitchen'\]"):
            _ = states.light.kitchen

    in_full_home(main)


def test_private_names_are_no_domains() -> None:
    async def main(home: Home) -> None:
        with pytest.raises(AttributeError, match="has no attribute '_repr_html_'"):
            _ = home.states._repr_html_

    at_home(main)


# --- how they stand --------------------------------------------------------------------------------------------------

READS: dict[str, Callable[[StateManager], object]] = {
    "get": lambda states: states.get("light.a"),
    "[]": lambda states: states["light.a"],
    "in": lambda states: "light.a" in states,
    "iter": list,
    "len": len,
    "values": lambda states: states.values(),
    "light[]": lambda states: states.light["a"],
    "light.get": lambda states: states.light.get("a"),
    "in light": lambda states: "a" in states.light,
    "light.keys": lambda states: states.light.keys(),
    "light.values": lambda states: states.light.values(),
    "light.items": lambda states: states.light.items(),
    "iter light": lambda states: list(states.light),
    "len light": lambda states: len(states.light),
    "[class]": lambda states: len(states[LightState]),
    "domain": lambda states: len(states.domain("vacuum")),
    "any domain": lambda states: states.vacuum,
}


@pytest.mark.parametrize("name", READS)
def test_before_states_are_loaded_every_reading_says_why_there_are_none(name: str) -> None:
    async def main(home: Home) -> None:
        home.link.state = ConnectionState.WAITING
        with pytest.raises(
            StatesNotReadyError, match=r"there are no states yet: .*the link is waiting, says"
        ) as caught:
            READS[name](home.states)
        assert "the link is waiting" in caught.value.reason

    at_home(main)


@pytest.mark.parametrize("name", READS)
def test_without_token_every_reading_names_the_setting(name: str) -> None:
    async def main(home: Home) -> None:
        with pytest.raises(StatesNotReadyError, match=r"no token is set; .* `token`"):
            READS[name](home.states)

    at_home(main, link=DisabledLink())


def test_a_domain_can_be_asked_for_before_states_are_loaded() -> None:
    async def main(home: Home) -> None:
        assert isinstance(home.states.light, DomainStates)
        assert hasattr(home.states, "light")
        assert not hasattr(home.states, "vacuum")

    at_home(main)


def test_the_states_of_a_link_made_later_are_seen_by_who_asked_before() -> None:
    async def main(home: Home) -> None:
        house = House()
        states = house.add_child(StateManager)
        lights = states.light
        with pytest.raises(StatesNotReadyError, match="no token is set"):
            len(lights)
        house.children.append(home.proxy)
        home.connect(state("light.a"))
        states.link_anew()
        assert list(lights) == ["light.a"]

    at_home(main)


def test_stale_states_are_read_without_error() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        home.lose()
        assert home.states.freshness == "stale"
        assert home.states["light.a"].value is True

    at_home(main)


def test_they_say_how_old_they_are() -> None:
    async def main(home: Home) -> None:
        seen: list[Any] = [(home.states.freshness, home.states.synced_at)]
        home.connect()
        seen.append((home.states.freshness, home.states.synced_at))
        assert seen == [("never", None), ("fresh", START)]

    at_home(main)


def test_an_app_can_wait_for_the_first_states() -> None:
    async def main(home: Home) -> None:
        waiting = asyncio.create_task(home.states.wait_synced())
        await asyncio.sleep(100)
        assert (waiting.done(), home.states.waits.unmet) == (False, 1)
        home.connect()
        await waiting
        assert home.states.waits.unmet == 0

    at_home(main)


def test_an_app_can_wait_for_a_while() -> None:
    async def main(home: Home) -> None:
        with pytest.raises(TimeoutError, match="states were not loaded within 3 s") as caught:
            await home.states.wait_synced(timeout=3)
        assert isinstance(caught.value.__cause__, HassUnavailableError)
        assert home.states.waits.unmet == 0

    at_home(main)


def test_a_thread_can_wait_for_the_first_states_longer_than_for_other_calls() -> None:
    async def main(home: Home) -> None:
        limit = home.house.config.lifecycle.run_sync_timeout_seconds
        waiting = asyncio.create_task(home.states.task_bucket.run_in_thread(home.states.sync.wait_synced))
        await asyncio.sleep(10 * limit)
        assert not waiting.done()
        home.connect(state("light.a"))
        await waiting
        found = await home.states.task_bucket.run_in_thread(lambda: home.states.light["a"].value)
        assert found is True

    at_home(main)


def test_a_thread_can_wait_for_a_while() -> None:
    async def main(home: Home) -> None:
        with pytest.raises(TimeoutError, match="states were not loaded within 3 s"):
            await home.states.task_bucket.run_in_thread(home.states.sync.wait_synced, timeout=3)

    at_home(main)


def test_the_twin_does_not_wait_on_the_loop() -> None:
    async def main(home: Home) -> None:
        with pytest.raises(RuntimeError, match="called from within an event loop"):
            home.states.sync.wait_synced()
        assert home.states.waits.unmet == 0

    at_home(main)


def test_its_log_has_the_level_of_the_states() -> None:
    async def main(home: Home) -> None:
        assert home.states.logger.logger.level == logging.ERROR

    at_home(main, logging={"state_proxy": "ERROR"})

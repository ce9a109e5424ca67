"""What the apps for Home Assistant do, on virtual time."""

from typing import Any

import pytest
from whenever import ZonedDateTime

from duly.testing import AppHarness
from examples.home_assistant.apps.climate_by_presence import ClimateByPresence
from examples.home_assistant.apps.cover_by_sun import CoverBySun
from examples.home_assistant.apps.door_left_open import DoorLeftOpen
from examples.home_assistant.apps.motion_light import MotionLight

LIGHT = {"motion": "binary_sensor.hall", "light": "light.hall", "hold_seconds": 120}
DARK = {"binary_sensor.hall": "off", "light.hall": "off", "sun.sun": "below_horizon"}
CLIMATE = {"people": ["person.anna", "device_tracker.ben"], "thermostat": "climate.living_room"}
EMPTY_HOME = {
    "person.anna": "not_home",
    "device_tracker.ben": "not_home",
    "climate.living_room": {"state": "heat", "attributes": {"temperature": 16.5}},
}
COVER = {"cover": "cover.shutters", "latitude": 52.0, "longitude": 5.0}
DOOR = {"doors": ["binary_sensor.front_door"], "minutes": 5, "again_after_minutes": 15}
SHUT = {"binary_sensor.front_door": {"state": "off", "attributes": {"friendly_name": "Front door"}}}


def titles(h: AppHarness[Any]) -> list[str]:
    """The messages so far."""
    return [call.kwargs["title"] for call in h.api.get_calls("call_service")]


def test_the_light_goes_on_with_motion_and_off_when_there_was_none_for_the_whole_hold() -> None:
    with AppHarness(MotionLight, LIGHT, states=DARK) as h:
        h.advance(minutes=5)
        h.api.reset()
        h.change_state("binary_sensor.hall", "on")
        h.api.assert_called("turn_on", entity_id="light.hall", brightness_pct=80)
        h.change_state("binary_sensor.hall", "off")
        h.advance(seconds=100)
        h.change_state("binary_sensor.hall", "on")
        h.change_state("binary_sensor.hall", "off")
        h.advance(seconds=119)
        h.api.assert_not_called("turn_off")
        h.advance(seconds=1)
        h.api.assert_call_count("turn_off", 1)


def test_the_light_stays_off_by_day() -> None:
    with AppHarness(MotionLight, {**LIGHT, "only_while": ["sun.sun", "below_horizon"]}, states=DARK) as h:
        h.change_state("sun.sun", "above_horizon")
        h.change_state("binary_sensor.hall", "on")
        h.api.assert_not_called("turn_on")
        h.change_state("binary_sensor.hall", "off")
        h.change_state("sun.sun", "below_horizon")
        h.change_state("binary_sensor.hall", "on")
        h.api.assert_call_count("turn_on", 1)


def test_the_light_still_goes_off_when_home_assistant_was_away_meanwhile() -> None:
    with AppHarness(MotionLight, LIGHT, states={**DARK, "binary_sensor.hall": "on"}) as h:
        h.change_state("binary_sensor.hall", "off")
        h.disconnect()
        h.advance(minutes=5)
        h.api.assert_not_called("turn_off")
        h.connect()
        h.api.assert_call_count("turn_off", 1)


def test_it_gets_warm_when_the_first_comes_and_cool_when_the_last_has_been_gone_for_a_while() -> None:
    with AppHarness(ClimateByPresence, CLIMATE, states=EMPTY_HOME) as h:
        h.advance(minutes=11)
        h.api.assert_not_called("call_service")
        h.change_state("person.anna", "home")
        h.api.assert_called("call_service", domain="climate", service="set_temperature", temperature=21.0)
        h.set_state("climate.living_room", "heat", temperature=21.0)
        h.change_state("device_tracker.ben", "home")
        h.change_state("person.anna", "not_home")
        h.advance(minutes=11)
        h.api.assert_call_count("call_service", 1)
        h.change_state("device_tracker.ben", "not_home")
        h.advance(minutes=9)
        h.change_state("device_tracker.ben", "home")
        h.change_state("device_tracker.ben", "not_home")
        h.advance(minutes=9)
        h.api.assert_call_count("call_service", 1)
        h.advance(minutes=1)
        assert h.api.get_calls("call_service")[-1].kwargs["temperature"] == pytest.approx(16.5)


def test_who_came_while_home_assistant_was_away_is_seen_when_it_is_back() -> None:
    with AppHarness(ClimateByPresence, CLIMATE, states=EMPTY_HOME) as h:
        h.disconnect()
        h.change_state("person.anna", "home")
        h.advance(minutes=1)
        h.api.assert_not_called("call_service")
        h.connect()
        h.api.assert_called("call_service", temperature=21.0)


def test_the_shutters_follow_the_sun_but_not_before_people_are_up() -> None:
    with AppHarness(CoverBySun, COVER, start="2025-06-20T12:00", timezone="Europe/Amsterdam", states={}) as h:
        h.advance(days=1)
        h.ledger.assert_ran_at("open", ["2025-06-21T07:00"])
        [closed] = h.ledger.rows("close")
        assert closed.first is not None
        assert "22:15" < str(closed.first.time()) < "22:31"
        assert [call.args[1] for call in h.api.get_calls("call_service")] == ["close_cover", "open_cover"]


def test_the_shutters_move_late_if_home_assistant_is_away() -> None:
    with AppHarness(CoverBySun, COVER, start="2025-12-20T06:00", states={}, raise_errors=False) as h:
        h.disconnect()
        h.advance(hours=2)
        h.connect()
        h.advance(minutes=5)
        h.ledger.assert_outcomes("open", {"success": 1})


def test_a_door_left_open_is_told_of_again_and_again_until_it_is_shut() -> None:
    with AppHarness(DoorLeftOpen, DOOR, states=SHUT) as h:
        h.change_state("binary_sensor.front_door", "on")
        h.advance(minutes=4)
        assert titles(h) == []
        h.advance(minutes=32)
        assert titles(h) == ["Front door is open"] * 3
        assert "36 minutes" not in str(h.api.get_calls("call_service"))
        h.change_state("binary_sensor.front_door", "off")
        h.advance(hours=2)
        assert titles(h)[3:] == ["Front door is shut"]


def test_a_door_that_is_only_passed_through_is_not_told_of() -> None:
    with AppHarness(DoorLeftOpen, DOOR, states=SHUT) as h:
        h.change_state("binary_sensor.front_door", "on")
        h.advance(minutes=2)
        h.change_state("binary_sensor.front_door", "off")
        h.advance(hours=1)
        assert titles(h) == []


def test_a_door_that_has_been_open_for_long_when_the_app_starts_is_told_of_at_once() -> None:
    with AppHarness(DoorLeftOpen, DOOR, states={"binary_sensor.front_door": "on"}) as h:
        h.advance(minutes=5)
        assert titles(h) == ["binary_sensor.front_door is open"]
        h.restart(after=60)
        assert titles(h)[1:] == ["binary_sensor.front_door is open"]


def test_the_moments_are_those_of_the_place() -> None:
    with AppHarness(CoverBySun, COVER, start="2025-06-20T12:00", timezone="Europe/Amsterdam", states={}) as h:
        assert h.app.closing.next_run.date() == ZonedDateTime(2025, 6, 20, tz="Europe/Amsterdam").date()

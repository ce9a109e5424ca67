"""Holds, what is there at the beginning, debouncing and throttling in real time: rows 10 to 12.

The same, to the moment, is proved on virtual time in ``tests/bus``.
"""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from duly.events import RawStateChangeEvent
from tests.faults.app_folder import let_pass, soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.running_duly import Heard, Hearing, RunningDuly, seconds_now

LATE = 2.0
"""Seconds by which a timer may be late on a machine under load."""


class Holder(Hearing):
    async def on_initialize(self) -> None:
        await self.bus.on_state_change(
            "binary_sensor.moving", changed_to="on", duration=2, handler=self.hear, name="held"
        )


def turn(home: HomeAssistant, *, on: bool) -> None:
    """Switch the motion that the sensor follows."""
    home.remote.call("input_boolean", "turn_on" if on else "turn_off", entity_id="input_boolean.motion")
    soon(lambda: home.remote.state("binary_sensor.moving") == ("on" if on else "off"))


@pytest.fixture
def at_rest(home_assistant: HomeAssistant) -> HomeAssistant:
    """Nothing moves."""
    turn(home_assistant, on=False)
    return home_assistant


def test_a_state_that_ends_before_its_hold_leads_to_nothing(at_rest: HomeAssistant, tmp_path: Path) -> None:
    """Row 10, off after 1 s."""
    with RunningDuly(tmp_path, Holder, home=at_rest) as duly:
        duly.until_connected()
        turn(at_rest, on=True)
        let_pass(1)
        turn(at_rest, on=False)
        let_pass(2.5)
        assert duly.app(Holder).heard == []
        (listener,) = duly.app(Holder).bus.get_listeners()
        assert listener.stats.suppressed == {"hold": 1}


def test_a_state_that_lasts_is_told_once_with_the_event_that_began_it(at_rest: HomeAssistant, tmp_path: Path) -> None:
    """Row 10, on for 2 s, attributes changing meanwhile."""
    with RunningDuly(tmp_path, Holder, home=at_rest) as duly:
        duly.until_connected()
        began = seconds_now()
        turn(at_rest, on=True)
        for number in range(3):
            let_pass(0.5)
            at_rest.remote.set_state("binary_sensor.moving", "on", device_class="motion", wind=number)
        holder = duly.app(Holder)
        soon(lambda: holder.heard)
        let_pass(1)
        (heard,) = holder.heard
        assert 2 <= heard.at - began < 2 + LATE
        data = heard.event.payload.data
        assert (data.old_state_value, data.new_state_value) == ("off", "on")
        assert "wind" not in data.new_state["attributes"]


class Starter(Hearing):
    async def on_initialize(self) -> None:
        self.began = seconds_now()
        self.called: dict[str, list[Heard]] = {"at once": [], "5": [], "15": []}
        for name, duration in zip(self.called, (None, 5, 15), strict=True):
            await self.bus.on_state_change(
                "binary_sensor.moving",
                changed_to="on",
                immediate=True,
                duration=duration,
                handler=self.note,
                kwargs={"calls": self.called[name]},
                name=name,
            )

    async def note(self, event: RawStateChangeEvent, calls: list[Heard]) -> None:
        calls.append(Heard(event, seconds_now()))


def test_who_asks_for_it_is_told_of_what_is_and_for_how_long_it_has_been_counts(
    at_rest: HomeAssistant, tmp_path: Path
) -> None:
    """Row 11."""
    at = seconds_now()
    turn(at_rest, on=True)
    let_pass(10 - (seconds_now() - at))
    with RunningDuly(tmp_path, Starter, home=at_rest) as duly:
        duly.until_connected()
        starter = duly.app(Starter)
        soon(lambda: duly.rows("15"))
        (at_once,), (five,), (fifteen,) = starter.called.values()
        for name in starter.called:
            assert duly.rows(name, "status, trigger_origin") == [("success", "DULY_SYNTHETIC")]
    assert at_once.at - starter.began < LATE
    assert five.at - starter.began < LATE
    assert 14 < fifteen.at - at < 15 + LATE
    for heard in (at_once, five, fifteen):
        data = heard.event.payload.data
        assert (heard.event.payload.origin, data.old_state, data.new_state_value) == ("LOCAL", None, "on")


class Noise(Hearing):
    """Hears of a level in three ways."""

    async def on_initialize(self) -> None:
        self.quiet: list[object] = []
        self.some: list[object] = []
        await self.bus.on_state_change("input_number.level", handler=self.hear, name="all")
        await self.bus.on_state_change("input_number.level", debounce=0.5, handler=self.hear_last, name="last")
        await self.bus.on_state_change("input_number.level", throttle=0.5, handler=self.hear_some, name="some")

    async def hear_last(self, event: object) -> None:
        self.quiet.append(self.states.input_number["level"].value)

    async def hear_some(self, event: object) -> None:
        self.some.append(self.states.input_number["level"].value)

    @property
    def pauses(self) -> int:
        """How often it was quiet for about as long as the debounce, because the machine was busy."""
        return sum(later.at - former.at > 0.4 for former, later in pairwise(self.heard))

    async def make(self) -> None:
        """Twenty changes in about a second."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(1, 21):
            await self.api.call_service(
                "input_number", "set_value", {"entity_id": "input_number.level"}, value=number, wait=False
            )
            await asyncio.sleep(began + number * 0.05 - loop.time())


def test_of_many_changes_the_last_is_heard_when_all_is_quiet_and_few_through_a_throttle(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 12."""
    home_assistant.remote.call("input_number", "set_value", entity_id="input_number.level", value=0)
    with RunningDuly(tmp_path, Noise, home=home_assistant) as duly:
        duly.until_connected()
        noise = duly.app(Noise)
        duly.run(noise.make())
        soon(lambda: noise.quiet)
        assert noise.values == [f"{number}.0" for number in range(1, 21)]
        lasted = noise.heard[-1].at - noise.heard[0].at
        assert noise.quiet[-1] == 20
        assert len(noise.quiet) <= 1 + noise.pauses
        assert noise.some[0] == 1
        assert 2 <= len(noise.some) <= 1 + lasted // 0.5
        _all, last, some = noise.bus.get_listeners()
        assert last.stats.suppressed == {"debounce": 20 - len(noise.quiet)}
        assert some.stats.suppressed == {"throttle": 20 - len(noise.some)}
        assert last.stats.started == len(noise.quiet)

"""Events of Home Assistant reach handlers, and what handlers do wrong stays theirs: rows 1, 2 and 13."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from duly import P
from duly.apps import App
from duly.events import RawStateChangeEvent
from duly.hass.errors import HassCommandError
from tests.faults.app_folder import soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.running_duly import Hearing, RunningDuly, seconds_now

PROMPT = 0.1
"""Seconds from a call to the handlers that hear of it."""


class Lamps(Hearing):
    async def on_initialize(self) -> None:
        for entity_id in ("input_boolean.lamp_state", "light.lamp"):
            await self.bus.on_state_change(entity_id, handler=self.hear, name=entity_id)

    async def turn(self, *, on: bool) -> float:
        """Seconds until both handlers had heard of it."""
        self.heard.clear()
        began = seconds_now()
        await (self.api.turn_on if on else self.api.turn_off)("light.lamp", domain="light")
        return began


def test_a_light_and_its_switch_are_heard_once_each_at_once_and_rows_carry_the_context(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 1."""
    home_assistant.remote.call("light", "turn_off", entity_id="light.lamp")
    waits, contexts = list[float](), list[str]()
    with RunningDuly(tmp_path, Lamps, home=home_assistant) as duly:
        duly.until_connected()
        lamps = duly.app(Lamps)
        for number in range(6):
            began = duly.run(lamps.turn(on=number % 2 == 0))
            soon(lambda: len(lamps.heard) >= 2)
            waits.append(max(each.at for each in lamps.heard) - began)
            contexts += (each.event.payload.context.id for each in lamps.heard)
            assert Counter(each.event.payload.entity_id for each in lamps.heard) == {
                "input_boolean.lamp_state": 1,
                "light.lamp": 1,
            }
        soon(lambda: len(duly.rows("light.lamp")) == len(duly.rows("input_boolean.lamp_state")) == len(waits))
        rows = [row for name in lamps_of() for row in duly.rows(name, "status, trigger_context_id")]
    assert min(waits) < PROMPT
    assert sorted(rows) == sorted(("success", context) for context in contexts)


def lamps_of() -> tuple[str, str]:
    return "input_boolean.lamp_state", "light.lamp"


class Readers(App):
    """Reads the state of which it is told."""

    async def on_initialize(self) -> None:
        self.read: dict[str, list[tuple[float, float]]] = {"glob": [], "last": []}
        await self.bus.on_state_change("input_number.level", handler=self.read_last, name="last", priority=-1)
        await self.bus.on_state_change("input_n*.*", handler=self.read_by_glob, name="glob")

    async def read_last(self, event: RawStateChangeEvent) -> None:
        self.note("last", event)

    async def read_by_glob(self, event: RawStateChangeEvent) -> None:
        self.note("glob", event)

    def note(self, name: str, event: RawStateChangeEvent) -> None:
        data = event.payload.data
        self.read[name].append((float(str(data.new_state_value)), float(self.states[data.entity_id].state)))

    async def raise_level(self) -> None:
        for number in range(1, 41):
            await self.api.call_service(
                "input_number", "set_value", {"entity_id": "input_number.level"}, value=number, wait=False
            )

    async def call(self, domain: str, service: str, **data: Any) -> None:  # noqa: ANN401 - data of any service
        await self.api.call_service(domain, service, {"entity_id": "light.lamp"}, **data)


def test_handlers_find_the_state_of_their_event_or_a_later_one(home_assistant: HomeAssistant, tmp_path: Path) -> None:
    """Row 2, states."""
    home_assistant.remote.call("input_number", "set_value", entity_id="input_number.level", value=0)
    with RunningDuly(tmp_path, Readers, home=home_assistant) as duly:
        duly.until_connected()
        readers = duly.app(Readers)
        duly.run(readers.raise_level())
        soon(lambda: all(len(pairs) == 40 for pairs in readers.read.values()))
    for pairs in readers.read.values():
        assert [told for told, _ in pairs] == list(range(1, 41))
        assert all(found >= told for told, found in pairs)


def test_what_home_assistant_refuses_is_an_error_with_its_code_and_the_app_goes_on(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 2, errors."""
    with RunningDuly(tmp_path, Readers, Lamps, home=home_assistant) as duly:
        duly.until_connected()
        readers = duly.app(Readers)
        with pytest.raises(HassCommandError, match="explode") as unknown:
            duly.run(readers.call("light", "explode"))
        assert unknown.value.code == "not_found"
        with pytest.raises(HassCommandError) as wrong:
            duly.run(readers.call("light", "turn_on", brightness="very"))
        assert wrong.value.code == "invalid_format"
        home_assistant.remote.call("light", "toggle", entity_id="light.lamp")
        soon(lambda: duly.app(Lamps).heard)


class Faulty(Hearing):
    """Two of its listeners fail, one by its filter."""

    async def on_initialize(self) -> None:
        await self.bus.on_state_change("input_select.mode", handler=self.hear, where=stumble, name="filter")
        await self.bus.on_state_change("input_select.mode", handler=self.fall, name="handler")
        await self.bus.on_state_change("input_select.mode", handler=self.hear, name="sound", priority=-1)

    async def fall(self) -> None:
        raise ArithmeticError("a handler has fallen")

    async def listen_later(self) -> None:
        await self.bus.on_state_change("input_select.mode", handler=self.hear, where=P.Not(slow), name="async")


def stumble(event: object) -> bool:
    raise LookupError("a filter has stumbled")


async def slow(event: object) -> bool:
    return bool(event)


def test_a_filter_or_handler_that_raises_has_one_row_of_its_own_and_others_are_served(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 13."""
    home_assistant.remote.call("input_select", "select_option", entity_id="input_select.mode", option="home")
    with RunningDuly(tmp_path, Faulty, home=home_assistant) as duly:
        duly.until_connected()
        faulty = duly.app(Faulty)
        with pytest.raises(TypeError, match="async"):
            duly.run(faulty.listen_later())
        assert [listener.name for listener in faulty.bus.get_listeners()] == ["filter", "handler", "sound"]
        modes = ("night", "away", "home")
        for mode in modes:
            home_assistant.remote.call("input_select", "select_option", entity_id="input_select.mode", option=mode)
        soon(lambda: all(len(duly.rows(name)) == len(modes) for name in ("filter", "handler", "sound")))
        assert faulty.values == list(modes)
        columns = "status, error_type, error_message"
        assert duly.rows("filter", columns) == [("error", "LookupError", "a filter has stumbled")] * len(modes)
        assert duly.rows("handler", columns) == [("error", "ArithmeticError", "a handler has fallen")] * len(modes)
        assert duly.rows("sound") == ["success"] * len(modes)

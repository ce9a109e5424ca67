"""What can be asked of Home Assistant: row 15."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from duly.apps import App
from duly.events import Event
from tests.faults.app_folder import soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.running_duly import RunningDuly

MANY = 5_000
AT_A_TIME = 50
LARGE = 4 * 1024 * 1024


class Asking(App):
    async def on_initialize(self) -> None:
        self.fired: list[object] = []
        await self.bus.on(topic="hass.event.something_happened", handler=self.hear)

    async def hear(self, event: Event[object]) -> None:
        self.fired.append(event.payload)

    async def fill(self, numbers: Sequence[int]) -> None:
        """Create an entity for each, with a kilobyte of attributes."""
        for number in numbers:
            await self.api.set_state(f"sensor.many_{number}", str(number), {"text": "x" * 1_000})


def test_states_are_put_read_and_deleted(home_assistant: HomeAssistant, tmp_path: Path) -> None:
    """Row 15, ``set_state``."""
    with RunningDuly(tmp_path, Asking, home=home_assistant) as duly:
        duly.until_connected()
        asking = duly.app(Asking)
        api, states = asking.api, asking.states
        put = duly.run(api.set_state("sensor.put", "21.5", {"unit_of_measurement": "°C"}))
        assert (put.value, put.attributes["unit_of_measurement"]) == (21.5, "°C")
        soon(lambda: duly.ask(lambda: (found := states.get("sensor.put")) and found.value == put.value))
        gone = duly.run(api.set_state("sensor.put", "unavailable"))
        assert (gone.is_unavailable, gone.value) == (True, None)
        assert duly.run(api.get_state("sensor.put")).is_unavailable
        soon(lambda: duly.ask(lambda: states["sensor.put"].is_unavailable))
        duly.run(api.delete_entity("sensor.put"))
        assert duly.run(api.get_state_or_none("sensor.put")) is None
        assert not duly.run(api.entity_exists("sensor.put"))
        soon(lambda: duly.ask(lambda: "sensor.put" not in states))


def test_events_are_fired_and_templates_rendered(home_assistant: HomeAssistant, tmp_path: Path) -> None:
    """Row 15, ``fire_event`` and ``render_template``."""
    with RunningDuly(tmp_path, Asking, home=home_assistant) as duly:
        duly.until_connected()
        asking = duly.app(Asking)
        duly.run(asking.api.fire_event("something_happened", {"what": ["a", 1, None]}))
        soon(lambda: asking.fired)
        (payload,) = asking.fired
        assert payload.data == {"what": ["a", 1, None]}  # type: ignore[attr-defined]  # of any event
        rendered = duly.run(asking.api.render_template("{{ states('input_select.mode') }} {{ x + 1 }}", {"x": 41}))
        assert rendered == f"{home_assistant.remote.state('input_select.mode')} 42"


def test_helpers_are_created_changed_and_deleted(home_assistant: HomeAssistant, tmp_path: Path) -> None:
    """Row 15, helpers."""
    with RunningDuly(tmp_path, Asking, home=home_assistant) as duly:
        duly.until_connected()
        asking = duly.app(Asking)
        helpers, states = asking.api.helpers, asking.states
        made = duly.run(helpers.create("input_boolean", name="Guest here"))
        assert made["id"] in [each["id"] for each in duly.run(helpers.list("input_boolean"))]
        soon(lambda: duly.ask(lambda: states.get("input_boolean.guest_here")))
        duly.run(helpers.update("input_boolean", made["id"], name="Guests here"))
        soon(lambda: duly.ask(lambda: states["input_boolean.guest_here"].friendly_name) == "Guests here")
        duly.run(helpers.delete("input_boolean", made["id"]))
        assert made["id"] not in [each["id"] for each in duly.run(helpers.list("input_boolean"))]
        soon(lambda: duly.ask(lambda: "input_boolean.guest_here" not in states))


def test_a_home_with_five_thousand_entities_is_read_in_one_frame(
    own_home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 15, ``get_states``."""

    async def fill() -> None:
        await asyncio.gather(*(asking.fill(range(start, MANY, AT_A_TIME)) for start in range(AT_A_TIME)))

    with RunningDuly(tmp_path, Asking, home=own_home_assistant) as duly:
        duly.until_connected()
        asking = duly.app(Asking)
        duly.run(fill())
        raw = duly.run(asking.api.get_states_raw())
        assert len(json.dumps(raw)) > LARGE
        assert len(duly.run(asking.api.get_states())) == len(raw) >= MANY
    with RunningDuly(tmp_path, Asking, home=own_home_assistant) as duly:  # its first frame of states is that large
        duly.until_connected()
        states = duly.app(Asking).states
        assert duly.ask(lambda: len(states)) == len(raw)
        assert duly.ask(lambda: states[f"sensor.many_{MANY - 1}"].state) == str(MANY - 1)
        assert duly.link.generation == 1

"""Home Assistant is stopped and started in order: row 16."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from duly.events import DulyLinkEvent
from tests.faults.app_folder import soon
from tests.hass_core import configuration
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.running_duly import Hearing, RunningDuly

SLOW = "slow_start"
"""A component with which Home Assistant takes seconds from where it can be talked to until it has started."""
SLOW_CODE = """\
import asyncio

async def async_setup(hass, config):
    async def take_time(event):
        await asyncio.sleep(6)
    hass.bus.async_listen("homeassistant_start", take_time)
    return True
"""
AT_ONCE = {
    "early_drop_backoff_initial_seconds": 0.1,
    "connect_retry_initial_wait_seconds": 0.1,
    "connect_retry_max_wait_seconds": 0.2,
    "connect_retry_max_attempts": 1_000,
}
MUCH_LATER = {"early_drop_backoff_initial_seconds": 15.0}


class Starting(Hearing):
    async def on_initialize(self) -> None:
        self.came: list[str] = []
        await self.bus.on_homeassistant_start(handler=self.hear)
        await self.bus.on_websocket_connected(handler=self.come)

    async def come(self, event: DulyLinkEvent) -> None:
        config = await self.api.get_config()
        if not event.payload.data.first:
            self.came.append(config["state"])


@pytest.fixture
def slow_home_assistant(tmp_path: Path) -> Iterator[HomeAssistant]:
    """One that can be talked to before it has started."""
    directory = tmp_path / "home_assistant"
    component = directory / "custom_components" / SLOW
    component.mkdir(parents=True)
    (component / "__init__.py").write_text(SLOW_CODE)
    manifest = {"domain": SLOW, "name": "Slow start", "version": "1.0.0", "codeowners": [], "dependencies": []}
    (component / "manifest.json").write_text(json.dumps(manifest))
    with HomeAssistant(directory, entities=f"{configuration.ENTITIES}{SLOW}:\n") as home:
        yield home


def restart(duly: RunningDuly, home: HomeAssistant) -> None:
    """Stop and start Home Assistant, and see that its values are back."""
    home.remote.call("input_text", "set_value", entity_id="input_text.note", value="kept")
    home.remote.call("input_number", "set_value", entity_id="input_number.level", value=33)
    home.stop()
    duly.until_lost()
    home.launch()
    duly.until_connected(2)
    home.wait_ready()
    states = duly.app(Starting).states
    soon(lambda: duly.ask(lambda: states["input_text.note"].state) == "kept")
    soon(lambda: duly.ask(lambda: states["sensor.double_level"].state) == "66.0")


def test_a_link_that_is_up_before_home_assistant_has_started_tells_of_the_start_once(
    slow_home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 16, up before."""
    with RunningDuly(tmp_path, Starting, home=slow_home_assistant, websocket=AT_ONCE) as duly:
        duly.until_connected()
        starting = duly.app(Starting)
        assert starting.heard == []
        restart(duly, slow_home_assistant)
        soon(lambda: starting.heard)
        duly.catch_up(slow_home_assistant)
        assert len(starting.heard) == 1
        assert starting.came != ["RUNNING"]


def test_a_link_that_comes_up_afterwards_tells_of_no_start(own_home_assistant: HomeAssistant, tmp_path: Path) -> None:
    """Row 16, up after."""
    with RunningDuly(tmp_path, Starting, home=own_home_assistant, websocket=MUCH_LATER) as duly:
        duly.until_connected()
        starting = duly.app(Starting)
        restart(duly, own_home_assistant)
        soon(lambda: starting.came)
        duly.catch_up(own_home_assistant)
        assert starting.came == ["RUNNING"]
        assert starting.heard == []

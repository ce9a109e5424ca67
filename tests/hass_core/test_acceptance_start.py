"""Home Assistant is not there at the start: row 6."""

from pathlib import Path

from duly.apps import App
from duly.events import DulyLinkEvent
from tests.faults.app_folder import let_pass, soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.running_duly import Heard, Hearing, RunningDuly, seconds_now

AWAY = 40
BACK_WITHIN = 65
HANDSHAKE = 5
QUICKER = 1.0
"""Seconds that two starts of the same may be apart on a machine under load."""


class Waiting(Hearing):
    async def on_initialize(self) -> None:
        self.connected: list[Heard] = []
        await self.bus.on_state_change("input_boolean.motion", handler=self.hear, immediate=True)
        await self.bus.on_websocket_connected(handler=self.come)

    async def come(self, event: DulyLinkEvent) -> None:
        self.connected.append(Heard(event, seconds_now()))


class Silent(App):
    """Does nothing."""


def test_apps_start_without_home_assistant_and_are_told_when_it_comes(
    own_home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 6."""
    home = own_home_assistant
    home.stop()
    with RunningDuly(tmp_path, Waiting, home=None) as unlinked:
        pass
    with RunningDuly(tmp_path, Waiting, home=home) as duly:
        assert duly.ready_after < unlinked.ready_after + QUICKER
        waiting = duly.app(Waiting)
        let_pass(AWAY)
        assert (waiting.heard, waiting.connected) == ([], [])
        home.start()
        reachable = seconds_now()
        duly.until_connected(1, BACK_WITHIN + HANDSHAKE)
        soon(lambda: waiting.connected and waiting.heard)
        (connected,) = waiting.connected
        assert connected.event.payload.data.first
        assert connected.at - reachable < BACK_WITHIN + HANDSHAKE
        home.remote.call("input_text", "set_value", entity_id="input_text.note", value="later")
        soon(lambda: duly.ask(lambda: waiting.states["input_text.note"].state) == "later")
        (heard,) = waiting.heard
        assert heard.event.payload.data.old_state is None
        soon(lambda: duly.rows("hear", "status, trigger_origin") == [("success", "DULY_SYNTHETIC")])

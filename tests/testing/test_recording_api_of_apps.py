"""What apps ask of Home Assistant under a harness."""

import pytest

from duly.apps import App, AppSync
from duly.events import CallServiceEvent, Event, HassPayload, RawStateChangeEvent
from duly.hass import HassUnavailableError
from duly.testing import AppHarness


class Porch(App):
    """Puts the light out every minute, and notes what it hears."""

    heard: list[str]

    async def on_initialize(self) -> None:
        self.heard = []
        await self.scheduler.run_minutely(self.put_out, name="put out")
        await self.bus.on_state_change("light.*", handler=self.note_state)
        await self.bus.on_call_service("light", handler=self.note_call)
        await self.bus.on(topic="hass.event.lit", handler=self.note_event)
        await self.bus.on_websocket_disconnected(handler=self.note_loss)

    async def put_out(self) -> None:
        if await self.api.get_state_value("light.porch"):
            await self.api.turn_off("light.porch", "light")

    async def note_state(self, event: RawStateChangeEvent) -> None:
        self.heard.append(f"{event.payload.entity_id} {event.payload.data.new_state_value}")

    async def note_call(self, event: CallServiceEvent) -> None:
        self.heard.append(f"{event.payload.service} {dict(event.payload.data.service_data)}")

    async def note_event(self, event: Event[HassPayload[dict[str, int]]]) -> None:
        self.heard.append(f"lit {event.payload.data}")

    async def note_loss(self) -> None:
        self.heard.append("lost")


class Hall(AppSync):
    """Does with its blocking api what it can."""

    def on_initialize_sync(self) -> None:
        self.scheduler.sync.run_minutely(self.work, name="work")

    def work(self) -> None:
        self.api.sync.turn_on("light.hall", brightness=5)
        self.api.sync.helpers.create("counter", name="Hits")
        self.api.sync.set_state("sensor.hall", self.api.sync.get_state_value("input_number.level"))


def test_what_an_app_asks_for_is_recorded() -> None:
    with AppHarness(Porch, states={"light.porch": "on"}) as h:
        h.advance(minutes=1)
        h.api.assert_called("turn_off", entity_id="light.porch", domain="light")
        (call,) = h.api.get_calls()
        assert call.at == h.clock.time()
        h.set_state("light.porch", "off")
        h.advance(minutes=5)
        h.api.assert_call_count("turn_off", 1)


def test_what_a_synchronous_app_asks_for_is_recorded() -> None:
    with AppHarness(Hall, states={"input_number.level": 7.5}) as h:
        h.advance(minutes=1)
        h.api.assert_called_exact("turn_on", "light.hall", brightness=5)
        h.api.assert_called("helpers.create", domain="counter")
        assert h.states["sensor.hall"].state == "7.5"


def test_a_service_is_heard_of_and_changes_nothing() -> None:
    with AppHarness(Porch, states={"light.porch": "on"}) as h:
        h.advance(minutes=1)
        assert h.app.heard == ["turn_off {'entity_id': 'light.porch'}"]
        assert h.states["light.porch"].state == "on"


def test_a_state_that_is_set_and_an_event_that_is_fired_are_heard_of() -> None:
    with AppHarness(Porch, states={"light.porch": "off"}) as h:
        h.run(h.app.api.set_state("light.porch", "on"))
        h.run(h.app.api.fire_event("lit", {"lux": 5}))
        assert h.app.heard == ["light.porch on", "lit {'lux': 5}"]
        assert h.states["light.porch"].state == "on"


def test_going_offline_is_the_loss_of_the_link() -> None:
    with AppHarness(Porch, states={"light.porch": "on"}) as h:
        h.api.go_offline()
        assert h.app.heard == ["lost"]
        with pytest.raises(HassUnavailableError):
            h.advance(minutes=1)
        assert h.states["light.porch"].state == "on"
        h.api.go_online()
        h.advance(minutes=1)
        h.api.assert_call_count("turn_off", 1)


def test_an_answer_of_the_test_reaches_the_app() -> None:
    with AppHarness(Porch) as h:
        h.api.respond("get_state_value", True)
        h.advance(minutes=1)
        h.api.assert_called("turn_off")


def test_all_instances_and_all_processes_record_in_one_place() -> None:
    with AppHarness(Porch, instances=2, states={"light.porch": "on"}) as h:
        h.advance(minutes=1)
        h.api.assert_call_count("turn_off", 2)
        h.restart()
        h.advance(minutes=1)
        h.api.assert_call_count("turn_off", 4)

"""A harness plays Home Assistant: states, events, calls of services, and a link that comes and goes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import Field
from whenever import ZonedDateTime

from duly.apps import App, AppConfig, AppSync
from duly.bus.bus import Bus
from duly.bus.service import BusService
from duly.events import CallServiceEvent, Event, RawStateChangeEvent
from duly.hass.errors import HassUnavailableError, StatesNotReadyError
from duly.lifecycle import part
from duly.testing import START, AppHarness
from duly.testing.given_home import GivenStates, Value

DOOR, LAMP = "binary_sensor.door", "light.lamp"


class HallConfig(AppConfig):
    """How the hall listens to its door."""

    options: dict[str, Any] = Field(default_factory=dict)


class Hall(App[HallConfig]):
    """Notes what happens to its door."""

    async def on_initialize(self) -> None:
        self.seen: list[Any] = []
        await self.bus.on_state_change(DOOR, handler=self.note, name="door", **self.app_config.options)

    async def note(self, event: RawStateChangeEvent) -> None:
        data = event.payload.data
        self.seen.append((data.old_state_value, data.new_state_value))


class Ear(App[AppConfig]):
    """Notes all events of a topic, or of a glob."""

    topic = "*"

    async def on_initialize(self) -> None:
        self.events: list[Event[Any]] = []
        await self.bus.on(topic=self.topic, handler=self.hear)

    async def hear(self, event: Event[Any]) -> None:
        self.events.append(event)


def ear(topic: str) -> type[Ear]:
    """One for a topic."""
    return type("Ear", (Ear,), {"topic": topic, "__module__": __name__})


# --- states ----------------------------------------------------------------------------------------------------------


def test_given_states_are_there_before_the_app_starts() -> None:
    class Reader(App[AppConfig]):
        async def on_initialize(self) -> None:
            self.found = [self.states[DOOR].state, self.states.light["lamp"].attributes.brightness]

    with AppHarness(Reader, states={DOOR: False, LAMP: {"state": "on", "attributes": {"brightness": 77}}}) as h:
        assert h.app.found == ["off", 77]
        assert h.states is h.app.states


def test_without_any_given_there_is_a_home_assistant_without_entities() -> None:
    with AppHarness(Hall) as h:
        assert (h.states.freshness, len(h.states)) == ("fresh", 0)
        assert h.states.synced_at == START


@pytest.mark.parametrize(
    ("value", "text"), [("heat", "heat"), (True, "on"), (False, "off"), (21, "21"), (21.5, "21.5"), ("", "")]
)
def test_a_value_becomes_the_text_that_home_assistant_would_have(value: Value, text: str) -> None:
    with AppHarness(Hall, states={"sensor.given": value}) as h:
        h.set_state("sensor.set", value)
        assert [h.states[each].state for each in ("sensor.given", "sensor.set")] == [text, text]


@pytest.mark.parametrize(
    ("states", "error", "message"),
    [
        ({"lamp": "on"}, ValueError, "made of a domain, a dot and a name, got 'lamp'"),
        ({LAMP: b"on"}, TypeError, "a text, a number or a bool, got b'on' of type bytes"),
        ({LAMP: {"value": "on"}}, ValueError, "by 'state' and 'attributes', got also value"),
        ({LAMP: {"attributes": {}}}, ValueError, "a state needs 'state', got"),
    ],
)
def test_states_that_cannot_be_are_refused(states: GivenStates, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        AppHarness(Hall, states=states)


def test_a_state_that_is_set_is_no_event() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        h.set_state(DOOR, "on")
        assert h.states[DOOR].state == "on"
        assert h.app.seen == []


def test_a_state_that_changes_is_an_event_and_its_handler_has_run_when_the_call_returns() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        [row] = h.change_state(DOOR, "on")
        assert (row.listener, row.status, row.app_key) == ("door", "success", "hall")
        assert h.app.seen == [("off", "on")]
        assert h.ledger.rows(listener="door") == [row]
        assert h.ledger.rows(listener="window") == []


def test_a_handler_finds_the_state_of_its_event() -> None:
    class Reader(Hall):
        async def note(self, event: RawStateChangeEvent) -> None:
            self.seen.append((event.payload.data.new_state, self.states[DOOR].state))

    with AppHarness(Reader, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        [(raw, state)] = h.app.seen
        assert (raw["state"], state) == ("on", "on")


def test_attributes_are_put_over_those_there_are_and_none_takes_one_away() -> None:
    with AppHarness(Hall, states={LAMP: {"state": "on", "attributes": {"brightness": 1, "effect": "rain"}}}) as h:
        h.change_state(LAMP, "on", brightness=2)
        assert dict(h.states[LAMP].attributes) == {"brightness": 2, "effect": "rain"}
        h.set_state(LAMP, "off", brightness=None)
        assert dict(h.states[LAMP].attributes) == {"effect": "rain"}


def test_the_time_of_the_last_change_stays_while_the_value_does() -> None:
    with AppHarness(Hall, states={LAMP: "on"}) as h:
        h.advance(minutes=1)
        h.change_state(LAMP, "on", brightness=2)
        lamp = h.states[LAMP]
        assert (lamp.last_changed, lamp.last_updated) == (START, START.add(minutes=1))
        h.advance(minutes=1)
        h.change_state(LAMP, "off")
        assert h.states[LAMP].last_changed == START.add(minutes=2)


def test_a_state_that_changes_after_the_clock_was_set_back_is_the_latest() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        h.step_clock(-3600)
        h.change_state(DOOR, "off")
        assert h.states[DOOR].state == "off"


def test_none_removes_an_entity() -> None:
    with AppHarness(Hall, {"options": {"changed": False}}, states={DOOR: "off"}) as h:
        h.change_state(DOOR, None)
        assert DOOR not in h.states
        assert [repr(new) for _, new in h.app.seen] == ["MISSING_VALUE"]
        h.set_state(DOOR, "on")
        assert DOOR in h.states


def test_events_have_the_time_of_the_clock_and_contexts_of_their_own() -> None:
    with AppHarness(ear("hass.event.*"), timezone="Europe/Berlin") as h:
        h.advance(seconds=1.5)
        h.change_state(LAMP, "on")
        h.fire("bell")
        one, two = h.app.events
        assert one.payload.time_fired == two.payload.time_fired == h.app.now()
        assert one.payload.event_id == h.states[LAMP].context.id != two.payload.event_id
        assert one.payload.origin == "LOCAL"


# --- other events ----------------------------------------------------------------------------------------------------


def test_a_service_that_somebody_calls_is_an_event_and_nothing_else() -> None:
    with AppHarness(ear("hass.event.call_service"), states={LAMP: "off"}) as h:
        h.call_service("light", "turn_on", entity_id=LAMP, brightness=3)
        [event] = h.app.events
        assert isinstance(event, CallServiceEvent)
        assert event.payload.data.service_data == {"entity_id": LAMP, "brightness": 3}
        assert (event.payload.domain, event.payload.service) == ("light", "turn_on")
        assert h.states[LAMP].state == "off"
        h.api.assert_not_called("call_service")


def test_any_event_of_home_assistant_can_happen() -> None:
    with AppHarness(ear("hass.event.bell")) as h:
        h.fire("bell", times=2)
        [event] = h.app.events
        assert (event.topic, event.payload.event_type, event.payload.data) == ("hass.event.bell", "bell", {"times": 2})


def test_an_event_of_ones_own_reaches_all_apps() -> None:
    with AppHarness(ear("porch.*"), instances=2) as h:
        data = object()
        rows = h.emit("porch.bell", data)
        assert [row.instance_index for row in rows] == [0, 1]
        assert all(app.events[0].payload.data is data for app in h.apps)


def test_an_event_of_ones_own_below_those_of_duly_is_refused() -> None:
    with AppHarness(Hall) as h, pytest.raises(ValueError, match=r"duly\.event\.bell"):
        h.emit("duly.event.bell")


# --- timers ----------------------------------------------------------------------------------------------------------


def test_debounce_throttle_and_hold_follow_the_clock() -> None:
    class Timed(Hall):
        async def on_initialize(self) -> None:
            self.calls: list[tuple[str, ZonedDateTime]] = []
            await self.listen("debounce", debounce=2)
            await self.listen("throttle", throttle=2)
            await self.listen("hold", duration=3)

        async def listen(self, name: str, **options: Any) -> None:  # noqa: ANN401 - those of timing
            await self.bus.on_state_change(DOOR, handler=self.call, name=name, kwargs={"name": name}, **options)

        async def call(self, event: RawStateChangeEvent, name: str) -> None:
            self.calls.append((name, self.now()))

    with AppHarness(Timed, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        h.advance(seconds=1)
        h.change_state(DOOR, "off")
        h.advance(seconds=10)
        assert h.app.calls == [
            ("throttle", START),
            ("debounce", START.add(seconds=3)),
            ("hold", START.add(seconds=4)),
        ]


def test_what_an_entity_has_been_for_a_while_counts_for_a_hold_that_begins_at_once() -> None:
    options = {"changed_to": "on", "immediate": True, "duration": 15}

    with AppHarness(Hall, {"options": options}, states={DOOR: "on"}) as h:
        h.advance(seconds=10)
        h.restart()
        assert h.app.seen == []
        h.advance(seconds=5)
        assert len(h.app.seen) == 1


# --- what apps ask for -----------------------------------------------------------------------------------------------


class Lighter(App[AppConfig]):
    """Lights the lamp while the door is open."""

    async def on_initialize(self) -> None:
        await self.bus.on_state_change(DOOR, handler=self.light, changed_to="on")
        await self.bus.on_state_change(DOOR, handler=self.dim, changed_to="off")

    async def light(self) -> None:
        await self.api.turn_on(LAMP, brightness=100)

    async def dim(self) -> None:
        await self.api.set_state(LAMP, "off")


def test_what_apps_ask_of_home_assistant_is_kept() -> None:
    with AppHarness(Lighter, states={DOOR: "off"}) as h:
        h.advance(seconds=5)
        h.change_state(DOOR, "on")
        h.api.assert_called("turn_on", entity_id=LAMP, brightness=100)
        assert [call.at for call in h.api.get_calls()] == [START.add(seconds=5)]
        with pytest.raises(AssertionError, match=r"turn_on\('light.lamp', brightness=100\)"):
            h.api.assert_not_called("turn_on")


def test_what_apps_read_are_the_states_of_the_harness() -> None:
    with AppHarness(Lighter, states={LAMP: "off"}) as h:
        h.set_state(LAMP, "on")
        assert h.run(h.app.api.get_state(LAMP)).state == "on"
        assert h.run(h.api.get_state(LAMP)).state == "on"


def test_a_state_that_an_app_sets_changes() -> None:
    with AppHarness(Lighter, states={LAMP: "on", DOOR: "on"}) as h:
        h.change_state(DOOR, "off")
        assert h.states[LAMP].state == "off"


def test_all_instances_and_processes_ask_the_same() -> None:
    with AppHarness(Lighter, states={DOOR: "off"}, instances=2) as h:
        h.change_state(DOOR, "on")
        h.restart()
        h.set_state(DOOR, "off")
        h.change_state(DOOR, "on")
        h.api.assert_call_count("turn_on", 4)


# --- the link --------------------------------------------------------------------------------------------------------


def test_a_link_that_is_lost_is_told_once_and_states_stay_as_they_were() -> None:
    with AppHarness(ear("duly.event.websocket_*"), states={LAMP: "off"}) as h:
        h.disconnect()
        h.disconnect()
        h.change_state(LAMP, "on")
        assert [event.topic for event in h.app.events] == ["duly.event.websocket_disconnected"]
        assert (h.states.freshness, h.states[LAMP].state) == ("stale", "off")


def test_a_link_that_is_back_brings_states_but_no_events_of_what_was_missed() -> None:
    with AppHarness(ear("*"), states={LAMP: "off"}) as h:
        h.disconnect()
        h.change_state(LAMP, "on")
        h.call_service("light", "turn_on")
        h.app.events.clear()
        h.connect()
        h.connect()
        [event] = [each for each in h.app.events if each.topic != "duly.event.execution_completed"]
        assert event.topic == "duly.event.websocket_connected"
        assert (event.payload.data.first, event.payload.data.generation) == (False, 2)
        assert (h.states.freshness, h.states[LAMP].state) == ("fresh", "on")


def test_without_a_link_the_api_says_since_when_at_once() -> None:
    with AppHarness(Lighter, states={DOOR: "off"}) as h:
        h.advance(hours=1)
        h.disconnect()
        with pytest.raises(HassUnavailableError, match="since 2025-01-01T01:00:00") as raised:
            h.run(h.app.api.turn_on(LAMP))
        assert raised.value.since == START.add(hours=1)
        assert not h.app.api.connected
        h.connect()
        h.run(h.app.api.turn_on(LAMP))


def test_going_offline_and_disconnecting_are_the_same() -> None:
    with AppHarness(Lighter, states={DOOR: "off"}) as h:
        h.api.go_offline()
        assert h.states.freshness == "stale"
        h.connect()
        assert h.api.connected


def test_a_hold_that_ends_without_a_link_is_decided_when_it_is_back() -> None:
    with AppHarness(Hall, {"options": {"changed_to": "on", "duration": 5}}, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        h.disconnect()
        h.advance(seconds=10)
        assert h.app.seen == []
        h.connect()
        assert h.app.seen == [("off", "on")]


class Needy(App[AppConfig]):
    """Cannot start without states."""

    async def on_initialize(self) -> None:
        self.door = self.states[DOOR].state


def test_an_app_that_starts_without_home_assistant_waits_for_it() -> None:
    with AppHarness(Needy, states={DOOR: "off"}) as h:
        h.disconnect()
        h.restart(after=60)
        assert h.apps == []
        h.set_state(DOOR, "on")
        h.connect()
        assert h.app.door == "on"


def test_the_first_link_of_a_process_is_told_as_such() -> None:
    with AppHarness(ear("duly.event.websocket_connected")) as h:
        h.disconnect()
        h.restart()
        with pytest.raises(StatesNotReadyError, match="connect"):
            len(h.states)
        h.connect()
        assert [event.payload.data.first for event in h.app.events] == [True]


def test_who_waits_for_states_goes_on_when_they_come() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        h.disconnect()
        h.restart()
        waiting = h.run(lambda: asyncio.ensure_future(h.states.wait_synced()))
        assert not waiting.done()
        h.connect()
        assert waiting.done()


# --- the life of the app ---------------------------------------------------------------------------------------------


def test_after_a_restart_listeners_have_the_same_rows_and_home_assistant_its_states() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        ids = h.bus.get_listener_db_ids()
        h.restart(after=60)
        assert h.bus.get_listener_db_ids() == ids
        assert h.states[DOOR].state == "on"
        h.change_state(DOOR, "off")
        assert h.app.seen == [("on", "off")]


def test_what_happens_after_a_crash_is_seen_by_the_next_process_in_its_states() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        h.crash()
        assert h.change_state(DOOR, "on") == []
        h.restart(after=1)
        assert (h.states[DOOR].state, h.app.seen) == ("on", [])


def test_without_a_process_only_home_assistant_goes_on() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        h.stop()
        h.disconnect()
        h.connect()
        h.set_state(DOOR, "on")
        with pytest.raises(RuntimeError, match="no instance of the app runs"):
            h.emit("porch.bell")


def test_after_twenty_reloads_there_is_one_call_per_event_the_same_row_and_nothing_is_left() -> None:
    def left() -> tuple[int, int, int]:
        service = part(h.app.duly, BusService)
        return len(service.listeners()), len(service.timers), len(asyncio.all_tasks(h._process._loop))  # type: ignore[union-attr] # it runs

    with AppHarness(Hall, {"options": {"duration": 5}}, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        h.reload({"options": {"duration": 5}})
        before, ids = left(), h.bus.get_listener_db_ids()
        for _ in range(20):
            h.change_state(DOOR, not h.states.binary_sensor[DOOR].value)
            h.reload({"options": {"duration": 5}})
        assert left() == before
        assert h.bus.get_listener_db_ids() == ids
        h.advance(minutes=1)
        assert h.app.seen == []
        h.change_state(DOOR, "unavailable")
        h.advance(seconds=5)
        assert len(h.app.seen) == 1


def test_a_listener_that_is_gone_after_a_reload_is_retired() -> None:
    class Moved(App[HallConfig]):
        async def on_initialize(self) -> None:
            await self.bus.on_state_change(LAMP, handler=self.note, name="lamp")

        async def note(self) -> None:
            pass

    with AppHarness(Hall, states={DOOR: "off", LAMP: "off"}) as h:
        h.change_state(DOOR, "on")
        h.replace(Moved)  # type: ignore[arg-type] # another app in the same file
        assert h.change_state(DOOR, "off") == []
        [row] = h.change_state(LAMP, "on")
        assert row.listener == "lamp"


def test_nothing_of_an_app_begins_after_its_stop() -> None:
    calls: list[str] = []

    class Leaving(Hall):
        async def note(self, event: RawStateChangeEvent) -> None:
            calls.append("note")

        async def on_shutdown(self) -> None:
            calls.append("on_shutdown")
            await self.api.turn_off(LAMP)
            await self.bus.emit("hall.left", None)

    with AppHarness(Leaving, {"options": {"debounce": 1}}, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        h.stop()
        assert calls == ["on_shutdown"]
        h.api.assert_called("turn_off", entity_id=LAMP)


# --- errors ----------------------------------------------------------------------------------------------------------


class Clumsy(Hall):
    """Fails when it hears something."""

    async def note(self, event: RawStateChangeEvent) -> None:
        raise OSError(event.payload.data.new_state_value)


def test_what_a_handler_raises_is_raised_by_the_call_that_made_it_happen() -> None:
    with AppHarness(Clumsy, states={DOOR: "off"}) as h:
        with pytest.raises(OSError, match="on"):
            h.change_state(DOOR, "on")
        assert [row.status for row in h.ledger.rows(listener="door")] == ["error"]


def test_it_may_be_kept_instead() -> None:
    with AppHarness(Clumsy, states={DOOR: "off"}, raise_errors=False) as h:
        h.change_state(DOOR, "on")
        assert [type(error) for error in h.errors] == [OSError]


def test_what_a_filter_raises_is_raised_too() -> None:
    def broken(_: object) -> bool:
        raise OSError("no")

    class Broken(Hall):
        async def on_initialize(self) -> None:
            await self.bus.on_state_change(DOOR, handler=self.note, where=broken)

    with AppHarness(Broken, states={DOOR: "off"}) as h, pytest.raises(OSError, match="no"):
        h.change_state(DOOR, "on")


# --- other kinds of code ---------------------------------------------------------------------------------------------


class Cellar(AppSync[AppConfig]):
    """Does all of it in worker threads."""

    def on_initialize_sync(self) -> None:
        self.seen: list[str] = []
        self.bus.sync.on_state_change(DOOR, handler=self.note)

    def note(self) -> None:
        self.seen.append(self.states[DOOR].state)
        self.api.sync.turn_on(LAMP)
        self.bus.sync.emit("cellar.noted", None)


def test_apps_of_plain_functions_have_blocking_twins() -> None:
    with AppHarness(Cellar, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        assert h.app.seen == ["on"]
        h.api.assert_called("turn_on", entity_id=LAMP)


async def _in_a_loop() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        h.change_state(DOOR, "on")
        h.disconnect()
        h.connect()
        assert h.app.seen == [("off", "on")]


def test_an_async_test_calls_it_the_same_way() -> None:
    asyncio.run(_in_a_loop())


def test_a_test_may_listen_itself() -> None:
    seen: list[Event[Any]] = []

    async def note(event: Event[Any]) -> None:
        seen.append(event)

    with AppHarness(Hall, states={DOOR: "off"}) as h:
        assert isinstance(h.bus, Bus)
        h.run(h.bus.on(topic="hass.event.*", handler=note, name="test"))
        h.change_state(DOOR, "on")
        assert len(seen) == 1


def test_the_same_input_gives_the_same_order() -> None:
    def history() -> list[tuple[str | None, ZonedDateTime]]:
        with AppHarness(Hall, {"options": {"debounce": 2}}, instances=5, states={DOOR: "off"}) as h:
            for number in range(20):
                h.change_state(DOOR, number)
                h.advance(seconds=number % 4)
            h.advance(minutes=1)
            return [(row.app_key, row.start) for row in h.ledger.rows()]

    assert history() == history()


def test_harnesses_have_homes_of_their_own() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as one, AppHarness(Hall, states={DOOR: "off"}) as other:
        one.change_state(DOOR, "on")
        assert (len(one.app.seen), len(other.app.seen)) == (1, 0)
        other.disconnect()
        assert one.states.freshness == "fresh"


def test_a_day_of_changes_takes_little_time() -> None:
    with AppHarness(Hall, states={DOOR: "off"}) as h:
        for _ in range(100):
            h.change_state(DOOR, "on")
            h.advance(minutes=7)
            h.change_state(DOOR, "off")
            h.advance(minutes=7)
        assert len(h.app.seen) == 200

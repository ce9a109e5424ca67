"""What the methods of a bus listen to."""

import logging
from pathlib import Path
from typing import Any

import pytest

from duly.bus import ANY_VALUE, Topic
from duly.bus import conditions as C  # noqa: N812 - as users import it
from duly.bus import predicates as P  # noqa: N812 - as users import it
from duly.events import (
    AppStatePayload,
    DulyAppStateEvent,
    DulyLinkEvent,
    DulyServiceEvent,
    Event,
    LinkConnectedPayload,
    LinkDisconnectedPayload,
    ServiceStatusPayload,
)
from tests.bus.porch import Scene, in_scene, state

LAMP = "light.lamp"


# on, emit


def test_on_hears_a_topic_and_emit_reaches_everybody_the_sender_included(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        events: list[Event[Any]] = []

        async def handler(event: Event[Any]) -> None:
            events.append(event)

        await scene.bus.on(topic="lamp", handler=handler)
        data = {"level": 3}
        await scene.emit(data)
        await scene.emit("other", topic="lamp.other")
        (event,) = events
        assert event.topic == "lamp"
        assert event.payload.data is data
        assert event.payload.origin == "DULY"
        assert event.payload.time_fired.tz_id == "UTC"

    in_scene(tmp_path, main)


@pytest.mark.parametrize(
    ("topic", "heard"),
    [
        ("lamp", ["lamp"]),
        ("lamp.*", ["lamp.a", "lamp.b.c"]),
        ("lamp.?", ["lamp.a"]),
        ("l[ae]mp", ["lamp"]),
        ("*", ["lamp", "lamp.a", "lamp.b.c", "Lamp"]),
        ("Lamp", ["Lamp"]),
    ],
)
def test_a_topic_may_be_a_glob(tmp_path: Path, topic: str, heard: list[str]) -> None:
    async def main(scene: Scene) -> None:
        got: list[str] = []

        async def handler(event: Event[Any]) -> None:
            if event.topic.lower().startswith("lamp"):
                got.append(event.topic)

        await scene.bus.on(topic=topic, handler=handler)
        for each in ("lamp", "lamp.a", "lamp.b.c", "Lamp"):
            await scene.emit(1, topic=each)
        assert got == heard

    in_scene(tmp_path, main)


def test_a_member_of_topic_is_a_topic(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on(topic=Topic.HASS_EVENT_CALL_SERVICE, handler=scene.told)
        assert subscription.topic == "hass.event.call_service"
        assert type(subscription.topic) is str
        await scene.call("light", "turn_on")
        assert len(scene.calls) == 1

    in_scene(tmp_path, main)


@pytest.mark.parametrize(
    "topic", ["", "lamp.*", "lam?", "[l]amp", "hass.event.state_changed", "duly.event.mine", "hass.event."]
)
def test_emit_refuses_topics_that_are_no_apps(tmp_path: Path, topic: str) -> None:
    async def main(scene: Scene) -> None:
        with pytest.raises(ValueError, match="topic") as caught:
            await scene.bus.emit(topic, 1)
        assert repr(topic) in str(caught.value)

    in_scene(tmp_path, main)


@pytest.mark.parametrize("topic", ["hass.events", "hass", "duly.eventful", "my.hass.event.x"])
def test_emit_takes_what_only_looks_like_one_of_them(tmp_path: Path, topic: str) -> None:
    async def main(scene: Scene) -> None:
        await scene.bus.on(topic=topic, handler=scene.told)
        await scene.emit(1, topic=topic)
        assert len(scene.calls) == 1

    in_scene(tmp_path, main)


def test_events_of_one_sender_arrive_in_order(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await scene.bus.on(topic="lamp*", handler=scene.told)
        for number in range(50):
            await scene.bus.emit(f"lamp{number % 3}", number)
        await scene.service.idle(10)
        assert [data for _, data in scene.calls] == list(range(50))

    in_scene(tmp_path, main)


# on_state_change, on_attribute_change


CHANGES = [("off", 1), ("on", 1), ("on", 2), ("off", 2), ("on", 3)]
"""What a lamp goes through, which is on before: its state, and its brightness."""


async def go_through_changes(scene: Scene) -> list[float]:
    """Change it once a second; when a handler was called."""
    for second, (value, brightness) in enumerate(CHANGES):
        await scene.until(second)
        await scene.change(value, brightness=brightness)
    return [second for second, _ in scene.calls]


@pytest.mark.parametrize(
    ("terms", "heard"),
    [
        ({}, [0, 1, 3, 4]),
        ({"changed": True}, [0, 1, 3, 4]),
        ({"changed": False}, [0, 1, 2, 3, 4]),
        ({"changed_to": "on"}, [1, 4]),
        ({"changed_to": C.IsIn(["off"])}, [0, 3]),
        ({"changed_to": "on", "changed": False}, [1, 2, 4]),
        ({"changed_to": ANY_VALUE}, [0, 1, 3, 4]),
        ({"changed_to": None}, []),
        ({"changed_from": "off"}, [1, 4]),
        ({"changed_from": "on", "changed_to": "off"}, [0, 3]),
        ({"changed_from": lambda old: old == "on", "changed": False}, [0, 2, 3]),
        ({"changed": lambda old, new: (old, new) == ("off", "on")}, [1, 4]),
        ({"where": lambda event: event.payload.data.new_state["attributes"]["brightness"] > 1}, [3, 4]),
        ({"where": [P.StateTo("on"), P.AttrTo("brightness", 3)]}, [4]),
        ({"where": ()}, [0, 1, 3, 4]),
    ],
)
def test_on_state_change_hears_what_its_terms_say(tmp_path: Path, terms: dict[str, Any], heard: list[int]) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on", brightness=1))
        await scene.bus.on_state_change(LAMP, handler=scene.noted, **terms)
        assert await go_through_changes(scene) == heard

    in_scene(tmp_path, main)


@pytest.mark.parametrize(
    ("terms", "heard"),
    [
        ({}, [2, 4]),
        ({"changed": False}, [0, 1, 2, 3, 4]),
        ({"changed": C.Increased}, [2, 4]),
        ({"changed": C.Decreased()}, []),
        ({"changed_to": 2}, [2]),
        ({"changed_from": 2}, [4]),
        ({"changed_from": C.Comparison("<", 2), "changed_to": C.Comparison(">", 1)}, [2]),
    ],
)
def test_on_attribute_change_hears_what_its_terms_say(tmp_path: Path, terms: dict[str, Any], heard: list[int]) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on", brightness=1))
        await scene.bus.on_attribute_change(LAMP, "brightness", handler=scene.noted, **terms)
        assert await go_through_changes(scene) == heard

    in_scene(tmp_path, main)


@pytest.mark.parametrize(
    ("entity_id", "heard"),
    [
        ("light.*", ["light.lamp", "light.led"]),
        ("light.l?d", ["light.led"]),
        ("*.lamp", ["light.lamp", "switch.lamp"]),
        ("[ls]*.lamp", ["light.lamp", "switch.lamp"]),
        ("*", ["light.lamp", "light.led", "switch.lamp"]),
        ("Light.*", []),
    ],
)
def test_an_entity_id_may_be_a_glob(tmp_path: Path, entity_id: str, heard: list[str]) -> None:
    async def main(scene: Scene) -> None:
        got: list[str] = []

        async def handler(event: Event[Any]) -> None:
            got.append(event.payload.data.entity_id)

        subscription = await scene.bus.on_state_change(entity_id, handler=handler)
        assert subscription.topic == f"hass.event.state_changed.{entity_id}"
        for each in ("light.lamp", "light.led", "switch.lamp"):
            await scene.change("on", each)
        assert got == heard

    in_scene(tmp_path, main)


def test_a_removed_entity_has_changed(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.bus.on_state_change(LAMP, handler=scene.noted)
        await scene.change(None)
        assert scene.calls == [(0.0, None)]

    in_scene(tmp_path, main)


def test_an_attribute_listener_without_demand_on_the_change_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(scene: Scene) -> None:
        await scene.bus.on_attribute_change(LAMP, "brightness", handler=scene.noted, changed=False)

    with caplog.at_level(logging.WARNING):
        in_scene(tmp_path, main)
    (record,) = [record for record in caplog.records if "changed=False" in record.getMessage()]
    assert "every event" in record.getMessage()
    assert LAMP in record.getMessage()


# on_call_service and the rest of Home Assistant


@pytest.mark.parametrize(
    ("arguments", "topic", "heard"),
    [
        ({}, "hass.event.call_service", [0, 1, 2]),
        ({"domain": "light"}, "hass.event.call_service.light.*", [0, 1]),
        ({"service": "turn_on"}, "hass.event.call_service.*.turn_on", [0, 2]),
        ({"domain": "light", "service": "turn_on"}, "hass.event.call_service.light.turn_on", [0]),
        ({"domain": "[ls]*", "service": "turn_o?"}, "hass.event.call_service.[ls]*.turn_o?", [0, 2]),
        ({"where": {"entity_id": LAMP}}, "hass.event.call_service", [0]),
        ({"where": {"entity_id": "light.*"}}, "hass.event.call_service", [0, 1]),
        ({"domain": "light", "where": [{"level": ANY_VALUE}]}, "hass.event.call_service.light.*", [1]),
        (
            {"where": [P.ServiceMatches("t*"), {"entity_id": "*.lamp"}]},
            "hass.event.call_service",
            [0, 2],
        ),
    ],
)
def test_on_call_service_hears_the_calls_that_are_meant(
    tmp_path: Path, arguments: dict[str, Any], topic: str, heard: list[int]
) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on_call_service(handler=scene.told, **arguments)
        assert subscription.topic == topic
        assert scene.listeners()[0]["topic"] == topic
        calls: tuple[tuple[str, str, dict[str, object]], ...] = (
            ("light", "turn_on", {"entity_id": LAMP}),
            ("light", "dim", {"entity_id": "light.led", "level": 3}),
            ("switch", "turn_on", {"entity_id": "switch.lamp"}),
        )
        for second, (domain, service, data) in enumerate(calls):
            await scene.until(second)
            await scene.call(domain, service, **data)
        assert [second for second, _ in scene.calls] == heard

    in_scene(tmp_path, main)


@pytest.mark.parametrize(
    ("method", "arguments", "heard"),
    [
        ("on_component_loaded", {}, ["component_loaded", "component_loaded"]),
        ("on_component_loaded", {"component": "light"}, ["component_loaded"]),
        ("on_component_loaded", {"component": "sun"}, []),
        ("on_service_registered", {}, ["service_registered", "service_registered"]),
        ("on_service_registered", {"domain": "light"}, ["service_registered"]),
        ("on_service_registered", {"domain": "light", "service": "dim"}, []),
        ("on_service_registered", {"service": "turn_*"}, ["service_registered", "service_registered"]),
        ("on_homeassistant_start", {}, ["homeassistant_started"]),
        ("on_homeassistant_stop", {}, ["homeassistant_stop"]),
        ("on_homeassistant_restart", {}, ["call_service"]),
    ],
)
def test_other_methods_hear_what_they_are_named_for(
    tmp_path: Path, method: str, arguments: dict[str, Any], heard: list[str]
) -> None:
    async def main(scene: Scene) -> None:
        got: list[str] = []

        async def handler(event: Event[Any]) -> None:
            got.append(event.payload.event_type)

        await getattr(scene.bus, method)(handler=handler, **arguments)
        for component in ("light", "switch"):
            await scene.happen("component_loaded", component=component)
            await scene.happen("service_registered", domain=component, service="turn_on")
            await scene.happen("service_removed", domain=component, service="turn_on")
        for event_type in ("homeassistant_start", "homeassistant_started", "homeassistant_stop"):
            await scene.happen(event_type)
        await scene.call("homeassistant", "restart")
        await scene.call("homeassistant", "stop")
        assert got == heard

    in_scene(tmp_path, main)


# Duly's own


def app_event(app_key: str, status: str) -> DulyAppStateEvent:
    return DulyAppStateEvent.of(AppStatePayload(app_key, 0, app_key, "App", status, "starting"))


def service_event(name: str, status: str, before: str = "starting") -> DulyServiceEvent:
    return DulyServiceEvent.of(ServiceStatusPayload(name, "service", status, before, True, ""))


OWN: list[tuple[str, Event[Any]]] = [
    ("app a", app_event("a", "running")),
    ("app b", app_event("b", "running")),
    ("app a stops", app_event("a", "stopping")),
    ("running", service_event("Link", "running")),
    ("ready", service_event("Link", "running", "running")),
    ("failed", service_event("Link", "failed")),
    ("not ready", service_event("Link", "failed", "failed")),
    ("crashed", service_event("Link", "crashed")),
    ("connected", DulyLinkEvent.connected(LinkConnectedPayload(first=True, generation=1, ha_version="2025.1"))),
    ("disconnected", DulyLinkEvent.disconnected(LinkDisconnectedPayload("closed", 1000))),
]


@pytest.mark.parametrize(
    ("method", "arguments", "heard"),
    [
        ("on_websocket_connected", {}, ["connected"]),
        ("on_websocket_disconnected", {}, ["disconnected"]),
        ("on_app_state_changed", {}, ["app a", "app b", "app a stops"]),
        ("on_app_state_changed", {"app_key": "a"}, ["app a", "app a stops"]),
        ("on_app_state_changed", {"app_key": "a", "status": "running"}, ["app a"]),
        ("on_app_state_changed", {"status": "stopping"}, ["app a stops"]),
        ("on_app_running", {}, ["app a", "app b"]),
        ("on_app_running", {"app_key": "b"}, ["app b"]),
        ("on_app_stopping", {}, ["app a stops"]),
        ("on_app_stopping", {"app_key": "b"}, []),
        ("on_duly_service_status", {}, ["running", "ready", "failed", "not ready", "crashed"]),
        ("on_duly_service_status", {"status": "*ing"}, ["running"]),
        ("on_duly_service_status", {"status": "failed"}, ["failed"]),
        ("on_duly_service_failed", {}, ["failed"]),
        ("on_duly_service_crashed", {}, ["crashed"]),
        ("on_duly_service_started", {}, ["running"]),
    ],
)
def test_methods_for_duly_itself_hear_what_they_are_named_for(
    tmp_path: Path, method: str, arguments: dict[str, Any], heard: list[str]
) -> None:
    async def main(scene: Scene) -> None:
        got: list[Event[Any]] = []

        async def handler(event: Event[Any]) -> None:
            got.append(event)

        await scene.service.idle(10)
        await getattr(scene.bus, method)(handler=handler, **arguments)
        for _, event in OWN:
            scene.service.publish(event)
        await scene.service.idle(10)
        assert [name for name, event in OWN if any(each is event for each in got)] == heard

    in_scene(tmp_path, main)

"""What Home Assistant sends becomes typed, frozen events."""

import copy
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from whenever import ZonedDateTime

from duly.events import (
    MISSING_VALUE,
    CallServiceData,
    CallServiceEvent,
    ComponentLoadedData,
    ComponentLoadedEvent,
    Event,
    HassContext,
    HassPayload,
    RawStateChangeEvent,
    ServiceData,
    ServiceRegisteredEvent,
    ServiceRemovedEvent,
    StateChangeData,
    hass_event,
)
from tests.events.samples import called, changed, lamp, other, raw_event

SERVICE = {"domain": "light", "service": "turn_on"}


@pytest.mark.parametrize(
    ("event_type", "data", "kind", "expected"),
    [
        (
            "state_changed",
            {"entity_id": "light.lamp", "old_state": None, "new_state": lamp()},
            RawStateChangeEvent,
            StateChangeData("light.lamp", None, lamp()),
        ),
        (
            "call_service",
            SERVICE | {"service_data": {"brightness": 5}},
            CallServiceEvent,
            CallServiceData("light", "turn_on", {"brightness": 5}),
        ),
        ("call_service", SERVICE, CallServiceEvent, CallServiceData("light", "turn_on", {})),
        ("component_loaded", {"component": "sun"}, ComponentLoadedEvent, ComponentLoadedData("sun")),
        ("service_registered", SERVICE, ServiceRegisteredEvent, ServiceData("light", "turn_on")),
        ("service_removed", SERVICE, ServiceRemovedEvent, ServiceData("light", "turn_on")),
        ("zha_event", {"command": "press"}, Event, {"command": "press"}),
    ],
)
def test_each_type_has_its_class_topic_and_data(event_type: str, data: Any, kind: type, expected: object) -> None:  # noqa: ANN401 - as it comes
    event = hass_event(raw_event(event_type, data))
    assert type(event) is kind
    assert event.topic == f"hass.event.{event_type}"
    assert event.payload.data == expected
    assert event.payload.event_type == event_type


def test_the_payload_says_when_where_and_why() -> None:
    payload = other("zha_event").payload
    assert type(payload) is HassPayload
    assert payload.context == HassContext("01JCAUSE", None, "52a1")
    assert (payload.event_id, payload.origin) == ("01JCAUSE", "LOCAL")
    assert payload.time_fired == ZonedDateTime(2025, 3, 30, 1, 59, 59, nanosecond=123_456_000, tz="UTC")


def test_the_origin_may_be_remote() -> None:
    assert hass_event(raw_event("zha_event", {}, origin="REMOTE")).payload.origin == "REMOTE"


def test_a_time_with_an_offset_is_the_same_moment_in_utc() -> None:
    event = hass_event(raw_event("zha_event", {}, time_fired="2025-03-30T04:00:00+02:00"))
    assert event.payload.time_fired == ZonedDateTime(2025, 3, 30, 2, tz="UTC")
    assert event.payload.time_fired.tz_id == "UTC"


def test_events_of_one_cause_share_their_id() -> None:
    assert changed("off", "on").payload.event_id == called("light", "turn_on").payload.event_id


def test_unknown_extra_fields_are_ignored() -> None:
    data = {"entity_id": "light.lamp", "old_state": None, "new_state": lamp(), "moon": "full"}
    context = {"id": "01J", "parent_id": None, "user_id": None, "session": 5}
    raw = raw_event("state_changed", data, context=context, variables={}, more=1)
    assert hass_event(raw).payload.data == StateChangeData("light.lamp", None, lamp())


@pytest.mark.parametrize("name", ["event_type", "data", "context", "time_fired"])
def test_what_lacks_something_cannot_be_built(name: str) -> None:
    raw = raw_event("zha_event", {})
    del raw[name]
    with pytest.raises(KeyError, match=name):
        hass_event(raw)


@pytest.mark.parametrize(
    ("event_type", "data", "more"),
    [
        ("zha_event", ["no", "mapping"], {}),
        (5, {}, {}),
        ("zha_event", {}, {"time_fired": "yesterday"}),
        ("zha_event", {}, {"context": {"id": 5}}),
        ("state_changed", {"entity_id": 5, "old_state": None, "new_state": None}, {}),
        ("state_changed", {"entity_id": "light.lamp", "old_state": None, "new_state": "on"}, {}),
        ("state_changed", {"entity_id": "light.lamp", "old_state": {"state": 5}, "new_state": None}, {}),
        (
            "state_changed",
            {"entity_id": "light.lamp", "old_state": None, "new_state": {**lamp(), "attributes": [1]}},
            {},
        ),
        ("call_service", {"domain": "light", "service": None}, {}),
        ("call_service", {"domain": "light", "service": "turn_on", "service_data": [1]}, {}),
        ("component_loaded", {"component": None}, {}),
        ("service_removed", {"domain": 1, "service": "turn_on"}, {}),
    ],
)
def test_what_has_something_of_another_kind_cannot_be_built(event_type: Any, data: Any, more: Any) -> None:  # noqa: ANN401 - as it comes
    with pytest.raises((TypeError, ValueError)):
        hass_event(raw_event(event_type, data, **more))


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("state_changed", {"entity_id": "light.lamp", "old_state": None}),
        ("call_service", {"domain": "light"}),
        ("component_loaded", {}),
        ("service_registered", {"service": "turn_on"}),
    ],
)
def test_data_that_lack_something_cannot_be_built(event_type: str, data: Any) -> None:  # noqa: ANN401 - as it comes
    with pytest.raises(KeyError):
        hass_event(raw_event(event_type, data))


# Properties of the payload


def test_a_change_tells_its_entity_and_domain_and_no_service() -> None:
    payload = changed("off", "on").payload
    assert (payload.entity_id, payload.domain, payload.service) == ("light.lamp", "light", None)


def test_a_call_tells_its_domain_and_service_and_no_entity() -> None:
    payload = called("light", "turn_on", entity_id=["light.lamp"]).payload
    assert (payload.entity_id, payload.domain, payload.service) == (None, "light", "turn_on")


def test_any_other_event_tells_what_its_data_have_as_text() -> None:
    payload = other("custom", entity_id="light.lamp", domain=5).payload
    assert (payload.entity_id, payload.domain, payload.service) == ("light.lamp", None, None)


# Properties of a change


@pytest.mark.parametrize(
    ("old", "new", "old_value", "new_value", "differs"),
    [
        ("off", "on", "off", "on", True),
        ("on", "on", "on", "on", False),
        (None, "on", MISSING_VALUE, "on", True),
        ("on", None, "on", MISSING_VALUE, True),
        (None, None, MISSING_VALUE, MISSING_VALUE, False),
    ],
)
def test_a_change_has_an_old_and_a_new_value(
    old: str | None, new: str | None, old_value: object, new_value: object, differs: bool
) -> None:
    data = changed(old, new).payload.data
    assert (data.old_state_value, data.new_state_value) == (old_value, new_value)
    assert data.state_value_has_changed is differs


def test_a_change_of_attributes_alone_is_none_of_the_value() -> None:
    assert not changed(lamp(brightness=5), lamp(brightness=6)).payload.data.state_value_has_changed


def test_events_are_frozen_and_slotted() -> None:
    event = changed("off", "on")
    for value in (event, event.payload, event.payload.context, event.payload.data):
        assert not hasattr(value, "__dict__")
    with pytest.raises(FrozenInstanceError):
        event.topic = "another"  # type: ignore[misc] # it is frozen, that is the point


def test_a_missing_value_is_false_and_the_same_everywhere() -> None:

    assert not MISSING_VALUE
    assert repr(MISSING_VALUE) == "MISSING_VALUE"
    assert copy.deepcopy(MISSING_VALUE) is MISSING_VALUE
    assert pickle.loads(pickle.dumps(MISSING_VALUE)) is MISSING_VALUE  # noqa: S301 - our own

"""The names under which the listeners of an event are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.events import (
    AnyHassEvent,
    DulyExecutionCompletedEvent,
    DulyLinkEvent,
    LinkConnectedPayload,
    Topic,
    routes_of,
)
from tests.events.samples import called, changed, other, own


def test_a_change_is_found_by_entity_by_domain_and_by_topic() -> None:
    assert routes_of(changed("off", "on")) == (
        "hass.event.state_changed.light.lamp",
        "hass.event.state_changed.light.*",
        "hass.event.state_changed",
    )


def test_a_call_is_found_by_service_by_domain_and_by_topic() -> None:
    assert routes_of(called("light", "turn_on")) == (
        "hass.event.call_service.light.turn_on",
        "hass.event.call_service.light.*",
        "hass.event.call_service",
    )


@pytest.mark.parametrize(
    "event",
    [
        other("component_loaded", component="sun"),
        other("service_registered", domain="light", service="turn_on"),
        other("service_removed", domain="light", service="turn_on"),
        other("zha_event", entity_id="light.lamp", domain="light", service="turn_on"),
    ],
)
def test_other_events_of_home_assistant_have_their_topic_alone(event: AnyHassEvent) -> None:
    assert routes_of(event) == (event.topic,)


def test_events_of_apps_and_of_duly_have_their_topic_alone() -> None:
    assert routes_of(own(topic="porch.bell")) == ("porch.bell",)
    assert routes_of(DulyExecutionCompletedEvent.from_record("job", "success", 1.5)) == (
        Topic.DULY_EVENT_EXECUTION_COMPLETED,
    )


def test_the_topic_of_an_event_is_never_refined() -> None:
    assert changed("off", "on").topic == Topic.HASS_EVENT_STATE_CHANGED
    assert called("light", "turn_on").topic == Topic.HASS_EVENT_CALL_SERVICE


@given(st.from_regex(r"[a-z_]+\.[a-z0-9_]+", fullmatch=True))
def test_routes_go_from_the_most_specific_to_the_topic(entity_id: str) -> None:
    event = changed("off", "on", entity_id)
    routes = routes_of(event)
    assert routes[0].endswith(entity_id)
    assert routes[-1] == event.topic
    assert all(route.startswith(event.topic) for route in routes)


def test_the_link_announces_itself_below_duly() -> None:
    payload = LinkConnectedPayload(first=True, generation=1, ha_version="2025.11.0")
    assert routes_of(DulyLinkEvent.connected(payload))[-1] == Topic.DULY_EVENT_WEBSOCKET_CONNECTED

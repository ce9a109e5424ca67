"""Events as Home Assistant sends them, and as listeners get them."""

from typing import Any

from duly.events import AnyHassEvent, DulyPayload, Event, hass_event

Raw = dict[str, Any]


def raw_event(event_type: str, data: Raw, **more: Any) -> Raw:  # noqa: ANN401 - as Home Assistant sends them
    """An event as it comes."""
    return {
        "event_type": event_type,
        "data": data,
        "origin": "LOCAL",
        "time_fired": "2025-03-30T01:59:59.123456+00:00",
        "context": {"id": "01JCAUSE", "parent_id": None, "user_id": "52a1"},
        **more,
    }


def raw_state(entity_id: str, state: str, **attributes: Any) -> Raw:  # noqa: ANN401 - as Home Assistant sends them
    """A state as it comes."""
    return {
        "entity_id": entity_id,
        "state": state,
        "attributes": attributes,
        "last_changed": "2025-03-30T01:00:00+00:00",
        "last_updated": "2025-03-30T01:00:00+00:00",
        "context": {"id": "01JCAUSE", "parent_id": None, "user_id": None},
    }


def changed(old: str | Raw | None, new: str | Raw | None, entity_id: str = "light.lamp") -> AnyHassEvent:
    """A change of an entity, from a state to another."""
    states = [raw_state(entity_id, each) if isinstance(each, str) else each for each in (old, new)]
    data = {"entity_id": entity_id, "old_state": states[0], "new_state": states[1]}
    return hass_event(raw_event("state_changed", data))


def lamp(state: str = "on", **attributes: Any) -> Raw:  # noqa: ANN401 - as Home Assistant sends them
    """A state of ``light.lamp``."""
    return raw_state("light.lamp", state, **attributes)


def called(domain: str, service: str, **service_data: Any) -> AnyHassEvent:  # noqa: ANN401 - of any kind
    """A call of a service."""
    return hass_event(raw_event("call_service", {"domain": domain, "service": service, "service_data": service_data}))


def other(event_type: str, **data: Any) -> AnyHassEvent:  # noqa: ANN401 - of any kind
    """An event of a type of which Duly knows nothing."""
    return hass_event(raw_event(event_type, data))


def own(data: object = None, topic: str = "porch.bell") -> Event[Any]:
    """An event of an app."""
    return Event(topic, DulyPayload(data))

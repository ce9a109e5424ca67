"""The routes of an event: the names under which its listeners are found."""

from typing import Any

from duly.events.event import Event
from duly.events.hass import CallServiceEvent, RawStateChangeEvent
from duly.events.topics import of_entity, of_service


def routes_of(event: Event[Any]) -> tuple[str, ...]:
    """The routes of an event, most specific first; its topic is the last."""
    kind = type(event)
    if kind is RawStateChangeEvent:
        data = event.payload.data
        return of_entity(data.entity_id), of_entity(f"{data.domain}.*"), event.topic
    if kind is CallServiceEvent:
        data = event.payload.data
        return of_service(data.domain, data.service), of_service(data.domain, "*"), event.topic
    return (event.topic,)

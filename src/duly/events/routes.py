"""The routes of an event: the names under which its listeners are found."""

from functools import lru_cache
from typing import Any

from duly.events.event import Event
from duly.events.hass import CallServiceEvent, RawStateChangeEvent
from duly.events.topics import of_entity, of_service


def routes_of(event: Event[Any]) -> tuple[str, ...]:
    """The routes of an event, most specific first; its topic is the last."""
    kind = type(event)
    if kind is RawStateChangeEvent:
        return _of_entity(event.payload.data.entity_id, event.topic)
    if kind is CallServiceEvent:
        data = event.payload.data
        return _of_service(data.domain, data.service, event.topic)
    return (event.topic,)


@lru_cache(4_096)
def _of_entity(entity_id: str, topic: str) -> tuple[str, ...]:
    domain = entity_id.partition(".")[0]
    return of_entity(entity_id), of_entity(f"{domain}.*"), topic


@lru_cache(1_024)
def _of_service(domain: str, service: str, topic: str) -> tuple[str, ...]:
    return of_service(domain, service), of_service(domain, "*"), topic

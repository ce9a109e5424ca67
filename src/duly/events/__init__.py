"""Events and topics: frozen data."""

from duly.events.event import DulyPayload, Event, EventPayload
from duly.events.execution import DulyExecutionCompletedEvent, ExecutionCompletedPayload
from duly.events.topics import Topic

__all__ = [
    "DulyExecutionCompletedEvent",
    "DulyPayload",
    "Event",
    "EventPayload",
    "ExecutionCompletedPayload",
    "Topic",
]

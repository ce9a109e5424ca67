"""Events and topics: frozen data."""

from duly.events.apps import AppStatePayload, DulyAppLoadCompletedEvent, DulyAppStateEvent
from duly.events.event import DulyPayload, Event, EventPayload
from duly.events.execution import DulyExecutionCompletedEvent, ExecutionCompletedPayload
from duly.events.files import DulyFileWatcherEvent, FilesPayload
from duly.events.service import DulyServiceEvent, ServiceStatusPayload
from duly.events.topics import Topic

__all__ = [
    "AppStatePayload",
    "DulyAppLoadCompletedEvent",
    "DulyAppStateEvent",
    "DulyExecutionCompletedEvent",
    "DulyFileWatcherEvent",
    "DulyPayload",
    "DulyServiceEvent",
    "Event",
    "EventPayload",
    "ExecutionCompletedPayload",
    "FilesPayload",
    "ServiceStatusPayload",
    "Topic",
]

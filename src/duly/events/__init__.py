"""Events and topics: frozen data."""

from duly.events.apps import AppStatePayload, DulyAppLoadCompletedEvent, DulyAppStateEvent
from duly.events.event import DulyPayload, Event, EventPayload
from duly.events.execution import DulyExecutionCompletedEvent, ExecutionCompletedPayload
from duly.events.files import DulyFileWatcherEvent, FilesPayload
from duly.events.hass import (
    AnyHassEvent,
    CallServiceData,
    CallServiceEvent,
    ComponentLoadedData,
    ComponentLoadedEvent,
    HassContext,
    HassPayload,
    RawState,
    RawStateChangeEvent,
    ServiceData,
    ServiceRegisteredEvent,
    ServiceRemovedEvent,
    StateChangeData,
    hass_context,
    hass_event,
)
from duly.events.link import DulyLinkEvent, LinkConnectedPayload, LinkDisconnectedPayload
from duly.events.missing import MISSING_VALUE, MissingValue
from duly.events.routes import routes_of
from duly.events.service import DulyServiceEvent, ServiceStatusPayload
from duly.events.topics import Topic

__all__ = [
    "MISSING_VALUE",
    "AnyHassEvent",
    "AppStatePayload",
    "CallServiceData",
    "CallServiceEvent",
    "ComponentLoadedData",
    "ComponentLoadedEvent",
    "DulyAppLoadCompletedEvent",
    "DulyAppStateEvent",
    "DulyExecutionCompletedEvent",
    "DulyFileWatcherEvent",
    "DulyLinkEvent",
    "DulyPayload",
    "DulyServiceEvent",
    "Event",
    "EventPayload",
    "ExecutionCompletedPayload",
    "FilesPayload",
    "HassContext",
    "HassPayload",
    "LinkConnectedPayload",
    "LinkDisconnectedPayload",
    "MissingValue",
    "RawState",
    "RawStateChangeEvent",
    "ServiceData",
    "ServiceRegisteredEvent",
    "ServiceRemovedEvent",
    "ServiceStatusPayload",
    "StateChangeData",
    "Topic",
    "hass_context",
    "hass_event",
    "routes_of",
]

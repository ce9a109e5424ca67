"""Apps start, stop and fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from duly.events.event import DulyPayload, Event
from duly.events.topics import Topic


@dataclass(frozen=True, slots=True)
class AppStatePayload:
    """How an instance of an app stands."""

    app_key: str
    index: int
    instance_name: str
    class_name: str
    status: str
    previous_status: str
    exception: str | None = None
    """The text of the error that the status is due to."""
    exception_type: str | None = None
    exception_traceback: str | None = None


@dataclass(frozen=True, slots=True)
class DulyAppStateEvent(Event[DulyPayload[AppStatePayload]]):
    """Sent when the status of an instance has changed."""

    @classmethod
    def of(cls, data: AppStatePayload) -> Self:
        """The event that announces a status."""
        return cls(Topic.DULY_EVENT_APP_STATE_CHANGED, DulyPayload(data, event_type="app_state_changed"))


@dataclass(frozen=True, slots=True)
class DulyAppLoadCompletedEvent(Event[DulyPayload[None]]):
    """Sent when all apps have started or failed, at the start of the process and after each applied change set."""

    @classmethod
    def now(cls) -> Self:
        """The event."""
        return cls(Topic.DULY_EVENT_APP_LOAD_COMPLETED, DulyPayload(None, event_type="app_load_completed"))

"""Services and other parts of Duly start, stop and fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from whenever import ZonedDateTime

from duly.events.event import DulyPayload, Event
from duly.events.topics import Topic


@dataclass(frozen=True, slots=True)
class ServiceStatusPayload:
    """How a part stands."""

    resource_name: str
    role: str
    status: str
    previous_status: str
    """Before this change: if readiness alone has changed, the present one."""
    ready: bool
    ready_phase: str
    """The reason given with the last change of readiness."""
    retry_at: ZonedDateTime | None = None
    """When its cooldown ends; ``None``: it is not cooling."""
    exception: str | None = None
    """The text of the error that the status is due to."""
    exception_type: str | None = None
    exception_traceback: str | None = None


@dataclass(frozen=True, slots=True)
class DulyServiceEvent(Event[DulyPayload[ServiceStatusPayload]]):
    """Sent when the status or the readiness of a part has changed."""

    @classmethod
    def of(cls, data: ServiceStatusPayload) -> Self:
        """The event that announces it."""
        return cls(Topic.DULY_EVENT_SERVICE_STATUS, DulyPayload(data, event_type="service_status"))

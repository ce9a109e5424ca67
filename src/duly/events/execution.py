"""An execution has ended and is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from duly.events.event import DulyPayload, Event
from duly.events.topics import Topic


@dataclass(frozen=True, slots=True)
class ExecutionCompletedPayload:
    """What is told of an execution, or of slots that were not run."""

    kind: Literal["handler", "job"]
    status: str
    duration_ms: float
    listener_id: int | None = None
    job_id: int | None = None
    app_key: str = ""
    instance_index: int = 0
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class DulyExecutionCompletedEvent(Event[DulyPayload[ExecutionCompletedPayload]]):
    """Sent once the record of an app's execution is durable."""

    @classmethod
    def from_record(
        cls,
        kind: Literal["handler", "job"],
        status: str,
        duration_ms: float,
        *,
        listener_id: int | None = None,
        job_id: int | None = None,
        app_key: str = "",
        instance_index: int = 0,
        error_type: str | None = None,
    ) -> Self:
        """The event that announces a record."""
        data = ExecutionCompletedPayload(
            kind, status, duration_ms, listener_id, job_id, app_key, instance_index, error_type
        )
        return cls(Topic.DULY_EVENT_EXECUTION_COMPLETED, DulyPayload(data, event_type="execution_completed"))

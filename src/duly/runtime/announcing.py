"""Events of how parts stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duly.core.outcomes import text_of, traceback_of
from duly.events import DulyServiceEvent, ServiceStatusPayload

if TYPE_CHECKING:
    from whenever import ZonedDateTime

    from duly.lifecycle import StatusChange


def event_of(change: StatusChange, retry_at: ZonedDateTime | None) -> DulyServiceEvent:
    """What is told of a change; ``retry_at`` is when its cooldown ends."""
    error = change.exception
    return DulyServiceEvent.of(
        ServiceStatusPayload(
            resource_name=change.resource.unique_name,
            role=change.resource.role.value,
            status=change.status.value,
            previous_status=change.previous_status.value,
            ready=change.ready,
            ready_phase=change.ready_reason,
            retry_at=retry_at,
            exception=None if error is None else text_of(error),
            exception_type=None if error is None else type(error).__name__,
            exception_traceback=None if error is None else traceback_of(error),
        )
    )

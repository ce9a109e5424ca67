"""What the executor is asked to do: values, each of which knows what it calls and how its row looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias

from duly.core.outcomes import Outcome
from duly.events import Event, Topic
from duly.executor.contexts import BusErrorContext, ErrorContext, SchedulerErrorContext
from duly.executor.protocols import ErrorHandler, Job, Listener
from duly.ledger.codes import KIND, TIER
from duly.ledger.records import HandlerRow, JobRow, PlainRow, Row, SourceTier, from_seconds, storable_text

ORIGIN_SYNTHETIC: Final = "DULY_SYNTHETIC"
"""Origin of events that were made up."""
MANUAL: Final = "manual"
"""Trigger mode of runs by hand."""

_TIERS = TIER.numbers
HANDLER, _JOB = KIND.numbers["handler"], KIND.numbers["job"]
_COMPLETED = Topic.DULY_EVENT_EXECUTION_COMPLETED.value


@dataclass(slots=True, kw_only=True)  # frozen, it would cost three times as much to make, once per execution
class InvokeHandler:
    """Call a listener's handler with an event. Nobody changes it."""

    kind: ClassVar[int] = HANDLER
    handler_task: ClassVar[str] = "executor:bus_error_handler"
    settle: ClassVar[None] = None
    execution_id: ClassVar[None] = None
    logged: ClassVar[bool] = True
    """Whether the executor says in the log what has gone wrong."""

    listener: Listener
    event: Event[Any]
    topic: str
    """The topic of this call."""
    listener_id: int | None
    """``None``: it is not registered yet."""
    source_tier: SourceTier
    effective_timeout: float | None
    """Seconds; ``None``: no limit."""
    app_level_error_handler: ErrorHandler | None = None
    """The one of the app, when the call was decided."""
    is_synthetic: bool = False
    """Whether Duly has made the event up."""

    @property
    def owner(self) -> Listener:
        """Whose execution it is."""
        return self.listener

    @property
    def error_handler(self) -> ErrorHandler | None:
        """The listener's own handler of errors."""
        return self.listener.invoker.error_handler

    @property
    def announced(self) -> bool:
        """Whether the bus is told: not if this is itself the consequence of that."""
        return self.source_tier == "app" and self.event.topic != _COMPLETED

    def call(self) -> Awaitable[object]:
        """Call the handler."""
        return self.listener.invoker.invoke(self.event)

    def row(self, status: int, session_id: int | None, execution_id: bytes, start: int, duration: int) -> HandlerRow:
        """The row of this execution, without errors; nanoseconds."""
        payload = None if self.is_synthetic else self.event.payload
        return HandlerRow(
            HANDLER, status, self.listener_id, session_id, execution_id, start, duration, _TIERS[self.source_tier],
            storable_text(getattr(payload, "event_id", None)),
            ORIGIN_SYNTHETIC if self.is_synthetic else storable_text(getattr(payload, "origin", None)),
        )  # fmt: skip

    @property
    def label(self) -> str:
        """Names it in the line of an error."""
        return f"topic={self.topic} handler={self.listener!r}"

    @property
    def entity_label(self) -> str:
        """Names the listener in a warning."""
        return f"listener_id={self.listener_id} {self.label}"

    def error_context(self, error: BaseException, traceback: str, execution_id: str) -> ErrorContext:
        """What an error handler is told."""
        return BusErrorContext(error, traceback, self.topic, repr(self.listener), self.event, execution_id=execution_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteJob:
    """Run a job."""

    kind: ClassVar[int] = _JOB
    handler_task: ClassVar[str] = "executor:scheduler_error_handler"
    logged: ClassVar[bool] = True

    job: Job
    callable: Callable[[], Awaitable[object]]
    """Runs it with its arguments."""
    job_db_id: int | None
    """``None``: it is not registered."""
    scheduled_ts: float | None = None
    """The slot, seconds since the epoch; ``None``: run by hand."""
    attempt_number: int = 1
    source_tier: SourceTier
    effective_timeout: float | None
    """Seconds; ``None``: no limit."""
    app_level_error_handler: ErrorHandler | None = None
    """The one of the app, when the run was decided."""
    schedule_id: int | None = None
    """Row of the schedule to which the slot belongs."""
    execution_id: str | None = None
    """The id of the mark that the slot has because it waited; ``None``: it has none."""
    settle: Callable[[Outcome], bool] | None = None
    """Told how it ended, before that is recorded; ``False``: another attempt follows, so this one counts no slot."""

    @property
    def owner(self) -> Job:
        """Whose execution it is."""
        return self.job

    @property
    def error_handler(self) -> ErrorHandler | None:
        """The job's own handler of errors."""
        return self.job.error_handler

    @property
    def announced(self) -> bool:
        """Whether the bus is told."""
        return self.source_tier == "app"

    def call(self) -> Awaitable[object]:
        """Run the job."""
        return self.callable()

    def row(self, status: int, session_id: int | None, execution_id: bytes, start: int, duration: int) -> JobRow:
        """The row of this execution, without errors; nanoseconds."""
        slot = self.scheduled_ts
        row = PlainRow(
            _JOB, status, self.job_db_id, session_id, execution_id, start, duration, self.schedule_id,
            None if slot is None else from_seconds(slot), 0 if slot is None else 1, self.attempt_number,
        )  # fmt: skip
        if slot is not None and self.source_tier == "app":
            return row
        tier, mode = TIER.numbers[self.source_tier], MANUAL if slot is None else None
        return Row(*row, source_tier=tier, trigger_mode=mode)

    @property
    def label(self) -> str:
        """Names it in the line of an error."""
        return f"job_id={self.job_db_id} job={self.job.name}"

    entity_label = label

    def error_context(self, error: BaseException, traceback: str, execution_id: str) -> ErrorContext:
        """What an error handler is told."""
        job = self.job
        return SchedulerErrorContext(
            error, traceback, job.name, job.group, tuple(job.args), dict(job.kwargs), execution_id=execution_id
        )


Command: TypeAlias = InvokeHandler | ExecuteJob


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots of one job in sequence that end without a run, or wait for one. Nanoseconds since the epoch."""

    first: int
    last: int
    count: int = 1
    schedule_id: int | None = None
    """Row of the schedule to which they belong."""
    execution_id: str | None = None
    """The id of the mark that the slot has because it waited, or of an attempt; ``None``: it has none."""

"""What is recorded of an execution: as the contract names it, and as the row that is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from duly.core.clock import SECOND
from duly.ids import id_bytes
from duly.ledger.codes import KIND, REASON, STATUS, TIER

Kind: TypeAlias = Literal["handler", "job"]
SourceTier: TypeAlias = Literal["app", "framework"]

_MICROSECOND = 1_000
_MILLISECOND = 1_000_000


class PlainRow(NamedTuple):
    """A row of ``raw_executions`` with its first eleven values; the others are as usual. Half the cost of a ``Row``.

    Times and durations are nanoseconds.
    """

    kind: int
    status: int
    job_id: int | None
    session_id: int | None
    execution_id: bytes | None
    execution_start_ts: int
    duration: int
    schedule_id: int | None
    scheduled_ts: int | None
    tick_count: int
    attempt_number: int


class HandlerRow(NamedTuple):
    """A row of ``raw_executions`` with what there is to say of a handler that has not failed. Times as above."""

    kind: int
    status: int
    listener_id: int | None
    session_id: int | None
    execution_id: bytes | None
    execution_start_ts: int
    duration: int
    source_tier: int
    trigger_context_id: str | None
    trigger_origin: str | None

    @property
    def schedule_id(self) -> None:
        """It has no slot."""
        return

    @property
    def scheduled_ts(self) -> None:
        """It has no slot."""
        return

    @property
    def tick_count(self) -> int:
        """As in a ``Row``."""
        return 1

    @property
    def attempt_number(self) -> int:
        """As in a ``Row``."""
        return 1

    def full(self) -> Row:
        """The row with all its values."""
        kind, status, listener_id, session_id, execution_id, start, duration, tier, context_id, origin = self
        return Row(
            kind, status, None, session_id, execution_id, start, duration, listener_id=listener_id, source_tier=tier,
            trigger_context_id=context_id, trigger_origin=origin,
        )  # fmt: skip


class Row(NamedTuple):
    """A row of ``raw_executions`` in full, in the order in which statements take it. Times are nanoseconds."""

    kind: int
    status: int
    job_id: int | None
    session_id: int | None
    execution_id: bytes | None
    execution_start_ts: int
    duration: int
    schedule_id: int | None = None
    scheduled_ts: int | None = None
    tick_count: int = 1
    attempt_number: int = 1
    scheduled_to_ts: int | None = None
    reason: int | None = None
    trigger_mode: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    error_traceback: str | None = None
    listener_id: int | None = None
    source_tier: int = 0
    is_di_failure: int = 0
    retry_count: int = 0
    trigger_context_id: str | None = None
    trigger_origin: str | None = None
    args_json: str | None = None
    kwargs_json: str | None = None


JobRow: TypeAlias = PlainRow | Row
AnyRow: TypeAlias = JobRow | HandlerRow


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One execution, or slots of a job that were not run. Times are seconds since the epoch.

    ``status`` is an outcome, or ``started`` for the mark of an execution that has begun.
    """

    kind: Kind
    session_id: int | None
    """``None``: the session that is current when it is written."""
    execution_start_ts: float
    duration_ms: float
    status: str
    listener_id: int | None = None
    job_id: int | None = None
    app_key: str = ""
    """Not stored."""
    instance_index: int = 0
    """Not stored."""
    source_tier: SourceTier = "app"
    is_di_failure: bool = False
    error_type: str | None = None
    error_message: str | None = None
    error_traceback: str | None = None
    execution_id: str | None = None
    trigger_context_id: str | None = None
    trigger_origin: str | None = None
    trigger_mode: str | None = None
    retry_count: int = 0
    attempt_number: int = 1
    reason: str | None = None
    args_json: str = "[]"
    kwargs_json: str = "{}"
    scheduled_ts: float | None = None
    """The slot, of several the first; ``None`` for handlers and for runs by hand."""
    tick_count: int = 1
    """Slots that this settles."""
    scheduled_to_ts: float | None = None
    """The last of several slots."""
    schedule_id: int | None = None
    """Row of the schedule to which the slot belongs."""

    def row(self, session_id: int | None = None) -> JobRow:
        """The row to write, in ``session_id`` if it has no session of its own.

        Raises:
            ValueError: a word that the ledger does not know, or an ``execution_id`` that is no UUID.
        """
        row = Row(
            kind=KIND.numbers[self.kind],
            status=_number(STATUS.number(self.status)),
            job_id=self.job_id,
            session_id=session_id if self.session_id is None else self.session_id,
            execution_id=None if self.execution_id is None else id_bytes(self.execution_id),
            execution_start_ts=from_seconds(self.execution_start_ts),
            duration=round(self.duration_ms * _MILLISECOND),
            schedule_id=self.schedule_id,
            scheduled_ts=None if self.scheduled_ts is None else from_seconds(self.scheduled_ts),
            tick_count=self.tick_count,
            attempt_number=self.attempt_number,
            scheduled_to_ts=None if self.scheduled_to_ts is None else from_seconds(self.scheduled_to_ts),
            reason=REASON.number(self.reason),
            trigger_mode=self.trigger_mode,
            error_type=self.error_type,
            error_message=storable(self.error_message),
            error_traceback=storable(self.error_traceback),
            listener_id=self.listener_id,
            source_tier=TIER.numbers[self.source_tier],
            is_di_failure=int(self.is_di_failure),
            retry_count=self.retry_count,
            trigger_context_id=self.trigger_context_id,
            trigger_origin=self.trigger_origin,
            args_json=None if self.args_json == "[]" else self.args_json,
            kwargs_json=None if self.kwargs_json == "{}" else self.kwargs_json,
        )
        return PlainRow._make(row[:_PLAIN]) if row[_PLAIN:] == _USUAL else row


_PLAIN = len(PlainRow._fields)
_USUAL = tuple(Row._field_defaults[name] for name in Row._fields[_PLAIN:])


def from_seconds(moment: float) -> int:
    """Nanoseconds since the epoch, to the microsecond: finer than that a ``float`` of seconds does not know."""
    return round(moment * SECOND / _MICROSECOND) * _MICROSECOND


def storable(text: str | None) -> str | None:
    """The text with what no file can hold, half a surrogate pair, replaced."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def storable_text(value: object) -> str | None:
    """The text of any value, as ``storable``; ``None`` for ``None``."""
    if type(value) is str and value.isascii():
        return value
    return None if value is None else storable(str(value))


def _number(found: int | None) -> int:
    assert found is not None  # noqa: S101 - a status is never None
    return found

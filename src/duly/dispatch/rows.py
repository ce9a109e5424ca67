"""What a leader decides, as rows of its ledger file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duly.core.outcomes import Outcome, cut_traceback, text_of, traceback_of
from duly.ids import new_id
from duly.ledger.codes import KIND, REASON, STARTED, STATUS
from duly.ledger.records import JobRow, PlainRow, Row, storable

if TYPE_CHECKING:
    from duly.core.decisions import Close
    from duly.dispatch.live_entry import LiveEntry

_JOB = KIND.numbers["job"]

Parents = tuple[int, int]
"""Row ids of the job and of its schedule."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a slot that was begun has ended. Times are nanoseconds."""

    slot: int | None
    """Nominal time; ``None``: run by hand."""
    outcome: Outcome
    started: int
    duration: int = 0
    mode: str | None = None
    """Why it began, unless it was simply due."""
    error: Exception | None = None


def row_of_run(ended: Ended, parents: Parents, execution_id: bytes) -> JobRow:
    """The row for a slot that was begun, or a run by hand."""
    job_id, schedule_id = parents
    plain = PlainRow(
        _JOB, STATUS.numbers[ended.outcome.value], job_id, None, execution_id, ended.started, ended.duration,
        schedule_id, ended.slot, 0 if ended.slot is None else 1, 1,
    )  # fmt: skip
    error = ended.error
    if error is None:
        return plain if ended.mode is None else Row(*plain, trigger_mode=ended.mode)
    return Row(
        *plain,
        trigger_mode=ended.mode,
        error_type=type(error).__name__,
        error_message=storable(text_of(error)),
        error_traceback=storable(cut_traceback(traceback_of(error))),
    )


def mark_of_slot(slot: int, parents: Parents, execution_id: bytes, now: int) -> JobRow:
    """The mark of a slot that is begun, or waits for its turn."""
    return PlainRow(_JOB, STARTED, parents[0], None, execution_id, now, 0, parents[1], slot, 1, 1)


def row_of_close(close: Close[LiveEntry], parents: Parents, now: int) -> JobRow:
    """The row for slots that end without a run."""
    first, count = close.first, close.count
    return Row(
        _JOB, STATUS.numbers[close.outcome.value], parents[0], None, close.job.marks.pop(first, None) or new_id(now),
        first, 0, parents[1], first, count, scheduled_to_ts=close.last if count > 1 else None,
        reason=None if close.reason is None else REASON.numbers[close.reason.value],
    )  # fmt: skip

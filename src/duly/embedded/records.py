"""The executions and the slots that were not run, as far as memory keeps them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from traceback import format_exception
from typing import Any, NamedTuple, TypeAlias

from duly.core.clock import Zone
from duly.core.decisions import Cause, Close
from duly.core.outcomes import Failure, Outcome, Reason
from duly.embedded.job import LiveJob, LiveRun, moment

KEPT = 1_000
"""Executions kept in memory; counts stay exact beyond them."""

_LONGEST_TRACEBACK = 8192


@dataclass(frozen=True, slots=True)
class Execution:
    """One line of the ledger: an attempt to run a slot, a run by hand, or slots that ended without running."""

    job_id: str
    name: str
    status: Outcome
    reason: Reason | None
    """Why slots were skipped or missed; ``None`` for what ran."""
    scheduled_at: datetime | None
    """Nominal time of the (first) slot; ``None``: run by hand."""
    started_at: datetime
    """When it began; what did not run has its nominal time here."""
    duration_ms: float
    attempt_number: int
    tick_count: int
    """Slots that this line settles: 0 for a run by hand and for an attempt that another follows."""
    cause: Cause | None
    """Why the run began; ``None`` for slots that did not run."""
    error_type: str | None
    error_message: str | None
    error_traceback: str | None


class JobEvent(StrEnum):
    """What listeners can be told of."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Ended in an error, a time-out, or interrupted by the stop of the scheduler."""
    SKIPPED = "skipped"
    MISSED = "missed"
    CANCELLED = "cancelled"
    """A run, slots, or the job itself: then without ``execution``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a listener is told. ``execution`` is ``None`` for ``STARTED`` and where a job was cancelled."""

    event: JobEvent
    job_id: str
    name: str
    execution: Execution | None


Listener: TypeAlias = Callable[[Notice], object]

EVENT_OF = {
    Outcome.SUCCESS: JobEvent.SUCCEEDED,
    Outcome.ERROR: JobEvent.FAILED,
    Outcome.TIMED_OUT: JobEvent.FAILED,
    Outcome.INTERRUPTED: JobEvent.FAILED,
    Outcome.CANCELLED: JobEvent.CANCELLED,
    Outcome.SKIPPED: JobEvent.SKIPPED,
    Outcome.MISSED: JobEvent.MISSED,
}


class Ended(NamedTuple):
    """A run that has come to its end, as its host saw it. Times are nanoseconds."""

    run: LiveRun
    outcome: Outcome
    started: int
    duration: int
    result: Any = None
    failure: Failure | None = None
    traceback: str | None = None


class Line(NamedTuple):
    """What is kept of an ``Execution`` until somebody asks."""

    job: LiveJob
    outcome: Outcome
    reason: Reason | None
    slot: int | None
    started: int
    duration: int
    attempt: int
    slots: int
    cause: Cause | None
    failure: Failure | None
    traceback: str | None

    def execution(self, zone: Zone) -> Execution:
        """With times in ``zone``."""
        failure = self.failure
        return Execution(
            job_id=self.job.key,
            name=self.job.name,
            status=self.outcome,
            reason=self.reason,
            scheduled_at=None if self.slot is None else moment(self.slot, zone),
            started_at=moment(self.started, zone),
            duration_ms=self.duration / 1e6,
            attempt_number=self.attempt,
            tick_count=self.slots,
            cause=self.cause,
            error_type=failure.error_type if failure else None,
            error_message=failure.error_message if failure else None,
            error_traceback=self.traceback,
        )


class Records:
    """The last lines, newest last. Guarded by the scheduler's lock."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=KEPT)

    def ended(self, ended: Ended, job: LiveJob) -> Line:
        """Record how a run ended, after the engine has settled it."""
        run, outcome, started, duration, result, failure, traceback = ended
        tally = job.tally or job.tallied()
        if run.started is not None:
            tally.attempts += 1
            tally.last_run = started
            tally.last_duration = duration
        tally.last_outcome = outcome
        slots = 1 if run.final and run.slot is not None else 0
        if slots:
            tally.outcomes[outcome] = tally.outcomes.get(outcome, 0) + 1
        if outcome is Outcome.SUCCESS:
            tally.result = result
            tally.error = tally.traceback = None
        elif failure is not None and failure.error_type is not None:
            tally.error, tally.traceback = failure.error_message, traceback
        line = Line(job, outcome, None, run.slot, started, duration, run.attempt, slots, run.cause, failure, traceback)
        self._lines.append(line)
        return line

    def closed(self, close: Close[LiveJob], job: LiveJob) -> Line:
        """Record slots that ended without a run, or between two attempts of one."""
        tally = job.tallied()
        tally.count(close.outcome, close.count)
        if tally.last_outcome is None:
            tally.last_outcome = close.outcome
        line = Line(job, close.outcome, close.reason, close.first, close.first, 0, 1, close.count, None, None, None)
        self._lines.append(line)
        return line

    def newest(self, job_id: str | None, limit: int, status: Outcome | None) -> list[Line]:
        """The newest lines first, of one job or all, with one outcome or any."""
        found: list[Line] = []
        for line in reversed(self._lines):
            if len(found) >= limit:
                break
            if (job_id is None or line.job.key == job_id) and (status is None or line.outcome is status):
                found.append(line)
        return found


def traceback_text(error: BaseException) -> str:
    """The traceback as it is kept: cut at 8192 characters."""
    text = "".join(format_exception(error))
    return text if len(text) <= _LONGEST_TRACEBACK else text[:_LONGEST_TRACEBACK] + "\n... [truncated]"

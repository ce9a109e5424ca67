"""The executions and the slots that were not run, as far as memory keeps them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from duly.core.clock import Zone
from duly.core.decisions import Cause, Close
from duly.core.outcomes import Failure, Outcome, Reason
from duly.embedded.job import LiveJob, LiveRun, moment

KEPT = 1_000
"""Executions kept in memory; counts stay exact beyond them."""

_SUCCESS = Outcome.SUCCESS  # Python 3.11 is slow to read it from the class


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


class Ended:
    """A run that has come to its end, as its host saw it. Times are nanoseconds."""

    __slots__ = ("duration", "failure", "outcome", "result", "run", "started", "traceback")

    def __init__(
        self, run: LiveRun, outcome: Outcome, started: int = 0, duration: int = 0, failure: Failure | None = None
    ) -> None:
        self.run = run
        self.outcome = outcome
        self.started = started
        self.duration = duration
        self.failure = failure
        self.result: Any = None
        """What the function returned; kept until it is recorded."""
        self.traceback: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.run!r}, outcome={self.outcome.value})"

    @property
    def job(self) -> LiveJob:
        """The job that ran."""
        return self.run.job

    @property
    def slots(self) -> int:
        """Slots that this settles."""
        return 1 if self.run.final and self.run.slot is not None else 0

    def execution(self, zone: Zone) -> Execution:
        """The line of the ledger, with times in ``zone``."""
        run, failure = self.run, self.failure
        return Execution(
            job_id=run.job.key,
            name=run.job.name,
            status=self.outcome,
            reason=None,
            scheduled_at=None if run.slot is None else moment(run.slot, zone),
            started_at=moment(self.started, zone),
            duration_ms=self.duration / 1e6,
            attempt_number=run.attempt,
            tick_count=self.slots,
            cause=run.cause,
            error_type=failure.error_type if failure else None,
            error_message=failure.error_message if failure else None,
            error_traceback=self.traceback,
        )


Line: TypeAlias = Ended | Close[LiveJob]
"""What is kept of an ``Execution`` until somebody asks."""


def execution_of(line: Line, zone: Zone) -> Execution:
    """A line of the ledger, with times in ``zone``."""
    if isinstance(line, Ended):
        return line.execution(zone)
    first = moment(line.first, zone)
    return Execution(
        job_id=line.job.key,
        name=line.job.name,
        status=line.outcome,
        reason=line.reason,
        scheduled_at=first,
        started_at=first,
        duration_ms=0.0,
        attempt_number=1,
        tick_count=line.count,
        cause=None,
        error_type=None,
        error_message=None,
        error_traceback=None,
    )


class Records:
    """The last lines, newest last. Guarded by the scheduler's lock."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=KEPT)

    def ended(self, ended: Ended) -> None:
        """Record how a run ended, after the engine has settled it."""
        run, outcome = ended.run, ended.outcome
        job = run.job
        tally = job.tally or job.tallied()
        if run.started is not None:
            tally.attempts += 1
            tally.last_run = ended.started
            tally.last_duration = ended.duration
            tally.last_outcome = outcome
        if run.final and run.slot is not None:
            tally.outcomes[outcome] = tally.outcomes.get(outcome, 0) + 1
        failure = ended.failure
        if outcome is _SUCCESS:
            tally.result = ended.result
            tally.error = tally.traceback = None
        elif failure is not None and failure.error_type is not None:
            tally.error, tally.traceback = failure.error_message or failure.error_type, ended.traceback
        if run.slot is not None:
            ended.result = None  # of all results but the last nothing is kept; who runs it by hand takes it away
        self._lines.append(ended)

    def closed(self, close: Close[LiveJob]) -> None:
        """Record slots that ended without a run, or between two attempts of one."""
        close.job.tallied().count(close.outcome, close.count)
        self._lines.append(close)

    def newest(self, job_id: str | None, limit: int, status: Outcome | None) -> list[Line]:
        """The newest lines first, of one job or all, with one outcome or any."""
        found: list[Line] = []
        for line in reversed(self._lines):
            if len(found) >= limit:
                break
            if (job_id is None or line.job.key == job_id) and (status is None or line.outcome is status):
                found.append(line)
        return found

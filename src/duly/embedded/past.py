"""What ``Scheduler.history`` shows of a ledger file."""

from pathlib import Path

from duly.core.clock import Clock, Zone
from duly.core.decisions import Cause
from duly.core.outcomes import Outcome, Reason
from duly.embedded.job import ID_PREFIX, moment
from duly.embedded.records import Execution
from duly.ledger import executions, jobs
from duly.ledger.pages import gather
from duly.ledger.reader import LedgerReader

_DID_NOT_RUN = (Outcome.SKIPPED, Outcome.MISSED)


def past_executions(
    path: Path, clock: Clock, zone: Zone, *, job_id: str | None, limit: int, outcome: Outcome | None
) -> list[Execution]:
    """The newest lines of a file first, of one job or all, with one outcome or any; none if there is no such file."""
    if not path.is_file():
        return []
    with LedgerReader(path, clock=clock) as reader:
        job = None if job_id is None else reader.read(jobs.job_named, "", 0, job_id.removeprefix(ID_PREFIX))
        if job_id is not None and job is None:
            return []
        wanted = executions.ExecutionFilter(
            job_id=None if job is None else job.id, statuses=tuple(Outcome) if outcome is None else (outcome,)
        )
        rows, _ = gather(lambda before, most: reader.read(executions.page, wanted, before=before, limit=most), limit)
        return [_line(row, zone) for row in rows]


def _line(row: executions.Execution, zone: Zone) -> Execution:
    status = Outcome(row.status)
    name = row.name or ""
    removed = status is Outcome.CANCELLED and not row.duration_ns and row.execution_start_ts == row.scheduled_ts
    return Execution(
        job_id=ID_PREFIX + name,
        name=name,
        status=status,
        reason=None if row.reason is None else Reason(row.reason),
        scheduled_at=None if row.scheduled_ts is None else moment(row.scheduled_ts, zone),
        started_at=moment(row.execution_start_ts, zone),
        duration_ms=row.duration_ns / 1e6,
        attempt_number=row.attempt_number,
        tick_count=row.tick_count,
        cause=None if removed or status in _DID_NOT_RUN else Cause(row.trigger_mode or Cause.DUE),
        error_type=row.error_type,
        error_message=row.error_message,
        error_traceback=row.error_traceback,
    )

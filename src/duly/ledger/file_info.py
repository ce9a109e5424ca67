"""What is in the file of a ledger, in numbers."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from duly.ledger.codes import STATUS, SUCCESS
from duly.ledger.connections import LATEST, open_reader
from duly.ledger.extent import Extent, extent
from duly.ledger.leaderships import StoredLeadership, leaderships
from duly.ledger.lock import holder
from duly.ledger.sessions import Session, newest
from duly.ledger.statements import statements

_SQL = statements("file_info")


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A ledger in numbers. Times are nanoseconds since the epoch."""

    path: Path
    schema_version: int
    writer: int | None
    """Pid of the process that writes to it; ``None``: nobody does."""
    extent: Extent
    executions: Mapping[str, int]
    """Rows by status, those that occur."""
    logs: int
    jobs: int
    listeners: int
    schedules: int
    leaderships: Sequence[StoredLeadership]
    """Those of this replica of a scheduler, in order."""
    sessions: int
    newest: int | None
    """When the execution began that was written last."""
    last_session: Session | None


def file_info(path: Path) -> FileInfo:
    """Look at a ledger, also while a process writes to it.

    Raises:
        DatabaseFileError: there is no ledger at ``path``.
    """
    with closing(open_reader(path)) as db:
        db.execute("BEGIN")
        began = db.execute(_SQL["newest_execution"]).fetchone()
        rows, logs, jobs, listeners, schedules, sessions = db.execute(_SQL["counts"]).fetchone()
        by_status = dict(db.execute(_SQL["executions_to_look_at"]).fetchall())
        by_status[SUCCESS] = rows - sum(by_status.values())
        return FileInfo(
            path=path,
            schema_version=LATEST,
            writer=holder(path),
            extent=extent(db),
            executions={STATUS.words[number]: count for number, count in sorted(by_status.items()) if count},
            logs=logs,
            jobs=jobs,
            listeners=listeners,
            schedules=schedules,
            leaderships=leaderships(db),
            sessions=sessions,
            newest=None if began is None else began[0],
            last_session=newest(db),
        )

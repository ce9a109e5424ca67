"""Ways to get rows of executions into SQLite: that of an embedded scheduler, and plain ``executemany``.

All write the same rows into a file that is set up as a ledger is: ten thousand in a transaction, one slot after the
other of a thousand jobs, which is the order in which a scheduler comes across them.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from duly.core.clock import SECOND, SystemClock
from duly.core.decisions import Cause, Run
from duly.core.outcomes import Outcome
from duly.core.policy import Policy
from duly.core.trigger import chain_of
from duly.embedded.book import Book
from duly.embedded.job import ID_PREFIX, LiveJob
from duly.embedded.options import Options
from duly.embedded.records import Ended
from duly.embedded.triggers import IntervalTrigger
from duly.ids import id_text, new_id
from duly.ledger.connections import open_reader, open_writer
from duly.ledger.records import ExecutionRecord, PlainRow
from duly.ledger.registrations import ScheduledJobRegistration
from duly.ledger.repository import TelemetryRepository
from duly.ledger.statements import statements

_BATCH = 10_000
"""Rows in a transaction, as many as the writer takes at once."""
_JOBS = 1_000
_FIRST = 1_767_225_600  # 2026-01-01T00:00Z


@dataclass(frozen=True, slots=True)
class Execution:
    """What is written, as everybody gets it. Times are seconds since the epoch."""

    job: int
    """From 0 on."""
    slot: int
    start: float
    duration_ms: float


def executions(count: int) -> Iterator[Execution]:
    """In the order of their slots."""
    for number in range(count):
        slot = _FIRST + number // _JOBS * 60
        yield Execution(number % _JOBS, slot, slot + 0.000_25, 1.5)


class LedgerFile:
    """A ledger in a folder of its own."""

    distribution: ClassVar[str | None] = None
    table: ClassVar[str] = "raw_executions"

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="duly-benchmark-")
        self.path = Path(self._folder.name) / "rows.db"
        self.clock = SystemClock("UTC")

    def open(self) -> tuple[sqlite3.Connection, int, list[tuple[int, int]]]:
        """The connection, a session, and the ids of each job and its schedule."""
        db, _ = open_writer(self.path, self.clock)
        repository = TelemetryRepository()
        db.execute("BEGIN")
        session = repository.begin_session(db, self.clock.now(), "0", 0).id
        ids = []
        for number in range(_JOBS):
            job_id = repository.register_job(db, ScheduledJobRegistration("", 0, f"job-{number}", "job", "interval"))
            ids.append((job_id, repository.open_schedule(db, job_id, _FIRST * SECOND, ("every minute", None), None)))
        db.execute("COMMIT")
        return db, session, ids

    def close(self) -> int:
        """Count, and delete the file."""
        with closing(open_reader(self.path)) as db:
            rows = int(db.execute(f"SELECT count(*) FROM {self.table}").fetchone()[0])  # noqa: S608 - a name of ours
        self._folder.cleanup()
        return rows

    def record(self, execution: Execution, ids: tuple[int, int]) -> ExecutionRecord:
        """An execution as an app records it; ``ids`` are those of its job and schedule."""
        now = int(execution.start * SECOND)
        return ExecutionRecord(
            kind="job",
            session_id=None,
            execution_start_ts=execution.start,
            duration_ms=execution.duration_ms,
            status="success",
            job_id=ids[0],
            execution_id=id_text(new_id(now)),
            scheduled_ts=execution.slot,
            schedule_id=ids[1],
        )


class Executemany(LedgerFile):
    """The statement of the ledger, with tuples that are made beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self._db, self._session, self._ids = self.open()
        self._statement = statements("writes")["insert_plain_execution"]
        self._rows: list[Sequence[Any]] = []

    def prepare(self, count: int) -> None:
        """Make tuples."""
        records = (self.record(each, self._ids[each.job]) for each in executions(count))
        self._rows = [tuple(record.row(self._session))[: len(PlainRow._fields)] for record in records]

    def write(self) -> None:
        """A batch after the other."""
        for begin in range(0, len(self._rows), _BATCH):
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(self._statement, self._rows[begin : begin + _BATCH])
            self._db.execute("COMMIT")

    def close(self) -> int:
        """As above."""
        self._db.close()
        return super().close()


class SlimTable(Executemany):
    """A table of six columns without any index, which no question about a job can be asked of."""

    table: ClassVar[str] = "slim"

    def prepare(self, count: int) -> None:
        """Make tuples."""
        self._db.execute(
            "CREATE TABLE slim (id INTEGER PRIMARY KEY, schedule_id INTEGER, slot INTEGER, status INTEGER,"
            " start INTEGER, duration INTEGER)"
        )
        self._statement = "INSERT INTO slim (schedule_id, slot, status, start, duration) VALUES (?, ?, ?, ?, ?)"
        self._rows = [
            (self._ids[each.job][1], each.slot * SECOND, 1, int(each.start * SECOND), 1_500_000)
            for each in executions(count)
        ]


class EmbeddedRuns(LedgerFile):
    """What an embedded scheduler decides: of each slot that a run begins, and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self._book = Book(self.path, self.clock, "UTC")
        self._book.open()
        self._jobs = [self._job(number) for number in range(_JOBS)]
        self._book.flush()
        self._items: list[tuple[Run[LiveJob], Ended]] = []

    def prepare(self, count: int) -> None:
        """Make runs, and their ends."""
        for each in executions(count):
            run = Run(self._jobs[each.job], each.slot * SECOND, each.slot * SECOND, 1, Cause.DUE)
            ended = Ended(run, Outcome.SUCCESS, int(each.start * SECOND), int(each.duration_ms * 1e6))
            self._items.append((run, ended))

    def write(self) -> None:
        """Record all, waiting for room as the driver does."""
        record, records = self._book.record, self._book.records
        for run, ended in self._items:
            if records.full:
                records.room().result()
            record(run)
            record(ended)
        self._book.flush()

    def close(self) -> int:
        """As above."""
        assert self._book.records.counts() == (0, 0, 0), "records were lost"
        self._book.close()
        return super().close()

    def _job(self, number: int) -> LiveJob:
        trigger = IntervalTrigger(minutes=1)
        options = Options(policy=Policy(), timeout=None, group=None, awaited=False)
        job = LiveJob(f"{ID_PREFIX}job-{number}", chain_of(trigger, "UTC"), options, _nothing, trigger)
        job.pending = _FIRST * SECOND
        job.page = self._book.page_of(job, job.pending)
        self._book.adopt(job, self.clock.now())
        return job


def _nothing() -> None:
    """Do nothing; the job."""

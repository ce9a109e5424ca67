"""A ledger with a long history: how long a start on it takes, and questions about it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, time

from benchmarks.measures import Metrics
from benchmarks.subjects import noop
from duly import IntervalTrigger, Scheduler
from duly.core.clock import SECOND, SystemClock
from duly.ids import new_id
from duly.ledger import accounts, jobs, summaries
from duly.ledger.codes import KIND, REASON, STATUS
from duly.ledger.connections import open_writer
from duly.ledger.reader import LedgerReader
from duly.ledger.records import Row
from duly.ledger.repository import TelemetryRepository

_JOBS = 100
_HOUR = 3_600
_REPEATS = 5
_ROWS = 10_000
"""In a transaction, while the file is made."""


def measure(_: object, *, size: int) -> Metrics:
    """Milliseconds: of a start with all jobs, of a summary of one, and to check the law over all slots of all jobs.

    The file is as a process has left it that was killed.
    """
    with TemporaryDirectory(prefix="duly-benchmark-") as folder:
        path = Path(folder) / "jobs.db"
        first = _make(path, size)
        killed, *others = (_start(path, first) for _ in range(_REPEATS))
        with LedgerReader(path, clock=SystemClock("UTC"), read_timeout_seconds=None) as reader:
            asked = [_timed(partial(reader.read, summaries.summary, each.id)) for each in reader.read(jobs.jobs)]
            doctor = _timed(partial(_check_all, reader, size))
    return {
        "start": {"": max(killed, median(others))},
        "summary": {"": max(asked)},
        "doctor": {"": doctor},
    }


def _check_all(reader: LedgerReader, size: int) -> None:
    found = [account for job in reader.read(jobs.jobs) for account in reader.read(accounts.accounts, job)]
    wrong = [finding.line for account in found for finding in account.findings]
    assert not wrong, wrong[0]
    assert sum(account.recorded for account in found) >= size


def _make(path: Path, size: int) -> datetime:
    """Fill a ledger with hourly slots of a hundred jobs up to now; give the first slot. One in fifty is no success."""
    hours = size // _JOBS
    now = int(time()) // _HOUR * _HOUR
    first = now - (hours - 1) * _HOUR
    begin = datetime.fromtimestamp(first, UTC)
    with _scheduler(path, begin) as scheduler:
        assert len(scheduler.list_jobs()) == _JOBS
    db, _ = open_writer(path, SystemClock("UTC"))
    with closing(db):
        repository = TelemetryRepository()
        db.execute("BEGIN")
        session = repository.begin_session(db, first * SECOND, "0", 0).id
        db.execute("UPDATE raw_schedules SET first_ts = ?, open_ts = NULL", (first * SECOND,))
        ids = db.execute("SELECT job_id, id FROM raw_schedules").fetchall()
        db.execute("COMMIT")
        rows = _rows(session, ids, range(first, now + 1, _HOUR))
        while batch := list(islice(rows, _ROWS)):
            _insert(db, repository, batch)
    return begin


def _insert(db: sqlite3.Connection, repository: TelemetryRepository, rows: list[Row]) -> None:
    db.execute("BEGIN")
    repository.insert(db, rows)
    db.execute("COMMIT")


def _rows(session: int, ids: list[tuple[int, int]], slots: range) -> Iterator[Row]:
    job, success, error = KIND.numbers["job"], STATUS.numbers["success"], STATUS.numbers["error"]
    skipped, overlap = STATUS.numbers["skipped"], REASON.numbers["overlap"]
    number = 0
    for slot in slots:
        at = slot * SECOND
        for job_id, schedule_id in ids:
            number += 1
            row = Row(job, success, job_id, session, new_id(at), at + 250_000, 1_500_000, schedule_id, at)
            if number % 50:
                yield row
            elif number % 100:
                yield row._replace(status=error, error_type="ValueError", error_message="no", error_traceback="")
            else:
                yield row._replace(status=skipped, reason=overlap)


def _scheduler(path: Path, first: datetime) -> Scheduler:
    scheduler = Scheduler(history=path)
    for number in range(_JOBS):
        scheduler.schedule(noop.plain, f"job-{number}", IntervalTrigger(hours=1, start_time=first))
    return scheduler


def _start(path: Path, first: datetime) -> float:
    scheduler = _scheduler(path, first)
    took = _timed(scheduler.start)
    scheduler.stop()
    return took


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = perf_counter()
    work()
    return (perf_counter() - begin) * 1e3

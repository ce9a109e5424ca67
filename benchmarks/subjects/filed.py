"""Duly with its ledger in a file."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from benchmarks.subjects.ours import Async, Threads
from benchmarks.subjects.protocols import Job
from duly.ledger.connections import open_reader

# The ids of rows ascend without gaps, and an index has those that are no success: both are found at once.
_STORED = """
SELECT coalesce(max(id), 0) - (SELECT count(*) FROM raw_executions WHERE status = 0) FROM raw_executions
"""
_PATIENCE_SECONDS = 120


class FiledThreads(Threads):
    """Plain functions, every slot in a file."""

    patience: ClassVar[float] = 0.25
    """Instead of 3: in a small burst most of the registering is waiting for the writer, once."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="duly-benchmark-")
        self._path = Path(self._folder.name) / "jobs.db"
        self._reader: sqlite3.Connection | None = None
        super().__init__(self._path)

    async def start(self) -> None:
        """Start, and look into the file from outside."""
        await super().start()
        self._reader = open_reader(self._path)

    async def stop(self) -> None:
        """Stop, and delete the file."""
        if self._reader is not None:
            self._reader.close()
        await super().stop()
        with closing(open_reader(self._path)) as db:
            lost = db.execute("SELECT sum(dropped_overflow + dropped_exhausted + dropped_shutdown) FROM raw_sessions")
            assert lost.fetchone() == (0,), "rows were lost"
        self._folder.cleanup()

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register one-shot jobs, and wait until that is written: it is not part of running them."""
        before = self._scalar("SELECT count(*) FROM raw_schedules")
        await super().once(job, count, due)
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._scalar("SELECT count(*) FROM raw_schedules") < before + count:
            assert time.monotonic() < until, "registrations were not written"
            time.sleep(0.001)  # noqa: ASYNC251 - nothing else is to happen meanwhile

    def stored(self) -> int:
        """Executions that have ended, as another connection sees them."""
        return self._scalar(_STORED)

    def _scalar(self, statement: str) -> int:
        assert self._reader is not None, "not started"
        return int(self._reader.execute(statement).fetchone()[0])


class FiledAsync(FiledThreads):
    """Coroutine functions, every slot in a file."""

    asynchronous = Async.asynchronous
    noop = Async.noop

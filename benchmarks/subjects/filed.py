"""Duly with its ledger in a file."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from benchmarks.subjects.ledger_view import LedgerView, assert_none_lost
from benchmarks.subjects.ours import Async, Threads
from benchmarks.subjects.protocols import Job

_PATIENCE_SECONDS = 120


class FiledThreads(Threads):
    """Plain functions, every slot in a file."""

    patience: ClassVar[float] = 0.25
    """Instead of 3: in a small burst most of the registering is waiting for the writer, once."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="duly-benchmark-")
        self._path = Path(self._folder.name) / "jobs.db"
        self._view: LedgerView | None = None
        super().__init__(self._path)

    async def start(self) -> None:
        """Start, and look into the file from outside."""
        await super().start()
        self._view = LedgerView(self._path)

    async def stop(self) -> None:
        """Stop, and delete the file."""
        if self._view is not None:
            self._view.close()
        await super().stop()
        assert_none_lost(self._path)
        self._folder.cleanup()

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register one-shot jobs, and wait until that is written: it is not part of running them."""
        assert self._view is not None, "not started"
        before = self._view.schedules()
        await super().once(job, count, due)
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._view.schedules() < before + count:
            assert time.monotonic() < until, "registrations were not written"
            time.sleep(0.001)  # noqa: ASYNC251 - nothing else is to happen meanwhile

    def stored(self) -> int:
        """Executions that have ended, as another connection sees them."""
        assert self._view is not None, "not started"
        return self._view.stored()


class FiledAsync(FiledThreads):
    """Coroutine functions, every slot in a file."""

    asynchronous = Async.asynchronous
    noop = Async.noop

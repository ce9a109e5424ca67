"""A ledger in a file, open for writing: lock, migrations, session, writer thread."""

from __future__ import annotations

import logging
import os
import sqlite3
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from duly.core.clock import Clock
from duly.ledger.connections import LATEST, open_writer
from duly.ledger.lock import FileLock
from duly.ledger.record_queue import Counts, RecordQueue
from duly.ledger.repository import SessionEnd, SessionStart, TelemetryRepository
from duly.ledger.writer import ResultT, Work, Writer

log = logging.getLogger("duly.ledger")

_abandoned: list[Ledger] = []
"""Those of the parent in a forked child: to close their connections there could damage the file."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A ledger that is locked and migrated, without a writer yet."""

    path: Path
    lock: FileLock
    db: sqlite3.Connection


def open_file(path: Path, clock: Clock, *, migration_timeout: float = 120.0) -> OpenFile:
    """Lock the file and bring it to the present schema.

    Raises:
        DatabaseFileError: it is in use by another process, which is named, or cannot be used.
        SchemaVersionError: a later version wrote it.
    """
    with suppress(OSError):  # the lock says it better
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        db, found = open_writer(path, clock, migration_timeout=migration_timeout)
    except BaseException:
        lock.release()
        raise
    if 0 < found < LATEST:
        log.info("the ledger was migrated: path=%s from=%d to=%d", path, found, LATEST)
    return OpenFile(path, lock, db)


class Ledger:
    """Owns the lock, and the writer with its connection, from its making until ``close``. Usable from any thread."""

    def __init__(self, file: OpenFile, records: RecordQueue[Any], clock: Clock) -> None:
        self.path = file.path
        self.repository = TelemetryRepository()
        self.records = records
        self.session_id: int | None = None
        self._clock = clock
        self._writer = Writer(file.db, records, file.lock.release)

    def submit(self, work: Work[ResultT]) -> Future[ResultT]:
        """Have ``work`` done in the next transaction; what it returns, or raises, is the result."""
        return self._writer.submit(work)

    def flush(self) -> float | None:
        """Wait until all records put so far are durable, or have failed; see ``Writer.flush``."""
        return self.flushed().result()

    def flushed(self) -> Future[float | None]:
        """``flush``, to be awaited."""
        return self._writer.flush()

    def begin_session(self) -> SessionStart:
        """Open the session in which records are written from now on."""
        now, pid = self._clock.now(), os.getpid()
        begun = self.submit(lambda db: self.repository.begin_session(db, now, version("duly"), pid)).result()
        if begun.orphans:
            log.warning(
                "the process did not stop as it should: sessions=%d interrupted=%d", begun.orphans, begun.interrupted
            )
        self.session_id = begun.id
        self._writer.flush()  # wakes it for the records that have waited for the session
        return begun

    def beat(self) -> None:
        """Note that the session lives, without waiting for it."""
        session_id, now = self.session_id, self._clock.now()
        if session_id is not None:
            self.submit(lambda db: self.repository.beat(db, session_id, now))

    def end_session(self, end: SessionEnd = SessionEnd()) -> Future[Any]:  # noqa: B008 - immutable
        """Write all records that wait, then end the session with the number of those that were lost."""
        session_id, records, now = self.session_id, self.records, self._clock.now()
        flushed = self._writer.flush(final=True)
        if session_id is None:
            return flushed

        def write(db: sqlite3.Connection) -> Counts:
            counts = records.counts()
            overflow, exhausted, shutdown = (lost - known for lost, known in zip(counts, records.known, strict=True))
            self.repository.end_session(db, session_id, now, end, (overflow, exhausted, shutdown))
            return counts

        ended = self.submit(write)
        ended.add_done_callback(self._note_losses)
        return ended

    def _note_losses(self, ended: Future[Counts]) -> None:
        if ended.exception() is None:
            self.records.known = ended.result()

    def close(self, *, flush: bool = True) -> None:
        """Do what was submitted, close the file and let others have it. Waits for it; idempotent.

        Without ``flush`` the records that wait are left in their queue.
        """
        self._writer.close(flush=flush)

    def abandon(self) -> None:
        """As ``close``, without waiting for it."""
        self._writer.abandon()

    def forget(self) -> None:
        """In a forked child: let go of everything, and touch nothing."""
        _abandoned.append(self)

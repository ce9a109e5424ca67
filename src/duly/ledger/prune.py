"""Upkeep by hand: delete what is old, also while a process writes to the file."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from duly.core.clock import SECOND, current
from duly.ledger import upkeep
from duly.ledger.connections import open_reader
from duly.ledger.progress import Progress, no_progress
from duly.ledger.upkeep import reaches_back_to

_ROWS = 1000
_PAGES = 500

_Expire: TypeAlias = Callable[[sqlite3.Connection, int, int], int]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted."""

    executions: int
    logs: int
    registrations: int
    """Listeners, jobs, schedules and sessions."""
    bytes_freed: int
    """Of the file and its write-ahead log; negative: the log was not merged into the file yet."""
    reaches_back_to: int | None
    """Nanoseconds: the oldest that is left; ``None``: nothing is."""


def prune(path: Path, older_than: int, *, progress: Progress = no_progress) -> Pruned:
    """Delete what ended before ``older_than``, nanoseconds since the epoch, and give the room back to the disk.

    Raises:
        DatabaseFileError: there is no ledger at ``path``, or none of this version.
        sqlite3.OperationalError: it cannot be written, or another process has it locked for long.
    """
    with closing(open_reader(path)) as db:
        db.execute("PRAGMA query_only = OFF")
        db.execute("PRAGMA foreign_keys = OFF")  # nothing refers to what goes, and to prove it again takes long
        db.execute("PRAGMA synchronous = NORMAL")
        size = _bytes_on_disk(db, path)
        deleting = _Deleting(db, older_than, progress)
        executions = deleting.all(upkeep.expire_executions)
        logs = deleting.all(upkeep.expire_logs)
        registrations = deleting.all(upkeep.expire_registrations)
        _give_back(db, progress)
        upkeep.truncate_wal(db)
        freed = size - _bytes_on_disk(db, path)
        return Pruned(executions, logs, registrations, freed, reaches_back_to(db))


class _Deleting:
    """Deletes in small pieces. Local to one call."""

    def __init__(self, db: sqlite3.Connection, older_than: int, progress: Progress) -> None:
        self._db = db
        self._older_than = older_than
        self._progress = progress
        self._first = min(self._oldest(), older_than)

    def all(self, expire: _Expire) -> int:
        """Have ``expire`` delete until there is nothing left for it; give the number of rows."""
        deleted = 0
        while True:
            with _transaction(self._db):
                rows = expire(self._db, self._older_than, _ROWS)
            if not rows:
                return deleted
            deleted += rows
            reached = min(self._oldest(), self._older_than)
            self._progress("deleting", max(reached - self._first, 0), self._older_than - self._first)

    def _oldest(self) -> int:
        oldest = reaches_back_to(self._db)
        return self._older_than if oldest is None else oldest


def _give_back(db: sqlite3.Connection, progress: Progress) -> None:
    """Give all free pages back to the disk."""
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    given = 0
    while given < free:
        with _transaction(db):
            pages = upkeep.give_back(db, _PAGES)
        if not pages:
            return
        given += pages
        progress("giving room back", min(given, free), free)


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Write inside; then leave others, who may have waited, as much time."""
    clock = current()
    begin = clock.monotonic()
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    threading.Event().wait((clock.monotonic() - begin) / SECOND)


def _bytes_on_disk(db: sqlite3.Connection, path: Path) -> int:
    return path.stat().st_size + upkeep.wal_bytes(db)

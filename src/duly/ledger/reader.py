"""Reading a ledger, also while a process writes to it.

What there is to read is in the modules of this package named after it, as functions of a connection:
``reader.read(jobs.job, 3)``, ``reader.read(executions.page, ExecutionFilter(job_id=3), limit=50)``. Each call sees one
state of the file, however many statements it takes.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from duly.core.clock import SECOND, Clock
from duly.ledger.connections import open_reader
from duly.ledger.forks import in_sqlite

P = ParamSpec("P")
T = TypeVar("T")

_STEPS_BETWEEN_LOOKS = 10_000
"""Virtual machine instructions of SQLite, well below a millisecond."""
_CHUNK = 1000
"""Rows of a stream between two looks at whether it is still wanted."""


class LedgerReader:
    """Owns connections that only read, one for each call under way, guarded by a lock of its own.

    Usable from any thread, and as a context manager.
    """

    def __init__(self, path: Path, *, clock: Clock, read_timeout_seconds: float | None = 10.0) -> None:
        """Open ``path`` for reading.

        ``read_timeout_seconds`` limits each call of ``read``, and each thousand rows of ``stream``; ``None``: nothing.

        Raises:
            SchemaVersionError: a later version wrote it.
            DatabaseFileError: there is no such file, it is something else, or it cannot be read.
        """
        self.path = path
        self.clock = clock
        self._limit = read_timeout_seconds
        self._lock = threading.Lock()
        self._closed = False
        self._idle = [open_reader(path)]

    def read(self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``query`` makes of the file.

        Raises:
            TimeoutError: it took longer than the limit.
        """
        with in_sqlite(), self._snapshot() as db, self._limited(db):
            return query(db, *args, **kwargs)

    def stream(
        self, query: Callable[Concatenate[sqlite3.Connection, P], Iterator[T]], *args: P.args, **kwargs: P.kwargs
    ) -> Iterator[T]:
        """What ``query`` gives, one by one; to be exhausted or closed, for it holds a connection until then.

        Raises:
            TimeoutError: a thousand rows took longer than the limit.
        """
        with self._snapshot() as db:
            rows = query(db, *args, **kwargs)
            while True:
                with in_sqlite(), self._limited(db):
                    chunk = list(islice(rows, _CHUNK))
                if not chunk:
                    return
                yield from chunk

    def close(self) -> None:
        """Close the connections, those in use when their call has ended. Idempotent."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        with in_sqlite():
            for db in idle:
                db.close()

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses, in a transaction that sees one state of the file."""
        db = self._take()
        try:
            with in_sqlite():
                db.execute("BEGIN")
            yield db
            with in_sqlite():
                db.execute("ROLLBACK")
        except BaseException:
            with in_sqlite():
                db.close()  # a statement may be half read, and would hold on to this state of the file
            raise
        self._give_back(db)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the reader of {self.path} is closed: make another")
            if self._idle:
                return self._idle.pop()
        return open_reader(self.path)

    def _give_back(self, db: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(db)
                return
        db.close()

    def _limited(self, db: sqlite3.Connection) -> AbstractContextManager[None]:
        limit = self._limit
        if limit is None:
            return nullcontext()
        end = self.clock.monotonic() + round(limit * SECOND)
        return interrupted(db, self.clock, end, f"read_timeout_seconds = {limit:g}")


@contextmanager
def interrupted(db: sqlite3.Connection, clock: Clock, end: int, limit: str) -> Iterator[None]:
    """Interrupt what the connection does at ``end``, monotonic nanoseconds; ``limit`` names the setting.

    Raises:
        TimeoutError: it was interrupted.
    """
    db.set_progress_handler(lambda: clock.monotonic() > end, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise TimeoutError(f"a read took longer than {limit}: ask for less at a time, or raise the limit") from error
    finally:
        db.set_progress_handler(None, 0)

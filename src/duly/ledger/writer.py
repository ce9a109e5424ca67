"""The one thread that writes to a ledger, and group commit.

Whatever waits shares a transaction: records first, then writes of which somebody awaits the result, in the order in
which they came; each in a savepoint of its own, so that an error undoes nothing else. But a write behind records that
cannot be written now fails with them. Results are handed over after the commit; if that fails, to all of them the
error. A flush waits for that and is no part of it, so it fails of nothing that is written: it tells whether records
wait to be tried again.

When it has nothing to do the thread sleeps on its alarm. A record wakes it, and it waits ``GATHERING`` seconds more
for others: so a mark and its outcome, shortly after, are one row written once. A write wakes it at once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from duly.ledger.forks import in_sqlite
from duly.ledger.record_queue import RecordQueue, RetryableBatch, with_savepoint

log = logging.getLogger("duly.ledger")

ResultT = TypeVar("ResultT")

Work = Callable[[sqlite3.Connection], ResultT]
"""Writes something, inside a transaction; what it returns is the result."""

GATHERING = 0.01
"""Seconds. Far below the 50 ms after which a record has to be durable."""

_MANY = 500
"""Records that are worth a transaction without waiting for more."""


class Writer:
    """Owns the connection that writes. ``submit`` and ``flush`` may be called from any thread.

    ``_waiting`` is the one thing that both sides touch; its operations are atomic.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        records: RecordQueue[Any],
        at_end: Callable[[], object],
        longest_sleep: float = -1,
    ) -> None:
        """Start the thread; it calls ``at_end`` when the file is closed.

        It looks for records at least every ``longest_sleep`` seconds, woken or not; -1: only when woken.
        """
        self._db = db
        self._records = records
        self._at_end = at_end
        self._longest_sleep = longest_sleep
        self._waiting: deque[_Write[Any] | _Flush] = deque()
        self._alarm = threading.Lock()
        self._alarm.acquire()
        self._asleep = False
        self._closing = False
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="duly-ledger", daemon=True)
        self._thread.start()

    def submit(self, work: Work[ResultT]) -> Future[ResultT]:
        """Have ``work`` done in the next transaction; the result is what it returns, or raises.

        Behind records that cannot be written now it is not done: the result is what keeps them from it.

        Raises:
            RuntimeError: the ledger is closed.
        """
        write = _Write(work)
        self._take(write)
        return write.future

    def flush(self, *, final: bool = False) -> Future[float | None]:
        """Is done when all records put so far are durable, or have failed. ``final``: what fails now is lost.

        The result: in how many seconds some that have failed are tried again; ``None``: all are durable, or lost.

        Raises:
            RuntimeError: the ledger is closed.
        """
        flush = _Flush(final=final)
        self._take(flush)
        return flush.future

    @property
    def alive(self) -> bool:
        """Whether the thread works."""
        return self._thread.is_alive()

    def close(self, *, flush: bool = True) -> None:
        """Do what was submitted, write the records that wait, close the file, and end. Waits for it; idempotent.

        Without ``flush`` records that are not durable will not be.
        """
        if flush:
            self.abandon()
        self._closing = True
        self._wake()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def abandon(self) -> None:
        """As ``close``, without waiting for it."""
        if not self._closing:
            with suppress(RuntimeError):
                self.flush(final=True)
        self._closing = True
        self._wake()

    def _take(self, asked: _Write[Any] | _Flush) -> None:
        if self._closing:
            raise RuntimeError("the ledger is closed")
        self._waiting.append(asked)
        self._wake()
        if self._ended:
            self._refuse_waiting()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # released already
            self._alarm.release()

    def _wake_for_record(self) -> None:
        if self._asleep:
            self._asleep = False
            self._wake()

    # The thread

    def _serve(self) -> None:
        try:
            while not (self._closing and not self._waiting):
                self._sleep()
                try:
                    with in_sqlite():
                        self._turn()
                except BaseException:
                    log.critical("the writer of the ledger failed and goes on", exc_info=True)
        finally:
            self._ended = True
            self._refuse_waiting()
            if self._records.wake == self._wake_for_record:  # else a later writer has set its own
                self._records.wake = None
            with in_sqlite():
                self._db.close()
            self._at_end()

    def _refuse_waiting(self) -> None:
        """Tell those who came while the thread ended."""
        with suppress(IndexError):
            while True:
                self._waiting.popleft().failed(RuntimeError("the ledger is closed"))

    def _sleep(self) -> None:
        """Until there is something to do."""
        records = self._records
        if not self._has_work():
            self._asleep = True
            records.wake = self._wake_for_record
            if not self._has_work():  # what came before ``wake`` was set has woken nobody
                pause = records.seconds_until_retry()
                if pause is not None:
                    records.wake = None  # what comes now waits behind what is to be tried again
                self._alarm.acquire(timeout=self._longest_sleep if pause is None else pause)
            self._asleep = False
            records.wake = None
        if not self._waiting and not self._closing and len(records) < _MANY and records.has_fresh():
            self._alarm.acquire(timeout=GATHERING)

    def _has_work(self) -> bool:
        return bool(self._waiting) or self._closing or self._records.has_fresh()

    def _turn(self) -> None:
        asked = [self._waiting.popleft() for _ in range(len(self._waiting))]
        flushes = [each for each in asked if isinstance(each, _Flush)]
        writes = [each for each in asked if isinstance(each, _Write)]
        if any(flush.final for flush in flushes):
            self._write_finally(writes)
        else:
            self._write(writes, everything=bool(asked))
        for flush in flushes:
            flush.succeed(self._records.seconds_until_retry())

    def _write(self, writes: list[_Write[Any]], *, everything: bool) -> None:
        records = self._records
        older = records.take_retry(early=bool(writes))
        if older is not None:  # in a transaction of its own, so that nothing younger can keep it from being written
            piece = _Records(records, older, final=False)
            self._commit([piece])
            if piece.error is not None and records.seconds_until_retry() is not None:
                for write in writes:
                    _tell(write, piece.error)
                return
        fresh = records.take_fresh(everything=everything)
        self._commit([*([] if fresh is None else [_Records(records, fresh, final=False)]), *writes])

    def _write_finally(self, writes: list[_Write[Any]]) -> None:
        records = self._records
        batches = records.take_retry(early=True), records.take_fresh(everything=True)
        failure = self._commit([_Records(records, batch, final=True) for batch in batches if batch is not None])
        records.drop_all()
        if failure is None:
            self._commit(writes)
        else:  # nothing can be written now: who waits for the end is not to wait for that once more
            for write in writes:
                _tell(write, failure)

    def _commit(self, pieces: Sequence[_Piece]) -> Exception | None:
        """Write all of them in one transaction; what went wrong, if none of it is written."""
        if not pieces:
            return None
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            held_up = None
            for piece in pieces:
                error = piece.error = held_up or _error_of(db, piece)
                if error is not None and not db.in_transaction:  # a full disk and the like: SQLite has undone all of it
                    raise error  # noqa: TRY301 - as the commit would
                if isinstance(piece, _Records):
                    held_up = error
            db.execute("COMMIT")
        except Exception as failure:  # noqa: BLE001 - goes to all of the group
            with suppress(sqlite3.Error):
                if db.in_transaction:
                    db.execute("ROLLBACK")
            for piece in pieces:
                piece.error = piece.error or failure
                _tell(piece, piece.error)
            return failure
        for piece in pieces:
            _tell(piece, piece.error)
        return None


class _Piece(Protocol):
    """A part of a transaction."""

    error: Exception | None

    def write(self, db: sqlite3.Connection) -> None: ...

    def committed(self) -> None: ...

    def failed(self, error: Exception) -> None: ...


class _Awaited(Generic[ResultT]):
    """Something of which somebody awaits the result."""

    def __init__(self) -> None:
        self.future: Future[ResultT] = Future()

    def succeed(self, result: ResultT) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(result)

    def failed(self, error: Exception) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class _Flush(_Awaited[float | None]):
    """A wait for all records put before."""

    def __init__(self, *, final: bool) -> None:
        super().__init__()
        self.final = final


class _Write(_Awaited[ResultT]):
    """Work, and what it gives."""

    def __init__(self, work: Work[ResultT]) -> None:
        super().__init__()
        self.work = work
        self.error: Exception | None = None
        self._results: list[ResultT] = []

    def write(self, db: sqlite3.Connection) -> None:
        self._results = [self.work(db)]

    def committed(self) -> None:
        self.succeed(self._results[0])


class _Records(Generic[ResultT]):
    """A batch of records."""

    def __init__(self, queue: RecordQueue[ResultT], batch: RetryableBatch[ResultT], *, final: bool) -> None:
        self.error: Exception | None = None
        self._queue = queue
        self._batch = batch
        self._final = final
        self._written: list[ResultT] = []

    def write(self, db: sqlite3.Connection) -> None:
        self._written = self._queue.write(db, self._batch)

    def committed(self) -> None:
        self._queue.written(self._batch, self._written)

    def failed(self, error: Exception) -> None:
        self._queue.failed(self._batch, error, final=self._final)


def _tell(piece: _Piece, error: Exception | None) -> None:
    """Hand the result over. What is raised by those who take it must not keep the others from theirs."""
    try:
        if error is None:
            piece.committed()
        else:
            piece.failed(error)
    except Exception:
        log.exception("what was told of a write raised")


def _error_of(db: sqlite3.Connection, piece: _Piece) -> Exception | None:
    try:
        with_savepoint(db, lambda: piece.write(db))
    except Exception as error:  # noqa: BLE001 - it is handed to whoever asked for the write
        return error
    return None

"""Records on their way into the ledger: none is lost without being counted.

Producers, in any thread, put records at one end; the writer thread takes them at the other, as many at once as there
are, writes them in one transaction, and tells. The first ``capacity`` places are the queue proper. Ten times as many
follow, the *ring*: while it holds anything new records go behind it, so their order is kept. Only when that is full
too are producers to wait for ``room``.

What becomes of a batch whose write fails::

    OperationalError                  back, 1, 2 and 3 s later; then exhausted; at the final flush: shutdown
    IntegrityError, DataError, other  record by record, so that only those at fault are exhausted

Nothing overtakes: while a batch waits to be tried again, what came later waits behind it. So the file holds what
happened up to some moment, but for what is counted as lost, and whoever goes on with it can go by its last rows.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from duly.core.clock import SECOND, Clock
from duly.core.once_per import OncePer

log = logging.getLogger("duly.ledger")

RecordT = TypeVar("RecordT")

_RING = 10
_CROWDED = 0.75
_SECONDS_BETWEEN_WARNINGS = 30
_RETRIES = 3
_BACKOFF_SECONDS = 1.0
_MOST_AT_ONCE = 10_000
"""Records in one transaction, so that writes that wait for its end do not wait long."""

_COUNTERS = ("overflow", "exhausted", "shutdown")

Counts = tuple[int, int, int]
"""Records lost since the start of the process, in the order of the counters."""


class RecordStore(Protocol[RecordT]):
    """Knows how to write records. Called in the writer thread."""

    def ready(self) -> bool:
        """Whether there is a session to which records can belong."""
        ...

    def write(self, db: sqlite3.Connection, records: Sequence[RecordT]) -> None:
        """Write them all, in this order; on an error the caller undoes what was written."""
        ...

    def without_parent(self, record: RecordT) -> RecordT | None:
        """The record without its reference to a listener or job; ``None`` if it has none."""
        ...

    def stored(self, records: Sequence[RecordT]) -> None:
        """These are durable. Must not wait for anything."""
        ...


class Promise(Generic[RecordT]):
    """Holds the place of a record that is made when it is written, if it is wanted still."""

    __slots__ = ()

    def record(self) -> RecordT | None:
        """The record; ``None``: a later one says it all. Called in the writer thread, once."""
        raise NotImplementedError


@dataclass
class RetryableBatch(Generic[RecordT]):
    """Records whose write has failed and will be tried again."""

    records: list[RecordT] = field(default_factory=list)
    retry_count: int = 0
    """Attempts to write it that have failed."""
    not_before: float = 0.0
    """Monotonic seconds; 0: at once."""


class RecordQueue(Generic[RecordT]):
    """Owns the records that wait. What producers need may be called from any thread, the rest by the writer thread.

    The deque is the one thing that both sides touch: its operations are atomic. ``_guard`` guards counters and waiters.
    """

    def __init__(
        self,
        store: RecordStore[RecordT],
        *,
        capacity: int,
        clock: Clock,
        setting: str,
        weigh: Callable[[Sequence[RecordT], str], int] = lambda records, _: len(records),
    ) -> None:
        """Queue for ``store``; ``setting`` is what a warning tells to raise when ``capacity`` does not suffice.

        ``weigh`` tells how many losses it is to lose these records, for the counter of that name: a mark is none, but
        for ``shutdown``, as long as its outcome may follow.
        """
        self.store = store
        self._weigh = weigh
        self.capacity = capacity
        self.limit = capacity * (1 + _RING)
        self.wake: Callable[[], None] | None = None
        """Wakes the writer, while it sleeps; ``None`` while it is at work, or there is none."""
        self.known: Counts = (0, 0, 0)
        """Losses that stand in the row of a session already."""
        self._clock = clock
        self._setting = setting
        self._queue: deque[RecordT | Promise[RecordT]] = deque()
        self._retry: RetryableBatch[RecordT] | None = None
        """Waits to be tried again, and everything in the queue behind it."""
        self._early = False
        """Whether it was last tried before its time."""
        self._given_up: list[RecordT] = []
        """What could not be written at the end; counted together, for a mark and its outcome are one loss."""
        self._last_error: Exception | None = None
        self._crowded = max(1, int(capacity * _CROWDED))
        self._crowd_warnings = OncePer(_SECONDS_BETWEEN_WARNINGS)
        self._guard = threading.Lock()
        self._waiters: list[Future[None]] = []
        self._lost = dict.fromkeys(_COUNTERS, 0)
        self._told = dict.fromkeys(_COUNTERS, 0)
        """How many of them the log was told of."""
        self._loss_warnings = {counter: OncePer(_SECONDS_BETWEEN_WARNINGS) for counter in _COUNTERS}

    # Producers

    def append(self, record: RecordT | Promise[RecordT]) -> None:
        """Take a record, whatever the room: for those who see to it that there is some before they make more."""
        self._queue.append(record)
        wake = self.wake
        if wake is not None:
            wake()

    def put(self, record: RecordT) -> bool:
        """Take a record if there is room; False: wait for ``room`` and try again, or ``give_up``."""
        fill = len(self._queue)
        if fill >= self.limit:
            return False
        self.append(record)
        if fill >= self._crowded:
            self._warn(fill + 1)
        return True

    @property
    def full(self) -> bool:
        """Whether producers are to wait."""
        return len(self._queue) >= self.limit

    def room(self) -> Future[None]:
        """Is done when there is room."""
        waiter: Future[None] = Future()
        with self._guard:
            if self.full:
                self._waiters.append(waiter)
                return waiter
        waiter.set_result(None)
        return waiter

    def give_up(self, record: RecordT) -> None:
        """There was no room for a record, and nobody can wait any longer: it is lost."""
        self._count_lost(1, "overflow", f"no room for {record!r} before the shutdown: raise {self._setting}")

    def count_unwritable(self) -> None:
        """Of an execution no record could be made: it is lost."""
        self._count_lost(1, "exhausted", "it has values of which no row can be made")

    def counts(self) -> Counts:
        """Records lost so far."""
        overflow, exhausted, shutdown = self._lost.values()
        return overflow, exhausted, shutdown

    def __len__(self) -> int:
        """Records that are not durable, nor lost."""
        retry = self._retry
        return len(self._queue) + (0 if retry is None else len(retry.records))

    def _warn(self, fill: int) -> None:
        now = self._clock.monotonic()
        with self._guard:
            if not self._crowd_warnings.due(now):
                return
        percentage = round(100 * fill / self.capacity)
        log.warning("records wait to be written: fill=%d capacity=%d percentage=%d", fill, self.capacity, percentage)

    # The writer thread

    def has_fresh(self) -> bool:
        """Whether records wait that can be written at once."""
        return bool(self._queue) and self._retry is None and self.store.ready()

    def seconds_until_retry(self) -> float | None:
        """How long until a batch is to be tried again; ``None``: there is none."""
        if self._retry is None or not self.store.ready():
            return None
        return max(0.0, self._retry.not_before - self._clock.monotonic() / SECOND)

    def take_retry(self, *, early: bool) -> RetryableBatch[RecordT] | None:
        """The batch that is to be tried again now, or ``early`` before its time; ``None``: there is none."""
        seconds = self.seconds_until_retry()
        if seconds is None or (seconds > 0 and not early):
            return None
        self._early = seconds > 0
        batch, self._retry = self._retry, None
        return batch

    def take_fresh(self, *, everything: bool) -> RetryableBatch[RecordT] | None:
        """What is to be written now for the first time; ``None``: there is nothing, or a batch waits before it."""
        if not self.has_fresh():
            return None
        batch = RetryableBatch(self._take(len(self._queue) if everything else min(len(self._queue), _MOST_AT_ONCE)))
        self._tell_room()
        return batch

    def write(self, db: sqlite3.Connection, batch: RetryableBatch[RecordT]) -> list[RecordT]:
        """Write a batch; give the records that are written. The others are at fault themselves, and lost.

        Raises:
            Exception: none can be written now, whatever is in them.
        """
        try:
            with_savepoint(db, lambda: self.store.write(db, batch.records))
        except Exception as error:
            if _is_no_fault_of_theirs(error, db):
                raise
            _log_fault(error, len(batch.records))
            return [kept for record in batch.records if (kept := self._write_alone(db, record)) is not None]
        return batch.records

    def written(self, batch: RetryableBatch[RecordT], records: Sequence[RecordT]) -> None:
        """These records of a batch are durable; it had no others that could be."""
        lost = self._weigh(batch.records, "exhausted") - self._weigh(records, "exhausted")
        if lost:
            self._count_lost(lost, "exhausted", "they cannot be written, see above")
        if records:
            self.store.stored(records)

    def failed(self, batch: RetryableBatch[RecordT], error: Exception, *, final: bool = False) -> None:
        """Nothing of a batch was written: have it tried again, or count it as lost."""
        now = self._clock.monotonic() / SECOND
        number, attempt = len(batch.records), batch.retry_count + 1
        if final:
            self._given_up += batch.records
            self._last_error = error
        elif batch.retry_count and self._early:  # which does not count
            self._retry = batch
        elif attempt <= _RETRIES:
            log.warning("records could not be written, attempt %d/%d: %s: records=%d", attempt, _RETRIES, error, number)
            self._retry = RetryableBatch(batch.records, attempt, now + _BACKOFF_SECONDS * attempt)
        elif lost := self._weigh(batch.records, "exhausted"):
            self._count_lost(lost, "exhausted", f"they could not be written: {error}")
        else:
            _log_given_up(error, number)

    def drop_all(self) -> None:
        """At the very end: what no session was there for, or came too late, is lost."""
        left, self._given_up = self._given_up, []
        error, self._last_error = self._last_error, None
        if self._retry is not None:
            left += self._retry.records
            self._retry = None
        left += self._take(len(self._queue))
        number = self._weigh(left, "shutdown")
        if number:
            why = "there was no session to write them in" if error is None else f"the last write failed: {error}"
            self._count_lost(number, "shutdown", why)
        elif error is not None:
            _log_given_up(error, len(left))
        self._tell_room()

    def _take(self, number: int) -> list[RecordT]:
        """Take so many from the queue; less is left of them if promises are not wanted any more."""
        records: list[RecordT] = []
        for _ in range(number):
            item = self._queue.popleft()
            record = _kept(item) if isinstance(item, Promise) else item
            if record is not None:
                records.append(record)
        return records

    def _write_alone(self, db: sqlite3.Connection, record: RecordT) -> RecordT | None:
        try:
            with_savepoint(db, lambda: self.store.write(db, [record]))
        except sqlite3.IntegrityError as error:
            orphan = self.store.without_parent(record) if is_foreign_key(error) else None
            if orphan is None:
                log.error("a record cannot be written and is lost: %s: record=%r", error, record)  # noqa: TRY400 - the traceback is ours and says nothing
                return None
            log.warning("the parent of a record is gone, it is written without: record=%r", record)
            return self._write_alone(db, orphan)
        except Exception as error:
            if _is_no_fault_of_theirs(error, db):
                raise
            log.error("a record cannot be written and is lost: %s: record=%r", error, record)  # noqa: TRY400 - as above
            return None
        return record

    def _tell_room(self) -> None:
        with self._guard:  # before looking: somebody may just have found the queue full
            if not self._waiters or self.full:
                return
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.set_running_or_notify_cancel():
                waiter.set_result(None)

    def _count_lost(self, number: int, counter: str, why: str) -> None:
        now = self._clock.monotonic()
        with self._guard:
            total = self._lost[counter] = self._lost[counter] + number
            if not self._loss_warnings[counter].due(now) and counter != "shutdown":
                return
            told, self._told[counter] = self._told[counter], total
        log.error("records are lost: counter=%s lost=%d total=%d: %s", counter, total - told, total, why)


def _kept(promise: Promise[RecordT]) -> RecordT | None:
    try:
        return promise.record()
    except Exception:
        log.exception("a record could not be made: %r", promise)
        return None


def _log_given_up(error: Exception, number: int) -> None:
    log.error("records that stand for no execution could not be written: %s: records=%d", error, number)


def with_savepoint(db: sqlite3.Connection, work: Callable[[], None]) -> None:
    """Do ``work``; what it has written is undone if it raises. Inside a transaction."""
    db.execute("SAVEPOINT piece")
    try:
        work()
    except BaseException:
        if db.in_transaction:  # after a full disk and the like SQLite has undone the whole transaction
            db.execute("ROLLBACK TO piece")
            db.execute("RELEASE piece")
        raise
    db.execute("RELEASE piece")


def _is_no_fault_of_theirs(error: Exception, db: sqlite3.Connection) -> bool:
    """Whether it is not the records that cannot be written: the file is locked, its disk full, there is no memory."""
    return isinstance(error, sqlite3.OperationalError) or not db.in_transaction


def is_foreign_key(error: sqlite3.IntegrityError) -> bool:
    """Whether a row refers to one that is not there."""
    return error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY


def _log_fault(error: Exception, number: int) -> None:
    if isinstance(error, sqlite3.DataError | sqlite3.ProgrammingError):
        log.error("REGRESSION: %s: %s: records=%d: writing them one by one", type(error).__name__, error, number)
    elif not isinstance(error, sqlite3.IntegrityError):
        log.error(
            "records could not be written: %s: %s: records=%d: writing them one by one",
            type(error).__name__, error, number,
        )  # fmt: skip

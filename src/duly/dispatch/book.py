"""The ledger file of a process that dispatches, or of a worker."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

from duly.core.clock import SECOND, Clock
from duly.ledger.entries import Entry, EntryStore, entry_of, weigh
from duly.ledger.ledger import Ledger, open_file
from duly.ledger.record_queue import RecordQueue
from duly.ledger.records import ExecutionRecord
from duly.ledger.repository import SessionEnd, TelemetryRepository
from duly.ledger.writer import ResultT, Work

log = logging.getLogger("duly.ledger")

CAPACITY = 2_000
"""Records that wait without a warning; ten times as many wait behind them."""

_HEARTBEAT_SECONDS = 300


class Book:
    """Owns the ledger file from ``open`` to ``close``. Guarded by the event loop on which it is opened.

    Records are put in the order of what they tell; ``flush`` returns when all of them are durable.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.repository = TelemetryRepository()
        self._clock = clock
        self._store = EntryStore(self.repository)
        self._records: RecordQueue[Entry] = RecordQueue(
            self._store, capacity=CAPACITY, clock=clock, setting="the speed of the disk", weigh=weigh
        )
        self._ledger: Ledger | None = None
        self._last_beat = clock.monotonic()

    @property
    def session_id(self) -> int | None:
        """The session of this process; ``None``: the file is not open."""
        return self._store.session_id

    async def open(self) -> None:
        """Open the file and begin a session; what an earlier process left running is interrupted.

        Raises:
            DatabaseFileError: it is in use by another process, which is named, or cannot be used.
            SchemaVersionError: a later version wrote it.
        """
        await asyncio.to_thread(self._open)
        self._last_beat = self._clock.monotonic()

    def _open(self) -> None:
        ledger = Ledger(open_file(self.path, self._clock), self._records, self._clock)
        try:
            self._store.session_id = ledger.begin_session().id
            ledger.flush()
        except BaseException:
            self._store.session_id = None
            ledger.close(flush=False)
            raise
        self._ledger = ledger

    async def close(self, end: SessionEnd = SessionEnd()) -> None:  # noqa: B008 - immutable
        """Write what waits, end the session, let go of the file. Idempotent."""
        ledger, self._ledger = self._ledger, None
        if ledger is None:
            return
        try:
            await asyncio.wrap_future(ledger.end_session(end))
        except sqlite3.Error:
            log.exception("the session could not be ended, the next one will: path=%s", self.path)
        finally:
            self._store.session_id = None
            await asyncio.to_thread(ledger.close)

    def put(self, record: ExecutionRecord) -> None:
        """Write a record, with whatever else is written then."""
        self._records.append(entry_of(record, announced=False))

    async def flush(self) -> None:
        """Wait until all records put so far are durable, or have failed, which is counted and logged."""
        await asyncio.wrap_future(self._open_ledger().flushed())

    async def submit(self, work: Work[ResultT]) -> ResultT:
        """Have ``work`` done in a transaction behind all that was put; its result, or what it raised."""
        ledger = self._open_ledger()
        return await asyncio.wrap_future(ledger.submit(work))

    async def wait_for_room(self) -> None:
        """Wait while so many records wait that no more should be made."""
        if self._records.full:
            await asyncio.wrap_future(self._records.room())

    def beat(self) -> None:
        """Note, now and then, that the session lives."""
        monotonic = self._clock.monotonic()
        if self._ledger is not None and monotonic - self._last_beat >= _HEARTBEAT_SECONDS * SECOND:
            self._last_beat = monotonic
            self._ledger.beat()

    def _open_ledger(self) -> Ledger:
        if self._ledger is None:
            raise RuntimeError(f"the ledger is not open: {self.path}")
        return self._ledger

"""The ledger file of a process that dispatches, or of a worker."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import suppress
from pathlib import Path

from duly.core.clock import SECOND, Clock
from duly.ledger.entries import Entry, EntryStore, entry_of, weigh
from duly.ledger.errors import DatabaseFileError
from duly.ledger.ledger import Ledger, open_file
from duly.ledger.record_queue import RecordQueue
from duly.ledger.records import AnyRow, ExecutionRecord
from duly.ledger.repository import SessionEnd, TelemetryRepository
from duly.ledger.writer import ResultT, Work

log = logging.getLogger("duly.ledger")

CAPACITY = 2_000
"""Records that wait without a warning; ten times as many wait behind them."""

_HEARTBEAT_SECONDS = 300
_PATIENCE_SECONDS = 15.0
"""How long the file may refuse to be written: several waits of SQLite for another program, and several attempts."""
_PAUSE_SECONDS = 0.1
_ADVICE = "see that there is room on its disk and that no other program locks it, and start again"


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
    def session_id(self) -> int:
        """The session of this process.

        Raises:
            RuntimeError: the file is not open.
        """
        if self._store.session_id is None:
            raise RuntimeError(f"the ledger is not open: {self.path}")
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
        except sqlite3.Error as error:
            log.error("the session could not be ended, the next one will: path=%s error=%s", self.path, error)  # noqa: TRY400 - what SQLite says is all there is
        finally:
            self._store.session_id = None
            await asyncio.to_thread(ledger.close)

    def put(self, record: ExecutionRecord) -> None:
        """Write a record, with whatever else is written then."""
        self._records.append(entry_of(record, announced=False))

    def put_row(self, row: AnyRow) -> None:
        """As ``put``, of a row that is made already."""
        self._records.append(Entry(row, "", 0, announced=False))

    @property
    def lost(self) -> int:
        """How many records could not be written, and never will be."""
        return sum(self._records.counts())

    async def flush(self, lost: int | None = None) -> None:
        """Wait until all records put so far are durable, though their write has to be tried again.

        Raises:
            DatabaseFileError: that takes too long, or more than ``lost`` records are lost; ``None``: than before.
        """
        before = self.lost if lost is None else lost
        pause = await asyncio.wrap_future(self._open_ledger().flushed())
        if pause is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    while pause is not None and self.lost <= before:
                        await asyncio.sleep(pause)
                        pause = await asyncio.wrap_future(self._open_ledger().flushed())
        if pause is not None or self.lost > before:
            raise DatabaseFileError(
                f"the ledger cannot be written: {self.path}, {self.lost} records are lost; {_ADVICE}"
            )

    async def submit(self, work: Work[ResultT]) -> ResultT:
        """Have ``work`` done in a transaction behind all that was put; its result, or what it raised.

        It is done again, from the beginning, while the file refuses to be written.

        Raises:
            DatabaseFileError: that takes too long.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE_SECONDS
        while True:
            try:
                return await asyncio.wrap_future(self._open_ledger().submit(work))
            except sqlite3.OperationalError as error:
                if loop.time() >= end:
                    raise DatabaseFileError(f"the ledger cannot be written: {self.path}: {error}; {_ADVICE}") from error
            await asyncio.sleep(_PAUSE_SECONDS)

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

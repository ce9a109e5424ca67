"""The ledger as a service: opens the file, writes, keeps it within its bounds, and outlives its own restarts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from duly.core import clock as clocks
from duly.history.reads import Readers
from duly.history.upkeep import retain, shrink
from duly.history.writes import Writes
from duly.ledger.connections import open_writer
from duly.ledger.entries import Entry, EntryStore, weigh
from duly.ledger.errors import DatabaseFileError
from duly.ledger.ledger import open_file
from duly.ledger.record_queue import RecordQueue
from duly.ledger.repository import TelemetryRepository
from duly.ledger.upkeep import truncate_wal
from duly.ledger.writer import ResultT, Work, Writer
from duly.lifecycle import RestartSpec, RestartType, Service

if TYPE_CHECKING:
    from duly.ledger.lock import FileLock
    from duly.lifecycle.resource import Resource
    from duly.lifecycle.root import Root


class DatabaseService(Service):
    """Owns lock, writer and readers of the ledger; guarded by the event loop.

    ``records`` and the writes that wait are there from its making on, and outlive its restarts.
    """

    restart_spec: ClassVar[RestartSpec] = RestartSpec(
        restart_type=RestartType.TRANSIENT,
        budget_intensity=3,
        budget_period_seconds=120.0,
        fatal_error_names=("SchemaVersionError", "DatabaseFileError"),
    )
    log_setting: ClassVar[str] = "database_service"

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        super().__init__(duly, parent=parent)
        settings = duly.config.database
        self.clock = clocks.current()
        self.repository = TelemetryRepository()
        self.path: Path = duly.config.ledger_path
        self.entries = EntryStore(self.repository)
        self.records: RecordQueue[Entry] = RecordQueue(
            self.entries,
            capacity=settings.telemetry_write_queue_max,
            clock=self.clock,
            setting="database.telemetry_write_queue_max",
            weigh=weigh,
        )
        self._writes = Writes(settings.write_queue_max, self.clock)
        self._readers = Readers(self.path, settings.read_timeout_seconds)
        self._lock: FileLock | None = None
        self._file: tuple[int, int] | None = None
        """Which file on the disk it is."""
        self._writer: Writer | None = None

    # --- for everybody -----------------------------------------------------------------------------------------------

    @property
    def session_id(self) -> int | None:
        """The session to which records belong; ``None``: there is none yet."""
        return self.entries.session_id

    @property
    def refused_writes(self) -> int:
        """Writes that ``enqueue`` has refused."""
        return self._writes.refused

    @property
    def is_open(self) -> bool:
        """Whether the file is open for writing."""
        return self._writer is not None

    async def submit(self, work: Work[ResultT]) -> ResultT:
        """Carry ``work`` out in a transaction: waits for room and for the result, or what it raises.

        Records put before are written before. A write that has begun goes on if the caller is cancelled.

        Raises:
            RuntimeError: the service does not run; during its restart the write waits instead.
        """
        return await self.issue(work)

    def issue(self, work: Work[ResultT]) -> asyncio.Future[ResultT]:
        """As ``submit``, but the write has its place in the order when this returns."""
        return asyncio.wrap_future(self._writes.issue(work))

    def enqueue(self, work: Work[object], *, on_failed: Callable[[BaseException], object] | None = None) -> bool:
        """Have ``work`` carried out, from any thread; False: there was no room, it is not.

        ``on_failed`` is told, in the writer's thread, what went wrong with it later.

        Raises:
            RuntimeError: the service does not run.
        """
        return self._writes.offer(work, on_failed)

    async def read(self, query: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        """Ask the file in a thread; never waits for writes.

        Raises:
            TimeoutError: it took longer than ``database.read_timeout_seconds``.
            RuntimeError: the service does not run.
        """
        return await self._readers.read(query)

    async def flush(self, *, retries: bool = False) -> None:
        """Until all records put so far are durable, or have failed; with ``retries`` until none is to be retried."""
        pause = await asyncio.wrap_future(self._writes.flush())
        while retries and pause is not None:
            await asyncio.sleep(pause)
            pause = await asyncio.wrap_future(self._writes.flush())

    async def flush_finally(self) -> None:
        """Write all records there are; those whose write fails now are lost, and counted."""
        if self._writer is None:
            self.records.drop_all()
        else:
            await asyncio.wrap_future(self._writer.flush(final=True))

    # --- its life ----------------------------------------------------------------------------------------------------

    def give_up(self) -> None:
        """Let go of everything that waits for a start which will not come: at a stop while the file is not open."""
        if self._writer is None:
            self._writes.close()
            self._unlock()

    async def on_initialize(self) -> None:
        """Open the file, migrated, and take writes."""
        opening = asyncio.get_running_loop().run_in_executor(None, self._open)
        try:
            db = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._close_again)
            raise
        longest = self.duly.config.database.max_flush_interval_seconds
        self._writer = Writer(db, self.records, lambda: None, longest)
        self._writes.open(self._writer)
        self._readers.open()

    async def serve(self) -> None:
        """Beat, and look after the file."""
        self.mark_ready("open")
        settings = self.duly.config.database
        chores = {
            "retention": self._repeat(settings.retention_interval_seconds, self._retain),
            "size": self._repeat(settings.size_failsafe_interval_seconds, self._shrink),
            "heartbeat": self._beat(),
        }
        tasks = [self.task_bucket.spawn(chore, name=f"database:{name}") for name, chore in chores.items()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def on_shutdown(self) -> None:
        """Carry out what was accepted and close the file; if a start follows, leave what waits to it."""
        writer, self._writer = self._writer, None
        if self._restarting:
            self._writes.suspend()
        else:
            self._writes.close()
        await self._readers.close()
        if writer is not None:
            await asyncio.to_thread(writer.close, flush=not self._restarting)
        if not self._restarting:
            self._unlock()
            *_, lost = self.records.counts()
            if lost:
                self.logger.error("the last records could not be written to %s: lost=%d", self.path, lost)

    @property
    def startup_limit(self) -> float:
        """Long enough for a migration."""
        return max(super().startup_limit, self.duly.config.database.migration_timeout_seconds)

    async def restart(self, *, ready_within: float | None = None) -> None:
        """Close the file and open it again; what waits meanwhile is carried out afterwards."""
        try:
            await super().restart(ready_within=ready_within)
        except BaseException:
            self.give_up()  # nothing follows that could carry out what waits
            raise

    def _open(self) -> sqlite3.Connection:
        timeout = float(self.duly.config.database.migration_timeout_seconds)
        if self._lock is not None:
            db = open_writer(self.path, self.clock, migration_timeout=timeout)[0]
        else:
            file = open_file(self.path, self.clock, migration_timeout=timeout)
            db, self._lock = file.db, file.lock
        self._file = _identity(self.path)
        return db

    def _close_again(self, opened: asyncio.Future[sqlite3.Connection]) -> None:
        """The start was given up while the file was being opened."""
        if not opened.cancelled() and opened.exception() is None:
            opened.result().close()
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # --- chores ------------------------------------------------------------------------------------------------------

    async def _repeat(self, interval: float, chore: Callable[[], Awaitable[None]]) -> None:
        """At once, and then every ``interval`` seconds."""
        while True:
            try:
                await chore()
            except (sqlite3.Error, TimeoutError) as error:
                self.logger.warning("upkeep of the ledger failed and is tried again: %s", error)
            await asyncio.sleep(interval)

    async def _beat(self) -> None:
        settings = self.duly.config.database
        failures = 0
        while True:
            await asyncio.sleep(settings.heartbeat_interval_seconds)
            try:
                await self.submit(self._note_beat)
                failures = 0
            except sqlite3.Error as error:
                failures += 1
                most = settings.max_consecutive_heartbeat_failures
                self.logger.warning("a heartbeat could not be written, %d of %d: %s", failures, most, error)
                if failures >= most:
                    raise

    def _note_beat(self, db: sqlite3.Connection) -> None:
        if _identity(self.path) != self._file:
            raise DatabaseFileError(
                f"{self.path} was removed or replaced while it was in use, so nothing is kept any more: "
                "put it back, or go on with what is there, and start Duly again"
            )
        session_id = self.session_id
        if session_id is not None:
            self.repository.beat(db, session_id, self.clock.now())

    async def _retain(self) -> None:
        config = self.duly.config
        await retain(
            self,
            self.clock.now(),
            executions_days=config.database.retention_days,
            logs_days=config.logging.log_retention_days,
        )

    async def _shrink(self) -> None:
        await self._readers.read(truncate_wal)  # or an old log would count as data
        if await shrink(self, self.duly.config.database):
            await self._readers.read(truncate_wal)


def _identity(path: Path) -> tuple[int, int] | None:
    """Of the file at a path: another may come to be there; ``None``: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino

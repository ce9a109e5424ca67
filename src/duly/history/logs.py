"""Log records in the ledger, as a part."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from duly.history.database import DatabaseService
from duly.history.log_entries import LogEntry
from duly.history.log_pipeline import LogPipeline, LogSettings
from duly.history.sessions import SessionManager
from duly.ledger.record_queue import with_savepoint
from duly.lifecycle import Resource, find_part

if TYPE_CHECKING:
    from typing import TextIO

    from duly.lifecycle.root import Root


class LoggingService(Resource):
    """Owns the way of log records. Guarded by the event loop.

    ``install`` may be called before anything has started, so that no record is missed, and then ``close`` after
    everything has ended; without, records are taken from its start to its stop.
    """

    depends_on: ClassVar[list[type[Resource]]] = [DatabaseService]

    def __init__(
        self,
        duly: Root,
        *,
        parent: Resource | None = None,
        database: DatabaseService,
        stream: TextIO | None = None,
    ) -> None:
        """Show records on ``stream``, by default standard error."""
        super().__init__(duly, parent=parent)
        config = duly.config
        settings = LogSettings(
            log_format=config.logging.log_format,
            level=config.logging.log_level,
            stored_from=logging.getLevelNamesMapping()[config.logging.log_persistence_level],
            queue_max=config.logging.log_queue_max,
            ring_size=config.web_api.log_buffer_size,
        )
        self._pipeline = LogPipeline(settings, stream or sys.stderr)
        self._database = database
        self._session_id: int | None = None
        self._own = False
        """Whether its stop closes what its start has opened."""

    @property
    def dropped(self) -> int:
        """Records that were lost for lack of room."""
        return self._pipeline.dropped

    def entries(self, after: int = 0) -> list[LogEntry]:
        """The newest records, oldest first, with numbers above ``after``."""
        return self._pipeline.entries(after)

    def install(self) -> None:
        """Take log records."""
        if not self._pipeline.is_open:
            self._pipeline.open()

    def close(self) -> None:
        """Show what waits, and take no more. Idempotent."""
        self._pipeline.close()

    async def on_initialize(self) -> None:
        """Store records, those included that have waited for the database and for the session."""
        self._own = not self._pipeline.is_open
        self.install()
        sessions = find_part(self.duly, SessionManager)
        if sessions is not None:
            await sessions.wait_ready()
        await asyncio.to_thread(self._pipeline.store_with, self._store)

    async def on_shutdown(self) -> None:
        """Hand over what waits, and store no more."""
        await asyncio.to_thread(self._pipeline.store_with, None)
        if self._own:
            await asyncio.to_thread(self._pipeline.close)

    def _store(self, entries: Sequence[LogEntry]) -> bool:
        """In the thread of the log: have them written."""
        self._session_id = self._database.session_id or self._session_id
        rows = [entry.row(self._session_id) for entry in entries]

        return self._database.enqueue(
            lambda db: self._write(db, rows), on_failed=lambda _: self._pipeline.count_dropped(len(rows))
        )

    def _write(self, db: sqlite3.Connection, rows: list[tuple[object, ...]]) -> None:
        """All of them, or, if one of them has values that no file can hold, the others."""
        insert = self._database.repository.insert_logs
        try:
            with_savepoint(db, lambda: insert(db, rows))
        except sqlite3.OperationalError:
            raise
        except Exception:  # noqa: BLE001 - whatever a record's values do to the driver
            for row in rows:
                try:
                    with_savepoint(db, partial(insert, db, [row]))
                except (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError, OverflowError):
                    self._pipeline.count_dropped(1)

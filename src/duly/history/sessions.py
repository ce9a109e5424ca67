"""One run of the process, as a row."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

from duly.core.outcomes import cut_traceback, text_of, traceback_of
from duly.history.database import DatabaseService
from duly.ledger.records import storable
from duly.ledger.repository import SessionEnd
from duly.lifecycle import Resource

if TYPE_CHECKING:
    from duly.lifecycle.root import Root


class SessionManager(Resource):
    """Opens the session before anything can run, and ends it after the last record. Guarded by the event loop."""

    depends_on: ClassVar[list[type[Resource]]] = [DatabaseService]
    log_setting: ClassVar[str] = "database_service"

    def __init__(self, duly: Root, *, parent: Resource | None = None, database: DatabaseService) -> None:
        super().__init__(duly, parent=parent)
        self._database = database
        self.fatal_error: BaseException | None = None
        """Why the process ends, if it is a failure: set before the stop."""

    @property
    def session_id(self) -> int | None:
        """The row; ``None``: there is none yet, or no more."""
        return self._database.session_id

    async def on_initialize(self) -> None:
        """Open a session; what the last one left open is ended and interrupted in the same transaction."""
        database = self._database
        repository, now, pid, duly = database.repository, database.clock.now(), os.getpid(), version("duly")
        begun = await database.submit(lambda db: repository.begin_session(db, now, duly, pid))
        if begun.orphans:
            self.logger.warning(
                "the process did not stop as it should: sessions=%d interrupted=%d", begun.orphans, begun.interrupted
            )
        database.entries.session_id = begun.id
        await database.flush()  # wakes the writer for what has waited for the session

    async def on_shutdown(self) -> None:
        """Write the last records, then how the session ended and how many were lost."""
        database = self._database
        session_id, repository, end = self.session_id, database.repository, self._end()
        try:
            await database.flush_finally()
            if session_id is not None and database.is_open:
                now, lost = database.clock.now(), database.records.counts()
                await database.submit(lambda db: repository.end_session(db, session_id, now, end, lost))
        except (sqlite3.Error, RuntimeError, asyncio.CancelledError) as error:
            why = "it took too long" if isinstance(error, asyncio.CancelledError) else error
            text = "%s: the session could not be ended, the next start will: session=%s: %s"
            self.logger.error(text, database.path, session_id, why)  # noqa: TRY400 - its message says all there is to say
            if why is not error:
                raise
        finally:
            database.entries.session_id = None
            database.give_up()

    def _end(self) -> SessionEnd:
        error = self.fatal_error
        if error is None:
            return SessionEnd()
        trace = cut_traceback(traceback_of(error))
        return SessionEnd("failure", type(error).__name__, storable(text_of(error)), storable(trace))

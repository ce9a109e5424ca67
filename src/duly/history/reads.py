"""Reading the ledger off the loop, within a time limit."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from duly.core.clock import SECOND, SystemClock
from duly.ledger.connections import open_reader
from duly.ledger.forks import in_sqlite
from duly.ledger.reader import interrupted

T = TypeVar("T")

_THREADS = 4


class Readers:
    """Owns threads that read, each with a connection of its own. Guarded by the event loop."""

    def __init__(self, path: Path, limit: float) -> None:
        """Read ``path``, for at most ``limit`` seconds at a time."""
        self._path = path
        self._limit = limit
        self._clock = SystemClock()  # how long SQLite takes is no matter of virtual time
        self._pool: ThreadPoolExecutor | None = None
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    def open(self) -> None:
        """Take queries."""
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="duly-read")
        self._own = threading.local()

    async def close(self) -> None:
        """Take no more, and wait for those under way."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)
        with in_sqlite():
            while self._connections:
                self._connections.pop().close()

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What the query gives.

        Raises:
            TimeoutError: the limit, which includes the wait for a thread, has passed.
        """
        if self._pool is None:
            raise RuntimeError("the database service does not run: start it first")
        end = self._clock.monotonic() + round(self._limit * SECOND)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, query, end)

    def _read(self, query: Callable[[sqlite3.Connection], T], end: int) -> T:
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is None:
            db = self._own.db = open_reader(self._path)
            self._connections.append(db)
        with in_sqlite(), interrupted(db, self._clock, end, f"database.read_timeout_seconds = {self._limit:g}"):
            return query(db)

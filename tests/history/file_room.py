"""A database service on a real file, in a house of its own."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from duly.config import DatabaseConfig, DulyConfig
from duly.core.clock import Clock, restore, use
from duly.history import DatabaseService, SessionManager
from duly.ledger.entries import Entry, entry_of
from duly.ledger.records import ExecutionRecord
from tests.lifecycle.house import PATIENCE, House


class FileRoom:
    """A house with a database and a session."""

    def __init__(self, path: Path, **settings: Any) -> None:  # noqa: ANN401 - fields of the database settings
        logs = settings.pop("logs", {})
        settings.setdefault("retention_days", 100_000)  # records of tests may be of 1970
        database = DatabaseConfig(path=path, **settings)
        config = DulyConfig.hermetic(strict_lifecycle=True, database=database, logging=logs)
        self.path = path
        self.house = House(config)
        self.database = self.house.add_child(DatabaseService)
        self.sessions = self.house.add_child(SessionManager, database=self.database)

    async def start(self) -> None:
        self.house.task_bucket.open()
        await self.database.initialize()
        await self.sessions.initialize()

    async def stop(self) -> None:
        await self.sessions.shutdown()
        await self.database.shutdown()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a view, oldest first."""
        db = sqlite3.connect(self.path)
        db.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in db.execute(f"SELECT * FROM {table}")]  # noqa: S608 - a name of ours
        finally:
            db.close()


@asynccontextmanager
async def opened(folder: Path, clock: Clock | None = None, **settings: Any) -> AsyncIterator[FileRoom]:  # noqa: ANN401 - as above
    """While it runs."""
    token = None if clock is None else use(clock)
    room = FileRoom(folder / "duly.db", **settings)
    try:
        await room.start()
        yield room
    finally:
        await room.stop()
        if token is not None:
            restore(token)


def in_room(
    folder: Path,
    main: Callable[[FileRoom], Coroutine[Any, Any, None]],
    clock: Clock | None = None,
    **settings: Any,  # noqa: ANN401 - as above
) -> None:
    """Run ``main`` while it runs."""

    async def body() -> None:
        async with asyncio.timeout(PATIENCE), opened(folder, clock, **settings) as room:
            await main(room)

    asyncio.run(body())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While another connection has the file locked."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Until it holds; the loop goes on meanwhile."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other threads
            await asyncio.sleep(0.001)


def entry(start: float = 1.0, **fields: Any) -> Entry:  # noqa: ANN401 - of a record
    """A record of a run by hand."""
    given: dict[str, Any] = {"kind": "job", "session_id": None, "duration_ms": 1.0, "status": "success"}
    return entry_of(ExecutionRecord(execution_start_ts=start, **given | fields), announced=False)


def audit(number: int) -> Callable[[sqlite3.Connection], int]:
    """A write that gives its number."""

    def work(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO raw_audit (ts, actor, action, target) VALUES (?, '', '', '')", (number,))
        return number

    return work

"""A real executor on a real file, with stand-ins for listeners and jobs; and loops to run tests on."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from duly.config import DatabaseConfig, DulyConfig
from duly.core.clock import Clock, restore, use
from duly.core.outcomes import Outcome
from duly.events import DulyExecutionCompletedEvent, DulyPayload, Event
from duly.executor import CommandExecutor, ExecuteJob, InvokeHandler, ListenerRegistration, ScheduledJobRegistration
from duly.executor.protocols import ErrorHandler
from duly.history import DatabaseService, SessionManager
from duly.ledger.connections import open_reader
from duly.ledger.records import SourceTier
from tests.lifecycle.house import PATIENCE, House

Row = dict[str, Any]


class Invoker:
    """Calls a function with the event."""

    def __init__(self, function: Callable[[Any], Awaitable[object]], error_handler: ErrorHandler | None) -> None:
        self.error_handler = error_handler
        self._function = function

    def invoke(self, event: Event[Any]) -> Awaitable[object]:
        return self._function(event)


class Ear:
    """A listener."""

    def __init__(
        self,
        function: Callable[[Any], Awaitable[object]],
        *,
        error_handler: ErrorHandler | None = None,
        app_key: str = "porch",
        instance_index: int = 0,
        name: str = "ear",
    ) -> None:
        self.invoker = Invoker(function, error_handler)
        self.app_key = app_key
        self.instance_index = instance_index
        self._name = name

    def __repr__(self) -> str:
        return f"<{self._name}>"


class Chore:
    """A job."""

    def __init__(
        self,
        name: str = "sweep",
        *,
        error_handler: ErrorHandler | None = None,
        db_id: int | None = None,
        app_key: str = "porch",
        source_tier: SourceTier = "app",
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.group: str | None = "floor"
        self.args = args
        self.kwargs = kwargs or {}
        self.error_handler = error_handler
        self.app_key = app_key
        self.instance_index = 0
        self.source_tier: SourceTier = source_tier
        self.db_id = db_id


class Plant:
    """A house with a database, a session and an executor."""

    def __init__(self, path: Path, config: DulyConfig) -> None:
        self.path = path
        self.house = House(config, max_workers=2)
        self.database = self.house.add_child(DatabaseService)
        self.sessions = self.house.add_child(SessionManager, database=self.database)
        self.executor = self.house.add_child(CommandExecutor, database=self.database)
        self.announced: list[DulyExecutionCompletedEvent] = []
        self.executor.announce_with(self.announced.append)

    async def start(self) -> None:
        """Start its parts, as the root would."""
        self.house.task_bucket.open()
        for part in self.house.children:
            await part.initialize()

    async def stop(self) -> None:
        """Stop its parts, last added first."""
        for part in reversed(self.house.children):
            await part.shutdown()

    async def rows(self) -> list[Row]:
        """All executions, once everything put so far is written."""
        await self.database.flush()
        return rows_of(self.path)

    async def row(self) -> Row:
        """The only execution."""
        (row,) = await self.rows()
        return row

    def handler(self, function: Callable[[Any], Awaitable[object]], **options: Any) -> InvokeHandler:  # noqa: ANN401 - fields of the command
        """A command to call a handler."""
        given: dict[str, Any] = {
            "listener": Ear(function),
            "event": Event("lamp", DulyPayload("on")),
            "topic": "lamp.kitchen",
            "listener_id": None,
            "source_tier": "app",
            "effective_timeout": None,
        }
        return InvokeHandler(**given | options)

    def job(self, function: Callable[[], Awaitable[object]], **options: Any) -> ExecuteJob:  # noqa: ANN401 - as above
        """A command to run a job."""
        given: dict[str, Any] = {
            "job": Chore(),
            "callable": function,
            "job_db_id": None,
            "scheduled_ts": 1_000.0,
            "source_tier": "app",
            "effective_timeout": None,
        }
        return ExecuteJob(**given | options)

    async def execute(self, kind: str, act: Callable[[], Awaitable[object]], **options: Any) -> Outcome:  # noqa: ANN401 - as above
        """Run ``act`` as a handler or as a job."""
        if kind == "job":
            return await self.executor.execute(self.job(act, **options))
        return await self.executor.execute(self.handler(lambda _: act(), **options))


def config(path: Path, **settings: Any) -> DulyConfig:  # noqa: ANN401 - groups of settings
    """Settings with the ledger at ``path``."""
    database = {"path": path, **settings.pop("database", {})}
    return DulyConfig.hermetic(strict_lifecycle=True, database=DatabaseConfig(**database), **settings)


@asynccontextmanager
async def running(folder: Path, *, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Plant]:  # noqa: ANN401 - groups of settings
    """A plant that has started, with a file in ``folder``."""
    token = None if clock is None else use(clock)
    plant = Plant(folder / "duly.db", config(folder / "duly.db", **settings))
    try:
        await plant.start()
        yield plant
    finally:
        await plant.stop()
        if token is not None:
            restore(token)


def in_plant(
    folder: Path,
    main: Callable[[Plant], Coroutine[Any, Any, None]],
    *,
    clock: Clock | None = None,
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> None:
    """Run ``main`` with a plant that has started."""

    async def body() -> None:
        async with asyncio.timeout(PATIENCE), running(folder, clock=clock, **settings) as plant:
            await main(plant)

    asyncio.run(body())


async def until(condition: Callable[[], object]) -> None:
    """Until it holds; the loop goes on meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other threads too
            await asyncio.sleep(0.001)


def rows_of(path: Path, table: str = "executions") -> list[Row]:
    """All rows, oldest first."""
    db = open_reader(path)
    db.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY id")]  # noqa: S608 - a name of ours
    finally:
        db.close()


async def nothing(*_: object) -> None:
    """Return at once."""


def raising(error: BaseException) -> Callable[..., Coroutine[Any, Any, None]]:
    """Something async that raises ``error``."""

    async def act(*_: object) -> None:
        raise error

    return act


def listener(name: str = "ear", **fields: Any) -> ListenerRegistration:  # noqa: ANN401 - of the registration
    """A registration of a listener."""
    given: dict[str, Any] = {
        "app_key": "porch",
        "instance_index": 0,
        "handler_method": "Porch.ear",
        "topic": "lamp",
        "debounce": None,
        "throttle": None,
        "once": False,
        "priority": 0,
        "predicate_description": None,
        "human_description": None,
        "source_location": "porch.py:1",
        "registration_source": None,
        "name": name,
    }
    return ListenerRegistration(**given | fields)


def job(name: str = "sweep", **fields: Any) -> ScheduledJobRegistration:  # noqa: ANN401 - of the registration
    """A registration of a job."""
    given: dict[str, Any] = {
        "app_key": "porch",
        "instance_index": 0,
        "job_name": name,
        "handler_method": "Porch.sweep",
        "trigger_type": "interval",
    }
    return ScheduledJobRegistration(**given | fields)

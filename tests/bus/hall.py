"""A real bus service over a real executor and file, on virtual time, with listeners made by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from whenever import ZonedDateTime

from duly.bus.listener import Gate, Listener, ListenerOptions, Predicate
from duly.bus.service import BusService
from duly.events import DulyPayload, Event
from duly.executor.protocols import ErrorHandler
from duly.testing import VirtualClock, run_virtual
from tests.executor.plant import Invoker, Plant, Row, config
from tests.executor.plant import listener as registration

T = TypeVar("T")

BEGIN = ZonedDateTime(2025, 1, 1, tz="UTC")
Handler = Callable[[Any], Awaitable[object]]


class Hall(Plant):
    """A plant with a bus service."""

    def __init__(self, path: Path, **settings: Any) -> None:  # noqa: ANN401 - groups of settings
        super().__init__(path, config(path, **settings))
        self.executor.announce_with(None)
        self.bus = self.house.add_child(BusService, executor=self.executor)
        self.said: list[Any] = []

    def make(
        self,
        topic: str = "lamp",
        handler: Handler | None = None,
        name: str = "",
        *,
        predicate: Predicate | None = None,
        error_handler: ErrorHandler | None = None,
        tier: str = "app",
        **options: Any,  # noqa: ANN401 - fields of the options
    ) -> Listener:
        """A listener that nobody knows of yet; without handler it notes name and data in ``said``."""
        name = name or topic

        async def note(event: Event[Any]) -> None:
            self.said.append((name, event.payload.data))

        act = handler or note
        return Listener(
            name,
            topic,
            act,
            Invoker(act, error_handler),
            options=ListenerOptions(**options),
            owner_id="Duly.Porch",
            app_key="porch",
            instance_index=0,
            source_tier="app" if tier == "app" else "framework",
            predicate=predicate,
        )

    def listen(self, *args: Any, gate: Callable[[Listener], Gate] | None = None, **kwargs: Any) -> Listener:  # noqa: ANN401 - as ``make``
        """A listener that gets events."""
        listener = self.make(*args, **kwargs)
        if gate is not None:
            listener.gate = gate(listener)
        self.bus.add(listener)
        return listener

    async def register(self, listener: Listener) -> None:
        """Give it a row."""
        listener.db_id = await self.executor.register_listener(registration(listener.name, topic=listener.topic))

    async def say(self, *data: object, topic: str = "lamp") -> None:
        """Send an event for each."""
        for one in data:
            await self.bus.send(event(one, topic))

    async def settle(self) -> None:
        """Until nothing is left to do."""
        await self.bus.idle(60)


def event(data: object = "on", topic: str = "lamp") -> Event[Any]:
    """An event of an app."""
    return Event(topic, DulyPayload(data))


@asynccontextmanager
async def started(folder: Path, **settings: Any) -> AsyncIterator[Hall]:  # noqa: ANN401 - groups of settings
    """A hall that has started, on the file in ``folder``, until it is stopped."""
    hall = Hall(folder / "duly.db", **settings)
    await hall.start()
    try:
        yield hall
    finally:
        await hall.stop()


def in_hall(
    folder: Path,
    main: Callable[[Hall], Coroutine[Any, Any, T]],
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> T:
    """Run ``main`` on virtual time, with a hall that has started."""

    async def body() -> T:
        async with started(folder, **settings) as hall:
            return await main(hall)

    return run_virtual(body(), VirtualClock(BEGIN))


def statuses(rows: list[Row]) -> list[str]:
    """What became of executions, in order."""
    return [row["status"] for row in rows]

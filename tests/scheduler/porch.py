"""A part that stands for an app, with a scheduler of its own, in a yard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

from duly.lifecycle import Resource, ResourceRole
from duly.lifecycle.root import Root
from duly.scheduler import AsyncScheduler
from duly.testing import VirtualClock
from tests.executor.plant import Row, rows_of
from tests.lifecycle.house import PATIENCE
from tests.scheduler.yard import Yard, in_yard, yard


class Porch(Resource):
    """Stands for an app."""

    role: ClassVar[ResourceRole] = ResourceRole.APP

    def __init__(self, duly: Root, *, parent: Resource | None = None, index: int = 0) -> None:
        super().__init__(duly, parent=parent)
        self.index = index
        self.app_key = "porch"
        self.scheduler = self.add_child(AsyncScheduler)


class Boiler(Resource):
    """A part of Duly with jobs."""

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        super().__init__(duly, parent=parent)
        self.scheduler = self.add_child(AsyncScheduler)


class Home:
    """A yard with a porch that has started."""

    def __init__(self, yard: Yard, porch: Porch) -> None:
        self.yard = yard
        self.porch = porch
        self.scheduler = porch.scheduler
        self.service = yard.scheduler

    async def stored(self, name: str) -> Row:
        """The row of a job, once everything so far is written."""
        await self.yard.database.flush()
        (row,) = [row for row in rows_of(self.yard.path, "scheduled_jobs") if row["job_name"] == name]
        return row


def in_home(
    folder: Path,
    main: Callable[[Home], Coroutine[Any, Any, None]],
    clock: VirtualClock | None = None,
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> None:
    """Run ``main`` on virtual time, with a porch that has started, and is stopped afterwards."""

    async def body(place: Yard) -> None:
        porch = place.house.add_child(Porch)
        await porch.initialize()
        await main(Home(place, porch))

    in_yard(folder, body, clock, **settings)


def in_real_home(
    folder: Path,
    main: Callable[[Home], Coroutine[Any, Any, None]],
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> None:
    """As ``in_home``, in real time."""

    async def body() -> None:
        async with asyncio.timeout(PATIENCE), yard(folder, **settings) as place:
            porch = place.house.add_child(Porch)
            await porch.initialize()
            await main(Home(place, porch))

    asyncio.run(body())


async def nothing(*_: object) -> None:
    """Do nothing."""


async def other(*_: object) -> None:
    """Do nothing, under another name."""

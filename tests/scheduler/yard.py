"""A real scheduler service on a real file, on virtual time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from whenever import ZonedDateTime

from duly.core.clock import SECOND, Clock, current, nanoseconds, zoned
from duly.core.scheduled_job import ScheduledJob
from duly.core.trigger import TriggerProtocol
from duly.ledger.diagnosis import Report
from duly.ledger.doctor import examine
from duly.scheduler.service import SchedulerService
from duly.testing import VirtualClock, run_virtual
from tests.executor.plant import Plant, Row, config, rows_of

T = TypeVar("T")

BEGIN = ZonedDateTime(2025, 1, 1, tz="UTC")
OWNER = "Duly.Porch"


class Yard(Plant):
    """A plant with a scheduler service."""

    def __init__(self, path: Path, clock: Clock, **settings: Any) -> None:  # noqa: ANN401 - groups of settings
        super().__init__(path, config(path, **settings))
        self.clock = clock
        self.scheduler = self.house.add_child(SchedulerService, executor=self.executor, database=self.database)
        self.removed: list[ScheduledJob] = []
        self.scheduler.register_removal_callback(OWNER, self.removed.append)

    def make(
        self,
        function: Callable[..., Any],
        trigger: TriggerProtocol | None,
        name: str = "sweep",
        **fields: Any,  # noqa: ANN401 - of the job
    ) -> ScheduledJob:
        """A job of the owner, that nobody knows of yet."""
        given: dict[str, Any] = {"owner_id": OWNER, "app_key": "porch"} | fields
        if "next_run" not in given:
            assert trigger is not None
            given["next_run"] = trigger.first_run_time(zoned(self.clock.now(), self.clock.zone))
        return ScheduledJob(job=function, trigger=trigger, name=name, **given)

    async def add(
        self,
        function: Callable[..., Any],
        trigger: TriggerProtocol | None,
        name: str = "sweep",
        **fields: Any,  # noqa: ANN401 - of the job
    ) -> ScheduledJob:
        """A job of the owner that is registered."""
        job = self.make(function, trigger, name, **fields)
        await self.scheduler.add_job(job)
        return job

    async def cancel(self, job: ScheduledJob) -> None:
        """Cancel it, as its scheduler does."""
        assert job.db_id is not None
        await self.scheduler.mark_job_cancelled(job.db_id, self.scheduler.take_off(job))

    def stall(self, seconds: float) -> None:
        """Let time pass while the loop is blocked."""
        assert isinstance(self.clock, VirtualClock)
        self.clock.elapse(seconds)

    async def kill(self) -> None:
        """End as ``kill -9`` ends a process: what is not durable by now will not be."""
        database = self.database
        writer, database._writer = database._writer, None
        assert writer is not None
        await asyncio.to_thread(writer.close, flush=False)
        await database._readers.close()
        database._unlock()
        for part in self.house.children:
            await part.task_bucket.cancel_all()
        await self.house.worker_pool.shutdown()

    async def slots(self, name: str | None = None) -> list[tuple[float, str]]:
        """What became of the slots of a job, or of all: seconds since the begin, and outcome with reason."""
        rows = sorted(await self.rows(), key=lambda row: (row["scheduled_ts"] or 0, row["id"]))
        ids = {row["id"]: row["job_name"] for row in rows_of(self.path, "scheduled_jobs")}
        return [
            (row["scheduled_ts"] - BEGIN.timestamp(), label_of(row))
            for row in rows
            if row["scheduled_ts"] is not None and name in {None, ids.get(row["job_id"])}
        ]

    async def examine(self) -> Report:
        """What is wrong with the file."""
        await self.database.flush(retries=True)
        return examine(self.path, clock=self.clock)


def label_of(row: Row) -> str:
    """Outcome and reason, and how many slots if they are several."""
    count = "" if row["tick_count"] == 1 else f" x{row['tick_count']}"
    return " ".join(filter(None, (row["status"], row["reason"]))) + count


@asynccontextmanager
async def writer_held(place: Plant) -> AsyncIterator[None]:
    """Nothing more is written meanwhile."""
    goes_on = threading.Event()
    held = place.database.issue(lambda _: goes_on.wait())
    try:
        yield
    finally:
        goes_on.set()
        await held


@asynccontextmanager
async def yard(folder: Path, **settings: Any) -> AsyncIterator[Yard]:  # noqa: ANN401 - groups of settings
    """A yard that has started, on the file in ``folder``, until it is stopped."""
    place = Yard(folder / "duly.db", current(), **settings)
    await place.start()
    try:
        yield place
    finally:
        await place.stop()


def in_yard(
    folder: Path,
    main: Callable[[Yard], Coroutine[Any, Any, T]],
    clock: VirtualClock | None = None,
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> T:
    """Run ``main`` on virtual time, with a yard that has started."""

    async def body() -> T:
        async with yard(folder, **settings) as place:
            return await main(place)

    return run_virtual(body(), clock or VirtualClock(BEGIN))


async def nothing() -> None:
    """Take no time."""


def taking(seconds: float) -> Callable[[], Coroutine[Any, Any, None]]:
    """Something async that takes so long."""

    async def work() -> None:
        await asyncio.sleep(seconds)

    return work


async def until(second: float) -> None:
    """Until so many seconds after the begin, and a little more, so that what is due then is done."""
    left = nanoseconds(BEGIN) + round(second * SECOND) - current().now()
    await asyncio.sleep(left / SECOND + 0.001)

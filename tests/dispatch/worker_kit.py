"""A worker in this process, and what is on the wire around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo, RawStreamMsg

from duly.core.clock import SystemClock
from duly.dispatch.bus import Received, Subscription
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.streams import StreamSettings, ensure_results_stream, ensure_stream
from duly.dispatch.subjects import Subjects
from duly.dispatch.tasks import Tasks
from duly.dispatch.worker import Worker
from duly.dispatch.worker_settings import WorkerSettings
from duly.ledger import executions
from duly.ledger.executions import Execution
from duly.ledger.pages import Page
from duly.ledger.reader import LedgerReader

T = TypeVar("T")

PATIENCE = 20.0
QUEUE = "emails"
SUBJECTS = Subjects()


class Wire:
    """What publishes tasks and sees what comes of them."""

    def __init__(self, bus: NatsBus, results: Subscription, dead_letters: Subscription) -> None:
        self.bus = bus
        self._results = results
        self._dead_letters = dead_letters
        self.stream = self.results_stream = ""

    async def publish(self, worker_type: str = "mail", payload: object = None, **fields: object) -> None:
        """Put a task into the stream."""
        message = {"worker_type": worker_type, "payload": {} if payload is None else payload, **fields}
        await self.bus.jetstream.publish(SUBJECTS.tasks, wire(message))

    async def publish_data(self, data: bytes) -> None:
        await self.bus.jetstream.publish(SUBJECTS.tasks, data)

    async def result(self) -> Received:
        return await within(anext(self._results))

    async def dead_letter(self) -> Received:
        return await within(anext(self._dead_letters))

    async def stored_results(self) -> int:
        """How many results and dead letters the stream keeps."""
        return (await self.bus.jetstream.stream_info(self.results_stream)).state.messages

    async def until_stored(self, number: int) -> None:
        """Wait until it keeps so many, also if nobody has heard them when they were published."""

        async def stored() -> bool:
            return await self.stored_results() >= number

        await until(stored)

    async def stored_ids(self) -> list[str]:
        """The tasks of these."""
        return [json.loads(message.data or b"{}")["task_id"] for message in await self._stored()]

    async def stored_subjects(self) -> set[str]:
        """The subjects of these."""
        return {message.subject or "" for message in await self._stored()}

    async def _stored(self) -> list[RawStreamMsg]:
        return [
            await self.bus.jetstream.get_msg(self.results_stream, 1 + place)
            for place in range(await self.stored_results())
        ]

    async def consumer(self, queue: str = QUEUE) -> ConsumerInfo:
        info: ConsumerInfo = await self.bus.jetstream.consumer_info(self.stream, queue)
        return info

    async def until_there(self, queue: str = QUEUE) -> None:
        """Wait until a worker of the queue has asked for tasks."""

        async def there() -> bool:
            return bool((await self.consumer(queue)).num_waiting)

        await until(there)

    async def until_delivered(self, number: int, queue: str = QUEUE) -> None:
        """Wait until so many deliveries to workers of the queue have been made."""

        async def delivered() -> bool:
            last = (await self.consumer(queue)).delivered
            return last is not None and last.consumer_seq >= number

        await until(delivered)

    async def until_answered(self, queue: str = QUEUE) -> None:
        """Wait until no task of the queue is left."""

        async def answered() -> bool:
            info = await self.consumer(queue)
            return info.num_pending == info.num_ack_pending == 0

        await until(answered)


def wire(message: object) -> bytes:
    return json.dumps(message).encode()


@asynccontextmanager
async def wired(url: str | list[str], stream: StreamSettings = StreamSettings()) -> AsyncIterator[Wire]:  # noqa: B008 - immutable
    """The streams are there, and somebody listens."""
    bus = NatsBus(url)
    await bus.connect()
    try:
        found = Wire(bus, await bus.subscribe(SUBJECTS.all_results), await bus.subscribe(SUBJECTS.all_dead_letters))
        found.stream = await ensure_stream(bus, SUBJECTS, stream)
        found.results_stream = await ensure_results_stream(bus, SUBJECTS, stream)
        yield found
    finally:
        await bus.close()


@asynccontextmanager
async def working(url: str | list[str], tasks: Tasks, ledger: Path, **settings: Any) -> AsyncIterator[Worker]:  # noqa: ANN401 - as they are
    """A worker runs, and is stopped in the end."""
    worker = Worker(NatsBus(url), tasks.by_type(), WorkerSettings(**{"queue": QUEUE} | settings), ledger)
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await running


async def within(awaited: Awaitable[T], seconds: float = PATIENCE) -> T:
    async with asyncio.timeout(seconds):
        return await awaited


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it does; a server may be choosing its leader meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(NatsError):
                if await holds():
                    return
            await asyncio.sleep(0.01)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def rows(ledger: Path) -> list[Execution]:
    """What the ledger of a worker has, oldest first."""
    with LedgerReader(ledger, clock=SystemClock()) as reader:
        page: Page[Execution] = reader.read(executions.page, limit=1_000)
    return list(reversed(page.rows))


def told(ledger: Path) -> list[tuple[str | None, str, int]]:
    """Worker type, outcome and number of each attempt, oldest first."""
    return [(row.name, row.status, row.attempt_number) for row in rows(ledger)]

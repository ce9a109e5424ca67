"""Somebody who does tasks as a worker does: takes them from the fleet, and publishes a result for each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from duly.dispatch.deliveries import JetStreamDelivery
from duly.dispatch.messages import TaskMessage, TaskResult
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.streams import StreamSettings, ensure_results_stream, ensure_stream
from duly.dispatch.subjects import Subjects

Do = Callable[[TaskMessage], object]
"""Gives the output of a task, or raises; ``asyncio.Event`` as the output: the result follows when it is set."""

SUBJECTS = Subjects()


class Workshop:
    """Guarded by the loop on which it is opened."""

    def __init__(self, url: str, do: Do) -> None:
        self.bus = NatsBus(url)
        self.messages: list[TaskMessage] = []
        self._do = do
        self._delivery: JetStreamDelivery | None = None
        self._listening: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        await self.bus.connect()
        await ensure_stream(self.bus, SUBJECTS, StreamSettings())
        self._delivery = JetStreamDelivery(self.bus, await ensure_results_stream(self.bus, SUBJECTS, StreamSettings()))
        tasks = await self.bus.subscribe(SUBJECTS.tasks)

        async def listen() -> None:
            async for message in tasks:
                work = asyncio.create_task(self._work(TaskMessage.model_validate(message)))
                self._working.add(work)
                work.add_done_callback(self._working.discard)

        self._listening = asyncio.create_task(listen())

    async def close(self) -> None:
        await self.bus.close()
        if self._listening is not None:
            await self._listening
        for work in self._working:
            work.cancel()

    async def _work(self, message: TaskMessage) -> None:
        self.messages.append(message)
        try:
            output = self._do(message)
            if isinstance(output, asyncio.Event):
                await output.wait()
                output = "at last"
        except Exception as error:  # noqa: BLE001 - as in a worker
            await self.answer(message, status="failed", error=f"{type(error).__name__}: {error}")
        else:
            await self.answer(message, status="completed", output=output)

    async def answer(self, message: TaskMessage, **what: Any) -> None:  # noqa: ANN401 - fields of the result
        """Publish the result of a task."""
        assert self._delivery is not None
        result = TaskResult(
            task_id=message.task_id,
            parent_task_id=message.parent_task_id,
            worker_type=message.worker_type,
            processing_time_ms=1,
            completed_at="2025-01-01T00:00:00Z",
            metadata=message.metadata,
            **what,
        )
        subject = SUBJECTS.results(message.parent_task_id)
        await self._delivery.deliver(subject, result.wire(), f"result of {message.task_id}")


@asynccontextmanager
async def workshop(url: str, do: Do) -> AsyncIterator[Workshop]:
    """Open on the loop of the caller."""
    shop = Workshop(url, do)
    await shop.open()
    try:
        yield shop
    finally:
        await shop.close()


@contextmanager
def workshop_in_a_thread(url: str, do: Do) -> Iterator[Workshop]:
    """Open on a loop of its own."""
    shop = Workshop(url, do)
    opened = threading.Event()
    loop = asyncio.new_event_loop()
    ending = asyncio.Event()

    async def live() -> None:
        await shop.open()
        opened.set()
        await ending.wait()
        await shop.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    try:
        assert opened.wait(10)
        yield shop
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()

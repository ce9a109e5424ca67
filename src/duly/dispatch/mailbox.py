"""Where the results of tasks come in that are waited for.

A result is told to whoever listens at that moment, and kept by the stream of results. So both are read: what is told
comes at once, and for as long as something is waited for, the stream is asked every other second whether it has what
was not heard, for the connection may have been away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from duly.dispatch.bus import BusError
from duly.dispatch.deliveries import JetStreamDelivery
from duly.dispatch.messages import TaskResult
from duly.dispatch.shared_attempt import SharedAttempt
from duly.dispatch.streams import ensure_results_stream, ensure_stream

if TYPE_CHECKING:
    from duly.dispatch.bus import Subscription
    from duly.dispatch.delivery import Delivery
    from duly.dispatch.nats_bus import NatsBus
    from duly.dispatch.streams import StreamSettings
    from duly.dispatch.subjects import Subjects

log = structlog.get_logger("duly.dispatch")

_LOOK_SECONDS = 2.0
"""Between two looks into the stream."""


class Mailbox:
    """Owns the subject on which its results come, and who waits for them. Guarded by the loop of the bus.

    It ends with the connection of the bus, and those who still wait then are told so.
    """

    def __init__(self, bus: NatsBus, subjects: Subjects, settings: StreamSettings) -> None:
        """``settings`` are those of streams that have to be made."""
        self.id = str(uuid4())
        """What a task has to say for its result to come here: ``parent_task_id``."""
        self.loop = asyncio.get_running_loop()
        self.ended = False
        self._bus = bus
        self._subjects = subjects
        self._settings = settings
        self._subject = subjects.results(self.id)
        self._opening: SharedAttempt[Delivery] = SharedAttempt()
        self._delivery: Delivery | None = None
        self._stream = ""
        self._read = 0
        """The last result in the stream that was read there."""
        self._waiting: dict[str, asyncio.Future[TaskResult]] = {}
        self._something_waits = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> Delivery:
        """Let results come in; what delivers tasks. Idempotent.

        Raises:
            StreamError: the streams cannot be had.
        """
        return self._delivery or await self._opening.at(self._open)

    @contextmanager
    def expecting(self, task_id: str) -> Iterator[asyncio.Future[TaskResult]]:
        """What will be the result of a task that is published inside; it is waited for until the block ends."""
        result = self._waiting[task_id] = asyncio.get_running_loop().create_future()
        self._something_waits.set()
        try:
            yield result
        finally:
            if not result.cancel() and not result.cancelled():
                result.exception()  # seen, also if the task was never published
            del self._waiting[task_id]
            if not self._waiting:
                self._something_waits.clear()

    async def _open(self) -> Delivery:
        bus, settings = self._bus, self._settings
        stream = await ensure_stream(bus, self._subjects, settings)
        self._stream = await ensure_results_stream(bus, self._subjects, settings)
        results = await bus.subscribe(self._subject)
        self._tasks = [asyncio.create_task(self._listen(results)), asyncio.create_task(self._look())]
        self._delivery = JetStreamDelivery(bus, stream)
        return self._delivery

    async def _listen(self, results: Subscription) -> None:
        """Until the bus is closed, or its loop ends."""
        try:
            async for message in results:
                self._take(message)
        finally:
            self._end()

    async def _look(self) -> None:
        while True:
            await self._something_waits.wait()
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._read_stream()
            except (NatsError, OSError, TimeoutError, RuntimeError) as error:  # the server is away, or the bus closed
                log.debug("executor.results_not_read", stream=self._stream, error=str(error) or type(error).__name__)

    async def _read_stream(self) -> None:
        jetstream = self._bus.jetstream
        while self._waiting:
            try:
                found = await jetstream.get_msg(self._stream, self._read + 1, self._subject, next=True)
            except NotFoundError:
                return
            self._take(found.data)
            self._read = found.seq or self._read + 1

    def _take(self, message: dict[str, Any] | bytes | None) -> None:
        try:
            if isinstance(message, dict):
                result = TaskResult.model_validate(message)
            else:
                result = TaskResult.model_validate_json(message or b"")
        except ValidationError as error:
            log.warning("executor.malformed_result", subject=self._subject, error=str(error))
            return
        waiting = self._waiting.get(result.task_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    def _end(self) -> None:
        self.ended = True
        for task in self._tasks:
            task.cancel()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(BusError("the bus was closed before the result of the task came"))

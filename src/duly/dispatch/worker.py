"""A worker: takes the tasks of a queue from the stream and has functions do them.

All workers of a queue share its tasks, each goes to one of them; each queue gets every task. The stream delivers a
task again unless it is answered or the worker shows signs of life, so nothing is lost with a worker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from duly.core.clock import Clock, SystemClock
from duly.dispatch.book import Book
from duly.dispatch.dead_letters import DeadLetters
from duly.dispatch.delivered import Delivered
from duly.dispatch.deliveries import JetStreamDelivery
from duly.dispatch.handling import Handling
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.performing import Performer
from duly.dispatch.pull import Pull, ensure_consumer
from duly.dispatch.results import Results
from duly.dispatch.streams import ensure_results_stream, ensure_stream
from duly.dispatch.task_ledger import TaskLedger
from duly.dispatch.tasks import Task
from duly.dispatch.worker_settings import WorkerSettings
from duly.ledger.errors import DatabaseFileError
from duly.lifecycle.crossing import post

log = structlog.get_logger("duly.dispatch")

CLOSING_SECONDS = 2.0
"""What tasks that are cancelled have to end."""
_ELSEWHERE_SECONDS = 1.0
"""Before a task that cannot be recorded here is delivered again: this worker asks for no more by then."""
_LAST_SECONDS = 0.5
"""What is left to give those back that took longer."""


class Worker:
    """Owns bus, ledger and running tasks from the begin of ``run`` to its end. Guarded by the event loop."""

    def __init__(
        self,
        bus: NatsBus,
        tasks: Mapping[str, Task],
        settings: WorkerSettings,
        ledger: Path,
        *,
        clock: Clock = SystemClock(),  # noqa: B008 - immutable
    ) -> None:
        self._bus = bus
        self._tasks = dict(tasks)
        self._settings = settings
        self._book = Book(ledger, clock)
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reason: str | None = None
        self._failure: DatabaseFileError | None = None
        self._stopping = asyncio.Event()
        self._in_flight: dict[str, Delivered] = {}
        self._carrying: set[asyncio.Task[None]] = set()
        self._waiting: deque[Delivered] = deque()
        """What came beyond what was asked for."""
        self._draining = False
        self._found: list[str] | None = None
        """Stream and consumer, as found at the start, until they are asked for the first time."""
        self._pull = Pull(bus, self._room, self._take)
        self._handling: Handling | None = None

    def stop(self, reason: str = "asked to") -> None:
        """Take no more tasks, let those that run end within the grace; then ``run`` returns. From any thread."""
        self._reason = self._reason or reason
        if self._loop is not None:
            post(self._loop, self._stopping.set)

    async def run(self) -> None:
        """Work until asked to stop.

        Raises:
            BusError: no server answers.
            DatabaseFileError: the ledger is in use by another worker, or cannot be used, or not be written any more.
        """
        self._loop = asyncio.get_running_loop()
        if self._reason is not None:
            return
        await self._book.open()
        performer = Performer(self._settings.concurrency)
        try:
            if await self._unless_stopped(self._prepare(performer)):
                await self._serve()
        finally:
            performer.close()
            await self._bus.close()
            await self._book.close()
        if self._failure is not None:
            raise self._failure

    async def _unless_stopped(self, preparing: Coroutine[Any, Any, None]) -> bool:
        """Whether it has come to its end."""
        tasks = asyncio.create_task(preparing), asyncio.create_task(self._stopping.wait())
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        prepared = tasks[0].done()
        await _end(tasks)
        return prepared

    async def _serve(self) -> None:
        settings = self._settings
        asking, living, stop = (
            asyncio.create_task(self._pull.run(self._find)),
            asyncio.create_task(self._live()),
            asyncio.create_task(self._stopping.wait()),
        )
        log.info(
            "worker.running", queue=settings.queue, worker_types=sorted(self._tasks), concurrency=settings.concurrency
        )
        try:
            await asyncio.wait((asking, living, stop), return_when=asyncio.FIRST_COMPLETED)
            await self._drain(asking)
        finally:
            await _end((asking, living, stop))

    async def _prepare(self, performer: Performer) -> None:
        settings, bus, clock = self._settings, self._bus, self._clock
        await bus.connect()
        ledger = TaskLedger(self._book, settings.queue, clock)
        await ledger.register(self._tasks.values())
        results, *self._found = await self._ensure()
        about = (JetStreamDelivery(bus, results), settings.subjects, settings.queue)
        self._handling = Handling(
            self._tasks, ledger, performer, (Results(*about), DeadLetters(*about, clock)),
            largest=bus.client.max_payload, ignore_unknown=settings.ignore_unknown,
        )  # fmt: skip

    async def _find(self) -> tuple[str, str]:
        """Stream and consumer of the tasks."""
        found, self._found = self._found, None
        if found is None:
            _, *found = await self._ensure()
        stream, consumer = found
        return stream, consumer

    async def _ensure(self) -> tuple[str, str, str]:
        """The stream of results, and that of tasks with its consumer; those that are not there are made."""
        settings, bus = self._settings, self._bus
        results = await ensure_results_stream(bus, settings.subjects, settings.stream)
        stream = await ensure_stream(bus, settings.subjects, settings.stream)
        subject, queue = settings.subjects.tasks, settings.queue
        return results, stream, await ensure_consumer(bus, stream, subject, queue, settings.ack_wait_seconds)

    def _room(self) -> int:
        return 0 if self._draining else max(self._settings.concurrency - len(self._carrying) - len(self._waiting), 0)

    def _take(self, delivered: Delivered) -> None:
        """A task has come; one that is carried out here already has only been delivered again."""
        known = self._in_flight.get(delivered.place)
        if known is not None and not known.answered:
            known.again(delivered)
            return
        self._in_flight[delivered.place] = delivered
        if self._draining or len(self._carrying) < self._settings.concurrency:
            self._begin(delivered)
        else:
            self._waiting.append(delivered)

    def _begin(self, delivered: Delivered) -> None:
        task = asyncio.create_task(self._carry(delivered), name="worker:task")
        self._carrying.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._carrying.discard(task)
        if self._waiting and not self._draining:
            self._begin(self._waiting.popleft())
        self._pull.look()

    async def _carry(self, delivered: Delivered) -> None:
        assert self._handling is not None  # noqa: S101 - made before anything is asked for
        try:
            await (delivered.give_back() if self._draining else self._handling.handle(delivered))
        except DatabaseFileError as error:
            self._fail(error)
            await delivered.give_back(_ELSEWHERE_SECONDS)
        except Exception as error:  # the loop of the worker: the next task may be a better one
            log.exception("worker.task_stuck", sequence=delivered.sequence, again_in=self._settings.ack_wait_seconds)
            self._pull.begin_anew(f"a task is stuck: {error}")
        finally:
            if self._in_flight.get(delivered.place) is delivered:
                del self._in_flight[delivered.place]

    def _fail(self, error: DatabaseFileError) -> None:
        """Nothing can be recorded, so nothing can be done: end, though somebody may make room any moment."""
        self._failure = self._failure or error
        self.stop(str(error))

    async def _live(self) -> None:
        """Say of all tasks that they are being worked on, and of this process that it lives."""
        while True:
            await asyncio.sleep(self._settings.ack_wait_seconds / 3)
            self._book.beat()
            for delivered in list(self._in_flight.values()):
                await delivered.live()

    async def _drain(self, asking: asyncio.Task[None]) -> None:
        self._draining = True
        log.info("worker.draining", reason=self._reason, running=len(self._carrying))
        self._pull.end()
        asking.cancel()
        await asyncio.wait((asking,))
        while self._waiting:
            self._begin(self._waiting.popleft())
        await self._pull.close()
        grace = self._settings.grace_seconds if self._failure is None else 0.0
        for seconds in (grace, CLOSING_SECONDS, _LAST_SECONDS):
            if self._carrying:
                await asyncio.wait(self._carrying, timeout=seconds)
            for task in self._carrying:
                task.cancel()
        log.info("worker.drained", left_behind=len(self._carrying), **self._counts())

    def _counts(self) -> dict[str, int]:
        return {} if self._handling is None else asdict(self._handling.counts)


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel them; what one has raised before is raised."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

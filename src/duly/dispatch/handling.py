"""What becomes of a task that was delivered.

Each step is safe to repeat, and the next is taken only when the one before is durable::

    read -> look up -> mark -> perform -> record -> publish the result -> acknowledge
                                            ├─ tried too often -> dead letter
                                            └─ else given back for another attempt

A worker that dies between two of them has the task delivered again; whether it was done already, and what it gave, is
then in the ledger.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import ValidationError

from duly.dispatch.bus import wire_of
from duly.dispatch.dead_letters import DeadLetters, Death
from duly.dispatch.delivered import Delivered
from duly.dispatch.messages import TaskMessage, uuid_of
from duly.dispatch.performing import OutputError, Performer
from duly.dispatch.results import Results
from duly.dispatch.task_ledger import Attempt, End, Succeeded, TaskLedger
from duly.dispatch.tasks import Task
from duly.lifecycle.tasks import is_cancelled

log = structlog.get_logger("duly.dispatch")

SPARE: Final = 3
"""How often more than it may fail a task is begun whose workers are killed, or stopped."""
UNKNOWN_DELIVERIES: Final = 6
"""How often a task is delivered in the hope for a worker that knows its type."""
UNKNOWN_DELAY: Final = 1.0
"""Seconds before the second delivery; each one after that takes twice as long."""
_TAKEN_SECONDS = 5.0
_BESIDE_OUTPUT = 16_384
"""Bytes of a result that are not its output."""


@dataclass(slots=True)
class Counts:
    """What became of tasks since the worker runs."""

    completed: int = 0
    failed: int = 0
    """Attempts."""
    dead: int = 0
    ignored: int = 0


class Handling:
    """Carries out tasks, each in a task of the event loop, which guards it."""

    def __init__(
        self,
        tasks: Mapping[str, Task],
        ledger: TaskLedger,
        performer: Performer,
        outlets: tuple[Results, DeadLetters],
        *,
        largest: int,
        ignore_unknown: bool,
    ) -> None:
        """``largest`` is how many bytes a message may have."""
        self.counts = Counts()
        self._tasks = tasks
        self._ledger = ledger
        self._performer = performer
        self._results, self._dead_letters = outlets
        self._room = largest - _BESIDE_OUTPUT
        self._ignore_unknown = ignore_unknown
        self._in_flight: dict[str, Delivered] = {}
        """By id of the task."""

    async def handle(self, delivered: Delivered) -> None:
        """Carry a task out and answer for it. Cancelled, it is given back.

        Raises:
            DatabaseFileError: the ledger cannot be written; nothing is answered then.
        """
        try:
            await self._handle(delivered)
        except asyncio.CancelledError:
            if not delivered.answered:
                await delivered.give_back()
            raise

    async def _handle(self, delivered: Delivered) -> None:
        try:
            message = read_task(delivered)
        except ValueError as error:
            await self._bury(delivered, None, Death(f"malformed: {error}"))
            return
        task, other = self._tasks.get(message.worker_type), self._in_flight.get(message.task_id)
        if task is None:
            await self._unknown(delivered, message)
        elif other is not None and not other.answered:  # published twice, longer apart than the stream remembers
            await delivered.give_back(_TAKEN_SECONDS)
        else:
            self._in_flight[message.task_id] = delivered
            try:
                await self._known(delivered, message, task)
            finally:
                if self._in_flight.get(message.task_id) is delivered:
                    del self._in_flight[message.task_id]

    async def _unknown(self, delivered: Delivered, message: TaskMessage) -> None:
        if self._ignore_unknown:
            self.counts.ignored += 1
            log.debug("worker.task_ignored", task_id=message.task_id, worker_type=message.worker_type)
            await delivered.acknowledge()
        elif delivered.number < UNKNOWN_DELIVERIES:
            delay = UNKNOWN_DELAY * 2 ** (delivered.number - 1)
            log.warning("worker.task_unknown", task_id=message.task_id, worker_type=message.worker_type, again_in=delay)
            await delivered.give_back(delay)
        else:
            reason = f"no worker of the queue has a function for the worker type {message.worker_type!r}"
            await self._bury(delivered, message, Death(reason))

    async def _known(self, delivered: Delivered, message: TaskMessage, task: Task) -> None:
        found = await self._ledger.look_up(message, delivered.number)
        if isinstance(found, Succeeded):
            about = {"execution_id": found.execution_id, "attempt": found.number, "made_up": True}
            await self._results.completed(message, found.output, found.duration, since=found.ended, **about)
            await delivered.acknowledge()
            log.info("worker.task_done_before", task_id=message.task_id, execution_id=found.execution_id)
        elif delivered.number > task.attempts + SPARE:
            began = delivered.number - 1
            reason = f"was begun {began} times and never ended: each time its worker was killed, or stopped"
            await self._give_up(delivered, message, Death(reason, attempts=began), 0)
        else:
            await self._ledger.wait_for_room()
            await self._try(delivered, task, self._ledger.begin(message, found))

    async def _try(self, delivered: Delivered, task: Task, attempt: Attempt) -> None:
        about = {"task_id": attempt.message.task_id, "execution_id": attempt.execution_id}
        log.info("worker.task_started", worker_type=task.worker_type, attempt=attempt.number, **about)
        end = await self._perform(task, attempt, delivered.headers)
        if end.error is not None and is_cancelled():  # the worker wants to stop; a function may raise that error, too
            self._ledger.put(attempt, end)
            log.warning("worker.task_cancelled", worker_type=task.worker_type, **about)
            await delivered.give_back()
            return
        await self._ledger.record(attempt, end)
        if end.error is None:
            await self._results.completed(
                attempt.message, end.output, end.duration, execution_id=attempt.execution_id, attempt=attempt.number
            )
            await delivered.acknowledge()
            self.counts.completed += 1
            log.info("worker.task_completed", worker_type=task.worker_type, duration_ms=end.duration // 10**6, **about)
        else:
            await self._failed(delivered, task, attempt, end)

    async def _perform(self, task: Task, attempt: Attempt, headers: dict[str, str]) -> End:
        """The one place that catches what tasks raise."""
        try:
            output = await self._performer.perform(task, attempt, headers, self._room)
        except (Exception, SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:  # noqa: BLE001 - see above
            return self._ledger.failed(attempt, error)
        return self._ledger.succeeded(attempt, output)

    async def _failed(self, delivered: Delivered, task: Task, attempt: Attempt, end: End) -> None:
        message, failure = attempt.message, end.failure
        kind = (failure and failure.error_type) or end.outcome.value
        text = (failure and failure.error_message) or ""
        self.counts.failed += 1
        if delivered.number >= task.attempts or isinstance(end.error, OutputError):
            reason = "its output cannot be published" if isinstance(end.error, OutputError) else "failed too often"
            death = Death(reason, kind, text, delivered.number)
            await self._give_up(delivered, message, death, end.duration)
            return
        delay = task.delay_after(delivered.number)
        log.warning(
            "worker.task_failed",
            task_id=message.task_id, worker_type=task.worker_type, execution_id=attempt.execution_id,
            attempt=attempt.number, error_type=kind, error=text, again_in=delay,
        )  # fmt: skip
        await delivered.give_back(delay)

    async def _give_up(self, delivered: Delivered, message: TaskMessage, death: Death, duration: int) -> None:
        error = f"{death.error_type}: {death.error}" if death.error_type else death.reason
        await self._results.failed(message, error, duration, attempt=death.attempts, reason=death.reason)
        await self._bury(delivered, message, death)

    async def _bury(self, delivered: Delivered, message: TaskMessage | None, death: Death) -> None:
        await self._dead_letters.bury(delivered, message, death)
        self.counts.dead += 1


def read_task(delivered: Delivered) -> TaskMessage:
    """The task that was published. One without an id is known by its place in the stream.

    Raises:
        ValueError: it is none.
    """
    try:
        value = json.loads(delivered.data)
        if isinstance(value, dict):
            wire_of(value)  # JSON may escape what is no text, and Python reads numbers that are no JSON
    except RecursionError:
        raise ValueError("lists and dicts too deep within each other") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, got {type(value).__name__}")  # noqa: TRY004 - what came is the value
    try:
        return TaskMessage.model_validate({"task_id": uuid_of(delivered.place)} | value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise ValueError("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)) from None

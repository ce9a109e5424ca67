"""What the ledger of a worker knows of tasks: each worker type is a job, each attempt a run of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from duly.core.clock import SECOND, Clock
from duly.core.outcomes import Failure, Outcome, classify, cut_traceback, traceback_of
from duly.dispatch.book import Book
from duly.dispatch.messages import TaskMessage, uuid_of
from duly.dispatch.tasks import Task
from duly.ledger import executions
from duly.ledger.records import ExecutionRecord, storable_text
from duly.ledger.registrations import ScheduledJobRegistration, arguments_json, method_name

TASK = "task"
"""Trigger mode of runs for a task."""
_MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a task, as it is recorded. Times are nanoseconds."""

    message: TaskMessage
    number: int
    execution_id: str
    started: int
    since: int
    """When it began by the monotonic clock."""
    args_json: str
    """The payload before the function could change it."""


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended."""

    outcome: Outcome
    duration: int
    """Nanoseconds."""
    output: object = None
    """What the function returned: JSON."""
    failure: Failure | None = None
    error: BaseException | None = None

    @property
    def traceback(self) -> str | None:
        """What is kept of it, where that helps who reads it."""
        if self.error is None or self.failure is None or not self.failure.wants_traceback(framework=False):
            return None
        return cut_traceback(traceback_of(self.error))


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A task that was done before, and by which attempt. Times are nanoseconds."""

    number: int
    execution_id: str
    duration: int
    ended: int
    output: object


class TaskLedger:
    """Reads and writes the book of one queue. Guarded by the event loop."""

    def __init__(self, book: Book, queue: str, clock: Clock) -> None:
        self.app_key = f"worker-{queue}"
        self._book = book
        self._queue = queue
        self._clock = clock
        self._jobs: dict[str, int] = {}

    async def register(self, tasks: Iterable[Task]) -> None:
        """Make each task a job; those that were and are none any more are retired."""
        registrations = [self._registration(task) for task in tasks]

        def work(db: sqlite3.Connection) -> dict[str, int]:
            repository = self._book.repository
            found = {each.job_name: repository.register_job(db, each) for each in registrations}
            live = ((), tuple(found.values()))
            repository.reconcile(db, self.app_key, live, session_id=self._book.session_id, now=self._clock.now())
            return found

        self._jobs = await self._book.submit(work)

    async def look_up(self, message: TaskMessage, delivered: int) -> Succeeded | int:
        """The attempt that has done the task already, else the number of the next, no less than ``delivered``."""

        def work(db: sqlite3.Connection) -> Succeeded | int:
            for number in count(1):
                execution_id = self._execution_id(message, number)
                row = executions.execution(db, execution_id)
                if row is not None and row.status == Outcome.SUCCESS:
                    ended = row.execution_start_ts + row.duration_ns
                    return Succeeded(number, execution_id, row.duration_ns, ended, _output_of(row.kwargs_json))
                if row is None and number >= delivered:
                    return number
            raise AssertionError

        return await self._book.submit(work)

    def begin(self, message: TaskMessage, number: int) -> Attempt:
        """Mark an attempt."""
        execution_id = self._execution_id(message, number)
        now, since = self._clock.now(), self._clock.monotonic()
        attempt = Attempt(message, number, execution_id, now, since, arguments_json([message.payload]))
        self._book.put(self._record(attempt, "started"))
        return attempt

    def succeeded(self, attempt: Attempt, output: object) -> End:
        """An attempt ends now, with this output."""
        return End(Outcome.SUCCESS, self._duration(attempt), output)

    def failed(self, attempt: Attempt, error: BaseException) -> End:
        """An attempt ends now, with this error."""
        failure = classify(error, cancelled=asyncio.CancelledError)
        return End(failure.outcome, self._duration(attempt), failure=failure, error=error)

    def put(self, attempt: Attempt, end: End) -> None:
        """Write how it ended, some time."""
        self._book.put(self._record(attempt, end.outcome.value, end))

    async def record(self, attempt: Attempt, end: End) -> None:
        """Write how it ended; durable afterwards.

        Raises:
            DatabaseFileError: it cannot be written.
        """
        self.put(attempt, end)
        await self._book.flush()

    async def wait_for_room(self) -> None:
        """Wait while so many records wait that no more should be made."""
        await self._book.wait_for_room()

    def _record(self, attempt: Attempt, status: str, end: End | None = None) -> ExecutionRecord:
        message, failure = attempt.message, end.failure if end else None
        return ExecutionRecord(
            kind="job",
            session_id=None,
            execution_start_ts=attempt.started / SECOND,
            duration_ms=end.duration / _MILLISECOND if end else 0.0,
            status=status,
            job_id=self._jobs[message.worker_type],
            app_key=self.app_key,
            execution_id=attempt.execution_id,
            attempt_number=attempt.number,
            tick_count=0,
            trigger_mode=TASK,
            trigger_context_id=storable_text(message.task_id),
            trigger_origin=storable_text(message.metadata.get("scheduled_by")),
            args_json=attempt.args_json,
            kwargs_json=_kept(end.output if end else None),
            error_type=failure.error_type if failure else None,
            error_message=failure.error_message if failure else None,
            error_traceback=end.traceback if end else None,
        )

    def _duration(self, attempt: Attempt) -> int:
        return max(self._clock.monotonic() - attempt.since, 0)

    def _execution_id(self, message: TaskMessage, number: int) -> str:
        return uuid_of(f"{self._queue}/{message.task_id}/{number}")

    def _registration(self, task: Task) -> ScheduledJobRegistration:
        return ScheduledJobRegistration(
            app_key=self.app_key,
            instance_index=0,
            job_name=task.worker_type,
            handler_method=method_name(task.function),
            trigger_type=None,
            trigger_label=TASK,
            mode="parallel",
        )


_OUTPUT = "output"
"""Under this name the output of an attempt is kept beside its payload, until its result is told, and longer."""


def _kept(output: object) -> str:
    return "{}" if output is None else json.dumps({_OUTPUT: output})


def _output_of(kept: str) -> object:
    found: dict[str, Any] = json.loads(kept)
    return found.get(_OUTPUT)

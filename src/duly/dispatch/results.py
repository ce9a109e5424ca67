"""What came of tasks, told to whoever wants to know."""

from __future__ import annotations

from typing import Any, Literal

from duly.dispatch.delivery import Delivery, UndeliverableError
from duly.dispatch.messages import TaskMessage, TaskResult, uuid_of
from duly.dispatch.subjects import Subjects

LONGEST_ERROR = 10_000
"""Characters that are told of an error."""

_MILLISECOND = 1_000_000


class Results:
    """Publishes the result of each task once. Guarded by the event loop.

    One that is too large is told without output and without the metadata of the task.
    """

    def __init__(self, delivery: Delivery, subjects: Subjects, queue: str) -> None:
        self._delivery = delivery
        self._subjects = subjects
        self._queue = queue

    async def completed(
        self, message: TaskMessage, output: object, duration: int, *, since: int | None = None, **more: object
    ) -> None:
        """Publish what a task gave; ``more`` is what its metadata say besides those of the task.

        ``since`` is when a former process may have published it, nanoseconds since the epoch; ``None``: none has.
        """
        await self._publish(message, "completed", duration, more, since, output=output)

    async def failed(self, message: TaskMessage, error: str, duration: int, **more: object) -> None:
        """Publish that a task was given up."""
        await self._publish(message, "failed", duration, more, error=error[:LONGEST_ERROR])

    async def _publish(
        self,
        message: TaskMessage,
        status: Literal["completed", "failed"],
        duration: int,
        more: dict[str, object],
        since: int | None = None,
        **what: Any,  # noqa: ANN401 - output or error
    ) -> None:
        result = TaskResult(
            task_id=message.task_id,
            parent_task_id=message.parent_task_id,
            worker_type=message.worker_type,
            status=status,
            processing_time_ms=duration // _MILLISECOND,
            metadata={**message.metadata, "queue": self._queue, **more},
            **what,
        )
        subject = self._subjects.results(_goal_of(message))
        message_id = uuid_of(f"{self._queue}/{message.task_id}/{status}")
        try:
            await self._delivery.deliver(subject, result.wire(), message_id, since=since)
        except UndeliverableError:  # too large, with what others have put into the metadata
            less = {"queue": self._queue, **more, "cut": True}
            cut = result.model_copy(update={"metadata": less, "output": None})
            await self._delivery.deliver(subject, cut.wire(), message_id, since=since)


def _goal_of(message: TaskMessage) -> str | None:
    goal_id = message.parent_task_id or message.metadata.get("goal_id")
    return goal_id if isinstance(goal_id, str) else None

"""What becomes of tasks that a queue gives up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import structlog

from duly.core.clock import Clock
from duly.dispatch.delivered import Delivered
from duly.dispatch.delivery import Delivery, UndeliverableError
from duly.dispatch.messages import TaskMessage, slot_text, uuid_of
from duly.dispatch.results import LONGEST_ERROR
from duly.dispatch.subjects import Subjects

log = structlog.get_logger("duly.dispatch")


@dataclass(frozen=True, slots=True)
class Death:
    """Why a task is given up."""

    reason: str
    error_type: str | None = None
    error: str | None = None
    attempts: int = 0
    """How often it was tried."""


class DeadLetters:
    """Publishes what a queue gives up, with the reason. Guarded by the event loop."""

    def __init__(self, delivery: Delivery, subjects: Subjects, queue: str, clock: Clock) -> None:
        self._delivery = delivery
        self._subject = subjects.dead_letters(queue)
        self._queue = queue
        self._clock = clock

    async def bury(self, delivered: Delivered, task: TaskMessage | None, death: Death) -> None:
        """Publish it and end it. ``task`` is ``None`` if it cannot be read.

        One that is too large together with the reason is told without itself: it is in its stream under its sequence.
        """
        letter = self._letter(delivered, task, death)
        message_id = uuid_of(f"{self._subject}/{delivered.place}")
        log.error(
            "worker.task_dead",
            task_id=letter["task_id"], worker_type=letter["worker_type"], reason=death.reason, attempts=death.attempts,
            sequence=delivered.sequence,
        )  # fmt: skip
        try:
            await self._delivery.deliver(self._subject, letter, message_id)
        except UndeliverableError:
            await self._delivery.deliver(self._subject, letter | {"task": None, "data": None}, message_id)
        await delivered.terminate()

    def _letter(self, delivered: Delivered, task: TaskMessage | None, death: Death) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "queue": self._queue,
            "task_id": task and task.task_id,
            "worker_type": task and task.worker_type,
            "reason": death.reason,
            "error_type": death.error_type,
            "error": death.error and death.error[:LONGEST_ERROR],
            "attempts": death.attempts,
            "died_at": slot_text(now - now % 1_000),
            "stream": delivered.stream,
            "sequence": delivered.sequence,
            "subject": delivered.subject,
            "task": json.loads(delivered.data) if task else None,
            "data": None if task else delivered.data.decode("utf-8", "replace"),
        }

"""What travels: goals and tasks, as a Heddle fleet knows them, and results of tasks.

Fields that are not known are ignored when a message is read.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias
from uuid import UUID, uuid4, uuid5

from pydantic import BaseModel, ConfigDict, Field
from whenever import Instant

from duly.core import clock

Priority: TypeAlias = Literal["low", "normal", "high", "critical"]
ModelTier: TypeAlias = Literal["local", "standard", "frontier"]

_SLOTS: Final = UUID("c6916adc-0828-518b-9796-55bf05437e3f")
"""The namespace of ids that follow from slots; another one would make other messages of the same slots."""

_MICROSECOND = 1_000


def uuid_of(slot_key: str) -> str:
    """The id of the message of a slot: always the same."""
    return str(uuid5(_SLOTS, slot_key))


def slot_text(moment: int) -> str:
    """A moment in nanoseconds as ISO text in UTC; with a fraction only if there is one."""
    return Instant.from_timestamp(moment, unit="nanosecond").format_iso()


def _new_id() -> str:
    return str(uuid4())


def _now() -> str:
    now = clock.current().now()
    return slot_text(now - now % _MICROSECOND)


class Message(BaseModel):
    """What all of them are."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def wire(self) -> dict[str, Any]:
        """The message as a JSON object."""
        return self.model_dump(mode="json")


class TaskMessage(Message):
    """Work for a worker."""

    task_id: str = Field(default_factory=_new_id)
    parent_task_id: str | None = None
    worker_type: str
    payload: dict[str, Any]
    model_tier: ModelTier = "standard"
    priority: Priority = "normal"
    created_at: str = Field(default_factory=_now)
    request_id: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class OrchestratorGoal(Message):
    """What an orchestrator is to reach."""

    goal_id: str = Field(default_factory=_new_id)
    instruction: str
    context: dict[str, Any] = Field(default_factory=dict)
    priority: Priority = "normal"
    request_id: str | None = None
    created_at: str = Field(default_factory=_now)


class TaskResult(Message):
    """How a task has ended."""

    task_id: str
    parent_task_id: str | None = None
    worker_type: str
    status: Literal["completed", "failed"]
    output: Any = None
    error: str | None = None
    processing_time_ms: int = 0
    completed_at: str = Field(default_factory=_now)
    metadata: dict[str, Any] = Field(default_factory=dict)

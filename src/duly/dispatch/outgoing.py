"""What an entry publishes for a slot: its messages, and the ids by which they are the same after a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from duly.dispatch.messages import OrchestratorGoal, TaskMessage, slot_text, uuid_of

if TYPE_CHECKING:
    from duly.dispatch.entry import ScheduleEntry
    from duly.dispatch.subjects import Subjects

_AS_IS = " !$&'()+,:;=@~"
"""Beside letters, digits and ``_.-``: what stays in a header as it is."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way to the stream."""

    subject: str
    body: Mapping[str, Any]
    message_id: str
    """By which the stream takes it only once."""
    uid: str
    """Its ``task_id`` or ``goal_id``."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What messages are published for: a slot of an entry, or a request to run it now."""

    key: str
    """``{actor}/{entry}/{slot}``, in characters that a header may hold."""
    slot: str | None
    """The nominal time, ISO in UTC; ``None``: somebody has asked for it."""

    @classmethod
    def of_slot(cls, actor_id: str, entry: str, slot: int) -> Occasion:
        """The slot of that time, in nanoseconds."""
        text = slot_text(slot)
        return cls(f"{_quoted(actor_id)}/{_quoted(entry)}/{text}", text)

    @classmethod
    def by_hand(cls, actor_id: str, entry: str) -> Occasion:
        """One that is never the same as another."""
        return cls(f"{_quoted(actor_id)}/{_quoted(entry)}/manual-{uuid4()}", None)


def outgoing(
    entry: ScheduleEntry, occasion: Occasion, subjects: Subjects, items: Sequence[Mapping[str, Any]] | None
) -> list[Outgoing]:
    """One message for each of the ``items`` of an expansion; ``None``: the entry has none, and publishes one."""
    make = _task if entry.dispatch_type == "task" else _goal
    if items is None:
        return [make(entry, occasion, subjects, {}, occasion.key)]
    return [make(entry, occasion, subjects, item, f"{occasion.key}/{index}") for index, item in enumerate(items)]


def _task(
    entry: ScheduleEntry, occasion: Occasion, subjects: Subjects, item: Mapping[str, Any], message_id: str
) -> Outgoing:
    config = entry.task_config or {}
    message = TaskMessage(
        task_id=uuid_of(message_id),
        worker_type=config["worker_type"],
        payload={**config.get("payload", {}), **item},
        model_tier=config.get("model_tier", "local"),
        priority=config.get("priority", "normal"),
        metadata=_scheduled(entry, occasion),
    )
    return Outgoing(subjects.tasks, message.model_dump(mode="json"), message_id, message.task_id)


def _goal(
    entry: ScheduleEntry, occasion: Occasion, subjects: Subjects, item: Mapping[str, Any], message_id: str
) -> Outgoing:
    config = entry.goal_config or {}
    message = OrchestratorGoal(
        goal_id=uuid_of(message_id),
        instruction=config["instruction"],
        context={**config.get("context", {}), **item, "_schedule": _scheduled(entry, occasion)},
        priority=config.get("priority", "normal"),
    )
    return Outgoing(subjects.goals, message.model_dump(mode="json"), message_id, message.goal_id)


def _scheduled(entry: ScheduleEntry, occasion: Occasion) -> dict[str, Any]:
    return {"scheduled_by": entry.name, "slot": occasion.slot, "slot_key": occasion.key}


@lru_cache(maxsize=65_536)
def _quoted(text: str) -> str:
    return quote(text, safe=_AS_IS)

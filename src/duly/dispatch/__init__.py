"""Schedules from YAML, published onto NATS once per slot, however many replicas run; and workers that do the work.

The names load when first used; those of NATS need ``duly[nats]``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duly.dispatch.actor import BaseActor as BaseActor
    from duly.dispatch.bus import MessageBus as MessageBus
    from duly.dispatch.bus import Subscription as Subscription
    from duly.dispatch.entry import ScheduleEntry as ScheduleEntry
    from duly.dispatch.in_memory_bus import InMemoryBus as InMemoryBus
    from duly.dispatch.messages import OrchestratorGoal as OrchestratorGoal
    from duly.dispatch.messages import TaskMessage as TaskMessage
    from duly.dispatch.messages import TaskResult as TaskResult
    from duly.dispatch.nats_bus import NatsBus as NatsBus
    from duly.dispatch.nats_executor import NatsExecutor as NatsExecutor
    from duly.dispatch.scheduler_actor import SchedulerActor as SchedulerActor
    from duly.dispatch.tasks import task as task
    from duly.dispatch.validation import validate_scheduler_config as validate_scheduler_config

_LAZY = {
    "BaseActor": "actor",
    "InMemoryBus": "in_memory_bus",
    "MessageBus": "bus",
    "NatsBus": "nats_bus",
    "NatsExecutor": "nats_executor",
    "OrchestratorGoal": "messages",
    "ScheduleEntry": "entry",
    "SchedulerActor": "scheduler_actor",
    "Subscription": "bus",
    "TaskMessage": "messages",
    "TaskResult": "messages",
    "task": "tasks",
    "validate_scheduler_config": "validation",
}
"""Where names come from."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("duly"):
            raise
        hint = f"duly.dispatch.{name} needs {error.name}, which is not installed: pip install 'duly[nats]'"
        raise ModuleNotFoundError(hint, name=error.name) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})

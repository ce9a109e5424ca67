"""Listeners on their way into the ledger and among those that get events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from duly.core.arguments import is_same_callable
from duly.executor.ordered_registrations import OrderedRegistrations
from duly.ledger.registrations import ListenerRegistration, method_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from duly.bus.listener import Listener, ListenerOptions, Predicate
    from duly.bus.service import BusService
    from duly.executor import CommandExecutor
    from duly.executor.live_items import LiveItems
    from duly.lifecycle import TaskBucket

ListenerKey: TypeAlias = tuple[str, str]
"""Name and topic: what tells listeners of one owner apart."""

OPTIONS: Final = (
    *("once", "debounce", "throttle", "duration", "immediate", "timeout", "timeout_disabled"),
    *("mode", "priority", "kwargs", "on_error"),
)
"""The options by which two listeners are the same, in the order in which differences are listed."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a listener was configured with, to be compared with what is asked for now."""

    handler: Callable[..., Any]
    filters: Predicate | None
    """Of all that were given one predicate."""
    options: ListenerOptions

    def diff(self, other: Configuration) -> list[str]:
        """Names of what differs."""
        changed = [] if is_same_callable(self.handler, other.handler) else ["handler"]
        if self.filters != other.filters:
            changed.append("filters")
        one, two = self.options, other.options
        return changed + [name for name in OPTIONS if _differ(name, getattr(one, name), getattr(two, name))]


def key_of(listener: Listener) -> ListenerKey:
    """What it goes by among the listeners of its owner."""
    return listener.name, listener.topic


class ListenerRegistrations(OrderedRegistrations["Listener"]):
    """Registers the listeners of one bus."""

    def __init__(
        self, bucket: TaskBucket, service: BusService, executor: CommandExecutor, live: LiveItems[Listener]
    ) -> None:
        super().__init__(bucket, live)
        self._service = service
        self._executor = executor

    def _label(self, item: Listener) -> str:
        return f"listener {item.name!r} of {item.owner_id}"

    async def _store(self, item: Listener) -> None:
        item.db_id = await self._executor.register_listener(registration_of(item))
        if item not in self._cancelled:
            self._service.add(item)

    def _take_off(self, item: Listener) -> None:
        self._service.remove(item)


def registration_of(listener: Listener) -> ListenerRegistration:
    """What is stored of a listener."""
    options = listener.options
    return ListenerRegistration(
        app_key=listener.app_key,
        instance_index=listener.instance_index,
        handler_method=method_name(listener.handler),
        topic=listener.topic,
        debounce=options.debounce,
        throttle=options.throttle,
        once=options.once,
        priority=options.priority,
        predicate_description=listener.summary or None,
        human_description=listener.summary or None,
        source_location=listener.source_location,
        registration_source=listener.registration_source or None,
        name=listener.name,
        source_tier=listener.source_tier,
        mode=options.mode,
        immediate=options.immediate,
        duration=options.duration,
        entity_id=listener.entity_id,
    )


def _differ(name: str, one: Any, other: Any) -> bool:  # noqa: ANN401 - of any option
    return not is_same_callable(one, other) if name == "on_error" else bool(one != other)

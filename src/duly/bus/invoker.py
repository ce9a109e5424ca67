"""Calls a handler with what it asks for: async ones on the event loop, sync ones in a worker thread."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duly.bus.injection import Plan
    from duly.bus.options import Handler
    from duly.events import Event
    from duly.executor.protocols import ErrorHandler
    from duly.lifecycle import TaskBucket


class HandlerInvoker:
    """Calls the handler of one listener. Immutable."""

    __slots__ = ("error_handler", "invoke")

    def __init__(self, handler: Handler, plan: Plan, error_handler: ErrorHandler | None, bucket: TaskBucket) -> None:
        self.error_handler = error_handler
        """The listener's own."""
        self.invoke = _invocation(handler, plan, bucket)
        """Calls the handler for an event; what cannot be had raises ``DependencyResolutionError``."""


def _invocation(handler: Handler, plan: Plan, bucket: TaskBucket) -> Callable[[Event[Any]], Awaitable[object]]:
    """What calls it with an event; for the usual handlers without a look at the plan."""
    call = handler if inspect.iscoroutinefunction(handler) else bucket.make_async_adapter(handler)
    if plan.takes_nothing:
        return lambda _: call()
    name = plan.event_parameter
    if name is None:
        return lambda event: call(**plan.arguments(event))
    if inspect.signature(handler).parameters[name].kind is inspect.Parameter.KEYWORD_ONLY:
        return lambda event: call(**{name: event})
    return call

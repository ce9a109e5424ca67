"""What ``Scheduler`` is handed by its users, checked where it is handed in."""

from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import Any

from duly.core.arguments import checked_arguments
from duly.core.clock import Zone, checked_zone
from duly.core.run_executor import RunExecutor, check_executor
from duly.core.trigger import TriggerProtocol
from duly.embedded.triggers import Trigger
from duly.triggers.builtin import BuiltInTrigger


def checked_name(name: object) -> str:
    """The name, if a job can have it.

    Raises:
        ValueError: it cannot.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"name must be a text that is not empty, got {name!r}")
    return name


def positional_arguments(
    func: Callable[..., Any],
    args: object,
    kwargs: Any,  # noqa: ANN401 - not checked yet
    executor: RunExecutor | None,
) -> tuple[Any, ...]:
    """The positional arguments, if ``func`` can be called with both; ``executor`` is to be told of them.

    Raises:
        TypeError: that cannot be; or they are no arguments, or ``executor`` is none.
        ValueError: an argument cannot be sent away.
    """
    positional = checked_arguments(func, args, kwargs)
    if executor is not None:
        check_executor(executor, positional, kwargs)
    return positional


_BINDS: dict[type, bool] = {}
"""Classes of our triggers, and whether they want to know the name of the job: asking each time is slow."""


def wants_name(trigger: object) -> bool:
    """Whether a trigger is to be told the name of its job, by ``bind(name)``.

    Raises:
        TypeError: it is no trigger.
    """
    known = _BINDS.get(type(trigger))
    if known is not None:
        return known
    if isinstance(trigger, type) or not isinstance(trigger, TriggerProtocol):
        raise TypeError(
            f"trigger must be a trigger, got {trigger!r} of type {type(trigger).__name__}: pass every(), at() or "
            "cron(), After, Once, Every, Daily or Cron, or an object with the six methods of TriggerProtocol"
        )
    wants = callable(getattr(trigger, "bind", None))
    if isinstance(trigger, BuiltInTrigger | Trigger):
        _BINDS[type(trigger)] = wants
    return wants


def zone_key(timezone: str | tzinfo | None) -> Zone:
    """The IANA name of a zone; ``None`` for ``None``.

    Raises:
        TypeError: a ``tzinfo`` without one.
        ValueError: no zone has this name.
    """
    if timezone is None:
        return None
    key = timezone if isinstance(timezone, str) else getattr(timezone, "key", None)
    if timezone is UTC:
        key = "UTC"
    if not isinstance(key, str):
        raise TypeError(f"timezone must be an IANA name or a ZoneInfo with one, got {timezone!r}")
    return checked_zone(key)

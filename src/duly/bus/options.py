"""What every way of listening takes besides the handler and what it listens to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias, TypedDict, get_args

from duly.bus.listener import ListenerMode, ListenerOptions, Predicate
from duly.core.arguments import is_number, is_whole
from duly.core.policy import IfExists, checked_if_exists
from duly.executor.protocols import ErrorHandler

Where: TypeAlias = Predicate | Collection[Predicate | Mapping[str, Any]] | Mapping[str, Any]
"""A further filter: a predicate, or several that must all hold. Mappings are for ``on_call_service`` alone."""
Handler: TypeAlias = Callable[..., Any]
"""Any callable, sync or async. Sync ones run in a worker thread, never on the event loop."""


class ListenOptions(TypedDict, total=False):
    """The options of a listener; what is left out is as its line says first."""

    where: Where | None
    """``None``: no further filter on the event."""
    kwargs: Mapping[str, Any] | None
    """``None``: none. Further keyword arguments of the handler."""
    once: bool
    """``False``. The first match is the only one; the listener ends with it."""
    debounce: float | None
    """``None``. Seconds of quiet after a match; then the handler is called with the latest event."""
    throttle: float | None
    """``None``. Seconds after a match in which others lead to nothing."""
    mode: ListenerMode
    """``"queued"``. What becomes of a match while the handler runs."""
    priority: int
    """0. Of the listeners of one event, higher ones start first."""
    name: str
    """``""``: the name of the handler. Tells listeners of one topic apart, and its history belongs to it."""
    if_exists: IfExists
    """``"error"``. What if the name is taken: ``"skip"`` keeps the listener there is, which must be configured the
    same, ``"replace"`` cancels it."""
    timeout: float | None
    """``None``: as the settings say. Seconds that an execution may take; a sync handler goes on in its thread."""
    timeout_disabled: bool
    """``False``. No limit at all."""
    on_error: ErrorHandler | None
    """``None``: the one of the app. Told of executions that fail or time out."""


_EXCLUSIVE: Final = (
    *(("debounce", "throttle"), ("debounce", "once"), ("throttle", "once")),
    *(("debounce", "duration"), ("throttle", "duration"), ("timeout", "timeout_disabled")),
)


def listener_options(
    given: ListenOptions, *, immediate: bool = False, duration: float | None = None
) -> ListenerOptions:
    """The options of a listener, checked; ``immediate`` and ``duration`` are of those that listen to states.

    Raises:
        TypeError: there is no such option, or one is of a wrong kind.
        ValueError: one is out of its range, or two do not go together.
    """
    _check_names(given)
    options = ListenerOptions(
        once=given.get("once", False),
        debounce=given.get("debounce"),
        throttle=given.get("throttle"),
        duration=duration,
        immediate=immediate,
        mode=given.get("mode", "queued"),
        priority=given.get("priority", 0),
        timeout=given.get("timeout"),
        timeout_disabled=given.get("timeout_disabled", False),
        kwargs=_checked_kwargs(given.get("kwargs")),
        on_error=given.get("on_error"),
    )
    for name in ("debounce", "throttle", "duration", "timeout"):
        value = getattr(options, name)
        if value is not None and not is_number(value, above=0):
            raise ValueError(f"{name} must be a positive number of seconds, or None, got {value!r}")
    for one, other in _EXCLUSIVE:
        if getattr(options, one) and getattr(options, other):
            raise ValueError(
                f"{one} and {other} do not go together, got {one}={getattr(options, one)!r}: leave one out"
            )
    _check_words(options, given.get("if_exists", "error"))
    return options


def _check_names(given: ListenOptions) -> None:
    unknown = given.keys() - ListenOptions.__annotations__
    if unknown:
        known = ", ".join(sorted(ListenOptions.__annotations__))
        wrong = ", ".join(sorted(unknown))
        raise TypeError(
            f"unknown option of a listener: {wrong}: besides what the method itself takes there are {known}"
        )
    name = given.get("name", "")
    if not isinstance(name, str):
        raise TypeError(f"name must be a text, got {name!r}")


def _checked_kwargs(kwargs: object) -> dict[str, Any] | None:
    """A copy."""
    if kwargs is None:
        return None
    if not (isinstance(kwargs, Mapping) and all(isinstance(key, str) for key in kwargs)):
        raise TypeError(f"kwargs must map the names of keyword arguments to their values, got {kwargs!r}")
    return dict(kwargs) or None


def _check_words(options: ListenerOptions, if_exists: str) -> None:
    modes = get_args(ListenerMode)
    if options.mode not in modes:
        raise ValueError(f"mode must be one of {', '.join(map(repr, modes))}, got {options.mode!r}")
    checked_if_exists(if_exists)
    if not is_whole(options.priority):
        raise TypeError(f"priority must be a whole number, got {options.priority!r}")
    if options.on_error is not None and not callable(options.on_error):
        raise TypeError(f"on_error must be callable, or None, got {options.on_error!r}")

"""What ``Scheduler`` is handed by its users, checked where it is handed in."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from functools import partial
from inspect import (
    CO_ASYNC_GENERATOR,
    CO_COROUTINE,
    CO_GENERATOR,
    isasyncgenfunction,
    iscoroutinefunction,
    isgeneratorfunction,
    signature,
)
from types import FunctionType
from typing import Any

from duly.core.clock import Zone, checked_zone
from duly.core.trigger import TriggerProtocol
from duly.embedded.triggers import Trigger
from duly.triggers.builtin import BuiltInTrigger


def callable_name(func: Callable[..., Any]) -> str:
    """The name of a function or method, of what a ``partial`` wraps, or of the class of a callable object.

    It is the same in every process, so never one with a memory address.
    """
    while isinstance(func, partial):
        func = func.func
    name = getattr(func, "__name__", None)
    return name if isinstance(name, str) else type(func).__name__


def checked_name(name: object) -> str:
    """The name, if a job can have it.

    Raises:
        ValueError: it cannot.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"name must be a text that is not empty, got {name!r}")
    return name


def is_async(func: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine: ``async def``, also behind ``partial`` or as ``__call__``.

    Raises:
        TypeError: a generator function, of which a call runs nothing.
    """
    if type(func) is FunctionType and not func.__dict__:  # with attributes it may be marked as a coroutine function
        flags = func.__code__.co_flags
        if not flags & (CO_GENERATOR | CO_ASYNC_GENERATOR):
            return bool(flags & CO_COROUTINE)
    while isinstance(func, partial):
        func = func.func
    called = (func, getattr(func, "__call__", None))  # noqa: B004 - the method
    if any(isgeneratorfunction(each) or isasyncgenfunction(each) for each in called):
        raise TypeError(f"func must not be a generator function, whose call runs nothing, got {func!r}")
    return any(iscoroutinefunction(each) for each in called)


def checked_arguments(func: Callable[..., Any], args: object, kwargs: object) -> tuple[Any, ...]:
    """The positional arguments, if ``func`` can be called with both.

    Raises:
        TypeError: it cannot; or they are no arguments at all.
    """
    if args == () and kwargs is None and type(func) is FunctionType:  # the usual case, at little cost
        code = func.__code__
        if not code.co_argcount and not code.co_kwonlyargcount:
            return ()
    if isinstance(args, str | bytes) or not isinstance(args, Iterable):
        raise TypeError(f"args must be a sequence of positional arguments, got {args!r}: one alone is written (x,)")
    if kwargs is not None and not (isinstance(kwargs, Mapping) and all(isinstance(key, str) for key in kwargs)):
        raise TypeError(f"kwargs must map the names of keyword arguments to their values, got {kwargs!r}")
    positional = tuple(args)
    try:
        parameters = signature(func, follow_wrapped=False)
    except ValueError:  # some functions written in C do not tell
        return positional
    try:
        parameters.bind(*positional, **(kwargs or {}))
    except TypeError as error:
        raise TypeError(
            f"func {callable_name(func)} cannot be called with args={positional!r} and kwargs={kwargs!r}: {error}"
        ) from None
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

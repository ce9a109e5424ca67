"""What users hand in, checked where it is handed in: callables and their arguments, words, numbers."""

import math
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
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
from types import FunctionType, MethodType
from typing import Any, TypeVar

EnumT = TypeVar("EnumT", bound=StrEnum)


def callable_name(func: Callable[..., Any]) -> str:
    """The name of a function or method, of what a ``partial`` wraps, or of the class of a callable object.

    It is the same in every process, so never one with a memory address.
    """
    while isinstance(func, partial):
        func = func.func
    name = getattr(func, "__name__", None)
    return name if isinstance(name, str) else type(func).__name__


def is_same_callable(one: object, other: object) -> bool:
    """Whether both are the same callable: each look at ``self.method`` makes another object of it."""
    return one is other or (isinstance(one, MethodType) and isinstance(other, MethodType) and one == other)


def is_async(func: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine: ``async def``, also behind ``partial`` or as ``__call__``.

    Raises:
        TypeError: a generator function, of which a call runs nothing.
    """
    plain = _plain(func)
    if type(plain) is FunctionType and not plain.__dict__:  # with attributes it may be marked as a coroutine function
        flags = plain.__code__.co_flags
        if not flags & (CO_GENERATOR | CO_ASYNC_GENERATOR):
            return bool(flags & CO_COROUTINE)
    while isinstance(func, partial):
        func = func.func
    called = (func, getattr(func, "__call__", None))  # noqa: B004 - the method
    if any(isgeneratorfunction(each) or isasyncgenfunction(each) for each in called):
        raise TypeError(f"func must not be a generator function, whose call runs nothing, got {func!r}")
    return any(iscoroutinefunction(each) for each in called)


def check_function(what: str, func: Callable[..., Any]) -> None:
    """Refuse what cannot be called to do something; ``what`` names it.

    Raises:
        TypeError: it cannot be called, or is a generator function.
    """
    if not callable(func):
        raise TypeError(f"{what} must be callable, got {func!r}: pass the function, not what it returns")
    is_async(func)  # refuses generator functions


def checked_arguments(func: Callable[..., Any], args: object, kwargs: object) -> tuple[Any, ...]:
    """The positional arguments, if ``func`` can be called with both.

    Raises:
        TypeError: it cannot; or they are no arguments at all.
    """
    plain = _plain(func)
    if args == () and kwargs is None and type(plain) is FunctionType:  # the usual case, at little cost
        code = plain.__code__
        if code.co_argcount == (0 if plain is func else 1) and not code.co_kwonlyargcount:
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


def _plain(func: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a bound method; anything else as it is."""
    return func.__func__ if type(func) is MethodType else func


def member(enum: type[EnumT], what: str, value: str) -> EnumT:
    """The member of ``enum`` with this value.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    try:
        return enum(value)
    except ValueError:
        known = ", ".join(repr(each.value) for each in enum)
        raise ValueError(f"{what} must be one of {known}, got {value!r}") from None


def is_text(value: object) -> bool:
    """Whether it is a ``str`` that is not empty."""
    return isinstance(value, str) and bool(value)


def is_whole(value: object) -> bool:
    """Whether it is an ``int``, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


_MOST = 1e10
"""Seconds, some 300 years: what is longer is a mistake, and beyond what a clock can show."""


def is_number(value: object, *, least: float = -math.inf, above: float = -math.inf) -> bool:
    """Whether it is a finite number of seconds that makes sense."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return least <= value <= _MOST and value > above

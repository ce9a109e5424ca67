"""What a callable is called, and whether it is to be awaited."""

from collections.abc import Callable
from functools import partial
from inspect import (
    CO_ASYNC_GENERATOR,
    CO_COROUTINE,
    CO_GENERATOR,
    isasyncgenfunction,
    iscoroutinefunction,
    isgeneratorfunction,
)
from types import FunctionType
from typing import Any


def callable_name(func: Callable[..., Any]) -> str:
    """The name of a function or method, of what a ``partial`` wraps, or of the class of a callable object.

    It is the same in every process, so never one with a memory address.
    """
    while isinstance(func, partial):
        func = func.func
    name = getattr(func, "__name__", None)
    return name if isinstance(name, str) else type(func).__name__


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

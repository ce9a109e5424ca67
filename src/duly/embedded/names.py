"""What a callable is called, and whether it is to be awaited."""

from collections.abc import Callable
from functools import partial
from inspect import CO_COROUTINE, iscoroutinefunction
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
    """Whether calling it gives a coroutine: ``async def``, also behind ``partial`` or as ``__call__``."""
    if type(func) is FunctionType and not func.__dict__:  # with attributes it may be marked as a coroutine function
        return bool(func.__code__.co_flags & CO_COROUTINE)
    while isinstance(func, partial):
        func = func.func
    return iscoroutinefunction(func) or iscoroutinefunction(getattr(func, "__call__", None))  # noqa: B004 - the method

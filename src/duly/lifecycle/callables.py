"""Telling async callables from sync ones, and making either awaitable."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def is_async_callable(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something to await.

    Looks through ``partial``, callable objects, bound methods and decorators that use ``functools.wraps``.
    """
    seen: Any = function
    while True:
        if isinstance(seen, functools.partial):
            seen = seen.func
        elif inspect.iscoroutinefunction(seen):
            return True
        elif hasattr(seen, "__wrapped__"):
            seen = seen.__wrapped__
        elif inspect.isroutine(seen) or inspect.isclass(seen):
            return False
        else:
            return inspect.iscoroutinefunction(getattr(seen, "__call__", None))  # noqa: B004 - its kind is asked for


def async_adapter(
    function: Callable[..., Any], in_thread: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    """An async callable of the same signature; a sync ``function`` is called through ``in_thread``."""
    is_async = is_async_callable(function)

    @functools.wraps(function)
    async def adapter(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of the function
        result = function(*args, **kwargs) if is_async else await in_thread(function, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return adapter

"""Asking filters, and looking at what is given as one before it is asked.

Filters run on the event loop, so none may wait. Async callables are refused when a listener is registered; an
awaitable that comes as a result is closed and is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from inspect import isasyncgenfunction, isawaitable, isgeneratorfunction, signature
from typing import Any, Final

from duly.bus.any_value import ANY_VALUE
from duly.bus.conditions import Condition
from duly.core.arguments import callable_name
from duly.events import MISSING_VALUE
from duly.lifecycle.callables import is_async_callable

CHEAP: Final = 1
DEAR: Final = 20
"""The cost of a user's callable, in steps of our own filters."""


class Compound:
    """A filter that may ask others."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[tuple[object, int], ...]:
        """What it asks, each with the number of arguments."""
        return ()


def truth(result: object) -> bool:
    """What the result of a filter says.

    Raises:
        TypeError: it is to be awaited; it is closed.
    """
    if not isawaitable(result):
        return bool(result)
    if isinstance(result, Coroutine):
        result.close()
    elif (cancel := getattr(result, "cancel", None)) is not None:
        cancel()
    raise TypeError(f"a filter must give its answer at once, got {result!r} to be awaited: write it without async")


def verdict(predicate: Callable[[Any], Any], event: object) -> bool:
    """Whether a predicate holds for an event. What it raises propagates.

    Raises:
        TypeError: its result is to be awaited; it is closed.
    """
    result = predicate(event)
    return result is True or (result is not False and truth(result))


def test_of(condition: object) -> Callable[[Any], bool]:
    """What tells whether a value satisfies a condition, or equals it if it is a literal."""
    if isinstance(condition, Condition):
        ours: Any = condition
        return ours  # type: ignore[no-any-return] # it takes one argument, or ``check`` refuses it
    if callable(condition):
        return partial(verdict, condition)
    if condition is ANY_VALUE:
        return _is_there
    return partial(_equal, condition)


def _is_there(value: object) -> bool:
    return value is not MISSING_VALUE


def _equal(literal: object, value: object) -> bool:
    return bool(value == literal)


def instance_of(given: object, what: str) -> Any:  # noqa: ANN401 - what was given, if that is no class
    """What was given; a class of filters stands for an instance of it.

    Raises:
        TypeError: a class of anything else, or one whose instances need arguments.
    """
    if not isinstance(given, type):
        return given
    if not any("__call__" in vars(each) for each in given.__mro__):
        raise TypeError(f"{what} must be a value or a filter, got the class {given.__name__}")
    try:
        return given()
    except TypeError as error:
        raise TypeError(f"{what} must be an instance, got the class {given.__name__}: {error}") from error


def check(given: object, arguments: int, what: str) -> None:
    """Refuse what cannot be asked with this number of arguments, at any depth. Literals pass.

    Raises:
        TypeError: it takes other arguments, is async, or is a generator function.
    """
    if not callable(given):
        return
    for each in _callables(given):
        for part, number in each.parts if isinstance(each, Compound) else ():
            check(part, number, what)
        if is_async_callable(each) or isasyncgenfunction(each):
            raise TypeError(f"{what} must not be async, got {callable_name(each)}: filters run on the event loop")
        if isgeneratorfunction(each):
            raise TypeError(f"{what} must not be a generator function, got {callable_name(each)}: it never answers")
    try:
        signature(given).bind(*range(arguments))
    except ValueError:  # some functions written in C do not tell
        return
    except TypeError as error:
        count = "one argument" if arguments == 1 else f"{arguments} arguments"
        raise TypeError(f"{what} must take {count}, got {callable_name(given)}: {error}") from error


def _callables(given: Any) -> list[Any]:  # noqa: ANN401 - any callable
    """A callable, what is within it if it is a ``partial``, and the method that calling it calls."""
    found = [given]
    while isinstance(given, partial):
        given = given.func
        found.append(given)
    method = getattr(given, "__call__", None)  # noqa: B004 - the method
    return found if method is None else [*found, method]


def cost_of(given: object) -> int:
    """How much it costs to ask, roughly: what is cheap is asked first."""
    if isinstance(given, Compound):
        return CHEAP + sum(cost_of(part) for part, _ in given.parts)
    return DEAR if callable(given) and not _is_ours(given) else CHEAP


def _is_ours(given: object) -> bool:
    module = getattr(given, "__module__", None) or ""
    return isinstance(given, Condition) or str(module).startswith("duly.bus.")


def said(condition: object) -> str:
    """A condition as an English phrase with a verb."""
    if isinstance(condition, Condition):
        return condition.summarize()
    if condition is ANY_VALUE:
        return "is present"
    return f"satisfies {callable_name(condition)}" if callable(condition) else f"is {condition!r}"

"""The parameters of a handler with the types that their annotations mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from inspect import Parameter, signature
from typing import Any, get_type_hints


def annotated_parameters(handler: Callable[..., Any]) -> Iterator[Parameter]:
    """The parameters of a handler; annotations that are text, or have text in them, are resolved where it was written.

    Looks through ``partial``, bound methods, callable objects and decorators that use ``functools.wraps``.

    Raises:
        ValueError: it does not tell its parameters.
        TypeError: a name in an annotation is not known.
    """
    parameters = signature(handler).parameters.values()
    function = _function(handler)
    names = getattr(function, "__globals__", {})
    closure = _closure(function)
    for parameter in parameters:
        yield parameter.replace(annotation=_resolved(parameter, names, closure))


def _function(handler: Any) -> Any:  # noqa: ANN401 - any callable
    """The function in which the handler was written; what is not written in Python, as it is."""
    seen = handler
    while True:
        if isinstance(seen, partial):
            seen = seen.func
        elif hasattr(seen, "__wrapped__"):
            seen = seen.__wrapped__
        elif hasattr(seen, "__code__"):
            return seen
        elif hasattr(type(seen).__call__, "__code__"):
            seen = type(seen).__call__
        else:
            return seen


def _closure(function: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any callable
    """The names of functions around it that it uses."""
    cells = getattr(function, "__closure__", None) or ()
    found = {}
    for name, cell in zip(function.__code__.co_freevars if cells else (), cells, strict=True):
        with suppress(ValueError):  # it has no value yet
            found[name] = cell.cell_contents
    return found


def _resolved(parameter: Parameter, names: dict[str, Any], closure: Mapping[str, Any]) -> Any:  # noqa: ANN401 - types have no common one
    if parameter.annotation is Parameter.empty:
        return Parameter.empty

    def holder() -> None:
        """Carries the annotation of one parameter, so that no other one can fail."""

    holder.__annotations__ = {"it": parameter.annotation}
    try:
        return get_type_hints(holder, names, dict(closure), include_extras=True)["it"]
    except (NameError, AttributeError, SyntaxError) as error:
        raise TypeError(
            f"the annotation of its parameter {parameter} cannot be resolved, {error}: import what it names in "
            "the module of the handler, and not under TYPE_CHECKING alone"
        ) from error

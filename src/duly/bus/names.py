"""The names of listeners: the same in every process, for their history goes by them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from duly.bus.errors import ListenerNameRequiredError

if TYPE_CHECKING:
    from duly.bus.options import Handler

_LAMBDA = "<lambda>"


def listener_name(handler: Handler, given: str) -> str:
    """``given``, else the name of the function or method.

    Raises:
        ListenerNameRequiredError: it has none of its own, as a lambda, a partial or a callable object.
    """
    if given:
        return given
    name = getattr(handler, "__name__", None)
    if not inspect.isroutine(handler) or not isinstance(name, str) or name == _LAMBDA:
        raise ListenerNameRequiredError(
            f"{handler!r} has no name that is the same in every process: pass name=, by which its history is found"
        )
    return name

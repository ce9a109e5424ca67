"""Handlers whose annotations are text, as ``from __future__ import annotations`` makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from duly.bus import dependencies as D  # noqa: N812 - as users write it
from duly.bus.accessors import get_attr_new
from duly.events import Event
from duly.states import LightState

if TYPE_CHECKING:
    from duly.events import RawStateChangeEvent


def with_text(new: D.StateNew[LightState], event: Event[Any]) -> None:
    """All names are known."""


def for_type_checkers(event: RawStateChangeEvent) -> None:
    """The name is known to type checkers alone."""


def with_default(event: RawStateChangeEvent | None = None) -> None:
    """The same, with a default."""


def misspelt(domain: D.Domian) -> None:  # type: ignore[name-defined] # misspelt on purpose
    """There is no such name."""


def gives_unknown(event: Event[Any]) -> RawStateChangeEvent:  # type: ignore[empty-body] # of no interest
    """What it returns is not known."""


def of_closure() -> Callable[..., object]:
    """A handler with an annotation that is known around it."""
    brightness = get_attr_new("brightness")

    def handler(level: Annotated[int, brightness]) -> object:
        return level, brightness

    return handler

"""Which class the states of a domain have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from duly.states.state import State

_DOMAIN: Final = re.compile("[a-z0-9_]+")
_classes: dict[str, type[State[Any, Any]]] = {}
"""By domain. Written when a class is made, in whichever thread; each reading and writing is one step."""


def register(cls: type[State[Any, Any]], domain: object) -> None:
    """Make ``cls`` the class of a domain.

    The newest wins, so that the class of an app that was loaded again takes the place of its former self. A class of
    Duly's own gives way only to one derived from it: other apps rely on what it has.

    Raises:
        TypeError, ValueError: ``domain`` is no name of one.
    """
    if not isinstance(domain, str):
        raise TypeError(f"domain of {cls.__name__} must be text, got {domain!r}")
    if _DOMAIN.fullmatch(domain) is None:
        raise ValueError(f"domain of {cls.__name__} must be what stands before the dot of entity ids, got {domain!r}")
    ours = _ours(_classes.get(domain))
    if ours is None or issubclass(cls, ours):
        _classes[domain] = cls


def class_of(domain: str) -> type[State[Any, Any]] | None:
    """The class for a domain; ``None``: there is none of its own."""
    return _classes.get(domain)


def known_domains() -> list[str]:
    """The domains that have a class."""
    return list(_classes)


def _ours(cls: type[State[Any, Any]] | None) -> type[State[Any, Any]] | None:
    """The class of Duly's own that ``cls`` is or derives from."""
    if cls is None:
        return None
    return next((base for base in cls.__mro__ if base.__module__.startswith("duly.") and "domain" in vars(base)), None)

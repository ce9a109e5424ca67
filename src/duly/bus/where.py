"""What a registration makes of ``where``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from duly.bus.combinations import AllOf
from duly.bus.judging import check, instance_of
from duly.bus.listener import Predicate
from duly.bus.service_data import ServiceDataWhere


def all_of(where: object, *, mappings: bool = False) -> Predicate | None:
    """One predicate for a predicate, or a collection of them which must all hold; ``None``: there is none.

    With ``mappings``, a mapping says what the service data must be.

    Raises:
        TypeError: it is none of these, or is async at any depth.
    """
    predicates = [_filter(each, mappings=mappings) for each in _listed(where)]
    return predicates[0] if len(predicates) == 1 else AllOf(predicates) if predicates else None


def _listed(where: object) -> Iterable[object]:
    if where is None:
        return ()
    several = isinstance(where, Iterable) and not callable(where) and not isinstance(where, str | Mapping)
    return where if isinstance(where, Iterable) and several else (where,)


def _filter(given: object, *, mappings: bool) -> Predicate:
    found = ServiceDataWhere(given) if mappings and isinstance(given, Mapping) else instance_of(given, "where")
    check_sync(found)
    predicate: Predicate = found
    return predicate


def check_sync(predicate: object) -> None:
    """Refuse what is no predicate, or cannot be asked on the event loop.

    Raises:
        TypeError: it is not callable with one argument, or is async at any depth.
    """
    if not callable(predicate):
        raise TypeError(f"where must be a predicate or a collection of them, got {predicate!r}: see duly.P")
    check(predicate, 1, "where")

"""Predicates of predicates: and, or, not."""

# ruff: noqa: D102 - the docstring of a class says when it holds

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from duly.bus.judging import Compound, cost_of, instance_of, truth, verdict
from duly.bus.listener import Predicate
from duly.core.arguments import callable_name
from duly.events import Event


class EventPredicate(Compound, ABC):
    """What all predicates have in common."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, event: Event[Any]) -> bool:
        """Whether the event is meant."""

    @abstractmethod
    def summarize(self) -> str:
        """What it says of an event, as an English phrase."""

    def __and__(self, other: Predicate) -> AllOf:
        return AllOf((*_unfolded(AllOf, self), *_unfolded(AllOf, other)))

    def __rand__(self, other: Predicate) -> AllOf:
        return AllOf((*_unfolded(AllOf, other), *_unfolded(AllOf, self)))

    def __or__(self, other: Predicate) -> AnyOf:
        return AnyOf((*_unfolded(AnyOf, self), *_unfolded(AnyOf, other)))

    def __ror__(self, other: Predicate) -> AnyOf:
        return AnyOf((*_unfolded(AnyOf, other), *_unfolded(AnyOf, self)))

    def __invert__(self) -> Not:
        return Not(self)


class _Combination(EventPredicate):
    __slots__ = ("_ordered",)

    predicates: Collection[Callable[..., Any]]
    _ordered: tuple[Predicate, ...]

    def __post_init__(self) -> None:
        given = self.predicates
        if callable(given) or isinstance(given, str | Mapping) or not isinstance(given, Iterable):
            raise TypeError(f"predicates must be a collection of them, got {given!r}")
        predicates = tuple(map(_predicate, given))
        object.__setattr__(self, "predicates", predicates)
        object.__setattr__(self, "_ordered", tuple(sorted(predicates, key=cost_of)))

    @property
    def parts(self) -> tuple[tuple[object, int], ...]:
        return tuple((each, 1) for each in self.predicates)


@dataclass(frozen=True, slots=True)
class AllOf(_Combination):
    """All hold; the cheapest is asked first, and the next only if it does."""

    predicates: Collection[Callable[..., Any]]

    def __call__(self, event: Event[Any]) -> bool:
        for predicate in self._ordered:
            result = predicate(event)
            if result is not True and (result is False or not truth(result)):
                return False
        return True

    def summarize(self) -> str:
        return " and ".join(map(_enclosed, self.predicates)) or "any event"


@dataclass(frozen=True, slots=True)
class AnyOf(_Combination):
    """At least one holds; the cheapest is asked first, and the next only if it does not."""

    predicates: Collection[Callable[..., Any]]

    def __call__(self, event: Event[Any]) -> bool:
        return any(verdict(predicate, event) for predicate in self._ordered)

    def summarize(self) -> str:
        return " or ".join(map(_enclosed, self.predicates)) or "no event"


@dataclass(frozen=True, slots=True)
class Not(EventPredicate):
    """It does not hold."""

    predicate: Callable[..., Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "predicate", _predicate(self.predicate))

    def __call__(self, event: Event[Any]) -> bool:
        return not verdict(self.predicate, event)

    def summarize(self) -> str:
        return f"not {_enclosed(self.predicate)}"

    @property
    def parts(self) -> tuple[tuple[object, int], ...]:
        return ((self.predicate, 1),)


@dataclass(frozen=True, slots=True)
class Guard(EventPredicate):
    """Any callable that takes an event, so that it can be combined."""

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "function", _predicate(self.function))

    def __call__(self, event: Event[Any]) -> bool:
        return verdict(self.function, event)

    def summarize(self) -> str:
        return summary_of(self.function)

    @property
    def parts(self) -> tuple[tuple[object, int], ...]:
        return ((self.function, 1),)


def _unfolded(kind: type[AllOf | AnyOf], predicate: Predicate) -> Iterable[Predicate]:
    return predicate.predicates if isinstance(predicate, kind) else (predicate,)


def _predicate(given: object) -> Predicate:
    predicate = instance_of(given, "a predicate")
    if not callable(predicate):
        raise TypeError(f"a predicate must be callable with an event, got {predicate!r}")
    called: Predicate = predicate
    return called


def _enclosed(predicate: Predicate) -> str:
    compound = isinstance(predicate, AllOf | AnyOf) and len(predicate.predicates) > 1
    return f"({summary_of(predicate)})" if compound else summary_of(predicate)


def summary_of(predicate: Predicate) -> str:
    """What a predicate says of an event, as an English phrase."""
    if isinstance(predicate, EventPredicate):
        return predicate.summarize()
    return f"{callable_name(predicate)}() holds"

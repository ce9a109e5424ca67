"""Predicates, ``P``: event to bool. They are values themselves: frozen, comparable, combined by ``&``, ``|``, ``~``.

A condition is a literal, for equality, or a callable that takes the value; a class of conditions stands for an
instance of it. Any callable that takes an event can stand where a predicate does.
"""

# ruff: noqa: D102 - the docstring of a class says when it holds

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from duly.bus.accessors import (
    Accessor,
    get_attr_new,
    get_attr_old,
    get_attr_old_new,
    get_domain,
    get_entity_id,
    get_service,
    get_state_value_new,
    get_state_value_old,
    get_state_value_old_new,
)
from duly.bus.any_value import ANY_VALUE
from duly.bus.combinations import AllOf, AnyOf, EventPredicate, Guard, Not
from duly.bus.conditions import text_or_glob
from duly.bus.judging import instance_of, said, test_of, truth
from duly.bus.service_data import ServiceDataWhere
from duly.core.arguments import callable_name, is_text
from duly.events import MISSING_VALUE, Event, StateChangeData

__all__ = [
    "ANY_VALUE",
    "AllOf",
    "AnyOf",
    "AttrComparison",
    "AttrDidChange",
    "AttrFrom",
    "AttrTo",
    "DidChange",
    "DomainMatches",
    "EntityMatches",
    "EventPredicate",
    "Guard",
    "IsMissing",
    "IsPresent",
    "Not",
    "ServiceDataWhere",
    "ServiceMatches",
    "StateComparison",
    "StateDidChange",
    "StateFrom",
    "StateTo",
    "ValueIs",
]


def _name(source: Accessor) -> str:
    """What an accessor gives, in words."""
    if "__str__" in vars(type(source)):
        return str(source)
    words = callable_name(source).removeprefix("get_").replace("_", " ")
    first, _, last = words.removesuffix(" old new").rpartition(" ")
    return f"{last} {first}" if last in {"old", "new"} else words.removesuffix(" old new")


# One value


class _OfValue(EventPredicate):
    __slots__ = ("_accessor", "_test")

    condition: Any
    _accessor: Accessor
    _test: Callable[[Any], bool]

    def __post_init__(self) -> None:
        condition = instance_of(self.condition, "a condition")
        object.__setattr__(self, "condition", condition)
        object.__setattr__(self, "_accessor", self._of())
        object.__setattr__(self, "_test", test_of(condition))

    @abstractmethod
    def _of(self) -> Accessor:
        """What gives the value."""

    def __call__(self, event: Event[Any]) -> bool:
        return self._test(self._accessor(event))

    def summarize(self) -> str:
        return f"{_name(self._accessor)} {said(self.condition)}"

    @property
    def parts(self) -> tuple[tuple[object, int], ...]:
        return (self._accessor, 1), (self.condition, 1)


@dataclass(frozen=True, slots=True)
class ValueIs(_OfValue):
    """What the accessor gives equals the literal, or satisfies the condition; by default: it gives something."""

    source: Accessor
    condition: Any = ANY_VALUE

    def _of(self) -> Accessor:
        return _accessor(self.source)


@dataclass(frozen=True, slots=True)
class StateFrom(_OfValue):
    """The state was so."""

    condition: Any

    def _of(self) -> Accessor:
        return get_state_value_old


@dataclass(frozen=True, slots=True)
class StateTo(_OfValue):
    """The state is so now."""

    condition: Any

    def _of(self) -> Accessor:
        return get_state_value_new


@dataclass(frozen=True, slots=True)
class AttrFrom(_OfValue):
    """The attribute was so."""

    attribute: str
    condition: Any

    def _of(self) -> Accessor:
        return get_attr_old(self.attribute)


@dataclass(frozen=True, slots=True)
class AttrTo(_OfValue):
    """The attribute is so now."""

    attribute: str
    condition: Any

    def _of(self) -> Accessor:
        return get_attr_new(self.attribute)


def _accessor(given: object) -> Accessor:
    if not callable(given) or isinstance(given, type):
        raise TypeError(f"source must be an accessor, which takes an event, got {given!r}: see duly.A")
    accessor: Accessor = given
    return accessor


class _OfSource(EventPredicate):
    __slots__ = ()

    source: Accessor

    def __post_init__(self) -> None:
        _accessor(self.source)

    @property
    def parts(self) -> tuple[tuple[object, int], ...]:
        return ((self.source, 1),)


@dataclass(frozen=True, slots=True)
class IsPresent(_OfSource):
    """The accessor gives something; it may be ``None``."""

    source: Accessor

    def __call__(self, event: Event[Any]) -> bool:
        return self.source(event) is not MISSING_VALUE

    def summarize(self) -> str:
        return f"{_name(self.source)} is present"


@dataclass(frozen=True, slots=True)
class IsMissing(_OfSource):
    """The accessor gives nothing."""

    source: Accessor

    def __call__(self, event: Event[Any]) -> bool:
        return self.source(event) is MISSING_VALUE

    def summarize(self) -> str:
        return f"{_name(self.source)} is missing"


# Two values, the old one and the new one


@dataclass(frozen=True, slots=True)
class DidChange(_OfSource):
    """The two values of the accessor's pair differ."""

    source: Accessor

    def __call__(self, event: Event[Any]) -> bool:
        pair = self.source(event)
        return pair is not MISSING_VALUE and bool(pair[0] != pair[1])

    def summarize(self) -> str:
        return f"{_name(self.source)} changed"


@dataclass(frozen=True, slots=True)
class StateDidChange(EventPredicate):
    """The state is another than before, and not its attributes alone."""

    def __call__(self, event: Event[Any]) -> bool:
        data = event.payload.data
        return isinstance(data, StateChangeData) and data.state_value_has_changed

    def summarize(self) -> str:
        return "state changed"


class _OfPair(EventPredicate):
    __slots__ = ("_accessor",)

    condition: Any
    _accessor: Accessor

    def __post_init__(self) -> None:
        condition = instance_of(self.condition, "a condition")
        if not callable(condition):
            raise TypeError(f"a comparison needs a condition that takes the old and the new value, got {condition!r}")
        object.__setattr__(self, "condition", condition)
        object.__setattr__(self, "_accessor", self._of())

    @abstractmethod
    def _of(self) -> Accessor:
        """What gives the pair."""

    def __call__(self, event: Event[Any]) -> bool:
        pair = self._accessor(event)
        return pair is not MISSING_VALUE and truth(self.condition(*pair))

    def summarize(self) -> str:
        return f"{_name(self._accessor)} {said(self.condition)}"

    @property
    def parts(self) -> tuple[tuple[object, int], ...]:
        return ((self.condition, 2),)


@dataclass(frozen=True, slots=True)
class StateComparison(_OfPair):
    """The states before and now satisfy a condition of two arguments."""

    condition: Callable[..., Any]

    def _of(self) -> Accessor:
        return get_state_value_old_new


@dataclass(frozen=True, slots=True)
class AttrComparison(_OfPair):
    """The attribute before and now satisfies a condition of two arguments."""

    attribute: str
    condition: Callable[..., Any]

    def _of(self) -> Accessor:
        return get_attr_old_new(self.attribute)


@dataclass(frozen=True, slots=True)
class AttrDidChange(EventPredicate):
    """The attribute is another than before; to come and to go counts."""

    attribute: str
    _accessor: Accessor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_accessor", get_attr_old_new(self.attribute))

    def __call__(self, event: Event[Any]) -> bool:
        pair = self._accessor(event)
        return pair is not MISSING_VALUE and bool(pair[0] != pair[1])

    def summarize(self) -> str:
        return f"attribute {self.attribute} changed"


# Who and what


class _Matches(EventPredicate):
    __slots__ = ("_test",)

    text: str
    _test: Callable[[Any], bool]

    def __post_init__(self) -> None:
        if not is_text(self.text):
            raise ValueError(f"{type(self).__name__} needs a text that is not empty, got {self.text!r}")
        object.__setattr__(self, "_test", test_of(text_or_glob(self.text)))

    def summarize(self) -> str:
        what = type(self).__name__.removesuffix("Matches").lower()
        return f"{what} {said(text_or_glob(self.text))}"


@dataclass(frozen=True, slots=True)
class DomainMatches(_Matches):
    """The domain of the entity or service is this, or fits the glob."""

    text: str

    def __call__(self, event: Event[Any]) -> bool:
        return self._test(get_domain(event))


@dataclass(frozen=True, slots=True)
class EntityMatches(_Matches):
    """The entity is this, or fits the glob; of several that a service is called for, one suffices."""

    text: str

    def __call__(self, event: Event[Any]) -> bool:
        found = get_entity_id(event)
        return any(map(self._test, found)) if isinstance(found, list) else self._test(found)


@dataclass(frozen=True, slots=True)
class ServiceMatches(_Matches):
    """The service is this, or fits the glob."""

    text: str

    def __call__(self, event: Event[Any]) -> bool:
        return self._test(get_service(event))

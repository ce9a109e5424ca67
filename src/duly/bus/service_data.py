"""The predicate on what a service was called with."""

# ruff: noqa: D102 - the docstring of a class says when it holds

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from duly.bus.accessors import get_service_data
from duly.bus.combinations import EventPredicate
from duly.bus.conditions import text_or_glob
from duly.bus.judging import instance_of, said, test_of
from duly.events import MISSING_VALUE, Event

LISTS: Final = frozenset({"entity_id", "device_id", "area_id", "floor_id", "label_id"})
"""Keys of service data under which a list names what the service is to act on."""


@dataclass(frozen=True, slots=True)
class ServiceDataWhere(EventPredicate):
    """Every key of the service data is so: a literal, a condition, a glob, or ``ANY_VALUE``.

    Under the keys of ``LISTS`` it suffices that one element of a list is.
    """

    spec: Mapping[str, Any]
    auto_glob: bool = True
    """Whether texts with wildcards are globs."""
    _tests: tuple[tuple[str, Callable[[Any], bool]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.spec, Mapping):
            raise TypeError(f"the spec of service data must be a mapping, got {self.spec!r}")
        spec = {key: instance_of(value, f"the condition on {key}") for key, value in self.spec.items()}
        object.__setattr__(self, "spec", MappingProxyType(spec))
        object.__setattr__(self, "_tests", tuple((key, test_of(self._condition(spec[key]))) for key in spec))

    @classmethod
    def from_kwargs(cls, **spec: Any) -> ServiceDataWhere:  # noqa: ANN401 - conditions
        """The keys as keyword arguments."""
        return cls(spec)

    def _condition(self, given: object) -> object:
        return text_or_glob(given) if self.auto_glob and isinstance(given, str) else given

    def __call__(self, event: Event[Any]) -> bool:
        data = get_service_data(event)
        if data is MISSING_VALUE:
            return False
        return all(_fits(key, data.get(key, MISSING_VALUE), test) for key, test in self._tests)

    def summarize(self) -> str:
        phrases = [f"service data {key} {said(self._condition(value))}" for key, value in self.spec.items()]
        return " and ".join(phrases) or "any service data"

    @property
    def parts(self) -> tuple[tuple[object, int], ...]:
        return tuple((condition, 1) for condition in self.spec.values())


def _fits(key: str, value: object, test: Callable[[Any], bool]) -> bool:
    return test(value) or (key in LISTS and isinstance(value, list | tuple) and any(map(test, value)))

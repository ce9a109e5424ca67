"""Accessors, ``A``: event to value, ``MISSING_VALUE`` where there is none. They are comparable.

Those in ``old_new`` give a pair, for ``P.DidChange``; of an event that is no change of an entity they give
``MISSING_VALUE``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isroutine
from typing import Any, Literal, TypeAlias

from duly.bus.changes import get_all_changes
from duly.events import MISSING_VALUE, Event, HassContext, RawState, StateChangeData

__all__ = [
    "Accessor",
    "get_all_attrs_new",
    "get_all_attrs_old",
    "get_all_attrs_old_new",
    "get_all_changes",
    "get_attr_new",
    "get_attr_old",
    "get_attr_old_new",
    "get_attrs_new",
    "get_attrs_old",
    "get_attrs_old_new",
    "get_context",
    "get_domain",
    "get_entity_id",
    "get_path",
    "get_service",
    "get_service_data",
    "get_service_data_key",
    "get_state_object_new",
    "get_state_object_old",
    "get_state_object_old_new",
    "get_state_value_new",
    "get_state_value_old",
    "get_state_value_old_new",
]

Accessor: TypeAlias = Callable[[Event[Any]], Any]
Side: TypeAlias = Literal["old", "new"]


# Anything


@dataclass(frozen=True, slots=True)
class _Path:
    parts: tuple[str, ...]

    def __call__(self, event: Event[Any]) -> Any:  # noqa: ANN401 - whatever is there
        value: Any = event
        for part in self.parts:
            value = _step(value, part)
            if value is MISSING_VALUE:
                break
        return value

    def __str__(self) -> str:
        return ".".join(self.parts)


def get_path(path: str) -> Accessor:
    """What is at a dotted path, such as ``payload.data.new_state.attributes.brightness``.

    Each step is a key of a mapping, a number in a sequence, or an attribute.

    Raises:
        ValueError: a part of the path is empty, or begins with an underscore.
    """
    parts = tuple(path.split("."))
    if not all(parts) or any(part.startswith("_") for part in parts):
        raise ValueError(f"path must be public names with dots between them, got {path!r}")
    return _Path(parts)


def _step(value: object, part: str) -> Any:  # noqa: ANN401 - whatever is there
    if isinstance(value, Mapping):
        return value.get(part, MISSING_VALUE)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and part.isdecimal():
        return value[int(part)] if int(part) < len(value) else MISSING_VALUE
    found = getattr(value, part, MISSING_VALUE)
    return MISSING_VALUE if isroutine(found) else found


# States


def _change(event: Event[Any]) -> StateChangeData | None:
    data = event.payload.data
    return data if isinstance(data, StateChangeData) else None


def get_state_value_old(event: Event[Any]) -> Any:  # noqa: ANN401 - text, or MISSING_VALUE
    """The state before, as text."""
    data = event.payload.data
    return data.old_state_value if isinstance(data, StateChangeData) else MISSING_VALUE


def get_state_value_new(event: Event[Any]) -> Any:  # noqa: ANN401 - text, or MISSING_VALUE
    """The state now, as text."""
    data = event.payload.data
    return data.new_state_value if isinstance(data, StateChangeData) else MISSING_VALUE


def get_state_value_old_new(event: Event[Any]) -> Any:  # noqa: ANN401 - a pair, or MISSING_VALUE
    """The state before and now, as texts."""
    data = event.payload.data
    if not isinstance(data, StateChangeData):
        return MISSING_VALUE
    return data.old_state_value, data.new_state_value


def get_state_object_old(event: Event[Any]) -> Any:  # noqa: ANN401 - a RawState, or MISSING_VALUE
    """The whole state before, as Home Assistant sent it."""
    data = _change(event)
    return MISSING_VALUE if data is None else _or_missing(data.old_state)


def get_state_object_new(event: Event[Any]) -> Any:  # noqa: ANN401 - a RawState, or MISSING_VALUE
    """The whole state now, as Home Assistant sent it."""
    data = _change(event)
    return MISSING_VALUE if data is None else _or_missing(data.new_state)


def get_state_object_old_new(event: Event[Any]) -> Any:  # noqa: ANN401 - a pair, or MISSING_VALUE
    """The whole state before and now."""
    data = _change(event)
    return MISSING_VALUE if data is None else (_or_missing(data.old_state), _or_missing(data.new_state))


def _or_missing(state: RawState | None) -> Any:  # noqa: ANN401 - a RawState, or MISSING_VALUE
    return MISSING_VALUE if state is None else state


# Attributes


def _attributes(state: RawState | None) -> Any:  # noqa: ANN401 - a mapping, or MISSING_VALUE
    found = MISSING_VALUE if state is None else state.get("attributes", MISSING_VALUE)
    return found if isinstance(found, Mapping) else MISSING_VALUE


def attribute_of(state: RawState | None, name: str) -> Any:  # noqa: ANN401 - of any kind, or MISSING_VALUE
    """An attribute of a state, if it is there."""
    attributes = _attributes(state)
    return attributes.get(name, MISSING_VALUE) if attributes is not MISSING_VALUE else MISSING_VALUE


@dataclass(frozen=True, slots=True)
class _Attribute:
    name: str
    side: Side

    def __call__(self, event: Event[Any]) -> Any:  # noqa: ANN401 - of any kind
        data = event.payload.data
        if not isinstance(data, StateChangeData):
            return MISSING_VALUE
        return attribute_of(data.new_state if self.side == "new" else data.old_state, self.name)

    def __str__(self) -> str:
        return f"{self.side} attribute {self.name}"


@dataclass(frozen=True, slots=True)
class _AttributePair:
    name: str

    def __call__(self, event: Event[Any]) -> Any:  # noqa: ANN401 - a pair, or MISSING_VALUE
        data = event.payload.data
        if not isinstance(data, StateChangeData):
            return MISSING_VALUE
        return attribute_of(data.old_state, self.name), attribute_of(data.new_state, self.name)

    def __str__(self) -> str:
        return f"attribute {self.name}"


def get_attr_old(name: str) -> Accessor:
    """An attribute before."""
    return _Attribute(name, "old")


def get_attr_new(name: str) -> Accessor:
    """An attribute now."""
    return _Attribute(name, "new")


def get_attr_old_new(name: str) -> Accessor:
    """An attribute before and now."""
    return _AttributePair(name)


@dataclass(frozen=True, slots=True)
class _Attributes:
    names: tuple[str, ...]
    side: Side

    def __call__(self, event: Event[Any]) -> Any:  # noqa: ANN401 - a mapping, or MISSING_VALUE
        data = _change(event)
        if data is None:
            return MISSING_VALUE
        state = data.new_state if self.side == "new" else data.old_state
        return {name: attribute_of(state, name) for name in self.names}

    def __str__(self) -> str:
        return f"{self.side} attributes {', '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class _AttributesPair:
    names: tuple[str, ...]

    def __call__(self, event: Event[Any]) -> Any:  # noqa: ANN401 - a pair, or MISSING_VALUE
        data = _change(event)
        if data is None:
            return MISSING_VALUE
        old, new = data.old_state, data.new_state
        return {name: attribute_of(old, name) for name in self.names}, {
            name: attribute_of(new, name) for name in self.names
        }

    def __str__(self) -> str:
        return f"attributes {', '.join(self.names)}"


def _names(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ValueError(f"names must be a collection of names, got {names!r}: one alone is written [{names!r}]")  # noqa: TRY004 - as of conditions
    return tuple(names)


def get_attrs_old(names: Iterable[str]) -> Accessor:
    """Attributes before, by name; those that are absent are ``MISSING_VALUE``."""
    return _Attributes(_names(names), "old")


def get_attrs_new(names: Iterable[str]) -> Accessor:
    """Attributes now, by name; those that are absent are ``MISSING_VALUE``."""
    return _Attributes(_names(names), "new")


def get_attrs_old_new(names: Iterable[str]) -> Accessor:
    """Attributes before and now, each by name; those that are absent are ``MISSING_VALUE``."""
    return _AttributesPair(_names(names))


def get_all_attrs_old(event: Event[Any]) -> Any:  # noqa: ANN401 - a mapping, or MISSING_VALUE
    """All attributes before."""
    data = _change(event)
    return MISSING_VALUE if data is None else _attributes(data.old_state)


def get_all_attrs_new(event: Event[Any]) -> Any:  # noqa: ANN401 - a mapping, or MISSING_VALUE
    """All attributes now."""
    data = _change(event)
    return MISSING_VALUE if data is None else _attributes(data.new_state)


def get_all_attrs_old_new(event: Event[Any]) -> Any:  # noqa: ANN401 - a pair, or MISSING_VALUE
    """All attributes before and now."""
    data = _change(event)
    return MISSING_VALUE if data is None else (_attributes(data.old_state), _attributes(data.new_state))


# Who and what


def _field(event: Event[Any], name: str) -> Any:  # noqa: ANN401 - of any kind
    data = event.payload.data
    return data.get(name, MISSING_VALUE) if isinstance(data, Mapping) else getattr(data, name, MISSING_VALUE)


def get_entity_id(event: Event[Any]) -> Any:  # noqa: ANN401 - text, or a list of texts, or MISSING_VALUE
    """The entity that the event is about, or that the called service is to act on; a list if those are several."""
    found = _field(event, "entity_id")
    if found is MISSING_VALUE:
        found = get_service_data_key("entity_id")(event)
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def get_domain(event: Event[Any]) -> Any:  # noqa: ANN401 - text, or MISSING_VALUE
    """The domain of the event, which is that of its service or its entity."""
    found = _field(event, "domain")
    if found is not MISSING_VALUE:
        return found
    entity_id = _field(event, "entity_id")
    return entity_id.partition(".")[0] if isinstance(entity_id, str) else MISSING_VALUE


def get_context(event: Event[Any]) -> HassContext | Any:  # noqa: ANN401 - or MISSING_VALUE
    """What the event is due to."""
    return getattr(event.payload, "context", MISSING_VALUE)


def get_service(event: Event[Any]) -> Any:  # noqa: ANN401 - text, or MISSING_VALUE
    """The service that was called, registered or removed."""
    return _field(event, "service")


def get_service_data(event: Event[Any]) -> Any:  # noqa: ANN401 - a mapping, or MISSING_VALUE
    """What the service was called with."""
    found = _field(event, "service_data")
    return found if isinstance(found, Mapping) else MISSING_VALUE


@dataclass(frozen=True, slots=True)
class _ServiceDataKey:
    key: str

    def __call__(self, event: Event[Any]) -> Any:  # noqa: ANN401 - of any kind
        data = get_service_data(event)
        return MISSING_VALUE if data is MISSING_VALUE else data.get(self.key, MISSING_VALUE)

    def __str__(self) -> str:
        return f"service data {self.key}"


def get_service_data_key(key: str) -> Accessor:
    """One of the values that the service was called with."""
    return _ServiceDataKey(key)

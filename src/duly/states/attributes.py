"""The attributes of a state: a mapping, with typed properties for those that a domain is known to have.

A class of one's own names what it wants to read with a type::

    class VacuumAttributes(Attributes):
        battery_level = integer()
        fan_speed_list = texts()
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, Never, TypeVar, overload

from whenever import TimeDelta, ZonedDateTime

from duly.events.hass import moment

T = TypeVar("T")


class Attribute(Generic[T]):
    """A property that reads the attribute of its own name."""

    def __init__(self, read: Callable[[Any], T]) -> None:
        """Give what ``read`` makes of it; it raises ``TypeError`` or ``ValueError`` for what it cannot read."""
        self._read = read
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, attributes: None, owner: type) -> Attribute[T]: ...
    @overload
    def __get__(self, attributes: Mapping[str, Any], owner: type) -> T | None: ...
    def __get__(self, attributes: Mapping[str, Any] | None, owner: type) -> Attribute[T] | T | None:
        """The attribute; ``None``: there is none, or it is of another kind."""
        if attributes is None:
            return self
        found = attributes.get(self._name)
        if found is None:
            return None
        try:
            return self._read(found)
        except (TypeError, ValueError):
            return None

    def __set__(self, attributes: Mapping[str, Any], value: Never) -> None:
        raise AttributeError(f"{type(attributes).__name__}.{self._name} cannot be set: states do not change")


def text() -> Attribute[str]:
    """Text."""
    return Attribute(_text)


def integer() -> Attribute[int]:
    """A whole number."""
    return Attribute(_integer)


def number() -> Attribute[float]:
    """A number."""
    return Attribute(_number)


def flag() -> Attribute[bool]:
    """True or false."""
    return Attribute(_flag)


def texts() -> Attribute[tuple[str, ...]]:
    """A list of texts."""
    return Attribute(lambda value: tuple(_text(each) for each in _list(value)))


def integers() -> Attribute[tuple[int, ...]]:
    """A list of whole numbers."""
    return Attribute(lambda value: tuple(_integer(each) for each in _list(value)))


def numbers() -> Attribute[tuple[float, ...]]:
    """A list of numbers."""
    return Attribute(lambda value: tuple(_number(each) for each in _list(value)))


def instant() -> Attribute[ZonedDateTime]:
    """A moment, in UTC."""
    return Attribute(lambda value: moment(_text(value)))


def elapsed() -> Attribute[TimeDelta]:
    """Elapsed time, which Home Assistant writes as ``"H:MM:SS"``."""
    return Attribute(_duration)


_DURATION: Final = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", re.ASCII)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not text: {value!r}")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not a number: {value!r}")
    return value


def _integer(value: object) -> int:
    found = _number(value)
    if found % 1:
        raise ValueError(f"not a whole number: {value!r}")
    return int(found)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"neither true nor false: {value!r}")
    return value


def _list(value: object) -> list[object] | tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"not a list: {value!r}")
    return value


def _duration(value: object) -> TimeDelta:
    found = _DURATION.fullmatch(_text(value))
    if found is None:
        raise ValueError(f"not H:MM:SS: {value!r}")
    hours, minutes, seconds = found.groups()
    return TimeDelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


class Attributes(Mapping[str, Any]):
    """The attributes of a state as Home Assistant sent them; those that every domain may have, typed."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw

    device_class = text()
    icon = text()
    supported_features = integer()

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - whatever Home Assistant sends
        return self._raw[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, name: object) -> bool:
        return name in self._raw  # that of Mapping tries and catches, and attributes are often absent

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as above
        """The attribute, or ``default``."""
        return self._raw.get(name, default)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self._raw)!r})"

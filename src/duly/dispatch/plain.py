"""Values of any kind as plain data: exact built-in types, of bounded depth and size, none of a stranger's code in them.

What is read from YAML, or comes back from a function of a user, may hold anything: lists that hold themselves, text
that raises when it is compared. It is looked at here with methods of the built-in types alone, and only what they
give goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any, Final, TypeAlias

Place: TypeAlias = tuple[str | int, ...]
"""Keys and indices that lead to a value."""

DEEPEST: Final = 64
"""How many lists and dicts may be within each other."""
MOST_VALUES: Final = 1_000_000

_LONGEST_SHOWN = 100
_LARGEST_BITS = 14_000
"""Of a whole number: Python refuses to write one that is much larger as text."""
_SCALARS: Final = frozenset({bool, int, float, str, bytes, type(None), date})


@dataclass(frozen=True, slots=True, eq=False)
class Foreign:
    """Stands for a value that is no plain data."""

    kind: str
    """Name of its type."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where."""

    place: Place
    text: str


class NotPlainError(ValueError):
    """A value that has no end, or none within bounds."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.fault = Fault(place, text)


class Copying:
    """Makes one copy. Keys that are no text are left out of it, and told in ``faults``."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._left = MOST_VALUES
        self._within: set[int] = set()

    def copy(self, value: object, place: Place = ()) -> Any:  # noqa: ANN401 - whatever it was
        """The value as plain data; it is only read.

        Raises:
            NotPlainError: it holds itself, is too deep or too large.
        """
        self._left -= 1
        if self._left < 0:
            raise NotPlainError(place[:2], f"more than {MOST_VALUES} values")
        kind = type(value)
        if not issubclass(kind, dict | list | tuple):
            return _scalar(value)
        if id(value) in self._within:
            raise NotPlainError(place, "it holds itself")
        if len(place) >= DEEPEST:
            raise NotPlainError(place[:4], f"lists and dicts more than {DEEPEST} deep")
        self._within.add(id(value))
        copied = self._container(value, place)
        self._within.discard(id(value))
        return copied

    def _container(self, value: Any, place: Place) -> object:  # noqa: ANN401 - a dict, list or tuple
        kind = type(value)
        if issubclass(kind, dict):
            return dict(self._items(value, place))
        base: Any = list if issubclass(kind, list) else tuple
        return base(self.copy(each, (*place, index)) for index, each in enumerate(base.__iter__(value)))

    def _items(self, value: dict[object, object], place: Place) -> Iterator[tuple[str, object]]:
        for key, inner in dict.items(value):
            name = _scalar(key)
            if type(name) is str:
                yield name, self.copy(inner, (*place, name))
            else:
                self.faults.append(Fault(place, f"key {shown(name)} is no text ({type_name(name)}): put it in quotes"))


def not_json(value: Any, place: Place = ()) -> Iterator[Fault]:  # noqa: ANN401 - any plain data
    """What of plain data cannot go onto the wire as JSON."""
    match value:
        case dict():
            for key, inner in value.items():
                if not is_text(key):
                    yield Fault(place, f"key {shown(key)} is not valid text")
                yield from not_json(inner, (*place, key))
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from not_json(inner, (*place, index))
        case _:
            if (why := _why_not_json(value)) is not None:
                yield Fault(place, why)


def _why_not_json(value: object) -> str | None:
    match value:
        case str():
            return None if is_text(value) else f"{shown(value)} is not valid text"
        case float():
            return None if math.isfinite(value) else f"JSON has no number {value}"
        case bool() | None:
            return None
        case int():
            return None if value.bit_length() <= _LARGEST_BITS else f"{shown(value)} is too large"
        case date():
            return f"JSON has no {type_name(value)}: put {value} in quotes"
    return f"JSON has no {type_name(value)}"


def is_text(value: str) -> bool:
    """Whether UTF-8 can write it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def type_name(value: object) -> str:
    """The name of the type that plain data had."""
    return value.kind if isinstance(value, Foreign) else type(value).__name__


def escaped(text: str) -> str:
    """A text on one line, cut if it is long."""
    shorter = text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
    if shorter.isprintable():
        return shorter
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in shorter)


def shown(value: object) -> str:
    """Plain data in a message: scalars as they are, of others what they are."""
    match value:
        case str():
            return f"'{escaped(value)}'"
        case int() if value.bit_length() > _LARGEST_BITS:
            return f"a number of {value.bit_length()} bits"
        case bool() | int() | float() | date() | None:
            return escaped(str(value))
    return f"a {type_name(value)}"


def _scalar(value: object) -> object:
    """A value that holds no others."""
    kind = type(value)
    if kind in _SCALARS or _is_datetime(value):
        return value
    for base in (str, int, float):
        if issubclass(kind, base):
            return _UNWRAPPED[base](value)
    return Foreign(name_of(kind))


def _is_datetime(value: object) -> bool:
    """With a fixed offset, if any: other zones may be a stranger's."""
    return type(value) is datetime and (value.tzinfo is None or type(value.tzinfo) is timezone)


def name_of(kind: type) -> str:
    """The name of a type, whatever its metaclass answers."""
    name: str = type.__dict__["__name__"].__get__(kind)
    return escaped(name)


_UNWRAPPED: Final[dict[type, Any]] = {str: str.__str__, int: int.__int__, float: float.__float__}
"""What gives the exact built-in value of one of a derived class."""

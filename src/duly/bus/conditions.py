"""Conditions, ``C``: value to bool. They are values themselves: frozen and comparable.

A value that is missing satisfies ``Missing`` and nothing else. What cannot be compared is never an error: it does not
satisfy.
"""

# ruff: noqa: D102 - the docstring of a class says when it holds

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeGuard

from duly.bus.globs import glob_test, is_glob
from duly.bus.numbers import is_number, number
from duly.events import MISSING_VALUE

__all__ = [
    "Comparison",
    "Condition",
    "Contains",
    "Decreased",
    "EndsWith",
    "Glob",
    "Increased",
    "Intersects",
    "IsIn",
    "IsNone",
    "IsNotNone",
    "IsOrContains",
    "Missing",
    "NotIn",
    "NotIntersects",
    "Present",
    "Regex",
    "StartsWith",
]


class Condition:
    """What all conditions have in common."""

    __slots__ = ()

    phrase: ClassVar[str]
    """The format of its summary; it is given the condition."""

    def summarize(self) -> str:
        """What it says of a value, as an English phrase with a verb."""
        return self.phrase.format(self)


# Texts: other values never fit


@dataclass(frozen=True, slots=True)
class _OfText(Condition):
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"{type(self).__name__} needs text, got {self.text!r}")


@dataclass(frozen=True, slots=True)
class Glob(_OfText):
    """The whole text fits ``*``, ``?`` and ``[…]``, case-sensitively."""

    phrase: ClassVar[str] = "matches {0.text!r}"

    def __call__(self, value: object) -> bool:
        return isinstance(value, str) and glob_test(self.text)(value) is not None


def text_or_glob(text: str) -> Glob | str:
    """What a text of a user's stands for: a ``Glob`` if it has the characters of one, else itself."""
    return Glob(text) if is_glob(text) else text


@dataclass(frozen=True, slots=True)
class StartsWith(_OfText):
    """The text starts so."""

    phrase: ClassVar[str] = "starts with {0.text!r}"

    def __call__(self, value: object) -> bool:
        return isinstance(value, str) and value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class EndsWith(_OfText):
    """The text ends so."""

    phrase: ClassVar[str] = "ends with {0.text!r}"

    def __call__(self, value: object) -> bool:
        return isinstance(value, str) and value.endswith(self.text)


@dataclass(frozen=True, slots=True)
class Contains(_OfText):
    """The text has this in it."""

    phrase: ClassVar[str] = "contains {0.text!r}"

    def __call__(self, value: object) -> bool:
        return isinstance(value, str) and self.text in value


@dataclass(frozen=True, slots=True)
class Regex(Condition):
    """The regular expression matches at the start of the text."""

    phrase: ClassVar[str] = "matches the regular expression {0.pattern.pattern!r}"
    pattern: str | re.Pattern[str]

    def __post_init__(self) -> None:
        try:
            compiled = re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern must be a regular expression, got {self.pattern!r}: {error}") from error
        object.__setattr__(self, "pattern", compiled)

    def __call__(self, value: object) -> bool:
        return isinstance(value, str) and re.match(self.pattern, value) is not None


# Presence


@dataclass(frozen=True, slots=True)
class Present(Condition):
    """There is a value; it may be ``None``."""

    phrase: ClassVar[str] = "is present"

    def __call__(self, value: object) -> bool:
        return value is not MISSING_VALUE


@dataclass(frozen=True, slots=True)
class Missing(Condition):
    """There is no value."""

    phrase: ClassVar[str] = "is missing"

    def __call__(self, value: object) -> bool:
        return value is MISSING_VALUE


@dataclass(frozen=True, slots=True)
class IsNone(Condition):
    """The value is ``None``."""

    phrase: ClassVar[str] = "is None"

    def __call__(self, value: object) -> bool:
        return value is None


@dataclass(frozen=True, slots=True)
class IsNotNone(Condition):
    """There is a value, and it is not ``None``."""

    phrase: ClassVar[str] = "is not None"

    def __call__(self, value: object) -> bool:
        return value is not None and value is not MISSING_VALUE


# Collections; texts are none


@dataclass(frozen=True, slots=True)
class _OfValues(Condition):
    values: Collection[Any]
    """Kept as a tuple; sets that are equal give the same one, in every process."""

    def __post_init__(self) -> None:
        given = self.values
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise ValueError(  # noqa: TRY004 - the likely mistake is a text, which is a collection to Python
                f"values must be a collection, got {given!r}: one alone is written [{given!r}]"
            )
        kept = sorted(given, key=repr) if isinstance(given, AbstractSet) else given
        object.__setattr__(self, "values", tuple(kept))


def _is_collection(value: object) -> TypeGuard[Collection[Any]]:
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


@dataclass(frozen=True, slots=True)
class IsIn(_OfValues):
    """The value is one of these."""

    phrase: ClassVar[str] = "is one of {0.values}"

    def __call__(self, value: object) -> bool:
        return value is not MISSING_VALUE and value in self.values


@dataclass(frozen=True, slots=True)
class NotIn(_OfValues):
    """There is a value, and it is none of these."""

    phrase: ClassVar[str] = "is none of {0.values}"

    def __call__(self, value: object) -> bool:
        return value is not MISSING_VALUE and value not in self.values


@dataclass(frozen=True, slots=True)
class Intersects(_OfValues):
    """The value is a collection, and has one of these in it."""

    phrase: ClassVar[str] = "contains one of {0.values}"

    def __call__(self, value: object) -> bool:
        return _is_collection(value) and any(each in self.values for each in value)


@dataclass(frozen=True, slots=True)
class NotIntersects(_OfValues):
    """The value is a collection, and has none of these in it."""

    phrase: ClassVar[str] = "contains none of {0.values}"

    def __call__(self, value: object) -> bool:
        return _is_collection(value) and not any(each in self.values for each in value)


@dataclass(frozen=True, slots=True)
class IsOrContains(Condition):
    """The value is equal, or a list that contains it."""

    phrase: ClassVar[str] = "is or contains {0.value!r}"
    value: Any

    def __call__(self, value: object) -> bool:
        if value == self.value:
            return True
        return isinstance(value, list | tuple | AbstractSet) and any(each == self.value for each in value)


# Sizes


_SYMBOL: Final = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "==", "ne": "!="}
_OPERATOR: Final[dict[str, Callable[[Any, Any], Any]]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Comparison(Condition):
    """The value stands so to another. If that is a number, texts are read as numbers, and what is none never fits."""

    phrase: ClassVar[str] = "is {0.op} {0.value!r}"
    op: str
    """``>``, ``<``, ``>=``, ``<=``, ``==``, ``!=``, or ``gt``, ``lt``, ``ge``, ``le``, ``eq``, ``ne``."""
    value: Any

    def __post_init__(self) -> None:
        symbol = _SYMBOL.get(self.op, self.op)
        if symbol not in _OPERATOR:
            known = ", ".join([*_OPERATOR, *_SYMBOL])
            raise ValueError(f"op must be one of {known}, got {self.op!r}")
        object.__setattr__(self, "op", symbol)

    def __call__(self, value: object) -> bool:
        if is_number(self.value):
            read = number(value)
            return read is not None and bool(_OPERATOR[self.op](read, self.value))
        try:
            return value is not MISSING_VALUE and bool(_OPERATOR[self.op](value, self.value))
        except TypeError:
            return False


@dataclass(frozen=True, slots=True)
class Increased(Condition):
    """Of two values, both numbers or texts of numbers, the new one is larger."""

    phrase: ClassVar[str] = "increased"

    def __call__(self, old: object, new: object) -> bool:
        before, after = number(old), number(new)
        return before is not None and after is not None and after > before


@dataclass(frozen=True, slots=True)
class Decreased(Condition):
    """Of two values, both numbers or texts of numbers, the new one is smaller."""

    phrase: ClassVar[str] = "decreased"

    def __call__(self, old: object, new: object) -> bool:
        before, after = number(old), number(new)
        return before is not None and after is not None and after < before

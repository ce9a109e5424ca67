"""Conversion of what accessors give to the types that handlers ask for.

| Type | Takes |
|---|---|
| ``str`` | text, and numbers |
| ``int``, ``float`` | numbers, and their text; ``int`` only whole ones |
| ``bool`` | truth values, 0 and 1, and ``on``, ``off``, ``true``, ``false``, ``yes``, ``no`` in any case |
| an ``Enum`` | its values |
| ``ZonedDateTime``, ``Instant``, ``PlainDateTime``, ``Date``, ``Time`` | ISO text; a ``ZonedDateTime`` is in UTC |
| a ``State`` | what Home Assistant sent of an entity of its domain |
| ``Literal`` | its values, and what converts to one |
| a union | what converts to a member; they are tried as written |
| ``None`` in a union | ``None``, and the texts ``unknown`` and ``unavailable`` if nothing else takes them |
| ``list``, ``set``, ``frozenset``, ``tuple`` | lists, sets and tuples, whose elements are converted |
| ``dict``, ``Mapping`` | mappings, whose values are converted |
| ``Any``, ``object`` | everything |
| any other class | its instances |

An instance of the type itself is always taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NewType,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    is_typeddict,
)

from whenever import Date, Instant, PlainDateTime, Time, ZonedDateTime

from duly.bus.numbers import is_number, number
from duly.events.hass import moment
from duly.states import AnyState, State, state_of
from duly.states.state import UNAVAILABLE, UNKNOWN

Converter: TypeAlias = Callable[[Any], Any]
"""Gives the value as the type; raises ``ValueError`` or ``TypeError`` where it cannot."""

_WORDS: Final = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False}


def converter(target: Any) -> Converter:  # noqa: ANN401 - types have no common one
    """What converts to a type."""
    target = _plain(target)
    if target in {Any, object}:
        return _as_it_is
    origin = get_origin(target)
    if origin is Literal:
        return partial(_literal, get_args(target))
    if origin in {Union, UnionType}:
        members = sorted(get_args(target), key=lambda member: member is NoneType)
        return partial(_first, [converter(each) for each in members])
    if isinstance(origin or target, type):
        return _to_class(origin or target, get_args(target))
    return _as_it_is


def allows(target: Any, kind: type) -> bool:  # noqa: ANN401 - types have no common one
    """Whether ``kind`` is the type or a member of it."""
    target = _plain(target)
    return target is kind or (
        get_origin(target) in {Union, UnionType} and any(allows(x, kind) for x in get_args(target))
    )


def _plain(target: Any) -> Any:  # noqa: ANN401 - types have no common one
    """The type that is meant by a name for it."""
    if isinstance(target, TypeVar):
        bound = target.__bound__
        return Any if bound is None else _plain(bound)
    if get_origin(target) is Annotated:
        return _plain(get_args(target)[0])
    if isinstance(target, NewType):
        return _plain(target.__supertype__)
    if type(target).__name__ == "TypeAliasType":  # ``type X = …``
        return _plain(target.__value__)
    return NoneType if target is None else target


def _to_class(target: type, arguments: tuple[Any, ...]) -> Converter:
    if target in _CLASSES:
        return _CLASSES[target]
    if issubclass(target, State):
        return partial(_state, target)
    if issubclass(target, Enum):
        return target  # calling it gives the member of a value
    if target in _CONTAINERS or is_typeddict(target):
        return _to_container(target, arguments)
    try:
        isinstance(None, target)
    except TypeError:  # a protocol, which only type checkers look at
        return _as_it_is
    return partial(_instance, target)


def _to_container(target: type, arguments: tuple[Any, ...]) -> Converter:
    if target is tuple:
        return _to_tuple(arguments)
    if target in _COLLECTIONS:
        return partial(_elements, _COLLECTIONS[target], converter(arguments[0] if arguments else Any))
    return partial(_mapping, converter(arguments[1]) if len(arguments) > 1 else _as_it_is)


def _to_tuple(arguments: tuple[Any, ...]) -> Converter:
    if not arguments or arguments[-1] is Ellipsis:
        return partial(_elements, tuple, converter(arguments[0] if arguments else Any))
    return partial(_each, [converter(each) for each in arguments])


# What converts. All raise ``ValueError`` or ``TypeError``, without a text: the one who asked tells what was wanted


def _as_it_is(value: object) -> object:
    return value


def _instance(kind: type, value: object) -> object:
    if isinstance(value, kind):
        return value
    raise TypeError


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if is_number(value):
        return str(value)
    raise TypeError


def _float(value: object) -> float:
    found = number(value)
    if found is None:
        raise ValueError
    return float(found)


def _int(value: object) -> int:
    found = number(value)
    if found is None or found != int(found):
        raise ValueError
    return int(found)


def _bool(value: object) -> bool:
    if isinstance(value, str):
        found = _WORDS.get(value.lower())
        if found is None:
            raise ValueError
        return found
    if value not in {0, 1}:
        raise ValueError
    return bool(value)


def _none(value: object) -> None:
    if value is not None and value not in {UNKNOWN, UNAVAILABLE}:
        raise ValueError


def _read(kind: type, read: Callable[[str], object], value: object) -> object:
    return read(value) if isinstance(value, str) else _instance(kind, value)


def _state(kind: type[AnyState], value: object) -> AnyState:
    if isinstance(value, Mapping):
        return state_of(value, kind)
    found: AnyState = _instance(kind, value)  # type: ignore[assignment] # an instance of its kind
    return found


def _literal(options: tuple[Any, ...], value: object) -> object:
    for option in options:
        if type(option) is type(value) and option == value:
            return option
    for option in options:
        with suppress(ValueError, TypeError):
            if converter(type(option))(value) == option:
                return option
    raise ValueError


def _first(converters: list[Converter], value: object) -> object:
    for convert in converters:
        with suppress(ValueError, TypeError):
            return convert(value)
    raise ValueError


def _elements(kind: Callable[[Iterable[Any]], object], convert: Converter, value: object) -> object:
    if not isinstance(value, list | tuple | AbstractSet):
        raise TypeError
    return kind(map(convert, value))


def _each(converters: list[Converter], value: object) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(convert(each) for convert, each in zip(converters, value, strict=True))


def _mapping(convert: Converter, value: object) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value if convert is _as_it_is else {key: convert(each) for key, each in value.items()}


_CLASSES: Final[Mapping[type, Converter]] = {
    str: _text,
    int: _int,
    float: _float,
    bool: _bool,
    NoneType: _none,
    ZonedDateTime: partial(_read, ZonedDateTime, moment),
    Instant: partial(_read, Instant, lambda text: moment(text).to_instant()),
    PlainDateTime: partial(_read, PlainDateTime, PlainDateTime.parse_iso),
    Date: partial(_read, Date, Date.parse_iso),
    Time: partial(_read, Time, Time.parse_iso),
}
_COLLECTIONS: Final[Mapping[type, Callable[[Iterable[Any]], object]]] = {
    list: list,
    Sequence: list,
    set: set,
    frozenset: frozenset,
    AbstractSet: frozenset,
}
_CONTAINERS: Final[frozenset[type]] = frozenset({*_COLLECTIONS, tuple, dict, Mapping})

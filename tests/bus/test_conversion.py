"""What accessors give, converted to what handlers ask for."""

from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum, StrEnum
from types import NoneType
from typing import Annotated, Any, Literal, NewType, Protocol, TypedDict, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Date, Instant, PlainDateTime, Time, ZonedDateTime

from duly.bus.conversion import allows, converter
from duly.events import HassContext, MissingValue
from duly.states import AnyState, LightState, State, SwitchState
from tests.events.samples import lamp, raw_state


class Mode(StrEnum):
    """A mode."""

    ECO = "eco"


class Level(IntEnum):
    """A level."""

    LOW = 1


class Pair(Enum):
    """Any values."""

    ONE = (1, 2)


class Spec(TypedDict):
    """A mapping."""

    a: int


class HasName(Protocol):
    """Anything with a name."""

    name: str


Celsius = NewType("Celsius", float)
Number = TypeVar("Number", bound=int)
Free = TypeVar("Free")
UTC = "UTC"
CONTEXT = HassContext("01J")
LIGHT = LightState(lamp())


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        (Any, None, None),
        (object, [1], [1]),
        (str, "on", "on"),
        (str, 5, "5"),
        (str, 5.5, "5.5"),
        (int, 5, 5),
        (int, 5.0, 5),
        (int, "5", 5),
        (int, "-5.0", -5),
        (float, 5, 5.0),
        (float, "21.5", 21.5),
        (float, "1e3", 1000.0),
        (bool, True, True),
        (bool, 0, False),
        (bool, 1.0, True),
        (bool, "on", True),
        (bool, "Off", False),
        (bool, "TRUE", True),
        (bool, "false", False),
        (bool, "yes", True),
        (bool, "no", False),
        (Mode, "eco", Mode.ECO),
        (Mode, Mode.ECO, Mode.ECO),
        (Level, 1, Level.LOW),
        (Pair, (1, 2), Pair.ONE),
        (ZonedDateTime, "2025-03-30T03:00:00+02:00", ZonedDateTime(2025, 3, 30, 1, tz=UTC)),
        (ZonedDateTime, ZonedDateTime(2025, 1, 1, tz=UTC), ZonedDateTime(2025, 1, 1, tz=UTC)),
        (Instant, "2025-03-30T03:00:00+02:00", Instant.from_utc(2025, 3, 30, 1)),
        (PlainDateTime, "2025-03-30T03:00:00", PlainDateTime(2025, 3, 30, 3)),
        (Date, "2025-03-30", Date(2025, 3, 30)),
        (Time, "07:30:00", Time(7, 30)),
        (LightState, lamp(), LIGHT),
        (LightState, LIGHT, LIGHT),
        (State, lamp(), LIGHT),
        (AnyState, raw_state("odd.one", "x"), State(raw_state("odd.one", "x"))),
        (Literal["heat", "cool"], "cool", "cool"),
        (Literal[1, 2], "2", 2),
        (Literal[True, 1], 1, 1),
        (float | None, None, None),
        (float | None, "21.5", 21.5),
        (float | None, "unavailable", None),
        (None | float, "21.5", 21.5),
        (str | None, "unknown", "unknown"),
        (float | str, "21.5", 21.5),
        (float | str, "warm", "warm"),
        (str | float, 21.5, "21.5"),
        (SwitchState | LightState, lamp(), LIGHT),
        (NoneType, None, None),
        (None, None, None),
        (list[int], ["1", 2.0], [1, 2]),
        (list, ("a", 1), ["a", 1]),
        (Sequence[str], ["a"], ["a"]),
        (set[str], ["a", "a"], {"a"}),
        (frozenset[int], ["1"], frozenset({1})),
        (tuple[int, ...], ["1", 2], (1, 2)),
        (tuple[int, str], ["1", "2"], (1, "2")),
        (tuple, [1, "2"], (1, "2")),
        (dict[str, int], {"a": "1"}, {"a": 1}),
        (dict[str, Any], {"a": "1"}, {"a": "1"}),
        (dict, {"a": 1}, {"a": 1}),
        (Mapping[str, float], {"a": 1}, {"a": 1.0}),
        (list[dict[str, list[int]]], [{"a": ["1"]}], [{"a": [1]}]),
        (Spec, {"a": 1}, {"a": 1}),
        (HassContext, CONTEXT, CONTEXT),
        (HasName, 5, 5),
        (Celsius, "21.5", 21.5),
        (Number, "5", 5),
        (Free, "5", "5"),
        (Annotated[int, "a number"], "5", 5),
    ],
)
def test_what_converts(target: Any, value: object, expected: object) -> None:  # noqa: ANN401 - any type
    found = converter(target)(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        (str, None),
        (str, True),
        (str, ["a"]),
        (int, "5.5"),
        (int, 5.5),
        (int, True),
        (int, "on"),
        (int, None),
        (float, "warm"),
        (float, "nan"),
        (float, float("inf")),
        (float, False),
        (float, ""),
        (bool, "open"),
        (bool, 2),
        (bool, None),
        (bool, []),
        (Mode, "ECO"),
        (Mode, None),
        (Level, 2),
        (ZonedDateTime, "2025-03-30"),
        (ZonedDateTime, 5),
        (Instant, "yesterday"),
        (Date, "30.3.2025"),
        (Date, None),
        (Time, 7),
        (LightState, raw_state("switch.fan", "on")),
        (LightState, "on"),
        (LightState, SwitchState(raw_state("switch.fan", "on"))),
        (Literal["heat"], "cool"),
        (Literal[1], "one"),
        (Literal[1], True),
        (float | None, "warm"),
        (int | Date, "warm"),
        (NoneType, "on"),
        (NoneType, []),
        (list[int], ["a"]),
        (list[int], "12"),
        (list, {"a": 1}),
        (tuple[int, str], [1]),
        (tuple[int, str], "12"),
        (tuple[int, ...], 5),
        (set[int], None),
        (dict[str, int], {"a": "x"}),
        (dict, [("a", 1)]),
        (HassContext, {"id": "01J"}),
    ],
)
def test_what_does_not_convert_is_an_error(target: Any, value: object) -> None:  # noqa: ANN401 - any type
    with pytest.raises((TypeError, ValueError)):
        converter(target)(value)


@given(st.integers())
def test_the_text_of_a_whole_number_converts_back(value: int) -> None:
    assert converter(int)(str(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_converts_back(value: float) -> None:
    assert converter(float)(str(value)) == value


plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
nested = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
TARGETS = [
    str,
    int,
    float,
    bool,
    Mode,
    Level,
    ZonedDateTime,
    Date,
    Literal["a", 1],
    int | None,
    list[int],
    dict[str, int],
]


@given(st.sampled_from(TARGETS), nested)
def test_nothing_else_is_raised(target: Any, value: object) -> None:  # noqa: ANN401 - any type
    try:
        converter(target)(value)
    except (TypeError, ValueError):
        return


@pytest.mark.parametrize(
    ("target", "kind", "expected"),
    [
        (str | MissingValue, MissingValue, True),
        (MissingValue, MissingValue, True),
        (str | None, NoneType, True),
        (None, NoneType, True),
        (Annotated[str | None, "x"], NoneType, True),
        (str, NoneType, False),
        (list[None], NoneType, False),
        (Any, NoneType, False),
    ],
)
def test_a_type_allows_its_members(target: Any, kind: type, expected: bool) -> None:  # noqa: ANN401 - any type
    assert allows(target, kind) is expected

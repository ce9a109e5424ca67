"""Conditions: which values satisfy them."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.bus import conditions as C  # noqa: N812 - as users write it
from duly.events import MISSING_VALUE

Condition = Callable[[Any], bool]

ODD: list[Any] = [None, MISSING_VALUE, 5, 5.5, True, b"on", ["on"], {"on": 1}, object()]
"""No texts."""


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        (C.Glob("light.*"), "light.kitchen"),
        (C.Glob("light.lamp_?"), "light.lamp_1"),
        (C.Glob("light.[ab]"), "light.b"),
        (C.Glob("on"), "on"),
        (C.StartsWith("kit"), "kitchen"),
        (C.EndsWith("hen"), "kitchen"),
        (C.Contains("tch"), "kitchen"),
        (C.Contains(""), ""),
        (C.Regex(r"\d+"), "12 doors"),
        (C.Regex("o[nf]"), "off"),
        (C.Present(), "on"),
        (C.Present(), None),
        (C.Present(), 0),
        (C.Missing(), MISSING_VALUE),
        (C.IsNone(), None),
        (C.IsNotNone(), "on"),
        (C.IsNotNone(), 0),
        (C.IsIn(["on", "off"]), "off"),
        (C.IsIn({1, 2}), 2),
        (C.IsIn([[1], [2]]), [2]),
        (C.NotIn(["on", "off"]), "unavailable"),
        (C.NotIn({"on"}), ["on"]),
        (C.NotIn(["on"]), None),
        (C.Intersects(["a", "b"]), ["b", "c"]),
        (C.Intersects({"a"}), {"a": 1}),
        (C.Intersects([["a"]]), [["a"], "b"]),
        (C.NotIntersects(["a", "b"]), ["c"]),
        (C.NotIntersects(["a"]), []),
        (C.IsOrContains("a"), "a"),
        (C.IsOrContains("a"), ["b", "a"]),
        (C.IsOrContains("a"), ("a",)),
        (C.IsOrContains(["a"]), ["a"]),
        (C.IsOrContains(None), None),
        (C.Comparison(">", 20), "20.5"),
        (C.Comparison(">", 20), 21),
        (C.Comparison("<", 20), "-1e3"),
        (C.Comparison(">=", 20), "20"),
        (C.Comparison("<=", 20.0), "20.0"),
        (C.Comparison("==", 20), "20.0"),
        (C.Comparison("!=", 20), "21"),
        (C.Comparison("==", "on"), "on"),
        (C.Comparison("!=", "on"), "off"),
        (C.Comparison("!=", "on"), None),
        (C.Comparison("==", None), None),
        (C.Comparison("<", "b"), "a"),
        (C.Comparison("<", [2]), [1, 5]),
        (C.Comparison("==", True), True),
    ],
)
def test_a_value_that_fits_satisfies(condition: Condition, value: object) -> None:
    assert condition(value) is True


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        (C.Glob("light.*"), "Light.kitchen"),
        (C.Glob("light.*"), "a light.kitchen"),
        (C.Glob("on"), "one"),
        (C.StartsWith("kit"), "Kitchen"),
        (C.EndsWith("hen"), "hens"),
        (C.Contains("TCH"), "kitchen"),
        (C.Regex(r"\d+"), "room 12"),
        (C.Missing(), None),
        (C.Missing(), ""),
        (C.IsNone(), "None"),
        (C.IsNone(), ""),
        (C.IsNotNone(), None),
        (C.IsIn(["on", "off"]), "o"),
        (C.IsIn([]), "on"),
        (C.IsIn({"on"}), ["on"]),
        (C.NotIn(["on"]), "on"),
        (C.Intersects(["a"]), ["b"]),
        (C.Intersects(["a"]), "a"),
        (C.Intersects(["a"]), 5),
        (C.Intersects([5]), b"\x05"),
        (C.NotIntersects(["a"]), ["a", "b"]),
        (C.NotIntersects(["a"]), "b"),
        (C.NotIntersects(["a"]), 5),
        (C.IsOrContains("a"), "abc"),
        (C.IsOrContains("a"), {"a": 1}),
        (C.IsOrContains("a"), 5),
        (C.Comparison(">", 20), "20"),
        (C.Comparison(">", 20), "warm"),
        (C.Comparison("!=", 20), "unavailable"),
        (C.Comparison("!=", 20), None),
        (C.Comparison("!=", 20), [1]),
        (C.Comparison("==", 1), True),
        (C.Comparison("!=", 1), False),
        (C.Comparison("<", 20), nan),
        (C.Comparison("<", 20), -inf),
        (C.Comparison("<", 20), "nan"),
        (C.Comparison("<", 2_000), "1_000"),
        (C.Comparison("<", 20), ""),
        (C.Comparison(">", "a"), 5),
        (C.Comparison(">", None), None),
        (C.Comparison("==", "20"), 20),
    ],
)
def test_a_value_that_does_not_fit_does_not(condition: Condition, value: object) -> None:
    assert condition(value) is False


@pytest.mark.parametrize(
    "condition", [C.Glob("*"), C.StartsWith(""), C.EndsWith(""), C.Contains(""), C.Regex(""), C.Regex(".*")]
)
@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_only_text_satisfies_a_condition_on_texts(condition: Condition, value: object) -> None:
    assert condition(value) is False


EVERY: list[Condition] = [
    C.Glob("*"),
    C.StartsWith(""),
    C.EndsWith(""),
    C.Contains(""),
    C.Regex(""),
    C.Present(),
    C.IsNone(),
    C.IsNotNone(),
    C.IsIn([""]),
    C.NotIn(["x"]),
    C.Intersects(["x"]),
    C.NotIntersects(["x"]),
    C.IsOrContains("x"),
    C.Comparison("!=", "x"),
    C.Comparison("!=", 5),
    C.Comparison("==", None),
]


@pytest.mark.parametrize("condition", EVERY, ids=repr)
def test_a_missing_value_satisfies_nothing_but_missing(condition: Condition) -> None:
    assert condition(MISSING_VALUE) is False


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.just(MISSING_VALUE)
)
nested = st.recursive(anything, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@given(st.sampled_from(EVERY), nested)
def test_no_value_is_an_error(condition: Condition, value: object) -> None:
    assert condition(value) in {True, False}


@given(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), nested, nested)
def test_what_cannot_be_compared_is_no_error(op: str, wanted: object, value: object) -> None:
    assert C.Comparison(op, wanted)(value) in {True, False}


@given(nested, nested)
def test_only_numbers_increase_or_decrease_and_never_both(old: object, new: object) -> None:
    up, down = C.Increased()(old, new), C.Decreased()(old, new)
    assert not (up and down)
    assert (up, down) == (C.Decreased()(new, old), C.Increased()(new, old))


@given(st.text("ab*?[]!-.", max_size=8), st.text("ab-.", max_size=8))
def test_globs_are_those_of_the_shell(pattern: str, text: str) -> None:
    assert C.Glob(pattern)(text) == fnmatchcase(text, pattern)


# Two values


@pytest.mark.parametrize(
    ("old", "new", "increased", "decreased"),
    [
        ("20", "21", True, False),
        ("21", "20", False, True),
        ("9", "10", True, False),
        (20, "20.5", True, False),
        (1, 1.0, False, False),
        ("unavailable", "21", False, False),
        ("21", MISSING_VALUE, False, False),
        (None, 5, False, False),
        (False, True, False, False),
        ("1", "inf", False, False),
        ("9007199254740992", "9007199254740993", True, False),
    ],
)
def test_increase_and_decrease_are_between_numbers(old: object, new: object, increased: bool, decreased: bool) -> None:
    assert C.Increased()(old, new) is increased
    assert C.Decreased()(old, new) is decreased


# As values


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (C.Glob("a*"), C.Glob("a*")),
        (C.Regex("a+"), C.Regex("a+")),
        (C.Present(), C.Present()),
        (C.IsIn(["a"]), C.IsIn(("a",))),
        (C.IsIn({"a", "b", "c"}), C.IsIn(frozenset({"c", "b", "a"}))),
        (C.Comparison("gt", 5), C.Comparison(">", 5)),
        (C.Increased(), C.Increased()),
    ],
)
def test_conditions_that_say_the_same_are_equal(one: object, same: object) -> None:
    assert one == same
    assert hash(one) == hash(same)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (C.Glob("a*"), C.Glob("b*")),
        (C.Glob("a"), C.Contains("a")),
        (C.IsIn(["a"]), C.NotIn(["a"])),
        (C.Comparison(">", 5), C.Comparison("<", 5)),
        (C.Increased(), C.Decreased()),
    ],
)
def test_conditions_that_say_something_else_differ(one: object, another: object) -> None:
    assert one != another


@pytest.mark.parametrize(
    ("condition", "phrase"),
    [
        (C.Glob("a*"), "matches 'a*'"),
        (C.StartsWith("a"), "starts with 'a'"),
        (C.EndsWith("a"), "ends with 'a'"),
        (C.Contains("a"), "contains 'a'"),
        (C.Regex("a+"), "matches the regular expression 'a+'"),
        (C.Present(), "is present"),
        (C.Missing(), "is missing"),
        (C.IsNone(), "is None"),
        (C.IsNotNone(), "is not None"),
        (C.IsIn({"b", "a"}), "is one of ('a', 'b')"),
        (C.NotIn(["a", 1]), "is none of ('a', 1)"),
        (C.Intersects(["a"]), "contains one of ('a',)"),
        (C.NotIntersects(["a"]), "contains none of ('a',)"),
        (C.IsOrContains("a"), "is or contains 'a'"),
        (C.Comparison("ge", 20), "is >= 20"),
        (C.Increased(), "increased"),
        (C.Decreased(), "decreased"),
    ],
)
def test_a_condition_says_what_it_is_in_english(condition: C.Condition, phrase: str) -> None:
    assert condition.summarize() == phrase


def test_what_a_condition_was_made_of_may_change() -> None:
    rooms = ["kitchen"]
    condition = C.IsIn(rooms)
    rooms.append("attic")
    assert not condition("attic")


# Wrong arguments


@pytest.mark.parametrize("kind", [C.IsIn, C.NotIn, C.Intersects, C.NotIntersects])
@pytest.mark.parametrize("values", ["on", b"on", 5, None])
def test_a_text_is_no_collection_of_values(kind: Callable[[Any], object], values: object) -> None:
    with pytest.raises(ValueError, match=r"values must be a collection, got .*: one alone is written \["):
        kind(values)


def test_an_unknown_operator_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"op must be one of >, <, >=, <=, ==, !=, gt, lt, ge, le, eq, ne, got '=>'"):
        C.Comparison("=>", 5)


@pytest.mark.parametrize("name", ["gt", "lt", "ge", "le", "eq", "ne"])
def test_every_operator_has_a_name(name: str) -> None:
    symbol = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "==", "ne": "!="}[name]
    assert C.Comparison(name, 5).op == symbol


def test_what_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pattern must be a regular expression, got 'a\('"):
        C.Regex("a(")


@pytest.mark.parametrize("kind", [C.Glob, C.StartsWith, C.EndsWith, C.Contains])
def test_a_condition_on_texts_needs_text(kind: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="needs text, got 5"):
        kind(5)

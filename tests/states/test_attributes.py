"""Typed attributes."""

import pytest
from whenever import TimeDelta, ZonedDateTime

from duly.states.attributes import (
    Attributes,
    elapsed,
    flag,
    instant,
    integer,
    integers,
    number,
    numbers,
    text,
    texts,
)


class Everything(Attributes):
    """One of each kind."""

    a_text = text()
    a_whole = integer()
    a_number = number()
    a_flag = flag()
    some_texts = texts()
    some_wholes = integers()
    some_numbers = numbers()
    a_moment = instant()
    a_while = elapsed()


GOOD: dict[str, list[object]] = {
    "a_text": ["", "x"],
    "a_whole": [0, -3, 10**400],
    "a_number": [0, 2.5],
    "a_flag": [True, False],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_a_value_of_its_kind_is_given_as_it_is(name: str, value: object) -> None:
    assert getattr(Everything({name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "sent", "value"),
    [
        ("a_whole", 3.0, 3),
        ("some_texts", ["a", "b"], ("a", "b")),
        ("some_wholes", [1, 2.0], (1, 2)),
        ("some_numbers", [], ()),
        ("a_moment", "2025-01-01T01:00:00+01:00", ZonedDateTime(2025, 1, 1, tz="UTC")),
        ("a_while", "26:00:00.5", TimeDelta(hours=26, milliseconds=500)),
    ],
)
def test_a_value_that_json_cannot_say_is_converted(name: str, sent: object, value: object) -> None:
    found = getattr(Everything({name: sent}), name)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        *(("a_text", 3), ("a_text", ["x"])),
        *(("a_whole", "3"), ("a_whole", 3.5), ("a_whole", True), ("a_whole", float("inf")), ("a_whole", float("nan"))),
        *(("a_number", "3"), ("a_number", False), ("a_number", [1])),
        *(("a_flag", "on"), ("a_flag", 1)),
        *(("some_texts", "ab"), ("some_texts", ["a", 1]), ("some_wholes", [1.5]), ("some_numbers", {"a": 1})),
        *(("a_moment", "2025-01-01"), ("a_moment", 17), ("a_while", "5"), ("a_while", 5)),
    ],
)
def test_a_value_of_another_kind_is_none_and_still_in_the_mapping(name: str, sent: object) -> None:
    attributes = Everything({name: sent})
    assert getattr(attributes, name) is None
    assert attributes[name] is sent


def test_they_are_a_mapping() -> None:
    attributes = Everything({"a": 1, "b": None})
    assert (list(attributes), len(attributes), attributes["a"], attributes.get("c")) == (["a", "b"], 2, 1, None)
    assert attributes == {"a": 1, "b": None}
    assert repr(attributes) == "Everything({'a': 1, 'b': None})"
    with pytest.raises(KeyError):
        _ = attributes["c"]


def test_the_property_itself_is_found_at_the_class() -> None:
    assert Everything.a_text is vars(Everything)["a_text"]

"""Lines of the keys of a TOML file."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.config.toml_lines import scan

DOCUMENT = '''\
# a comment with [brackets] and = signs
plain = 1   # [not.a.table]
"quoted key" = "a = [b]"
'literal.key' = 'it\\'
dotted . inner = 2
text = """
[no.table]
key = 1 \\""" still
"""
raw = \'\'\'
[no.table]
it's \'\'\'
many = [
  1, # one ]
  "two ]",
  { three = 3, "four" = [4,
    5] },
]
when = 1979-05-27 07:32:00

[ table . "sub table" ]
key = { a = 1, b = { c = 2 } }

[[list]]
name = "first"
[list.inner]
key = 1
[[list.deep]]
x = 1
[[list]]
name = "second"
[list.inner]
key = 2
'''

PLACES: list[tuple[tuple[str | int, ...], int]] = [
    (("plain",), 2),
    (("quoted key",), 3),
    (("literal.key",), 4),
    (("dotted",), 5),
    (("dotted", "inner"), 5),
    (("text",), 6),
    (("raw",), 10),
    (("many",), 13),
    (("many", 0), 14),
    (("many", 1), 15),
    (("many", 2, "three"), 16),
    (("many", 2, "four"), 16),
    (("many", 2, "four", 1), 17),
    (("when",), 19),
    (("table",), 21),
    (("table", "sub table"), 21),
    (("table", "sub table", "key", "a"), 22),
    (("table", "sub table", "key", "b", "c"), 22),
    (("list",), 24),
    (("list", 0), 24),
    (("list", 0, "name"), 25),
    (("list", 0, "inner", "key"), 27),
    (("list", 0, "deep", 0, "x"), 29),
    (("list", 1), 30),
    (("list", 1, "name"), 31),
    (("list", 1, "inner"), 32),
    (("list", 1, "inner", "key"), 33),
]


@pytest.mark.parametrize(("path", "line"), PLACES)
def test_the_line_of_a_key(path: tuple[str | int, ...], line: int) -> None:
    assert scan(DOCUMENT).of[path] == line


def test_all_keys_are_found_and_no_others() -> None:
    assert set(scan(DOCUMENT).of) == set(paths(tomllib.loads(DOCUMENT)))


def paths(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in items for path in ((*above, key), *paths(inner, (*above, key)))]


def test_what_is_not_there_is_at_the_table_around_it() -> None:
    lines = scan("[a]\nb = 1\n[c]\n")
    assert (lines.find(("a", "x", "y")), lines.find(("a", "b")), lines.find(("x",))) == (1, 2, None)


def test_a_table_is_at_its_header_even_if_a_table_in_it_comes_first() -> None:
    assert scan("[a.b]\nx = 1\n[a]\ny = 1\n").of["a",] == 3


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ("[a.b]\n[c]\n[a.b]\n", {("a", "b"): (1, 3)}),
        ("x = 1\ny = 2\nx = 3\nx = 4\n", {("x",): (1, 3)}),
        ("[a]\nb = { c = 1 }\n[a.b]\n", {("a", "b"): (2, 3)}),
        ("a = { b = 1,\n b = 2 }\n", {("a", "b"): (1, 2)}),
        ("[a]\nb.c = 1\nb.d = 2\n[a.b]\n", {("a", "b"): (2, 4)}),
        ("[a.b]\nc = 1\n[a]\nb.d = 1\n", {("a", "b"): (1, 4)}),
        ("a.b = 1\na.c = 2\n[a.d]\n", {}),
        ("[[a]]\nx = 1\n[[a]]\nx = 1\n", {}),
        ("[a.b]\n[a]\n", {}),
    ],
)
def test_what_is_defined_twice_is_found_with_both_lines(text: str, twice: dict[Any, tuple[int, int]]) -> None:
    assert scan(text).twice == twice


@pytest.mark.parametrize("rest", ["y = ", "= 1", "[x", '"a', "y = [1, 2", 'y = "', "!", "[[x]"])
def test_of_a_broken_file_what_is_before_the_break_is_found(rest: str) -> None:
    assert scan(f"[a]\nx = 1\n{rest}").of["a", "x"] == 2


VALUES = st.recursive(
    st.sampled_from(
        ["1", "-2.5", "true", '"a # b"', "'c ] d'", '"""x\n[y]\n"""', "'''\n= '' '''", "1979-05-27 07:32:00"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # note ]\n".join(items) + "\n]"),
        st.lists(inner, max_size=3).map(
            lambda items: "{ " + ", ".join(f"k{place} = {item}" for place, item in enumerate(items)) + " }"
        ),
    ),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.sampled_from(["", "[t{}]", "[[u]]", "[t{}.'x y']", "[[v.w]]"]), VALUES), max_size=8))
def test_whatever_a_file_says_its_keys_are_found(parts: list[tuple[str, str]]) -> None:
    text = "".join(
        f"{header.format(place)}\nkey{place} = {value} # end\n" for place, (header, value) in enumerate(parts)
    )
    document = tomllib.loads(text)
    lines = scan(text)
    assert set(lines.of) == set(paths(document))
    for path, line in lines.of.items():
        if str(path[-1]).startswith("key"):
            assert text.splitlines()[line - 1].startswith(str(path[-1]))

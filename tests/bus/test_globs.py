"""Globs: what is one, and with what the texts begin that fit it."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.bus.globs import glob_test, is_glob, literal_prefix

PATTERNS = st.text("ab.*?[]!-", max_size=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("light.*", True),
        ("light.?", True),
        ("light.[ab]", True),
        ("light.lamp", False),
        ("a]b!c-d", False),
        ("", False),
    ],
)
def test_a_text_with_wildcards_is_a_glob(text: str, expected: bool) -> None:
    assert is_glob(text) is expected


@given(PATTERNS, st.text("ab.", max_size=8))
def test_every_text_that_fits_begins_with_the_literal_prefix(pattern: str, text: str) -> None:
    assert bool(glob_test(pattern)(text)) is fnmatchcase(text, pattern)
    if fnmatchcase(text, pattern):
        assert text.startswith(literal_prefix(pattern))


@given(PATTERNS)
def test_a_text_without_wildcards_is_its_own_prefix(pattern: str) -> None:
    assert (literal_prefix(pattern) == pattern) is not is_glob(pattern)


def test_wildcards_fit_line_breaks_and_case_counts() -> None:
    assert glob_test("a*b")("a\nb")
    assert not glob_test("a*")("A")

"""Patterns with ``*``, ``?`` and ``[…]``, which fit a whole text; case matters."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache

_WILDCARDS = re.compile(r"[*?\[]")


def is_glob(text: str) -> bool:
    """Whether it has wildcards."""
    return _WILDCARDS.search(text) is not None


def literal_prefix(pattern: str) -> str:
    """What every text that fits begins with."""
    return _WILDCARDS.split(pattern, 1)[0]


@lru_cache(1_024)
def glob_test(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """A function whose result is true for a text that fits."""
    return re.compile(translate(pattern)).match

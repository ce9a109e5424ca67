"""Telling how far work that takes long has come."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], object]
"""Is told what is being done, how much of it is, and of how much."""


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""

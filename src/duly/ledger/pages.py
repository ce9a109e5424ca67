"""Long lists, a page at a time: where a page ended is where the next begins, however many rows there are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from duly.core.clock import NEVER

T = TypeVar("T")

LARGEST_PAGE: Final = 1000
BEGINNING: Final = -NEVER
"""Before every moment a column can hold."""
END: Final = NEVER - 1
"""The largest number a column can hold."""

Position: TypeAlias = tuple[int, int]
"""Time and row id: the place of a row in a list that is in order of time."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list, newest first."""

    rows: tuple[T, ...]
    before: str | None
    """What to hand back to get the page behind this one; ``None``: there is none."""


def checked_limit(limit: int) -> int:
    """Give ``limit`` back if a page may be so large.

    Raises:
        ValueError: it may not.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise ValueError(f"limit must be between 1 and {LARGEST_PAGE}, got {limit}")
    return limit


def cut(rows: Sequence[T], limit: int) -> tuple[Sequence[T], bool]:
    """The first ``limit`` rows, and whether there are more."""
    return rows[:limit], len(rows) > limit


def gather(read: Callable[[str | None, int], Page[T]], limit: int) -> tuple[list[T], bool]:
    """The first ``limit`` rows of a list, however many pages that takes, and whether there are more.

    ``read`` gives the page behind a place, of at most so many rows.
    """
    rows: list[T] = []
    before: str | None = None
    while len(rows) < limit:
        page = read(before, min(limit - len(rows), LARGEST_PAGE))
        rows += page.rows
        before = page.before
        if before is None:
            break
    return rows, before is not None


def id_before(cursor: str | None) -> int:
    """The row id behind which a page begins."""
    return END if cursor is None else _numbers(cursor, 1)[0]


def position_before(cursor: str | None) -> Position:
    """The time and row id behind which a page begins."""
    if cursor is None:
        return END, END
    time, row_id = _numbers(cursor, 2)
    return time, row_id


def cursor_at(*place: int) -> str:
    """What ``id_before`` or ``position_before`` read again."""
    return "_".join(map(str, place))


def _numbers(cursor: str, parts: int) -> list[int]:
    try:
        numbers = [int(part) for part in cursor.split("_")]
    except ValueError:
        numbers = []
    if len(numbers) != parts or not all(-NEVER <= number < NEVER for number in numbers):
        raise ValueError(f"'before' must be what the page before gave for the same filters, got {cursor!r}")
    return numbers

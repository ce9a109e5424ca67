"""How much a ledger holds, and how far it reaches back."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from duly.ledger.statements import statements
from duly.ledger.upkeep import page_counts, reaches_back_to, wal_bytes

_SQL = statements("queries")


@dataclass(frozen=True, slots=True)
class Extent:
    """Size and reach of a ledger. Times are nanoseconds since the epoch."""

    pages: int
    free_pages: int
    page_bytes: int
    wal_bytes: int
    reaches_back_to: int | None
    """Time of the oldest execution or log record; ``None``: there are none."""
    floors: Mapping[str, int]
    """By tier, ``app`` or ``framework``: up to then executions may have been deleted. Absent: none was."""

    @property
    def file_bytes(self) -> int:
        """Size of the file, without the write-ahead log."""
        return self.pages * self.page_bytes

    @property
    def used_bytes(self) -> int:
        """What ``max_size_mb`` limits: pages in use and the write-ahead log."""
        return (self.pages - self.free_pages) * self.page_bytes + self.wal_bytes


def extent(db: sqlite3.Connection) -> Extent:
    """Size and reach of the ledger."""
    return Extent(*page_counts(db), wal_bytes(db), reaches_back_to(db), floors(db))


def floors(db: sqlite3.Connection) -> Mapping[str, int]:
    """By tier: up to when executions may have been deleted, nanoseconds since the epoch. Absent: none was."""
    return {key.removeprefix("floor_"): int(value) for key, value in db.execute(_SQL["floors"])}

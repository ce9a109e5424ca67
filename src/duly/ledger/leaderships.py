"""The leaderships of which a ledger tells: the times in which its replica of a scheduler decided about the slots."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from duly.ledger.statements import statements

NONE_BEFORE: Final = 0
"""``previous`` of the first leadership; fences are greater."""

_SQL = statements("queries")


@dataclass(frozen=True, slots=True)
class StoredLeadership:
    """One time as the leader. Times are nanoseconds since the epoch."""

    fence: int
    """Higher than that of any before, in whichever replica."""
    previous: int | None
    """Fence of the last one before that has committed anything, or ``NONE_BEFORE``; ``None``: it is not known."""
    began_at: int
    ended_at: int | None
    """``None``: it goes on, or its process died."""
    session_id: int | None


def leaderships(db: sqlite3.Connection) -> tuple[StoredLeadership, ...]:
    """Those of this file, in order."""
    return tuple(StoredLeadership(*row) for row in db.execute(_SQL["leaderships"]))


def absent(known: Collection[StoredLeadership]) -> list[int]:
    """The leaderships that have committed something and are not among those known, in order.

    Each names the one before it: if none of those named is absent, the way back to the first is complete. If one is,
    others before it may be too.
    """
    there = {each.fence for each in known}
    named = {each.previous for each in known if each.previous is not None}
    return sorted(named - there - {NONE_BEFORE})


def unanchored(known: Collection[StoredLeadership], fences: Collection[int]) -> list[int]:
    """Those of ``fences`` of which it is not known which leadership was before, in order."""
    anchored = {each.fence for each in known if each.previous is not None}
    return sorted(set(fences) - anchored)

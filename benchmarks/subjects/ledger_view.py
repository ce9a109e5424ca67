"""Looks into the file of a ledger from outside, while Duly writes to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from duly.ledger.connections import open_reader

# The ids of rows ascend without gaps, and an index has those that are no success: both are found at once.
_STORED = """
SELECT coalesce(max(id), 0) - (SELECT count(*) FROM raw_executions WHERE status = 0) FROM raw_executions
"""
_LOST = "SELECT sum(dropped_overflow + dropped_exhausted + dropped_shutdown) FROM raw_sessions"


class LedgerView:
    """A connection of its own. For one thread."""

    def __init__(self, path: Path) -> None:
        self._reader: sqlite3.Connection = open_reader(path)

    def stored(self) -> int:
        """Executions that have ended."""
        return self._scalar(_STORED)

    def schedules(self) -> int:
        """Schedules that were ever registered."""
        return self._scalar("SELECT count(*) FROM raw_schedules")

    def close(self) -> None:
        """Look no more."""
        self._reader.close()

    def _scalar(self, statement: str) -> int:
        return int(self._reader.execute(statement).fetchone()[0])


def assert_none_lost(path: Path) -> None:
    """Check that those who have written the file say that they have lost nothing."""
    with closing(open_reader(path)) as db:
        assert db.execute(_LOST).fetchone() == (0,), "rows were lost"

"""What a ledger file says, read without any code of the ledger's own, and checked against the schedules in it."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from duly.core.clock import NEVER
from duly.core.trigger import Chain
from duly.triggers.spec import chain_from_spec


def rows_of(path: Path, columns: str = "*", table: str = "executions", order: str = "id") -> list[Any]:
    """Rows of a view; single values where one column is asked for."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall()  # noqa: S608 - our own words
    return [row[0] if len(row) == 1 else row for row in rows]


def outcomes(path: Path) -> dict[str, int]:
    """Slots by how they ended."""
    counts: Counter[str] = Counter()
    for status, ticks in rows_of(path, "status, tick_count"):
        counts[status] += ticks
    return {status: ticks for status, ticks in counts.items() if ticks}


def discrepancies(path: Path, closed_at: int | None = None) -> list[str]:
    """Slots of built-in triggers that have no row, or too many. Slots up to ``closed_at`` must have one."""
    with closing(sqlite3.connect(path)) as db:
        return list(_discrepancies(db, closed_at))


def _discrepancies(db: sqlite3.Connection, closed_at: int | None) -> Iterator[str]:
    schedules = "SELECT id, trigger_spec, first_ts, ended_at FROM raw_schedules WHERE trigger_spec IS NOT NULL"
    rows = """
        SELECT scheduled_ts, coalesce(scheduled_to_ts, scheduled_ts), tick_count, status FROM raw_executions
        WHERE schedule_id = ? AND scheduled_ts IS NOT NULL AND tick_count > 0 ORDER BY scheduled_ts
    """
    for schedule, spec, first, ended_at in db.execute(schedules).fetchall():
        chain, expected = chain_from_spec(spec), first
        for start, end, count, status in db.execute(rows, (schedule,)):
            if start != expected:
                yield f"schedule {schedule}: expected {expected}, found {start} to {end} ({status})"
            if count != _count(chain, start, end):
                yield f"schedule {schedule}: {start} to {end} ({status}) counts {count}"
            expected = chain.next(end, end) or NEVER
        last = ended_at if ended_at is not None else closed_at
        if last is not None and expected <= last:
            yield f"schedule {schedule}: {expected} was due by {last}, and has no row"


def _count(chain: Chain, start: int, end: int) -> int:
    assert chain.count is not None
    return 1 + chain.count(start, end)[0]

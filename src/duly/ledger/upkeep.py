"""What keeps a ledger from growing for ever: by age, and by size if age is not enough.

Each function that takes a connection, but for ``truncate_wal``, is a piece of work for the writer, inside its
transaction: few rows, so that others can write between.

Rows are deleted in the order in which they were written, for there is no index on time alone. The account stays
consistent: the *floor* of a tier is raised behind the last slot whose row went, and the conservation check begins
there; a schedule whose highest row went keeps the slot to go on from in ``open_ts``. Where that cannot be calculated,
because the trigger is one of a user's, the highest row stays.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from duly.ledger.codes import TIER
from duly.ledger.jobs import CHAIN_ENDED
from duly.ledger.statements import statements
from duly.triggers.spec import chain_from_spec

_SQL = statements("upkeep", "writes")


class _Old(NamedTuple):
    """A row that may go. Times are nanoseconds."""

    id: int
    tier: int
    start: int
    schedule_id: int | None
    """``None`` too if it settles no slot."""
    last: int
    """Its last slot; its start, if it settles none."""

    @property
    def until(self) -> int:
        """The last moment that it is about."""
        return max(self.start, self.last)


def expire_executions(db: sqlite3.Connection, older_than: int, limit: int) -> int:
    """Delete at most ``limit`` executions that are over since before ``older_than``, oldest first; say how many.

    0: there are none. What runs stays, and so do rows written after some that are younger, until those have gone.
    """
    after = 0
    while page := _oldest(db, "oldest_executions", after, limit):
        old = [row for row in page if row.until < older_than]
        if not old:
            break
        if deleted := _delete(db, old):
            return deleted
        after = page[-1].id
    return 0


def expire_logs(db: sqlite3.Connection, older_than: int, limit: int) -> int:
    """Delete at most ``limit`` log records from before ``older_than``, oldest first; say how many."""
    return db.execute(_SQL["delete_old_logs"], {"older_than": older_than, "limit": limit}).rowcount


def expire_registrations(db: sqlite3.Connection, older_than: int, limit: int) -> int:
    """Delete at most ``limit`` listeners, jobs, schedules and sessions that ended before ``older_than``; say how many.

    Only what nothing refers to. On a connection that enforces foreign keys each one costs a pass over all executions,
    about 0.1 s for a million: there ``limit`` should be small.
    """
    left = limit
    for find, *deletes in (
        ("old_listeners", "delete_listener"),
        ("old_jobs", "delete_schedules_of_job", "delete_job"),
        ("old_schedules", "delete_schedule"),
    ):
        found = db.execute(_SQL[find], {"older_than": older_than, "limit": left}).fetchall()
        for statement in deletes:
            db.executemany(_SQL[statement], found)
        left -= len(found)
    sessions = _old_sessions(db, older_than, left)
    db.executemany(_SQL["delete_session"], sessions)
    return limit - left + len(sessions)


def reaches_back_to(db: sqlite3.Connection) -> int | None:
    """The time of the oldest execution or log record; ``None``: there are none."""
    found = [row for name in ("oldest_execution", "oldest_log") if (row := db.execute(_SQL[name]).fetchone())]
    return min((moment for (moment,) in found), default=None)


def used_bytes(db: sqlite3.Connection) -> int:
    """Bytes of the pages in use, and of the write-ahead log."""
    pages, free, size = page_counts(db)
    return (pages - free) * size + wal_bytes(db)


def page_counts(db: sqlite3.Connection) -> tuple[int, int, int]:
    """Pages of the file, those of them that are free, and bytes of a page."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return pages, free, size


def wal_bytes(db: sqlite3.Connection) -> int:
    """Bytes of the write-ahead log."""
    (path,) = (file for _, name, file in db.execute("PRAGMA database_list") if name == "main")
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def give_back(db: sqlite3.Connection, pages: int) -> int:
    """Give at most ``pages`` free pages back to the disk; say how many."""
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    going = min(pages, int(free))
    for _ in range(going):  # one at a time: of a pragma without columns only the first step is carried out
        db.execute("PRAGMA incremental_vacuum(1)")
    return going


def truncate_wal(db: sqlite3.Connection) -> bool:
    """Merge the write-ahead log into the file and empty it; ``False``: somebody was in the way for too long.

    Not inside a transaction, nor in the thread of the writer: it waits until nobody writes, and until nobody reads what
    has been overwritten.
    """
    busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


@dataclass(slots=True)
class Shedding:
    """One run of the size failsafe. Belongs to whoever runs it; used inside transactions of the writer."""

    executions: int = 0
    """How many it has deleted."""
    logs: int = 0
    """As ``executions``, log records."""
    _framework_after: int | None = 0
    """The last row up to which the framework's successes are gone; ``None``: all are."""

    def shed(self, db: sqlite3.Connection, batch: int) -> int:
        """Delete ``batch`` rows and say how many; fewer only if there are no more.

        First the successes of the framework tier, oldest first; then executions and log records by their age, so that
        both reach back equally far.
        """
        shed = self._shed_framework(db, batch)
        return shed + self._shed_oldest(db, batch - shed) if shed < batch else shed

    def _shed_framework(self, db: sqlite3.Connection, batch: int) -> int:
        shed = 0
        while self._framework_after is not None and shed < batch:
            page = _oldest(db, "oldest_framework_successes", self._framework_after, batch - shed)
            self._framework_after = page[-1].id if page else None
            shed += _delete(db, page)
        self.executions += shed
        return shed

    def _shed_oldest(self, db: sqlite3.Connection, batch: int) -> int:
        after = shed = 0
        while shed < batch:
            page = _oldest(db, "oldest_executions", after, batch - shed)
            logs = db.execute(_SQL["oldest_logs"], (batch - shed,)).fetchall()
            rows_and_logs = [(row.until, row.id, row) for row in page] + [(time, log, None) for time, log in logs]
            oldest = sorted(rows_and_logs, key=itemgetter(0, 1))
            if not oldest:
                break
            going = oldest[: batch - shed]
            rows = [row for _, _, row in going if row is not None]
            records = [(log,) for _, log, row in going if row is None]
            deleted = _delete(db, rows)
            db.executemany(_SQL["delete_log"], records)
            self.executions += deleted
            self.logs += len(records)
            shed += deleted + len(records)
            if rows and not deleted:
                after = rows[-1].id
        return shed


def _oldest(db: sqlite3.Connection, statement: str, after: int, limit: int) -> list[_Old]:
    return [_Old(*row) for row in db.execute(_SQL[statement], {"after": after, "limit": limit})]


def _delete(db: sqlite3.Connection, rows: Sequence[_Old]) -> int:
    """Delete rows, but for those from which a schedule has to go on; note what is lost with them."""
    kept = _kept(db, rows)
    going = [row for row in rows if row.id not in kept]
    db.executemany(_SQL["delete_execution"], ((row.id,) for row in going))
    for tier, floor in _floors(going).items():
        db.execute(_SQL["raise_floor"], {"key": f"floor_{TIER.words[tier]}", "floor": floor})
    return len(going)


def _floors(rows: Iterable[_Old]) -> Mapping[int, int]:
    """Behind the last slot, by tier."""
    floors: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        floors[row.tier] = max(floors[row.tier], row.last + 1)
    return floors


def _kept(db: sqlite3.Connection, rows: Iterable[_Old]) -> set[int]:
    """Ids of the rows that have to stay. For the other schedules that lose their highest row ``open_ts`` is stored."""
    highest: dict[int, _Old] = {}
    for row in rows:
        if row.schedule_id is not None:
            other = highest.get(row.schedule_id)
            if other is None or row.last > other.last:
                highest[row.schedule_id] = row
    kept = set()
    for schedule_id, row in highest.items():
        if not db.execute(_SQL["has_slot_after"], (schedule_id, row.last)).fetchone()[0]:
            spec, ended_at = db.execute(_SQL["schedule"], (schedule_id,)).fetchone()
            open_ts = _slot_after(spec, row.last)
            if open_ts is not None:
                db.execute(_SQL["store_open_slot"], {"id": schedule_id, "open_ts": open_ts})
            elif ended_at is None:
                kept.add(row.id)
    return kept


def _slot_after(spec: str | None, slot: int) -> int | None:
    """The slot after ``slot``; ``CHAIN_ENDED`` if it was the last, ``None`` if only the program knows."""
    if spec is None:
        return None
    try:
        following = chain_from_spec(spec).next(slot, slot)
    except ValueError:  # written by a later version, or damaged
        return None
    return CHAIN_ENDED if following is None else following


def _old_sessions(db: sqlite3.Connection, older_than: int, limit: int) -> list[tuple[int]]:
    found = db.execute(_SQL["old_sessions"], {"older_than": older_than, "limit": limit}).fetchall()
    if not found:
        return []
    used = set(db.execute(_SQL["sessions_of_executions"], found[-1]))
    return [session for session in found if session not in used]

"""The sessions of a ledger, each one run of the process, and what people have changed."""

import sqlite3
from dataclasses import dataclass

from duly.ledger.codes import SESSION_STATUS
from duly.ledger.pages import BEGINNING, END, Page, checked_limit, cursor_at, cut, id_before
from duly.ledger.statements import statements

_SQL = statements("queries")


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the process that wrote the ledger. Times are nanoseconds since the epoch."""

    id: int
    started_at: int
    stopped_at: int | None
    """``None``: it runs, or it died and nobody has noticed yet."""
    last_heartbeat_at: int
    status: str
    """``running``, ``success``, ``failure`` or ``unknown``."""
    error_type: str | None
    error_message: str | None
    error_traceback: str | None
    dropped_overflow: int
    dropped_exhausted: int
    dropped_shutdown: int
    """Drop counters are written when the session ends."""
    version: str
    pid: int

    @property
    def dropped(self) -> int:
        """Records that were lost."""
        return self.dropped_overflow + self.dropped_exhausted + self.dropped_shutdown


@dataclass(frozen=True, slots=True)
class Change:
    """What a person has done. ``ts`` is nanoseconds since the epoch."""

    id: int
    ts: int
    session_id: int | None
    actor: str
    action: str
    target: str
    reason: str | None


def page(db: sqlite3.Connection, *, before: str | None = None, limit: int = 100) -> Page[Session]:
    """Sessions, newest first."""
    values = {"before": id_before(before), "limit": checked_limit(limit) + 1}
    rows, more = cut(db.execute(_SQL["sessions"], values).fetchall(), limit)
    return Page(tuple(map(_session, rows)), cursor_at(rows[-1][0]) if more else None)


def newest(db: sqlite3.Connection) -> Session | None:
    """The session that runs, or ran last; ``None``: there was none."""
    return next(iter(page(db, limit=1).rows), None)


def between(db: sqlite3.Connection, since: int = BEGINNING, until: int = END) -> tuple[Session, ...]:
    """Sessions that ran at some time in [since, until), oldest first; between them the process was down."""
    return tuple(map(_session, db.execute(_SQL["sessions_between"], {"since": since, "until": until})))


def around(db: sqlite3.Connection, moment: int) -> tuple[Session | None, Session | None]:
    """The last session that began at or before a moment, and the first that began after it."""
    before, after = (db.execute(_SQL[name], {"moment": moment}).fetchone() for name in ("session_by", "session_after"))
    return None if before is None else _session(before), None if after is None else _session(after)


def with_losses(db: sqlite3.Connection) -> tuple[Session, ...]:
    """Sessions that have lost records, oldest first."""
    return tuple(map(_session, db.execute(_SQL["sessions_with_losses"])))


def changes(
    db: sqlite3.Connection, *, target: str | None = None, before: str | None = None, limit: int = 100
) -> Page[Change]:
    """What people have changed, newest first; of ``target`` only, if one is given."""
    values = {"before": id_before(before), "target": target, "limit": checked_limit(limit) + 1}
    rows, more = cut(db.execute(_SQL["audit"], values).fetchall(), limit)
    return Page(tuple(Change(*row) for row in rows), cursor_at(rows[-1][0]) if more else None)


def _session(row: tuple[int | str | None, ...]) -> Session:
    values = list(row)
    values[4] = SESSION_STATUS.words[values[4]]  # type: ignore[index] # the column is a number
    return Session(*values)  # type: ignore[arg-type] # in the order of the columns

"""The log records that a ledger keeps."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from duly.ids import id_bytes, id_text
from duly.ledger.codes import TIER
from duly.ledger.pages import BEGINNING, END, Page, checked_limit, cursor_at, cut, position_before
from duly.ledger.statements import statements

_SQL = statements("queries")
_LEVELS: Final[Mapping[str, int]] = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_WORDS: Final = {number: word for word, number in _LEVELS.items()}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line of the log. ``timestamp`` is nanoseconds since the epoch."""

    id: int
    session_id: int | None
    seq: int
    timestamp: int
    level: str
    """``DEBUG`` to ``CRITICAL``; the number as text for levels in between."""
    logger_name: str
    func_name: str | None
    lineno: int | None
    message: str
    exc_info: str | None
    app_key: str | None
    instance_name: str | None
    instance_index: int | None
    execution_id: str | None
    source_tier: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which records are wanted; ``None`` means any. Times are nanoseconds since the epoch."""

    app_key: str | None = None
    level: str | None = None
    """The lowest: ``DEBUG`` to ``CRITICAL``."""
    logger_name: str | None = None
    since: int | None = None
    until: int | None = None
    """Before it."""


ALL: Final = LogFilter()


def page(
    db: sqlite3.Connection, wanted: LogFilter = ALL, *, before: str | None = None, limit: int = 100
) -> Page[LogRecord]:
    """Log records, latest first.

    Raises:
        ValueError: an unknown level, a ``limit`` out of range, or a ``before`` that no page gave.
    """
    checked_limit(limit)
    time, row_id = position_before(before)
    if wanted.until is not None and wanted.until <= time:
        time, row_id = wanted.until - 1, END
    values = {
        "app_key": wanted.app_key,
        "level": _number(wanted.level),
        "logger_name": wanted.logger_name,
        "since": BEGINNING if wanted.since is None else wanted.since,
        "time": time,
        "id": row_id,
        "limit": limit + 1,
    }
    statement = "log_records_newest" if wanted.app_key is None else "log_records_of_app"
    places, more = cut(db.execute(_SQL[statement], values).fetchall(), limit)
    rows = _of_ids(db, [place[-1] for place in places])
    return Page(tuple(rows), cursor_at(*places[-1]) if more else None)


def of_execution(
    db: sqlite3.Connection, execution_id: str, *, level: str | None = None, limit: int = 1000
) -> tuple[LogRecord, ...]:
    """What was logged during an execution, in the order in which it was; the first ``limit`` lines.

    Raises:
        ValueError: the id is no UUID, or the level unknown.
    """
    values = {"execution_id": id_bytes(execution_id), "level": _number(level), "limit": checked_limit(limit)}
    rows = db.execute(_SQL["log_records_of_execution"], values).fetchall()
    return tuple(_of_ids(db, [row_id for (row_id,) in rows]))


def _number(level: str | None) -> int:
    if level is None:
        return 0
    try:
        return _LEVELS[level.upper()]
    except KeyError:
        raise ValueError(f"level must be one of {', '.join(_LEVELS)}, got {level!r}") from None


def _of_ids(db: sqlite3.Connection, ids: Iterable[int]) -> Iterator[LogRecord]:
    """The records in the order of their ids here."""
    wanted = list(ids)
    found = {row[0]: row for row in db.execute(_SQL["log_records_of_ids"], {"ids": json.dumps(wanted)})}
    return (_record(found[row_id]) for row_id in wanted)


def _record(row: tuple[Any, ...]) -> LogRecord:
    values = list(row)
    values[4] = _WORDS.get(row[4], str(row[4]))
    values[13] = None if row[13] is None else id_text(row[13])
    values[14] = TIER.word(row[14])
    return LogRecord(*values)

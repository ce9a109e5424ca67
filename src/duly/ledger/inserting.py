"""How rows of executions are written: many in one statement where they are alike.

Rows are alike in what they have values of. A statement for a hundred of them takes a third of the time of a hundred
statements, and SQLite needs the interpreter once for it and not for each row: while the event loop is busy every time
costs the writer's thread a wait.
"""

import re
import sqlite3
from collections.abc import Iterable
from itertools import chain, groupby
from typing import Final

from duly.ledger.codes import STATUS
from duly.ledger.records import AnyRow, HandlerRow, PlainRow, Row
from duly.ledger.statements import statements

_AT_ONCE = 100
_SQL: Final = statements("writes")
_INSERT: Final[dict[type[AnyRow], str]] = {
    Row: _SQL["insert_execution"],
    PlainRow: _SQL["insert_plain_execution"],
    HandlerRow: _SQL["insert_handler_execution"],
}
_CANCELLED: Final = STATUS.numbers["cancelled"]
_VALUES: Final = re.compile(r"VALUES (\([?1, ]+\))")


def _of_many(statement: str) -> str:
    """The statement for as many rows as go into one."""
    return _VALUES.sub(lambda found: "VALUES " + ", ".join([found[1]] * _AT_ONCE), statement)


_INSERT_MANY: Final = {kind: _of_many(statement) for kind, statement in _INSERT.items()}


def insert(db: sqlite3.Connection, rows: Iterable[AnyRow]) -> None:
    """Write rows in their order. The outcome of a mark replaces it; what is there already stays as it is."""
    for kind, group in groupby(rows, _kind):
        if kind is None:
            _supersede(db, group)
        else:
            _insert_alike(db, kind, list(group))


def _insert_alike(db: sqlite3.Connection, kind: type[AnyRow], rows: list[AnyRow]) -> None:
    number = len(rows) - len(rows) % _AT_ONCE
    for first in range(0, number, _AT_ONCE):
        db.execute(_INSERT_MANY[kind], tuple(chain.from_iterable(rows[first : first + _AT_ONCE])))
    db.executemany(_INSERT[kind], rows[number:])


def _supersede(db: sqlite3.Connection, rows: Iterable[AnyRow]) -> None:
    """Write rows one by one, for another row of the slot of each may count still."""
    for row in rows:
        db.execute(_SQL["supersede_attempts"], (row.schedule_id, row.scheduled_ts, row.execution_id))
        db.execute(_INSERT[type(row)], row)


def _kind(row: AnyRow) -> type[AnyRow] | None:
    """What rows have to have in common to be written together; ``None``: other rows of the slot may count still.

    They may before another attempt, and before the job was removed between two of them.
    """
    if type(row) is HandlerRow:
        return HandlerRow
    if (row.attempt_number > 1 or row.status == _CANCELLED) and row.scheduled_ts is not None and row.tick_count > 0:
        return None
    return type(row)

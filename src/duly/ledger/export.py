"""The tables of a ledger as text for other programs, under the names and in the units of its views."""

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Final, Literal, TypeAlias

from duly.ledger.connections import open_reader
from duly.ledger.progress import Progress, no_progress
from duly.ledger.statements import statements

Table: TypeAlias = Literal["executions", "jobs", "logs"]
Format: TypeAlias = Literal["jsonl", "csv"]

_SQL = statements("export")
_ROWS = 2000
"""Of one read, so that the process that writes is not kept from tidying its write-ahead log."""

_Rows: TypeAlias = Sequence[tuple[object, ...]]
_Write: TypeAlias = Callable[[Sequence[str], _Rows], str]


def export(path: Path, table: Table, form: Format, *, progress: Progress = no_progress) -> Iterator[str]:
    """All rows in the order in which they were written, as text of many lines at a time.

    ``jsonl``: one JSON object per line. ``csv``: a line of names first; null is empty. Rows that are written meanwhile
    may come along.

    Raises:
        DatabaseFileError: there is no ledger at ``path``.
    """
    write = _FORMATS[form]
    with closing(open_reader(path)) as db:
        (total,) = db.execute(_SQL[f"count_{table}"]).fetchone()
        read = db.execute(_SQL[table], (0, 0))
        names = [name for name, *_ in read.description]
        if form == "csv":
            yield _csv([], [tuple(names)])
        done = 0
        for rows in _pages(db, _SQL[table]):
            yield write(names, rows)
            done += len(rows)
            progress("exporting", min(done, total), total)


def _pages(db: sqlite3.Connection, statement: str) -> Iterator[_Rows]:
    after: object = -1
    while rows := db.execute(statement, (after, _ROWS)).fetchall():
        yield rows
        after = rows[-1][0]


def _jsonl(names: Sequence[str], rows: _Rows) -> str:
    return "".join(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)


def _csv(_names: Sequence[str], rows: _Rows) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


_FORMATS: Final[Mapping[Format, _Write]] = {"jsonl": _jsonl, "csv": _csv}

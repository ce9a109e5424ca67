"""The ledger by slot: what became of each, in order of time."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from typing import Any

from duly.ids import id_text
from duly.ledger.codes import REASON, STATUS
from duly.ledger.conservation import Entry
from duly.ledger.jobs import JobSchedule, schedules
from duly.ledger.pages import BEGINNING, END
from duly.ledger.shared import Decided, by_chain, judged
from duly.ledger.statements import statements

_SQL = statements("queries")


@dataclass(frozen=True, slots=True)
class SettledSlots:
    """A slot of a job and what became of it, or several in a row. Times are nanoseconds since the epoch."""

    first: int
    last: int
    """Equal to ``first`` if it is one."""
    count: int
    status: str
    """An outcome, or ``started`` while it is open."""
    reason: str | None
    execution_id: str | None
    schedule_id: int
    execution_start_ts: int
    duration_ns: int
    attempt_number: int


def slots(db: sqlite3.Connection, job_id: int, since: int = BEGINNING, until: int = END) -> Iterator[SettledSlots]:
    """The slots of a job that have a row, in order, as far as they touch [since, until); read as they are taken.

    Rows of a leader that do not count, because a later one has decided their slots in this file, are left out.
    """
    streams = [_of_chain(db, parts, since, until) for parts in by_chain(schedules(db, job_id))]
    return merge(*streams, key=attrgetter("first", "last"))


def _of_chain(db: sqlite3.Connection, parts: Sequence[JobSchedule], since: int, until: int) -> Iterator[SettledSlots]:
    decided = [
        Decided(each.fence or 0, each.open_ts, map(_settled, _rows(db, each.id, since, until))) for each in parts
    ]
    return (settled for settled, counts in judged(decided) if counts)


def entries(db: sqlite3.Connection, schedule_id: int, since: int = BEGINNING, until: int = END) -> Iterator[Entry]:
    """As ``slots``, of one schedule, as the conservation law takes them."""
    for first, last, count, status, reason, *_ in _rows(db, schedule_id, since, until):
        yield Entry(first, last, count, _LABELS[status, reason])


def _rows(db: sqlite3.Connection, schedule_id: int, since: int, until: int) -> Iterator[tuple[Any, ...]]:
    for row in db.execute(_SQL["row_reaching_over"], {"schedule_id": schedule_id, "moment": since}).fetchall():
        if row[1] >= since:
            yield row
    yield from db.execute(_SQL["rows_by_slot"], {"schedule_id": schedule_id, "since": since, "until": until})


def _settled(row: tuple[Any, ...]) -> SettledSlots:
    first, last, count, status, reason, execution_id, *rest = row
    text = None if execution_id is None else id_text(execution_id)
    return SettledSlots(first, last, count, STATUS.words[status], REASON.word(reason), text, *rest)


_LABELS = {(number, None): word for number, word in STATUS.words.items()} | {
    (status, reason): f"{word} {why}" for status, word in STATUS.words.items() for reason, why in REASON.words.items()
}

"""What the record queue holds, and how it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from duly.ledger.codes import STARTED, STATUS
from duly.ledger.records import AnyRow, ExecutionRecord, HandlerRow, Row
from duly.ledger.repository import TelemetryRepository

_STATUS: Final = 1
_ID: Final = 4
"""Places in a row. By number, for this is done with every record."""
_FINAL: Final = 4
"""Place in an entry, likewise."""


class Entry(NamedTuple):
    """A row on its way into the ledger, and what is not stored of it."""

    row: AnyRow
    app_key: str
    instance_index: int
    announced: bool
    """Whether others are told once it is durable."""
    final: bool = True
    """Whether no other attempt of its slot follows; the one that does takes the slot over."""

    @property
    def status(self) -> str:
        """The word for its status."""
        return STATUS.words[self.row.status]


def full_row(row: AnyRow) -> Row:
    """The row with all its values."""
    if isinstance(row, HandlerRow):
        return row.full()
    return row if isinstance(row, Row) else Row(*row)


def entry_of(record: ExecutionRecord, *, announced: bool) -> Entry:
    """A record as the queue holds it."""
    return Entry(record.row(), record.app_key, record.instance_index, announced)


class EntryStore:
    """Writes entries. Used by the writer thread; their owners set ``session_id`` and ``on_stored``, at any time."""

    def __init__(self, repository: TelemetryRepository) -> None:
        self.session_id: int | None = None
        """The session to which records belong; ``None``: they wait for one."""
        self.on_stored: Callable[[list[Entry]], None] | None = None
        """Told of what is durable and announced, in the writer thread; must not wait."""
        self._repository = repository

    def ready(self) -> bool:
        """Whether there is a session."""
        return self.session_id is not None

    def write(self, db: sqlite3.Connection, records: Sequence[Entry]) -> None:
        """Write them in their order, but no mark whose outcome is among them."""
        ended = {entry[0][_ID] for entry in records if entry[0][_STATUS] != STARTED}
        session_id = self.session_id
        self._repository.insert(
            db,
            [
                row if row.session_id is not None else row._replace(session_id=session_id)
                for entry in records
                if (row := entry[0] if entry[_FINAL] else self._unless_overtaken(db, entry[0]))[_STATUS] != STARTED
                or row[_ID] not in ended
            ],
        )

    def _unless_overtaken(self, db: sqlite3.Connection, row: AnyRow) -> AnyRow:
        """An attempt that another follows: it counts until that begins, which may be in the ledger already."""
        if isinstance(row, HandlerRow) or not self._repository.is_decided(db, row):
            return row
        return row._replace(tick_count=0)

    def without_parent(self, record: Entry) -> Entry | None:
        """The entry without its listener or job, and the schedule that went with it; ``None`` if it has none."""
        row = full_row(record.row)
        if row.listener_id is None and row.job_id is None and row.schedule_id is None:
            return None
        return record._replace(row=row._replace(listener_id=None, job_id=None, schedule_id=None))

    def stored(self, records: Sequence[Entry]) -> None:
        """Tell of those that are announced; a mark is none."""
        tell = self.on_stored
        if tell is None:
            return
        told = [entry for entry in records if entry.announced and entry[0][_STATUS] != STARTED]
        if told:
            tell(told)


def weigh(entries: Sequence[Entry], counter: str) -> int:
    """How many executions are lost with these entries. A mark counts only if its outcome cannot follow any more."""
    final = counter == "shutdown"
    return len({entry.row.execution_id for entry in entries if final or entry.row.status != STARTED})

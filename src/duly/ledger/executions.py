"""What a ledger knows of executions, and of slots that were not run.

Lists are newest first. Those of a job or a listener are in order of time, of the slot if there is one, else of the
start; the others, and those of a job without its successes, in the order in which they were written: indexes by time
over all rows would halve what the ledger can take.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, Final

from duly.ids import id_bytes, id_text
from duly.ledger.codes import KIND, REASON, STARTED, STATUS, SUCCESS, TIER
from duly.ledger.pages import BEGINNING, END, Page, Position, checked_limit, cursor_at, cut, id_before, position_before
from duly.ledger.statements import statements

_SQL = statements("queries")


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution, or slots of a job that were not run. Times are nanoseconds since the epoch."""

    id: int
    execution_id: str | None
    kind: str
    """``handler`` or ``job``."""
    status: str
    """An outcome, or ``started`` while it runs or waits for its turn."""
    reason: str | None
    app_key: str | None
    """``None``, like the next two: its job or listener has been deleted."""
    instance_index: int | None
    name: str | None
    topic: str | None
    """Of a listener."""
    job_id: int | None
    listener_id: int | None
    session_id: int
    schedule_id: int | None
    scheduled_ts: int | None
    """Its slot, of several the first; ``None``: a handler, or a run by hand."""
    scheduled_to_ts: int | None
    """The last of several slots."""
    tick_count: int
    """Slots that it settles; 0: none, it was run by hand, or another attempt followed."""
    execution_start_ts: int
    duration_ns: int
    attempt_number: int
    source_tier: str
    is_di_failure: bool
    retry_count: int
    trigger_mode: str | None
    trigger_context_id: str | None
    trigger_origin: str | None
    error_type: str | None
    error_message: str | None
    error_traceback: str | None
    args_json: str
    kwargs_json: str

    @property
    def ran(self) -> bool:
        """Whether it was started; slots that were skipped or missed were not."""
        return self.status not in {"skipped", "missed"}

    @property
    def ended(self) -> bool:
        """Whether it ran, and ``end_ts`` is known."""
        return self.ran and self.status not in {"started", "interrupted"}

    @property
    def end_ts(self) -> int:
        """When it ended; of what has not ``ended`` in this sense it says nothing."""
        return self.execution_start_ts + self.duration_ns

    @property
    def error(self) -> str:
        """The type of the error and the first line of its message; empty: there was none."""
        first, *_ = (self.error_message or "").splitlines() or [""]
        return ": ".join(filter(None, (self.error_type, first)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions are wanted; ``None`` and ``()`` mean any. Times are nanoseconds since the epoch."""

    job_id: int | None = None
    listener_id: int | None = None
    app_key: str | None = None
    kind: str | None = None
    source_tier: str | None = None
    session_id: int | None = None
    statuses: Collection[str] = ()
    since: int | None = None
    """The slot, or, without one, the start is at or after it."""
    until: int | None = None
    """As ``since``: before it."""


@dataclass(frozen=True, slots=True)
class Total:
    """How often a status occurs."""

    rows: int
    ticks: int
    """Slots of jobs that the rows settle."""


@dataclass(frozen=True, slots=True)
class Totals:
    """How the newest executions ended."""

    by_status: Mapping[str, Total]
    since: int | None
    """The earliest start among them, nanoseconds since the epoch; ``None``: there are none."""


ALL: Final = ExecutionFilter()


def page(
    db: sqlite3.Connection, wanted: ExecutionFilter = ALL, *, before: str | None = None, limit: int = 100
) -> Page[Execution]:
    """Executions, newest first.

    Raises:
        ValueError: an unknown word in ``wanted``, a ``limit`` out of range, or a ``before`` of another list.
    """
    checked_limit(limit)
    find = _by_time if _in_order_of_time(wanted) else _by_id
    places, more = cut(find(db, wanted, before, limit + 1), limit)
    rows = _of_ids(db, [place[-1] for place in places])
    return Page(tuple(rows), cursor_at(*places[-1]) if more else None)


def execution(db: sqlite3.Connection, execution_id: str) -> Execution | None:
    """One execution.

    Raises:
        ValueError: the id is no UUID.
    """
    row = db.execute(_SQL["execution_row"], {"execution_id": id_bytes(execution_id)}).fetchone()
    return None if row is None else next(iter(_of_ids(db, row)), None)


def running(db: sqlite3.Connection, *, limit: int = 1000) -> tuple[Execution, ...]:
    """What runs or waits for its turn, newest first; if its session has ended, it ran when the process died."""
    return page(db, ExecutionFilter(statuses=(STATUS.words[STARTED],)), limit=limit).rows


def totals(db: sqlite3.Connection, *, newest: int = 10_000) -> Totals:
    """How the ``newest`` executions ended, in the order in which they were written."""
    (highest,) = db.execute(_SQL["highest_execution"]).fetchone()
    rows = db.execute(_SQL["totals"], {"above": highest - newest, "limit": newest}).fetchall()
    by_status = {STATUS.words[status]: Total(count, ticks) for status, count, ticks, _ in rows}
    return Totals(by_status, min((since for *_, since in rows), default=None))


def _in_order_of_time(wanted: ExecutionFilter) -> bool:
    """Whether it goes along the slots of a job, or a listener: few rows of a rare status are found faster elsewhere."""
    rare = bool(wanted.statuses) and STATUS.words[SUCCESS] not in wanted.statuses
    return wanted.listener_id is not None or (wanted.job_id is not None and not rare)


def _by_id(db: sqlite3.Connection, wanted: ExecutionFilter, before: str | None, limit: int) -> list[tuple[int]]:
    values = _values(wanted) | {"before": id_before(before), "limit": limit}
    numbers = [STATUS.number(word) for word in wanted.statuses]
    if not numbers or SUCCESS in numbers:
        return db.execute(_SQL["executions_newest"], values).fetchall()
    found = [db.execute(_SQL["executions_to_look_at"], values | {"status": number}) for number in numbers]
    return list(islice(merge(*found, reverse=True), limit))


def _by_time(db: sqlite3.Connection, wanted: ExecutionFilter, before: str | None, limit: int) -> list[Position]:
    time, row_id = position_before(before)
    values = _values(wanted) | {"limit": limit}
    if wanted.until is not None and wanted.until <= time:
        time, row_id = wanted.until - 1, END
    values |= {"time": time, "id": row_id}
    if wanted.listener_id is not None:
        return db.execute(_SQL["executions_of_listener"], values).fetchall()
    return list(islice(merge(*_of_job(db, values), reverse=True), limit))


def _of_job(db: sqlite3.Connection, values: Mapping[str, Any]) -> Iterator[Iterable[Position]]:
    yield db.execute(_SQL["executions_beside_slots"], values)
    for schedule_id, *_ in db.execute(_SQL["schedules_of_job"], values).fetchall():
        yield db.execute(_SQL["executions_of_slots"], {**values, "schedule_id": schedule_id})


def _values(wanted: ExecutionFilter) -> dict[str, Any]:
    numbers = [STATUS.numbers[word] for word in wanted.statuses if STATUS.number(word) is not None]
    return {
        "job_id": wanted.job_id,
        "listener_id": wanted.listener_id,
        "app_key": wanted.app_key,
        "kind": KIND.number(wanted.kind),
        "source_tier": TIER.number(wanted.source_tier),
        "session_id": wanted.session_id,
        "statuses": sum(1 << number for number in set(numbers)) if numbers else -1,
        "since": BEGINNING if wanted.since is None else wanted.since,
        "until": END if wanted.until is None else wanted.until,
    }


def _of_ids(db: sqlite3.Connection, ids: Iterable[int]) -> Iterator[Execution]:
    """The rows in the order of their ids here."""
    wanted = list(ids)
    found = {row[0]: row for row in db.execute(_SQL["executions_of_ids"], {"ids": json.dumps(wanted)})}
    return (_execution(found[row_id]) for row_id in wanted)


def _execution(row: tuple[Any, ...]) -> Execution:
    values = list(row)
    values[1] = None if row[1] is None else id_text(row[1])
    values[2:5] = KIND.words[row[2]], STATUS.words[row[3]], REASON.word(row[4])
    values[19:21] = TIER.words[row[19]], bool(row[20])
    return Execution(*values)

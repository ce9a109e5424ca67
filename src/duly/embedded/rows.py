"""What the driver of an embedded scheduler decides, as rows of the ledger file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from duly.core.decisions import Cause, Close, Run, Wait
from duly.core.outcomes import Outcome, Reason
from duly.embedded.job import LiveJob, LiveRun
from duly.embedded.records import Ended
from duly.ids import new_id
from duly.ledger.codes import KIND, REASON, STARTED, STATUS
from duly.ledger.records import JobRow, PlainRow, Row, storable

if TYPE_CHECKING:
    from duly.embedded.book import Book
    from duly.embedded.page import Page

_JOB = KIND.numbers["job"]
_STATUS = {outcome: STATUS.numbers[outcome.value] for outcome in Outcome}
_REASON = {reason: REASON.numbers[reason.value] for reason in Reason}
_DUE = Cause.DUE
_AFTER_A_WAIT = frozenset({Cause.WAITED, Cause.CATCH_UP})


@dataclass(frozen=True, slots=True)
class Change:
    """Something else to write, in the order of the rows."""

    apply: Callable[[sqlite3.Connection], object]


@dataclass(frozen=True, slots=True)
class Orphan:
    """A row whose job is gone from the file."""

    item: Decided


Decided: TypeAlias = Run[LiveJob] | Wait[LiveJob] | Ended | Close[LiveJob]
Item: TypeAlias = Decided | Change | Orphan


class Rows:
    """Makes rows of what the driver decides. Belongs to the writer thread."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._waited: dict[tuple[LiveJob, int], bytes] = {}
        """Execution ids of the marks of slots that wait their turn, until their row is durable; a lost one never is."""
        self._begun: set[tuple[LiveJob, int]] = set()
        """Those of them that have a run, whose row is the one that is marked."""
        self._session_id: int | None = None
        self._commits = 0
        self._unconfirmed: list[tuple[Page, int]] = []
        """Pages that have got row ids, and after how many commits: the ids are gone if that was undone."""

    def ready(self) -> bool:
        """Whether there is a session."""
        return self._book.session_id is not None

    def write(self, db: sqlite3.Connection, records: Sequence[Item]) -> None:
        """Write them in their order, but no mark whose outcome is among them."""
        insert, now = self._book.repository.insert, self._book.clock.now()
        self._session_id = self._book.session_id
        ended = {item.run for item in records if isinstance(item, Ended)}
        rows: list[JobRow] = []
        self._check_unconfirmed(db)
        for item in records:
            if isinstance(item, Change):
                insert(db, rows)
                rows = []
                item.apply(db)
            elif type(item) is not Run or item not in ended:
                rows.append(self._row(db, item, now))
        insert(db, rows)

    def without_parent(self, record: Item) -> Item | None:
        """The record without its job; ``None`` if it has none."""
        return None if isinstance(record, Change | Orphan) else Orphan(record)

    def stored(self, records: Sequence[Item]) -> None:
        """Forget the ids of slots that wait no more."""
        self._commits += 1
        if self._waited:
            for record in records:
                item = record.item if isinstance(record, Orphan) else record
                if isinstance(item, Ended):
                    self._forget(item.job, item.run.slot)
                elif type(item) is Close:
                    self._forget(item.job, item.first)

    def _forget(self, job: LiveJob, slot: int | None) -> None:
        if slot is not None:
            self._waited.pop((job, slot), None)
            self._begun.discard((job, slot))

    def registered(self, page: Page) -> None:
        """A job has got its row ids, in a transaction that is not committed yet."""
        self._unconfirmed.append((page, self._commits))

    def _check_unconfirmed(self, db: sqlite3.Connection) -> None:
        """Forget ids that were undone, before others get the same; what is there since a commit stays."""
        unconfirmed, self._unconfirmed = self._unconfirmed, []
        for page, commits in unconfirmed:
            ids = (page.job_id, page.schedule_id)
            if not self._book.repository.has_schedule(db, *ids):
                page.job_id = page.schedule_id = None
            elif commits == self._commits:
                self._unconfirmed.append((page, commits))

    def _row(self, db: sqlite3.Connection, item: Decided | Orphan, now: int) -> JobRow:
        if isinstance(item, Ended):
            return self._ended(item, self._parents(db, item.run.job), now)
        if isinstance(item, Orphan):
            return self._row(db, item.item, now)._replace(job_id=None, schedule_id=None)
        parents = self._parents(db, item.job)
        if isinstance(item, Run):
            return self._mark(item, parents, now)
        return self._closed(item, parents, now) if isinstance(item, Close) else self._waiting(item, parents, now)

    def _parents(self, db: sqlite3.Connection, job: LiveJob) -> tuple[int | None, int | None]:
        """Row ids of the job and of its schedule."""
        page = job.page
        assert page is not None  # noqa: S101 - made when the job was scheduled
        return self._book.register(db, page) if page.schedule_id is None else (page.job_id, page.schedule_id)

    def _ended(self, ended: Ended, parents: tuple[int | None, int | None], now: int) -> JobRow:
        run, failure = ended.run, ended.failure
        slot = run.slot
        row = PlainRow(
            _JOB, _STATUS[ended.outcome], parents[0], self._session_id, self._id_of(run, now),
            ended.started, ended.duration, parents[1], slot, 0 if slot is None else 1, run.attempt,
        )  # fmt: skip
        if failure is None and run.cause is _DUE:
            return row
        return Row(
            *row,
            trigger_mode=_mode(run),
            error_type=None if failure is None else failure.error_type,
            error_message=None if failure is None else storable(failure.error_message),
            error_traceback=storable(ended.traceback),
        )

    def _mark(self, run: LiveRun, parents: tuple[int | None, int | None], now: int) -> JobRow:
        slot = run.slot
        row = PlainRow(
            _JOB, STARTED, parents[0], self._session_id, self._id_of(run, now), now, 0, parents[1], slot,
            0 if slot is None else 1, run.attempt,
        )  # fmt: skip
        return row if run.cause is _DUE else Row(*row, trigger_mode=_mode(run))

    def _waiting(self, wait: Wait[LiveJob], parents: tuple[int | None, int | None], now: int) -> JobRow:
        execution_id = self._waited.setdefault((wait.job, wait.slot), new_id(now))
        return PlainRow(_JOB, STARTED, parents[0], self._session_id, execution_id, now, 0, parents[1], wait.slot, 1, 1)

    def _closed(self, close: Close[LiveJob], parents: tuple[int | None, int | None], now: int) -> JobRow:
        first, count, key = close.first, close.count, (close.job, close.first)
        waited = None if key in self._begun else self._waited.get(key)  # else it is closed between two attempts
        execution_id = waited or new_id(now)
        return Row(
            _JOB, _STATUS[close.outcome], parents[0], self._session_id, execution_id, first, 0, parents[1], first,
            count, scheduled_to_ts=close.last if count > 1 else None,
            reason=None if close.reason is None else _REASON[close.reason],
        )  # fmt: skip

    def _id_of(self, run: LiveRun, now: int) -> bytes:
        """Its execution id, which is that of the mark with which its slot waited."""
        found = run.execution_id
        if found is None and run.slot is not None and run.cause in _AFTER_A_WAIT:
            key = run.job, run.slot
            found = self._waited.get(key)
            if found is not None:
                self._begun.add(key)
        if found is None:
            found = new_id(now)
        run.execution_id = found
        return found


def losses(items: Sequence[Item], counter: str) -> int:
    """How many executions, and closed slots, are lost with these. A mark counts if its outcome cannot follow."""
    decided = [item.item if isinstance(item, Orphan) else item for item in items]
    runs = {item.run for item in decided if isinstance(item, Ended)}
    if counter == "shutdown":
        runs |= {item for item in decided if isinstance(item, Run)}
    return len(runs) + sum(isinstance(item, Close) for item in decided)


def _mode(run: LiveRun) -> str | None:
    return None if run.cause is _DUE else run.cause.value

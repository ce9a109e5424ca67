"""The ledger file of an embedded scheduler.

The driver, under its lock, only appends what it decides to a queue, in its order: a ``Run`` or a ``Wait`` is a mark, an
``Ended`` or a ``Close`` a row, a ``Change`` anything else. The writer thread makes rows of them, a group at a time, and
skips the marks whose outcome is in the same group. What the ledger calls a job and its executions, their row ids and
execution ids, is known to the writer thread alone.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from duly.core.clock import NEVER, SECOND, Clock, Zone
from duly.core.decisions import Cause, Close, Run, Wait
from duly.core.outcomes import Outcome, Reason
from duly.core.trigger import Chain
from duly.embedded.job import LiveJob, LiveRun
from duly.embedded.past import past_executions
from duly.embedded.records import Ended, Execution
from duly.ledger.codes import KIND, REASON, STARTED, STATUS, TRIGGER_TYPE
from duly.ledger.errors import DatabaseFileError
from duly.ledger.ids import new_execution_id
from duly.ledger.ledger import Ledger, open_file
from duly.ledger.record_queue import RecordQueue
from duly.ledger.records import AnyRow, PlainRow, Row, storable
from duly.ledger.registrations import ScheduledJobRegistration, arguments_json
from duly.ledger.repository import StoredSchedule, TelemetryRepository, not_run
from duly.ledger.upkeep import CHAIN_ENDED
from duly.triggers.spec import spec_of

log = logging.getLogger("duly.ledger")

CAPACITY = 2_000
"""Records that wait without a warning. With the ring, 22,000 wait before the driver starts nothing more."""

_HEARTBEAT = 300 * SECOND
_JOB = KIND.numbers["job"]
_STATUS = {outcome: STATUS.numbers[outcome.value] for outcome in Outcome}
_REASON = {reason: REASON.numbers[reason.value] for reason in Reason}
_DUE = Cause.DUE
_PAUSED, _DOWN = Reason.PAUSED, Reason.DOWN
_AFTER_A_WAIT = frozenset({Cause.WAITED, Cause.CATCH_UP})


@dataclass(frozen=True, slots=True)
class Change:
    """Something else to write, in the order of the rows."""

    apply: Callable[[sqlite3.Connection], object]


@dataclass(frozen=True, slots=True)
class _Orphan:
    """A row whose job is gone from the file."""

    item: Decided


Decided: TypeAlias = Run[LiveJob] | Wait[LiveJob] | Ended | Close[LiveJob]
Item: TypeAlias = Decided | Change | _Orphan


class Page:
    """What the ledger is to know, and knows, of a job. The ids belong to the writer thread once they are set."""

    __slots__ = ("first", "job_id", "paused_at", "registration", "schedule_id", "spec", "trigger_id")

    def __init__(self, job: LiveJob, zone: Zone, first: int) -> None:
        """Ask the trigger for its identity; what it raises propagates."""
        trigger, options = job.trigger, job.options
        kind, detail = trigger.trigger_db_type(), trigger.trigger_detail()
        if kind not in TRIGGER_TYPE.numbers:
            known = ", ".join(map(repr, TRIGGER_TYPE.numbers))
            raise ValueError(f"trigger_db_type() must be one of {known}, got {kind!r} of {trigger!r}")
        self.trigger_id = _text(trigger.trigger_id())
        self.spec = spec_of(trigger, zone)
        self.registration = ScheduledJobRegistration(
            app_key="",
            instance_index=0,
            job_name=_text(job.name),
            handler_method=_text(getattr(job.func, "__qualname__", None) or job.func),
            trigger_type=kind,
            trigger_label=_text(trigger.trigger_label()),
            trigger_detail=None if detail is None else _text(detail),
            trigger_id=self.trigger_id,
            group=None if options.group is None else _text(options.group),
            args_json=arguments_json(job.args),
            kwargs_json=arguments_json(job.kwargs or {}),
            mode=options.policy.mode.value,
            misfire=options.policy.misfire.value,
        )
        self.first = first
        """The slot with which the account of its schedule begins."""
        self.job_id: int | None = None
        self.schedule_id: int | None = None
        self.paused_at: int | None = None

    def continues(self, stored: StoredSchedule, zone: Zone) -> bool:
        """Whether it is the same schedule; a delay begins anew with each registration, a time of day each day."""
        if self.trigger_id != stored.trigger_id or zone != stored.timezone:
            return False
        kind = self.registration.trigger_type
        return stored.first_ts == self.first if kind == "once" else kind != "after"


class Book:
    """Owns the queue of what is to be written, for as long as the scheduler, and the ``Ledger`` while it runs.

    ``open`` and ``close`` are called one at a time; ``record`` and what changes jobs under the driver's lock.
    """

    def __init__(self, path: Path, clock: Clock, zone: Zone) -> None:
        self.path = path
        self.clock = clock
        self._zone = zone
        self.repository = TelemetryRepository()
        self._life = threading.Lock()
        self._ledger: Ledger | None = None
        self.ending = False
        """Whether to close once nothing is in flight: a job that has stopped the scheduler goes on."""
        self._stored: dict[str, StoredSchedule] = {}
        """Schedules of the file by name of their job, until a job of that name goes on with them."""
        self._begin()

    def _begin(self) -> None:
        self._store = _Store(self)
        self.records: RecordQueue[Item] = RecordQueue(
            self._store, capacity=CAPACITY, clock=self.clock, setting="the speed of the disk", weigh=_losses
        )
        self.record = self.records.append
        self._last_beat = self.clock.monotonic()

    # Life

    @property
    def is_open(self) -> bool:
        """Whether something writes what is recorded."""
        return self._ledger is not None

    @property
    def session_id(self) -> int | None:
        """The session to which rows belong; ``None``: they wait."""
        return None if self._ledger is None else self._ledger.session_id

    def open(self) -> None:
        """Open the file, begin a session, and learn what is in it.

        Raises:
            DatabaseFileError: it is in use by another process, which is named, or cannot be used.
            SchemaVersionError: a later version wrote it.
        """
        self.close()
        ledger = Ledger(open_file(self.path, self.clock), self.records, self.clock)
        try:
            self._ledger = ledger
            ledger.begin_session()
            ledger.flush()  # what was recorded while the scheduler was stopped comes before what the file knows
            self._stored = ledger.submit(lambda db: self.repository.schedules(db, "", 0)).result()
        except BaseException as error:
            self._ledger = None
            ledger.close(flush=False)  # what waits in the queue is for the next start
            if not isinstance(error, sqlite3.Error):
                raise
            raise DatabaseFileError(
                f"cannot write to {self.path}: {error}: make room on its disk, or mend it"
            ) from error
        self._last_beat = self.clock.monotonic()

    def close(self, *, retire: bool = True) -> None:
        """Write everything, retire the jobs that nobody has scheduled, end the session, let go of the file.

        Without ``retire`` they stay: nobody could have scheduled them, for the start has failed.
        """
        with self._life:
            ledger = self._ledger
            if ledger is None:
                return
            try:
                if retire:
                    self._retire_others()
                ledger.end_session().result()
            except sqlite3.Error:
                log.exception("the session could not be ended, the next one will: path=%s", self.path)
            finally:
                self._ledger = None
                self.ending = False
                ledger.close(flush=False)  # what came since the end of the session is for the next start

    def close_if_ending(self) -> None:
        """The last run that a stop has left has ended."""
        if self.ending:
            self.close()

    def abandon(self) -> None:
        """As ``close``, without waiting for it."""
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.end_session()
            ledger.abandon()

    def lose(self) -> None:
        """As if the process had been killed: what is not durable will not be."""
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close(flush=False)

    def forget(self) -> None:
        """In a forked child: what is in the file, and was to be written, is the parent's."""
        if self._ledger is not None:
            self._ledger.forget()
            self._ledger = None
        self._stored = {}
        self._begin()

    def flush(self) -> None:
        """Wait until what was recorded so far is in the file, if something writes it."""
        ledger = self._ledger
        if ledger is not None:
            with suppress(RuntimeError):  # closed meanwhile, and so all is written
                ledger.flush()

    def past(self, job_id: str | None, limit: int, outcome: Outcome | None) -> list[Execution]:
        """The newest lines of the file first, of one job or all, with one outcome or any."""
        self.flush()
        return past_executions(self.path, self.clock, self._zone, job_id=job_id, limit=limit, outcome=outcome)

    def beat(self, monotonic: int) -> None:
        """Note, now and then, that the session lives."""
        if monotonic - self._last_beat >= _HEARTBEAT and self._ledger is not None:
            self._last_beat = monotonic
            with suppress(RuntimeError):  # closed meanwhile
                self._ledger.beat()

    # Jobs, under the driver's lock

    def page_of(self, job: LiveJob, first: int) -> Page:
        """What there is to write of a job whose chain begins with ``first``. What its trigger raises propagates."""
        return Page(job, self._zone, first)

    def adopt(self, job: LiveJob, now: int) -> None:
        """Let a job go on where the ledger has left the one of its name; otherwise its account begins anew."""
        page = job.page
        assert page is not None  # noqa: S101 - made when the job was scheduled
        stored, known = self._stored.pop(page.registration.job_name, None), page.schedule_id
        job_id = schedule_id = None
        if stored is not None and stored.live and known is None:
            page.paused_at = stored.paused_at
            job.paused = job.paused or stored.paused_at is not None
        if stored is not None and page.continues(stored, self._zone):
            pending = self._pending(stored, job.chain, job.pending)
            if stored.live and known != stored.id:
                job.pending = pending
            else:  # it was here before, or its slots that have a row are settled for good
                job.pending = max(job.pending, pending)
            if stored.live or job.pending == NEVER:
                job_id, schedule_id, page.first = stored.job_id, stored.id, stored.first_ts
            if job.pending == NEVER and stored.outcome is not None:
                job.tallied().last_outcome = Outcome(stored.outcome)
        elif stored is not None and stored.live:
            self._end(stored, now)
        if schedule_id is None:
            page.first = job.pending
        if schedule_id != known:
            page.job_id, page.schedule_id = job_id, schedule_id
        self.record(Change(lambda db: self.register(db, page)))

    def leave(self, job: LiveJob, now: int, *, cancelled: bool) -> None:
        """A job has ended."""
        page = job.page
        assert page is not None  # noqa: S101 - as above
        over = job.pending == NEVER and not cancelled and (job.tally is None or job.tally.trigger_error is None)
        if over:  # the chain itself has ended: whoever schedules it again finds all its slots settled
            return
        # At a stop that has waited slots have passed that nobody decides any more.
        ended_at = min(now, job.pending - 1)

        def write(db: sqlite3.Connection) -> None:
            job_id, schedule_id = self.register(db, page) if page.schedule_id is None else _ids(page)
            self.repository.end_schedule(db, schedule_id, ended_at)
            if cancelled:
                self.repository.cancel_job(db, job_id, now)

        self.record(Change(write))

    def pause(self, job: LiveJob, paused_at: int | None) -> None:
        """A job is paused; with ``None`` it is no more."""
        page = job.page
        assert page is not None  # noqa: S101 - as above
        page.paused_at = paused_at
        self.record(Change(lambda db: self.register(db, page)))

    def _pending(self, stored: StoredSchedule, chain: Chain, first: int) -> int:
        """The first slot that has no row."""
        highest, open_ts = stored.highest, stored.open_ts
        if open_ts is not None and (highest is None or open_ts > highest):
            return open_ts if open_ts < CHAIN_ENDED else NEVER
        if highest is None:
            return stored.first_ts
        try:
            return _after(chain, highest)
        except Exception:
            log.exception("the trigger raised, its schedule begins anew: job=%s", stored.job_name)
            return first

    def _end(self, stored: StoredSchedule, now: int) -> None:
        """Settle the slots of a schedule that does not go on: those due by now are missed, or were paused."""
        slots = self._due(stored, now)

        def write(db: sqlite3.Connection) -> None:
            session_id = self.session_id
            if slots is not None and session_id is not None:
                paused = stored.paused_at is not None and stored.paused_at <= slots[0]
                row = not_run(slots, _PAUSED if paused else _DOWN, (stored.id, stored.job_id, session_id), now)
                self.repository.insert(db, [row])
            self.repository.end_schedule(db, stored.id, now)

        self.record(Change(write))

    def _due(self, stored: StoredSchedule, now: int) -> tuple[int, int, int] | None:
        """First and last of the slots that have no row, and their number; ``None`` if only the program knew them."""
        chain = stored.chain()
        if chain is None:
            return None
        first = self._pending(stored, chain, NEVER)
        if first > now:
            return None
        behind, last = (0, first) if chain.count is None else chain.count(first, now)
        return first, last, behind + 1

    def _retire_others(self) -> None:
        """Jobs that nobody has scheduled again since the file was opened."""
        now, others = self.clock.now(), self._stored
        self._stored = {}
        for stored in others.values():
            if stored.live:
                self._end(stored, now)
                self._retire(stored.job_id, now)

    def _retire(self, job_id: int, now: int) -> None:
        self.record(Change(lambda db: self.repository.retire_job(db, job_id, now)))

    # In the writer thread

    def register(self, db: sqlite3.Connection, page: Page) -> tuple[int, int]:
        """Write what there is to know of a job; give the ids of its row and of its schedule's."""
        job_id = page.job_id = self.repository.register_job(db, page.registration)
        self.repository.pause_job(db, job_id, page.paused_at)
        schedule_id = page.schedule_id
        if schedule_id is None:
            trigger = (page.trigger_id, page.spec)
            schedule_id = self.repository.open_schedule(db, job_id, page.first, trigger, self._zone)
            page.schedule_id = schedule_id
            self._store.registered(page)
        return job_id, schedule_id


class _Store:
    """Makes rows of what the driver decides. Belongs to the writer thread."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._ids: dict[object, bytes] = {}
        """Execution ids of what is marked and has not ended, by run, or by job and slot while it waits its turn."""
        self._session_id: int | None = None
        self._commits = 0
        self._unconfirmed: list[tuple[Page, int]] = []
        """Pages that have got row ids, and after how many commits: the ids are gone if that was undone."""

    def ready(self) -> bool:
        return self._book.session_id is not None

    def write(self, db: sqlite3.Connection, records: Sequence[Item]) -> None:
        insert, now = self._book.repository.insert, self._book.clock.now()
        self._session_id = self._book.session_id
        ended = {item.run for item in records if isinstance(item, Ended)}
        rows: list[AnyRow] = []
        self._check_unconfirmed(db)
        for item in records:
            if isinstance(item, Change):
                insert(db, rows)
                rows = []
                item.apply(db)
            elif type(item) is not Run or not (item in ended or (item.done and item.slot is None)):
                rows.append(self._row(db, item, now))
        insert(db, rows)

    def without_parent(self, record: Item) -> Item | None:
        return None if isinstance(record, Change | _Orphan) else _Orphan(record)

    def stored(self, records: Sequence[Item]) -> None:
        ids = self._ids
        self._commits += 1
        for item in records:
            if isinstance(item, Ended):
                ids.pop(item.run, None)
            elif type(item) is Close:
                ids.pop((item.job, item.first), None)

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

    def _row(self, db: sqlite3.Connection, item: Decided | _Orphan, now: int) -> AnyRow:
        if isinstance(item, Ended):
            row = self._ended(item, self._parents(db, item.run.job), now)
            if not item.run.final and self._book.repository.is_decided(db, row):
                return row._replace(tick_count=0)  # the next attempt has overtaken it
            return row
        if isinstance(item, _Orphan):
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

    def _ended(self, ended: Ended, parents: tuple[int | None, int | None], now: int) -> AnyRow:
        run, failure = ended.run, ended.failure
        slot = run.slot
        row = PlainRow(
            _JOB, _STATUS[ended.outcome], parents[0], self._session_id, self._marked_as(run) or new_execution_id(now),
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

    def _mark(self, run: LiveRun, parents: tuple[int | None, int | None], now: int) -> AnyRow:
        slot = run.slot
        execution_id = self._ids[run] = self._marked_as(run) or new_execution_id(now)
        row = PlainRow(
            _JOB, STARTED, parents[0], self._session_id, execution_id, now, 0, parents[1], slot,
            0 if slot is None else 1, run.attempt,
        )  # fmt: skip
        return row if run.cause is _DUE else Row(*row, trigger_mode=_mode(run))

    def _waiting(self, wait: Wait[LiveJob], parents: tuple[int | None, int | None], now: int) -> AnyRow:
        execution_id = self._ids.setdefault((wait.job, wait.slot), new_execution_id(now))
        return PlainRow(_JOB, STARTED, parents[0], self._session_id, execution_id, now, 0, parents[1], wait.slot, 1, 1)

    def _closed(self, close: Close[LiveJob], parents: tuple[int | None, int | None], now: int) -> AnyRow:
        first, count = close.first, close.count
        execution_id = self._ids.get((close.job, first)) or new_execution_id(now)
        return Row(
            _JOB, _STATUS[close.outcome], parents[0], self._session_id, execution_id, first, 0, parents[1], first,
            count, scheduled_to_ts=close.last if count > 1 else None,
            reason=None if close.reason is None else _REASON[close.reason],
        )  # fmt: skip

    def _marked_as(self, run: LiveRun) -> bytes | None:
        """The execution id of its mark, or of the mark with which its slot waited; ``None``: there is none yet."""
        ids = self._ids
        found = ids.get(run)
        if found is None and run.cause in _AFTER_A_WAIT and (waited := ids.pop((run.job, run.slot), None)):
            found = ids[run] = waited  # no longer by its slot, which may be closed between two attempts
        return found


def _losses(items: Sequence[Item], counter: str) -> int:
    """How many executions, and closed slots, are lost with these. A mark counts if its outcome cannot follow."""
    runs = {item.run for item in items if isinstance(item, Ended)}
    if counter == "shutdown":
        runs |= {item for item in items if isinstance(item, Run)}
    return len(runs) + sum(isinstance(item, Close | _Orphan) for item in items)


def _mode(run: LiveRun) -> str | None:
    return None if run.cause is _DUE else run.cause.value


def _ids(page: Page) -> tuple[int, int]:
    assert page.job_id is not None  # noqa: S101 - set together
    assert page.schedule_id is not None  # noqa: S101 - as above
    return page.job_id, page.schedule_id


def _text(value: object) -> str:
    return storable(str(value)) or ""


def _after(chain: Chain, slot: int) -> int:
    following = chain.next(slot, slot)
    return NEVER if following is None else following

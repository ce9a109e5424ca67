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
from contextlib import suppress
from pathlib import Path

from duly.core.clock import NEVER, SECOND, Clock, Zone
from duly.core.outcomes import Outcome
from duly.core.trigger import Chain
from duly.embedded.job import LiveJob
from duly.embedded.page import Page
from duly.embedded.past import past_executions
from duly.embedded.records import Execution
from duly.embedded.rows import Change, Item, Rows, losses
from duly.ledger.errors import DatabaseFileError
from duly.ledger.ledger import Ledger, open_file
from duly.ledger.record_queue import RecordQueue
from duly.ledger.repository import StoredSchedule, TelemetryRepository

log = logging.getLogger("duly.ledger")

CAPACITY = 2_000
"""Records that wait without a warning. With the ring, 22,000 wait before the driver starts nothing more."""

_HEARTBEAT = 300 * SECOND


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
        self._rows = Rows(self)
        self.records: RecordQueue[Item] = RecordQueue(
            self._rows, capacity=CAPACITY, clock=self.clock, setting="the speed of the disk", weigh=losses
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
            self._stored = self._schedules_in(ledger)
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
        """As ``close``, without waiting for it; nobody uses this any more."""
        ledger = self._ledger  # which stays: its session is that of the last records
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
        """Wait until what was recorded so far is in the file, or could not be written, if something writes it."""
        ledger = self._ledger
        if ledger is not None:
            with suppress(RuntimeError):  # closed meanwhile, and so all is written
                ledger.flush()

    def past(self, job_id: str | None, limit: int, outcome: Outcome | None) -> list[Execution]:
        """The newest lines of the file first, of one job or all, with one outcome or any."""
        self.flush()
        return past_executions(self.path, self.clock, self._zone, job_id=job_id, limit=limit, outcome=outcome)

    def _schedules_in(self, ledger: Ledger) -> dict[str, StoredSchedule]:
        """What the file knows, behind what was recorded while the scheduler was stopped."""
        return ledger.submit(lambda db: self.repository.schedules(db, "", 0)).result()

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
        if stored is not None and page.wanted(self._zone).continues(stored):
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
        """The first slot that has no row; ``first`` if the trigger cannot tell."""
        try:
            return stored.pending(chain)
        except Exception:
            log.exception("the trigger raised, its schedule begins anew: job=%s", stored.job_name)
            return first

    def _end(self, stored: StoredSchedule, now: int) -> None:
        """Settle the slots of a schedule that does not go on."""
        self.record(Change(lambda db: self.repository.settle_schedule(db, stored, now, self.session_id)))

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
            self._rows.registered(page)
        return job_id, schedule_id


def _ids(page: Page) -> tuple[int, int]:
    assert page.job_id is not None  # noqa: S101 - set together
    assert page.schedule_id is not None  # noqa: S101 - as above
    return page.job_id, page.schedule_id

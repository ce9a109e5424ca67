"""What is written to the ledger. Each method is a unit of work for the writer: it runs inside a transaction."""

import logging
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

from duly.core.clock import NEVER
from duly.core.outcomes import Reason
from duly.core.trigger import Chain
from duly.ids import new_id
from duly.ledger.codes import KIND, MISFIRE, MODE, REASON, SESSION_STATUS, STATUS, TIER, TRIGGER_TYPE
from duly.ledger.inserting import insert
from duly.ledger.jobs import CHAIN_ENDED, first_undecided, last_slot
from duly.ledger.leaderships import NONE_BEFORE
from duly.ledger.record_queue import Counts
from duly.ledger.records import AnyRow, Row
from duly.ledger.registrations import ListenerRegistration, ScheduledJobRegistration
from duly.ledger.statements import statements
from duly.triggers.spec import chain_from_spec

log = logging.getLogger("duly.ledger")

_SQL = statements("writes", "queries")
_JOB = KIND.numbers["job"]
_ROWS_LOOKED_AT = 10_000
"""The newest of the file, among which the last execution of an orphaned session is looked for."""


@dataclass(frozen=True, slots=True)
class SessionStart:
    """A new session, and what the one before had left."""

    id: int
    orphans: int
    """Sessions that had not been ended."""
    interrupted: int
    """Executions that were running then."""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How a session ended."""

    status: Literal["success", "failure"] = "success"
    error_type: str | None = None
    error_message: str | None = None
    error_traceback: str | None = None


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A schedule as it stands in the ledger, with its job. Times are nanoseconds."""

    id: int
    job_id: int
    job_name: str
    trigger_id: str
    trigger_spec: str | None
    timezone: str | None
    first_ts: int
    open_ts: int | None
    ended_at: int | None
    fence: int | None
    """The leadership that has opened it; ``None``: there are no replicas, and the file holds all of its slots."""
    paused_at: int | None
    retired_at: int | None
    cancelled_at: int | None
    highest: int | None
    """The last slot that has a row."""
    outcome: str | None
    """How it ended; ``None``: it has not."""

    def chain(self) -> Chain | None:
        """Its chain; ``None``: only the program, or a later version of Duly, can tell it."""
        return chain_of_spec(self.trigger_spec)

    @property
    def live(self) -> bool:
        """Whether a job that is registered again may go on with it: not with one that replicas share."""
        ended = (self.ended_at, self.retired_at, self.cancelled_at)
        return self.fence is None and all(moment is None for moment in ended)

    def pending(self, chain: Chain) -> int:
        """The first slot of its ``chain`` that has no row; ``NEVER``: it is over. What a trigger raises propagates."""
        return first_undecided(self.first_ts, self.open_ts, self.highest, partial(_after, chain))

    def due(self, now: int) -> tuple[int, int, int] | None:
        """First and last of the slots that are due and have no row, and their number; ``None``: there are none.

        Of a trigger that only the program knows it is one slot at most, if the ledger tells when it is.
        """
        chain = self.chain()
        if chain is None:
            first = first_undecided(self.first_ts, self.open_ts, self.highest, _unknown)
            return None if first > now else (first, first, 1)
        try:
            first = self.pending(chain)
        except Exception:
            log.exception("a trigger raised, its slots are not accounted for: job=%s", self.job_name)
            return None
        if first > now:
            return None
        behind, last = (0, first) if chain.count is None else chain.count(first, now)
        return first, last, behind + 1


class TelemetryRepository:
    """Owner of all SQL that writes. Stateless."""

    # Executions

    def insert(self, db: sqlite3.Connection, rows: Iterable[AnyRow]) -> None:
        """Write rows in their order. The outcome of a mark replaces it; what is there already stays as it is."""
        insert(db, rows)

    # Sessions

    def begin_session(self, db: sqlite3.Connection, now: int, version: str, pid: int) -> SessionStart:
        """Open a session. Those that were left open are ended as ``unknown``, what ran in them as ``interrupted``."""
        session_id = int(db.execute(_SQL["insert_session"], (now, now, version, pid)).lastrowid or 0)
        orphans = [row[0] for row in db.execute(_SQL["orphaned_sessions"], (session_id,)).fetchall()]
        for orphan in orphans:
            last_end = self._last_end(db, orphan)
            db.execute(_SQL["end_orphaned_session"], {"id": orphan, "last_end": last_end})
        interrupted = db.execute(_SQL["interrupt_started"], (session_id,)).rowcount
        return SessionStart(session_id, len(orphans), interrupted)

    def beat(self, db: sqlite3.Connection, session_id: int, now: int) -> None:
        """Note that the session lives."""
        db.execute(_SQL["beat"], (now, session_id))

    def end_session(self, db: sqlite3.Connection, session_id: int, now: int, end: SessionEnd, lost: Counts) -> None:
        """End a session, after its last record."""
        overflow, exhausted, shutdown = lost
        values = asdict(end) | {"status": SESSION_STATUS.numbers[end.status], "stopped_at": now, "id": session_id}
        db.execute(_SQL["end_session"], values | {"overflow": overflow, "exhausted": exhausted, "shutdown": shutdown})

    def _last_end(self, db: sqlite3.Connection, session_id: int) -> int:
        (highest,) = db.execute(_SQL["highest_execution"]).fetchone()
        above = {"id": session_id, "above": highest - _ROWS_LOOKED_AT}
        return max((end for (end,) in db.execute(_SQL["newest_executions_of_session"], above)), default=0)

    # Registrations

    def register_listener(self, db: sqlite3.Connection, registration: ListenerRegistration) -> int:
        """Insert a listener, or update the one with the same app, instance, name and topic; give its id."""
        values = asdict(registration)
        values["name"] = registration.name or registration.handler_method
        values["source_tier"] = TIER.numbers[registration.source_tier]
        return int(db.execute(_SQL["upsert_listener"], values).fetchone()[0])

    def register_job(self, db: sqlite3.Connection, registration: ScheduledJobRegistration) -> int:
        """Insert a job, or update the one with the same app, instance and name; give its id."""
        values = asdict(registration)
        values["trigger_type"] = TRIGGER_TYPE.number(registration.trigger_type)
        values["source_tier"] = TIER.numbers[registration.source_tier]
        values["mode"] = MODE.number(registration.mode)
        values["misfire"] = MISFIRE.number(registration.misfire)
        return int(db.execute(_SQL["upsert_job"], values).fetchone()[0])

    def cancel_job(self, db: sqlite3.Connection, job_id: int, now: int) -> None:
        """Note that a job was cancelled; an unknown id has no effect."""
        db.execute(_SQL["cancel_job"], (now, job_id))

    def retire_job(self, db: sqlite3.Connection, job_id: int, now: int) -> None:
        """Note that a job was not registered again."""
        db.execute(_SQL["retire_job"], (now, job_id))

    def pause_job(self, db: sqlite3.Connection, job_id: int, now: int | None, by: str | None = None) -> None:
        """Note a pause; ``now`` is ``None`` for its end."""
        db.execute(_SQL["pause_job"], (now, by, job_id))

    def reconcile(
        self,
        db: sqlite3.Connection,
        app_key: str,
        live: tuple[Collection[int], Collection[int]],
        *,
        session_id: int | None,
        now: int,
        settle_in: int | None = None,
    ) -> None:
        """Delete or retire what an app has not registered again; ``live`` are ids of listeners and of jobs.

        Slots of such jobs that are due have been missed; their rows belong to the session ``settle_in``.
        """
        live_listeners, live_jobs = live
        for listener_id, once, tier in db.execute(_SQL["listeners_of_app"], (app_key,)).fetchall():
            if listener_id not in live_listeners:
                self._reconcile_listener(db, (listener_id, bool(once), tier), session_id, now)
        for (job_id,) in db.execute(_SQL["live_registrations"], (app_key,)).fetchall():
            if job_id not in live_jobs:
                self.settle_job(db, job_id, now, settle_in)
                if db.execute(_SQL["job_has_executions"], {"id": job_id}).fetchone()[0]:
                    db.execute(_SQL["retire_job"], (now, job_id))
                else:
                    db.execute(_SQL["delete_job"], (job_id,))

    def _reconcile_listener(
        self, db: sqlite3.Connection, listener: tuple[int, bool, int], session_id: int | None, now: int
    ) -> None:
        listener_id, once, tier = listener
        if not once:
            if db.execute(_SQL["listener_has_executions"], (listener_id,)).fetchone()[0]:
                db.execute(_SQL["retire_listener"], (now, listener_id))
            else:
                db.execute(_SQL["delete_listener"], (listener_id,))
        elif tier == TIER.numbers["app"] and session_id is not None:
            used = db.execute(_SQL["listener_has_executions_in_session"], (listener_id, session_id)).fetchone()[0]
            if not used:
                db.execute(_SQL["delete_listener"], (listener_id,))

    # Schedules

    def open_schedule(  # noqa: PLR0917 - the columns of a schedule
        self,
        db: sqlite3.Connection,
        job_id: int,
        first: int,
        trigger: tuple[str, str | None],
        zone: str | None,
        fence: int | None = None,
        pending: int | None = None,
    ) -> int:
        """Begin the account of a chain of slots with ``first``; ``trigger`` is id and spec. Give its id.

        ``NEVER`` as the first: the chain was at its end before it began, there is no slot.

        With a ``fence`` the account is that of one leadership, which has to decide the slots from ``pending`` on, and
        to end those before that are open. What earlier leaderships have written of them does not count then.
        """
        trigger_id, spec = trigger
        if first == NEVER:
            pending = NEVER
        open_ts = None if pending is None else min(pending, CHAIN_ENDED)
        values = (job_id, trigger_id, spec, zone, min(first, CHAIN_ENDED), open_ts, fence)
        return int(db.execute(_SQL["insert_schedule"], values).fetchone()[0])

    def end_schedule(self, db: sqlite3.Connection, schedule_id: int, now: int) -> None:
        """End the account of a chain: up to ``now`` its slots are accounted for, later ones do not exist."""
        db.execute(_SQL["end_schedule"], (now, schedule_id))

    def schedules(self, db: sqlite3.Connection, app_key: str, instance_index: int) -> dict[str, StoredSchedule]:
        """The newest schedule of each job of an app, by name of the job."""
        newest = {row[2]: row for row in db.execute(_SQL["schedules_of_app"], (app_key, instance_index))}
        return {name: StoredSchedule(*(*row, *last_slot(db, row[0]))) for name, row in newest.items()}

    def newest_schedule(self, db: sqlite3.Connection, job_id: int) -> StoredSchedule | None:
        """The newest schedule of a job; ``None``: it has none."""
        row = db.execute(_SQL["newest_schedule_of_job"], (job_id,)).fetchone()
        return None if row is None else StoredSchedule(*(*row, *last_slot(db, row[0])))

    def id_of_job(self, db: sqlite3.Connection, app_key: str, instance_index: int, job_name: str) -> int | None:
        """The id of the job with that key; ``None``: there is none."""
        row = db.execute(_SQL["id_of_job"], (app_key, instance_index, job_name)).fetchone()
        return None if row is None else int(row[0])

    def settle_schedule(self, db: sqlite3.Connection, stored: StoredSchedule, now: int, session_id: int | None) -> None:
        """End a schedule with which nobody goes on: slots due by ``now`` are missed, or were paused.

        Without a session, to which rows have to belong, it is only ended.
        """
        slots = stored.due(now)
        if slots is not None and session_id is not None:
            paused = stored.paused_at is not None and stored.paused_at <= slots[0]
            reason = Reason.PAUSED if paused else Reason.DOWN
            self.insert(db, [not_run(slots, reason, (stored.id, stored.job_id, session_id), now)])
        self.end_schedule(db, stored.id, now)

    def settle_job(self, db: sqlite3.Connection, job_id: int, now: int, session_id: int | None) -> None:
        """As ``settle_schedule`` for the one with which a job would go on; an unknown id has none."""
        stored = self.newest_schedule(db, job_id)
        if stored is not None and stored.live:
            self.settle_schedule(db, stored, now, session_id)

    def has_schedule(self, db: sqlite3.Connection, job_id: int | None, schedule_id: int | None) -> bool:
        """Whether there is such a schedule of such a job."""
        return db.execute(_SQL["has_schedule"], (schedule_id, job_id)).fetchone() is not None

    def is_decided(self, db: sqlite3.Connection, row: AnyRow) -> bool:
        """Whether another row than this counts for its slot."""
        values = (row.schedule_id, row.scheduled_ts, row.execution_id)
        return db.execute(_SQL["other_row_of_slot"], values).fetchone() is not None

    # Leaderships

    def begin_leadership(self, db: sqlite3.Connection, fence: int, session_id: int | None, now: int) -> None:
        """Note that this replica leads, before anything is committed under ``fence``."""
        db.execute(_SQL["begin_leadership"], (fence, now, session_id))

    def note_previous(self, db: sqlite3.Connection, fence: int, previous: int | None) -> None:
        """Note which leadership before has committed anything last, before this one does; ``None``: there was none."""
        db.execute(_SQL["note_previous"], (NONE_BEFORE if previous is None else previous, fence))

    def end_leadership(self, db: sqlite3.Connection, fence: int, now: int) -> None:
        """Note that this replica leads no more."""
        db.execute(_SQL["end_leadership"], (now, fence))

    # Logs and audit

    def insert_logs(self, db: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Write log records, as tuples in the order of their columns."""
        db.executemany(_SQL["insert_log_record"], rows)

    def note(  # noqa: PLR0917 - the columns of the audit
        self,
        db: sqlite3.Connection,
        ts: int,
        session_id: int | None,
        actor: str,
        action: str,
        target: str,
        reason: str | None = None,
    ) -> None:
        """Note a change made by a person."""
        db.execute(_SQL["insert_audit"], (ts, session_id, actor, action, target, reason))


def not_run(slots: tuple[int, int, int], reason: Reason, parents: tuple[int, int, int], now: int) -> Row:
    """The row for slots that nobody has decided: first, last and their number.

    ``parents`` are the row ids of schedule, job and session.
    """
    first, last, count = slots
    schedule_id, job_id, session_id = parents
    return Row(
        _JOB, STATUS.numbers[reason.outcome], job_id, session_id, new_id(now), first, 0, schedule_id, first,
        count, scheduled_to_ts=last if count > 1 else None, reason=REASON.numbers[reason],
    )  # fmt: skip


def chain_of_spec(spec: str | None) -> Chain | None:
    """The chain that a schedule was stored with; ``None`` if it cannot be rebuilt."""
    if spec is None:
        return None
    try:
        return chain_from_spec(spec)
    except ValueError:
        log.warning("a trigger cannot be rebuilt, its slots are not accounted for: spec=%s", spec, exc_info=True)
        return None


def _after(chain: Chain, slot: int) -> int:
    following = chain.next(slot, slot)
    return NEVER if following is None else following


def _unknown(_slot: int) -> int:
    """What follows a slot, nobody can tell."""
    return NEVER

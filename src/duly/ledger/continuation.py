"""How the account of a job goes on when the job is registered again: one rule for all hosts.

A schedule goes on if it is the same, in the same zone, and no delay, which begins anew with each registration. What is
due of one that does not go on is settled, and it ends.
"""

import sqlite3
from dataclasses import dataclass

from duly.core.clock import NEVER, Zone
from duly.core.trigger import StoredType
from duly.ledger.registrations import ScheduledJobRegistration
from duly.ledger.repository import StoredSchedule, TelemetryRepository


@dataclass(frozen=True, slots=True)
class Wanted:
    """The schedule that a job asks for."""

    kind: StoredType
    trigger_id: str
    spec: str | None
    """What rebuilds its chain; ``None``: the trigger is one of a user's."""
    zone: Zone
    first: int
    """The slot with which it begins, if it does not go on. Nanoseconds."""

    def continues(self, stored: StoredSchedule) -> bool:
        """Whether it is the same schedule; of a time of day that is once, the one of the same day."""
        if (self.trigger_id, self.spec, self.zone) != (stored.trigger_id, stored.trigger_spec, stored.timezone):
            return False
        return stored.first_ts == self.first if self.kind == "once" else self.kind != "after"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A job that is registered, with its schedule."""

    job_id: int
    schedule_id: int
    first: int
    """The slot with which a new schedule begins; ``NEVER``: all of its slots have a row already."""
    stored: StoredSchedule | None
    """What it goes on with; ``None``: its schedule is new."""
    paused: bool


def enrol(
    repository: TelemetryRepository,
    db: sqlite3.Connection,
    registration: ScheduledJobRegistration,
    wanted: Wanted,
    *,
    now: int,
    session_id: int | None,
) -> Enrolment:
    """Register a job; its schedule goes on if it is the same and live, otherwise a new one begins."""
    key = (registration.app_key, registration.instance_index, registration.job_name)
    known = repository.id_of_job(db, *key)
    stored = None if known is None else repository.newest_schedule(db, known)
    job_id = repository.register_job(db, registration)
    live = stored is not None and stored.live
    paused_at = stored.paused_at if stored is not None and live else None
    if known is not None and not live:
        repository.pause_job(db, job_id, None)
    first = wanted.first
    if stored is not None and wanted.continues(stored):
        if live:
            return Enrolment(job_id, stored.id, first, stored, paused_at is not None)
        first = _behind(stored, first)
        if first == NEVER:
            return Enrolment(job_id, stored.id, NEVER, None, paused=False)
    elif stored is not None and live:
        repository.settle_schedule(db, stored, now, session_id)
    trigger = (wanted.trigger_id, wanted.spec)
    schedule_id = repository.open_schedule(db, job_id, first, trigger, wanted.zone)
    return Enrolment(job_id, schedule_id, first, None, paused_at is not None)


def _behind(stored: StoredSchedule, first: int) -> int:
    """``first``, or the slot that follows those which have a row: they are settled for good."""
    chain = stored.chain()
    return first if chain is None else max(first, stored.pending(chain))

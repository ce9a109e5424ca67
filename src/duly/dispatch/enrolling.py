"""Where the account of an entry goes on when a leadership begins, and the rows of its file to which slots belong.

Among replicas the positions tell, and each leadership has schedules of its own in the file of its leader, with its
fence. Without replicas the file itself tells, by the rule of all hosts (``duly.ledger.continuation``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from duly.dispatch.fleet import Position
from duly.dispatch.rows import Ended, Parents, row_of_run
from duly.ids import new_id
from duly.ledger.continuation import Wanted, enrol
from duly.ledger.jobs import jobs
from duly.ledger.registrations import ScheduledJobRegistration
from duly.ledger.repository import TelemetryRepository

if TYPE_CHECKING:
    from duly.core.trigger import Chain
    from duly.dispatch.entry import ScheduleEntry


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An entry that is registered, with its schedule. Times are nanoseconds."""

    job_id: int
    schedule_id: int
    position: Position
    """From where it goes on."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """An entry that is to be enrolled, with what there is of it."""

    entry: ScheduleEntry
    chain: Chain
    first: int
    """The slot with which it begins, if it does not go on."""
    position: Position | None = None
    leftovers: Sequence[Ended] = ()
    """How open slots ended of a schedule with which it does not go on."""
    paused_at: int | None = None
    """Since when it was paused under another schedule, without a position: a pause is of the entry."""


def continues(entry: ScheduleEntry, position: Position) -> bool:
    """Whether an entry goes on with the schedule of a position."""
    return (entry.trigger_id, entry.spec, entry.zone) == (position.trigger_id, position.spec, position.zone)


@dataclass(frozen=True, slots=True)
class Office:
    """Writes registrations for one leadership. Each method is a unit of work for the writer."""

    repository: TelemetryRepository
    actor_id: str
    fence: int | None
    session_id: int
    now: int

    def enrol(self, db: sqlite3.Connection, applicants: Sequence[Applicant]) -> list[Enrolled]:
        """Register entries."""
        return [self._enrol(db, each) for each in applicants]

    def _enrol(self, db: sqlite3.Connection, applicant: Applicant) -> Enrolled:
        entry, position = applicant.entry, applicant.position
        registration = _registration(self.actor_id, entry)
        if self.fence is None:
            return self._enrol_alone(db, registration, applicant)
        job_id = self.repository.register_job(db, registration)
        if position is not None and not continues(entry, position):
            self._settle(db, job_id, position, applicant.leftovers)
            applicant, position = replace(applicant, paused_at=position.paused_at), None
        if position is None:
            first, paused_at = applicant.first, applicant.paused_at
            schedule = (entry.trigger_id, entry.spec, entry.zone)
            position = Position(*schedule, first=first, pending=first, paused_at=paused_at)
        self.repository.pause_job(db, job_id, position.paused_at)
        return Enrolled(job_id, self._open(db, job_id, position), position)

    def _enrol_alone(
        self, db: sqlite3.Connection, registration: ScheduledJobRegistration, applicant: Applicant
    ) -> Enrolled:
        entry = applicant.entry
        kind = registration.trigger_type
        assert kind is not None  # noqa: S101 - an entry has a schedule
        schedule = (entry.trigger_id, entry.spec, entry.zone)
        wanted = Wanted(kind, *schedule, applicant.first)
        found = enrol(self.repository, db, registration, wanted, now=self.now, session_id=self.session_id)
        stored = found.stored
        first = found.first if stored is None else stored.first_ts
        pending = found.first if stored is None else stored.pending(applicant.chain)
        paused_at = applicant.paused_at
        if found.paused:
            paused_at = self.now if stored is None else stored.paused_at
        self.repository.pause_job(db, found.job_id, paused_at)
        position = Position(*schedule, first=first, pending=pending, paused_at=paused_at)
        return Enrolled(found.job_id, found.schedule_id, position)

    def retire(
        self,
        db: sqlite3.Connection,
        entries: Collection[str],
        gone: Mapping[str, tuple[Position, Sequence[Ended]]],
    ) -> None:
        """End what the file of schedules has no more: all but ``entries``; ``gone`` are those that have a position."""
        if self.fence is not None:
            for name, (position, leftovers) in gone.items():
                registration = _of_position(self.actor_id, name, position)
                self._settle(db, self.repository.register_job(db, registration), position, leftovers)
        for job in jobs(db, app_key=self.actor_id, state="live"):
            if job.job_name not in entries:
                if self.fence is None:
                    self.repository.settle_job(db, job.id, self.now, self.session_id)
                self.repository.retire_job(db, job.id, self.now)

    def end(self, db: sqlite3.Connection, parents: Parents, ended_at: int, *, gone: bool) -> None:
        """End a schedule whose slots have rows up to ``ended_at``; ``gone``: its entry is no more."""
        job_id, schedule_id = parents
        self.repository.end_schedule(db, schedule_id, ended_at)
        if gone:
            self.repository.retire_job(db, job_id, self.now)

    def _settle(self, db: sqlite3.Connection, job_id: int, position: Position, leftovers: Sequence[Ended]) -> None:
        """End a schedule with which nobody goes on, as ``TelemetryRepository.settle_schedule``."""
        self.repository.pause_job(db, job_id, position.paused_at)
        parents = (job_id, self._open(db, job_id, position))
        rows = [row_of_run(each, parents, new_id(self.now))._replace(session_id=self.session_id) for each in leftovers]
        self.repository.insert(db, rows)
        stored = self.repository.newest_schedule(db, job_id)
        assert stored is not None  # noqa: S101 - it has just been opened
        self.repository.settle_schedule(db, stored, self.now, self.session_id)

    def _open(self, db: sqlite3.Connection, job_id: int, position: Position) -> int:
        """A schedule of this leadership, which decides from the pending slot on."""
        trigger = (position.trigger_id, position.spec)
        return self.repository.open_schedule(
            db, job_id, position.first, trigger, position.zone, self.fence, position.pending
        )


def _registration(actor_id: str, entry: ScheduleEntry) -> ScheduledJobRegistration:
    every = entry.interval_seconds
    return ScheduledJobRegistration(
        app_key=actor_id,
        instance_index=0,
        job_name=entry.name,
        handler_method=_handler(entry),
        trigger_type="cron" if every is None else "interval",
        trigger_label="cron" if every is None else "every",
        trigger_detail=entry.cron if every is None else f"{every:g}s",
        trigger_id=entry.trigger_id,
        mode=entry.mode,
        misfire=entry.misfire,
    )


def _handler(entry: ScheduleEntry) -> str:
    """What the entry dispatches, as the ledger shows it."""
    if entry.dispatch_type == "task":
        return f"task {(entry.task_config or {}).get('worker_type', '')}"
    return "goal"


def _of_position(actor_id: str, name: str, position: Position) -> ScheduledJobRegistration:
    return ScheduledJobRegistration(
        app_key=actor_id,
        instance_index=0,
        job_name=name,
        handler_method="",
        trigger_type="interval" if position.trigger_id.startswith("every") else "cron",
        trigger_id=position.trigger_id,
    )

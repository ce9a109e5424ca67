"""What is to come of the jobs of a ledger, as far as it can be told without their program."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from duly.core.clock import NEVER, Zone
from duly.core.trigger import Chain
from duly.ledger.jobs import CHAIN_ENDED, JobSchedule, StoredJob, schedules
from duly.triggers.clock_changes import named_zone
from duly.triggers.spec import chain_from_spec

_CUSTOM = "a trigger of its own, which only its program can ask"


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The coming slots of one job."""

    job: StoredJob
    schedule: JobSchedule | None
    """The one that goes on; ``None``: nothing comes any more."""
    chain: Chain | None
    """``None``: nothing comes any more, or it is ``unknown``."""
    unknown: str | None = None
    """Why the ledger does not know the slots behind the next."""

    def slots(self, moment: int) -> Iterator[int]:
        """Those later than ``moment``, nanoseconds; where they are unknown, at most the next."""
        schedule = self.schedule
        if schedule is None or schedule.first_ts == CHAIN_ENDED:
            return
        slot: int | None
        if self.chain is None:
            slot = schedule.first_undecided(None)
            if moment < slot < NEVER:
                yield slot
            return
        slot = schedule.first_ts
        if slot <= moment:
            slot = self.chain.next(slot, moment)
        while slot is not None:
            yield slot
            slot = self.chain.next(slot, slot)


def newest_chain(db: sqlite3.Connection, job: StoredJob) -> tuple[Chain | None, Zone]:
    """The chain by which a job goes, or went last, and its zone; ``None``: only its program can ask its trigger."""
    newest = _newest(db, job)
    if newest is None:
        return None, None
    chain, _ = rebuilt(newest)
    return chain, named_zone(chain, newest.timezone)


def rebuilt(schedule: JobSchedule) -> tuple[Chain | None, str | None]:
    """The chain of a stored schedule, or why it is not at hand."""
    if schedule.trigger_spec is None:
        return None, _CUSTOM
    try:
        return chain_from_spec(schedule.trigger_spec), None
    except ValueError as error:
        return None, str(error)


def upcoming(db: sqlite3.Connection, job: StoredJob) -> Upcoming:
    """What is to come of a job. Jobs that have reached their ``max_runs`` are not known as such."""
    newest = _newest(db, job)
    if newest is None or newest.ended_at is not None or job.state != "live":
        return Upcoming(job, None, None)
    return Upcoming(job, newest, *rebuilt(newest))


def _newest(db: sqlite3.Connection, job: StoredJob) -> JobSchedule | None:
    return next(reversed(schedules(db, job.id)), None)

"""What is to come of the jobs of a ledger, as far as it can be told without their program."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from duly.core.clock import NEVER, Zone
from duly.core.trigger import Chain
from duly.ledger.jobs import JobSchedule, StoredJob, first_undecided, schedules
from duly.triggers.clock_changes import zone_of
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
        if schedule is None:
            return
        slot: int | None
        if self.chain is None:
            slot = first_undecided(schedule.first_ts, schedule.open_ts, schedule.highest, lambda _: NEVER)
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
    newest = next(reversed(schedules(db, job.id)), None)
    if newest is None:
        return None, None
    chain = chain_of(newest)
    own = newest.timezone if chain is None else zone_of(chain, newest.timezone)
    return chain, "UTC" if isinstance(own, int) else own


def chain_of(schedule: JobSchedule) -> Chain | None:
    """The chain of a stored schedule; ``None``: only its program can ask its trigger, or it cannot be rebuilt."""
    try:
        return None if schedule.trigger_spec is None else chain_from_spec(schedule.trigger_spec)
    except ValueError:
        return None


def upcoming(db: sqlite3.Connection, job: StoredJob) -> Upcoming:
    """What is to come of a job. Jobs that have reached their ``max_runs`` are not known as such."""
    newest = next(reversed(schedules(db, job.id)), None)
    if newest is None or newest.ended_at is not None or job.state != "live":
        return Upcoming(job, None, None)
    if newest.trigger_spec is None:
        return Upcoming(job, newest, None, _CUSTOM)
    try:
        return Upcoming(job, newest, chain_from_spec(newest.trigger_spec))
    except ValueError as error:
        return Upcoming(job, newest, None, str(error))

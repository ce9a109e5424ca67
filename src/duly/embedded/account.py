"""What a scheduler tells of itself: whether the ledger of a job adds up, and how its threads are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from duly.core.clock import NEVER, Zone
from duly.core.outcomes import Outcome
from duly.core.trigger import Count
from duly.embedded.job import LiveJob, moment


@dataclass(frozen=True, slots=True)
class Account:
    """The conservation law for one job, from its first slot up to, not including, ``until``."""

    job_id: str
    until: datetime | None
    """The first slot that is not decided yet; ``None``: all are, nothing more is due."""
    overdue: int
    """Slots from ``until`` to now, which nobody has decided yet: the job is busy or paused, the first of them waits for
    its jitter, or the scheduler does not run, or is just about to decide. They are no part of the balance."""
    expected: int | None
    """Slots that the trigger says there have been; ``None``: it cannot count."""
    outcomes: Mapping[Outcome, int]
    """Slots that have ended, by outcome."""
    in_flight: int
    """Slots that run, wait their turn, or wait for a retry."""

    @property
    def recorded(self) -> int:
        """Slots that have ended."""
        return sum(self.outcomes.values())

    @property
    def adds_up(self) -> bool:
        """Every slot is accounted for, once; also if nobody can tell how many there were."""
        return self.expected is None or self.expected == self.recorded + self.in_flight


@dataclass(frozen=True, slots=True)
class Health:
    """How a scheduler is."""

    running: bool
    errors: tuple[str, ...]
    """The last errors of the driver itself; empty in a healthy scheduler."""
    jobs: int
    """Those that have not ended."""
    in_flight: int
    """Runs handed out and not ended: running, waiting for a worker, or for a retry."""
    next_wakeup: datetime | None
    """When the driver has something to do next."""
    unwritten: int = 0
    """Records that are not in the ledger file yet; 0 without one."""
    lost: int = 0
    """Records that could not be written, since the scheduler was made."""


def account_of(job: LiveJob, now: int, zone: Zone) -> Account:
    """Count the slots of a job anew, from its trigger alone. The caller holds the lock."""
    expected = None
    if job.chain.count is not None:
        expected = _count(job.chain.count, job.first, job.pending - 1)
    pending = None if job.pending == NEVER else moment(job.pending, zone)
    overdue = 0
    if job.ended is None and job.pending <= now:
        overdue = 1 if job.chain.count is None else _count(job.chain.count, job.pending, now)
    outcomes = MappingProxyType(dict(job.tally.outcomes) if job.tally else {})
    in_flight = len(job.waiting) + sum(run.slot is not None for run in job.active)
    return Account(job.key, pending, overdue, expected, outcomes, in_flight)


def _count(count: Count, first: int, until: int) -> int:
    return 1 + count(first, until)[0] if first <= until else 0

"""What a scheduler tells of itself: whether the ledger of a job adds up, and how its threads are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from duly.core.outcomes import Outcome
from duly.embedded.job import LiveJob


@dataclass(frozen=True, slots=True)
class Account:
    """The conservation law for one job, from its first slot up to now."""

    job_id: str
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


def account_of(job: LiveJob) -> Account:
    """Count the slots of a job anew, from its trigger alone. The caller holds the lock."""
    count = job.chain.count
    expected = None
    if count is not None:
        expected = 1 + count(job.first, job.pending - 1)[0] if job.first < job.pending else 0
    outcomes = dict(job.tally.outcomes) if job.tally else {}
    in_flight = len(job.waiting) + sum(run.slot is not None for run in job.active)
    return Account(job.key, expected, MappingProxyType(outcomes), in_flight)

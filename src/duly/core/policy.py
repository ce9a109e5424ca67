"""What a job wants to happen when its slots overlap, come late, or fail."""

from dataclasses import dataclass
from enum import StrEnum

from duly.core.clock import SECOND


class Mode(StrEnum):
    """What becomes of a slot that comes due while its job is busy."""

    SINGLE = "single"
    """It is skipped."""
    RESTART = "restart"
    """The run is cancelled; the newest slot starts once it has ended."""
    QUEUED = "queued"
    """It waits its turn."""
    PARALLEL = "parallel"
    """It starts beside."""


class Misfire(StrEnum):
    """What becomes of due slots that are found together, late."""

    SKIP = "skip"
    """One runs if it is within the grace; the others are missed."""
    RUN_ONCE = "run_once"
    """The oldest runs, however late; the others are missed."""
    RUN_ALL = "run_all"
    """The newest ``max_catch_up`` run, oldest first, one after the other; the others are missed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Options of a job that the engine reads. Times are nanoseconds; one object may serve many jobs."""

    mode: Mode = Mode.SINGLE
    misfire: Misfire = Misfire.RUN_ONCE
    grace: int = 5 * SECOND
    """How late a slot may run under ``Misfire.SKIP``, measured from its ``fire_at``."""
    jitter: int = 0
    """Upper bound of the offset from a slot to its ``fire_at``."""
    retries: int = 0
    retry_delay: int = SECOND
    retry_backoff: float = 2.0
    max_runs: int | None = None
    """Successful runs after which the job has ended; ``None``: unlimited."""
    max_waiting: int = 10
    max_catch_up: int = 100

    def delay_before_retry(self, retry: int) -> int:
        """Nanoseconds to wait before the ``retry``-th retry (the first is 1): at most an hour."""
        try:
            return min(int(self.retry_delay * self.retry_backoff ** (retry - 1)), _LONGEST_RETRY_DELAY)
        except OverflowError:
            return _LONGEST_RETRY_DELAY


_LONGEST_RETRY_DELAY = 3600 * SECOND

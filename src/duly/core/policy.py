"""What a job wants to happen when its slots overlap, come late, or fail."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias, get_args

from duly.core.arguments import is_number, is_whole, member
from duly.core.clock import SECOND

ModeName: TypeAlias = Literal["single", "restart", "queued", "parallel"]
MisfireName: TypeAlias = Literal["skip", "run_once", "run_all"]
IfExists: TypeAlias = Literal["error", "skip", "replace"]


GRACE: Final = 5 * SECOND
"""How late a slot may run under ``Misfire.SKIP``, unless said otherwise."""


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
    grace: int = GRACE
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


def checked_policy(
    *,
    mode: ModeName,
    misfire: MisfireName,
    jitter: float | None,
    retries: int,
    retry_delay: float,
    retry_backoff: float,
    max_runs: int | None = None,
    grace: int = GRACE,
) -> Policy:
    """The policy of options as users give them: times in seconds, but for ``grace``.

    Raises:
        ValueError: one is out of its range; the message names it and the value.
    """
    if jitter is not None and not is_number(jitter, least=0):
        raise ValueError(f"jitter must be non-negative seconds, or None, got {jitter!r}")
    if not (is_whole(retries) and retries >= 0):
        raise ValueError(f"retries must be a whole number of at least 0, got {retries!r}")
    if not is_number(retry_delay, least=0):
        raise ValueError(f"retry_delay must be non-negative seconds, got {retry_delay!r}")
    if not is_number(retry_backoff, above=0):
        raise ValueError(f"retry_backoff must be a positive number, got {retry_backoff!r}")
    return Policy(
        mode=member(Mode, "mode", mode),
        misfire=member(Misfire, "misfire", misfire),
        grace=grace,
        jitter=round((jitter or 0) * SECOND),
        retries=retries,
        retry_delay=round(retry_delay * SECOND),
        retry_backoff=float(retry_backoff),
        max_runs=max_runs,
    )


def checked_if_exists(value: str) -> None:
    """Refuse a word that does not say what becomes of a name that is taken.

    Raises:
        ValueError: it is none of ``IfExists``.
    """
    if value not in get_args(IfExists):
        known = ", ".join(map(repr, get_args(IfExists)))
        raise ValueError(f"if_exists must be one of {known}, got {value!r}")

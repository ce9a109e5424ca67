"""The options of ``schedule``, checked and turned into what the engine reads.

Equal options share one object: a hundred thousand jobs with the same options hold it once, and registering them checks
it once.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from duly.core.arguments import is_number, is_text, is_whole
from duly.core.clock import SECOND
from duly.core.policy import IfExists, MisfireName, ModeName, Policy, checked_if_exists, checked_policy


@dataclass(frozen=True, slots=True)
class Options:
    """How a job is run. ``timeout`` and the field of that name are nanoseconds; ``None``: no limit, no group."""

    policy: Policy
    timeout: int | None
    group: str | None
    awaited: bool
    """What a call gives is awaited on the scheduler's loop: the callable is ``async``, or the job is sent away."""


@lru_cache(maxsize=512, typed=True)
def options_of(  # noqa: PLR0917 - lru_cache is fastest with positional arguments
    max_runs: int | None,
    timeout: float | None,
    jitter: float | None,
    mode: ModeName,
    misfire: MisfireName,
    retries: int,
    retry_delay: float,
    retry_backoff: float,
    group: str | None,
    awaited: bool,  # noqa: FBT001 - as above
    if_exists: IfExists,
) -> Options:
    """Check options as ``Scheduler.schedule`` takes them; times are seconds, and ``if_exists`` is only checked.

    Raises:
        ValueError: one is out of its range; the message names it and the value.
    """
    if max_runs is not None and not (is_whole(max_runs) and max_runs >= 1):
        raise ValueError(f"max_runs must be a whole number of at least 1, or None, got {max_runs!r}")
    if timeout is not None and not is_number(timeout, above=0):
        raise ValueError(f"timeout must be a positive number of seconds, or None, got {timeout!r}")
    checked_if_exists(if_exists)
    if group is not None and not is_text(group):
        raise ValueError(f"group must be a text that is not empty, or None, got {group!r}")
    policy = checked_policy(
        mode=mode,
        misfire=misfire,
        jitter=jitter,
        retries=retries,
        retry_delay=retry_delay,
        retry_backoff=retry_backoff,
        max_runs=max_runs,
    )
    limit = None if timeout is None else max(round(timeout * SECOND), 1)
    return Options(policy=policy, timeout=limit, group=group, awaited=awaited)


def checked_options(*wanted: Any) -> Options:  # noqa: ANN401 - what a caller gave, not checked yet
    """As ``options_of``, also where one of the values cannot be looked up: that one is wrong, and the error says so."""
    try:
        return options_of(*wanted)
    except TypeError:
        return options_of.__wrapped__(*wanted)

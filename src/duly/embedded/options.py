"""The options of ``schedule``, checked and turned into what the engine reads.

Equal options share one object: a hundred thousand jobs with the same options hold it once, and registering them checks
it once.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal, TypeAlias, TypeVar

from duly.core.clock import SECOND
from duly.core.policy import Misfire, Mode, Policy

ModeName: TypeAlias = Literal["single", "restart", "queued", "parallel"]
MisfireName: TypeAlias = Literal["skip", "run_once", "run_all"]
IfExists: TypeAlias = Literal["error", "skip", "replace"]

EnumT = TypeVar("EnumT", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Options:
    """How a job is run. ``timeout`` and the field of that name are nanoseconds; ``None``: no limit, no group."""

    policy: Policy
    timeout: int | None
    group: str | None
    awaited: bool
    """The callable is ``async`` and runs on the scheduler's loop."""


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
    if jitter is not None and not is_number(jitter, least=0):
        raise ValueError(f"jitter must be non-negative seconds, or None, got {jitter!r}")
    if not (is_whole(retries) and retries >= 0):
        raise ValueError(f"retries must be a whole number of at least 0, got {retries!r}")
    if not is_number(retry_delay, least=0):
        raise ValueError(f"retry_delay must be non-negative seconds, got {retry_delay!r}")
    if not is_number(retry_backoff, above=0):
        raise ValueError(f"retry_backoff must be a positive number, got {retry_backoff!r}")
    if if_exists not in {"error", "skip", "replace"}:
        raise ValueError(f"if_exists must be one of 'error', 'skip', 'replace', got {if_exists!r}")
    if group is not None and not is_text(group):
        raise ValueError(f"group must be a text that is not empty, or None, got {group!r}")
    policy = Policy(
        mode=member(Mode, "mode", mode),
        misfire=member(Misfire, "misfire", misfire),
        jitter=round((jitter or 0) * SECOND),
        retries=retries,
        retry_delay=round(retry_delay * SECOND),
        retry_backoff=float(retry_backoff),
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


def member(enum: type[EnumT], what: str, value: str) -> EnumT:
    """The member of ``enum`` with this value.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    try:
        return enum(value)
    except ValueError:
        known = ", ".join(repr(each.value) for each in enum)
        raise ValueError(f"{what} must be one of {known}, got {value!r}") from None


def is_text(value: object) -> bool:
    """Whether it is a ``str`` that is not empty."""
    return isinstance(value, str) and bool(value)


def is_whole(value: object) -> bool:
    """Whether it is an ``int``, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


_MOST = 1e10
"""Seconds, some 300 years: what is longer is a mistake, and beyond what a clock can show."""


def is_number(value: object, *, least: float = -math.inf, above: float = -math.inf) -> bool:
    """Whether it is a finite number of seconds that makes sense."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return least <= value <= _MOST and value > above

"""A job: as the scheduler keeps it, and as users see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from duly.core.clock import NEVER, Zone, zoned
from duly.core.decisions import Arming, Run
from duly.core.outcomes import Outcome
from duly.core.trigger import Chain, TriggerProtocol
from duly.embedded.options import Options

if TYPE_CHECKING:
    from duly.core.run_executor import RunExecutor
    from duly.embedded.page import Page

JobFunction: TypeAlias = Callable[..., Any]


class JobStatus(StrEnum):
    """Where a job stands. A recurring job between two runs is ``PENDING``."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    """Nothing more is due, and the last outcome is a success."""
    FAILED = "failed"
    """Nothing more is due, and the last outcome is any other."""
    CANCELLED = "cancelled"
    """By the user. A run in flight may still go on to its end."""
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Job:
    """A job at one moment: a snapshot, which never changes. All times are aware, in the scheduler's zone."""

    id: str
    name: str
    func: JobFunction
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    trigger: TriggerProtocol
    status: JobStatus
    created_at: datetime
    last_run: datetime | None
    """When the last execution began, runs by hand included."""
    next_run: datetime | None
    """Nominal time of the next slot; ``None``: nothing more is due."""
    run_count: int
    """Successful executions, runs by hand included."""
    max_runs: int | None
    result: Any
    """What the last successful execution returned."""
    error: str | None
    """Message of the last failure; cleared by the next success."""
    traceback: str | None
    group: str | None
    attempts: int
    """Executions begun, retries and runs by hand included."""
    last_outcome: Outcome | None
    last_duration_ms: float | None
    skipped: int
    """Slots."""
    missed: int
    """Slots."""
    outcomes: Mapping[Outcome, int]
    """Slots by how they ended. Their sum is what the ledger has of this job."""


class Tally:
    """What has become of a job so far. Guarded by the scheduler's lock."""

    __slots__ = (
        "attempts",
        "error",
        "last_duration",
        "last_outcome",
        "last_run",
        "outcomes",
        "result",
        "traceback",
        "trigger_error",
    )

    def __init__(self) -> None:
        self.attempts = 0
        """Those that have ended."""
        self.last_run: int | None = None
        self.last_duration: int | None = None
        self.last_outcome: Outcome | None = None
        self.result: Any = None
        self.error: str | None = None
        self.traceback: str | None = None
        self.trigger_error: str | None = None
        """Why nothing more is due, if the trigger raised."""
        self.outcomes: dict[Outcome, int] = {}

    def count(self, outcome: Outcome, slots: int) -> None:
        """Account for slots that have ended."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + slots


class LiveJob(Arming):
    """A job inside the scheduler: what the engine knows of it, and beside it what to call. Guarded by its lock."""

    __slots__ = ("args", "created_at", "ended", "first", "func", "kwargs", "options", "page", "tally", "trigger")

    def __init__(self, key: str, chain: Chain, options: Options, func: JobFunction, trigger: TriggerProtocol) -> None:
        Arming.__init__(self, key, chain, options.policy)  # super() costs a tenth of registering a job
        self.func = func
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] | None = None
        self.trigger = trigger
        self.options = options
        self.created_at = 0
        self.first = NEVER
        """The slot with which its chain began."""
        self.tally: Tally | None = None
        """``None`` until there is something to tell."""
        self.page: Page | None = None
        """What a ledger file knows of it; ``None`` without one."""
        self.ended: JobStatus | None = None
        """How it ended; ``None`` while it lives."""

    @property
    def name(self) -> str:
        """Its name: the id is made from it."""
        return self.key[len(ID_PREFIX) :]

    def first_slot(self, now: int) -> int:
        """The slot with which its chain begins.

        Raises:
            ValueError: there is none.
        """
        first = self.chain.first(now)
        if first is None:
            raise ValueError(f"nothing is ever due by the trigger {self.trigger!r}: give one that has a run to come")
        return first

    @property
    def executor(self) -> RunExecutor | None:
        """What carries out its runs elsewhere; ``None``: they are carried out here."""
        return None

    def call(self, run: LiveRun) -> Any:  # noqa: ANN401, ARG002 - whatever the user's function returns; see AwayJob
        """Carry out an attempt: of a job with ``options.awaited`` this gives what is to be awaited."""
        kwargs = self.kwargs
        return self.func(*self.args) if kwargs is None else self.func(*self.args, **kwargs)

    def tallied(self) -> Tally:
        """Its tally, made now if there was none."""
        tally = self.tally
        if tally is None:
            self.tally = tally = Tally()
        return tally

    def status(self) -> JobStatus:
        """Where it stands now."""
        if self.ended is not None:
            return self.ended if self.ended is JobStatus.CANCELLED else self.status_of_last_outcome() or self.ended
        if any(run.started is not None for run in self.active):
            return JobStatus.RUNNING
        return JobStatus.PAUSED if self.paused else JobStatus.PENDING

    def status_of_last_outcome(self) -> JobStatus | None:
        """``COMPLETED`` or ``FAILED`` by its last outcome; ``None`` if it has none."""
        tally = self.tally
        if tally is None or tally.last_outcome is None:
            return None
        well = tally.last_outcome is Outcome.SUCCESS and tally.trigger_error is None
        return JobStatus.COMPLETED if well else JobStatus.FAILED


LiveRun: TypeAlias = Run[LiveJob]

ID_PREFIX = "job_"

_NOTHING = Tally()


def snapshot(job: LiveJob, zone: Zone) -> Job:
    """Take a picture of a job. The caller holds the lock."""
    tally = job.tally or _NOTHING
    running = [run.started for run in job.active if run.started is not None]
    last_run = max(running, default=tally.last_run)
    return Job(
        id=job.key,
        name=job.name,
        func=job.func,
        args=job.args,
        kwargs=MappingProxyType(job.kwargs or {}),
        trigger=job.trigger,
        status=job.status(),
        created_at=moment(job.created_at, zone),
        last_run=None if last_run is None else moment(last_run, zone),
        next_run=None if job.ended or job.pending == NEVER else moment(job.pending, zone),
        run_count=job.successes,
        max_runs=job.policy.max_runs,
        result=tally.result,
        error=tally.trigger_error or tally.error,
        traceback=tally.traceback,
        group=job.options.group,
        attempts=tally.attempts + len(running),
        last_outcome=tally.last_outcome,
        last_duration_ms=None if tally.last_duration is None else tally.last_duration / 1e6,
        skipped=tally.outcomes.get(Outcome.SKIPPED, 0),
        missed=tally.outcomes.get(Outcome.MISSED, 0),
        outcomes=MappingProxyType(dict(tally.outcomes)),
    )


def load_zoneinfo(zone: Zone) -> None:
    """Import what ``moment`` needs: a child forked while the driver did would have it half imported."""
    moment(0, zone)


def moment(nanoseconds: int, zone: Zone) -> datetime:
    """Nanoseconds since the epoch as an aware ``datetime``, cut to microseconds."""
    return zoned(nanoseconds, zone).to_stdlib()


def differences(old: LiveJob, new: LiveJob) -> list[str]:
    """Names of the options in which two jobs differ; triggers count as equal if their ids are."""
    pairs = {
        "func": (old.func, new.func),
        "trigger": (old.trigger.trigger_id(), new.trigger.trigger_id()),
        "args": (old.args, new.args),
        "kwargs": (old.kwargs, new.kwargs),
        "group": (old.options.group, new.options.group),
        "timeout": (old.options.timeout, new.options.timeout),
        "executor": (old.executor, new.executor),
    }
    pairs |= {name: (getattr(old.policy, name), getattr(new.policy, name)) for name in _POLICY_OPTIONS}
    return [name for name, (before, after) in pairs.items() if before != after]


_POLICY_OPTIONS = ("jitter", "mode", "misfire", "retries", "retry_delay", "retry_backoff", "max_runs")

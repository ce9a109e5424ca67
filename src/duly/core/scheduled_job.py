"""A job of the apps' scheduler, as its users hold it: what to call, when, and how it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from whenever import ZonedDateTime

from duly.core.arguments import callable_name, is_number, is_same_callable
from duly.core.clock import nanoseconds, zoned
from duly.core.policy import GRACE, MisfireName, ModeName, Policy, checked_policy
from duly.core.run_executor import RunExecutor, check_executor
from duly.core.trigger import TriggerProtocol

JobCallable: TypeAlias = Callable[..., Any]
"""Any callable, sync or async. Sync ones run in a worker thread, never on the event loop."""
SchedulerErrorHandlerType: TypeAlias = Callable[[Any], Any]
"""Takes one ``SchedulerErrorContext``, sync or async; what it returns is ignored."""
SourceTier: TypeAlias = Literal["app", "framework"]

CONFIGURATION: Final = (
    "job",
    "trigger",
    "group",
    "jitter",
    "timeout",
    "timeout_disabled",
    "args",
    "kwargs",
    "error_handler",
    "mode",
    "misfire",
    "retries",
    "retry_delay",
    "retry_backoff",
    "executor",
)
"""The fields by which two jobs are the same, in the order in which differences are listed."""


class JobOwner(Protocol):
    """The scheduler of a job."""

    def cancel_job(self, job: ScheduledJob) -> None:
        """Have it run no more."""
        ...

    def list_jobs(self) -> list[ScheduledJob]:
        """Its live jobs."""
        ...


@dataclass(kw_only=True, slots=True, weakref_slot=True, order=True)
class ScheduledJob:
    """A job and where it stands. Owned by its scheduler, guarded by the event loop.

    ``next_run``, ``fire_at`` and ``sort_index`` show where the schedule has got to; nothing is decided by them once
    it is registered. Jobs compare by ``sort_index`` alone and hash by identity.

    Raises:
        ValueError: a ``timeout``, or an option of the policy, out of its range.
        TypeError: an ``executor`` that is none, or that cannot be told of the arguments.
    """

    sort_index: tuple[int, int] = field(init=False)
    """``fire_at`` in nanoseconds, and the identity of the object."""
    owner_id: str = field(compare=False)
    next_run: ZonedDateTime = field(compare=False)
    """Nominal time of the next slot, a whole second."""
    fire_at: ZonedDateTime = field(init=False, compare=False)
    """When it is to start, jitter included."""
    job: JobCallable = field(compare=False)
    app_key: str = field(default="", compare=False)
    instance_index: int = field(default=0, compare=False)
    trigger: TriggerProtocol | None = field(default=None, compare=False)
    """``None``: once, at ``next_run``."""
    group: str | None = field(default=None, compare=False)
    jitter: float | None = field(default=None, compare=False)
    """Upper bound in seconds of what is added to each slot."""
    timeout: float | None = field(default=None, compare=False)
    """Seconds that a run may take; ``None``: as the settings say."""
    timeout_disabled: bool = field(default=False, compare=False)
    name: str = field(default="", compare=False)
    """Unique within its scheduler; empty: made from callable and trigger."""
    name_auto: bool = field(default=False, compare=False)
    mode: ModeName = field(default="single", compare=False)
    misfire: MisfireName = field(default="run_once", compare=False)
    retries: int = field(default=0, compare=False)
    retry_delay: float = field(default=1.0, compare=False)
    retry_backoff: float = field(default=2.0, compare=False)
    executor: RunExecutor | None = field(default=None, compare=False)
    """Carries out the runs elsewhere; ``None``: the callable is called."""
    args: tuple[Any, ...] = field(default=(), compare=False)
    kwargs: dict[str, Any] = field(default_factory=dict, compare=False)
    error_handler: SchedulerErrorHandlerType | None = field(default=None, compare=False)
    db_id: int | None = field(default=None, compare=False)
    """Its row; ``None`` until it is registered."""
    source_location: str = field(default="", compare=False)
    """``file:line`` of the call that scheduled it."""
    registration_source: str = field(default="", compare=False)
    """The text of that call."""
    source_tier: SourceTier = field(default="app", compare=False)
    _scheduler: JobOwner | None = field(default=None, compare=False)
    app_error_handler_resolver: Callable[[], SchedulerErrorHandlerType | None] | None = field(
        default=None, init=False, compare=False
    )
    """Looks up the error handler of its app."""
    _dequeued: bool = field(default=False, compare=False)
    """It was cancelled, or removed with its owner."""

    def __post_init__(self) -> None:
        if self.timeout is not None and not is_number(self.timeout, above=0):
            raise ValueError(f"timeout must be a positive number of seconds, or None, got {self.timeout!r}")
        if self.timeout_disabled and self.timeout is not None:
            raise ValueError(f"Cannot specify both 'timeout' and 'timeout_disabled=True', got timeout={self.timeout!r}")
        self.policy()
        self.args = tuple(self.args)
        self.kwargs = dict(self.kwargs)
        if self.executor is not None:
            check_executor(self.executor, self.args, self.kwargs)
        if not self.name:
            self.name, self.name_auto = auto_name(self.job, self.trigger), True
        self.set_next_run(self.next_run)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"ScheduledJob(name={self.name!r}, owner_id={self.owner_id})"

    def policy(self, grace: int = GRACE) -> Policy:
        """What the engine reads of its options; ``grace`` in nanoseconds."""
        return checked_policy(
            mode=self.mode,
            misfire=self.misfire,
            jitter=self.jitter,
            retries=self.retries,
            retry_delay=self.retry_delay,
            retry_backoff=self.retry_backoff,
            grace=grace,
        )

    def mark_registered(self, db_id: int) -> None:
        """Note its row; only the first call does."""
        if self.db_id is None:
            self.db_id = db_id

    def matches(self, other: ScheduledJob) -> bool:
        """Whether both are configured the same; name, owner and where they stand are not looked at."""
        return not self.diff_fields(other)

    def diff_fields(self, other: ScheduledJob) -> list[str]:
        """Names of the fields of ``CONFIGURATION`` that differ."""
        return [name for name in CONFIGURATION if _differ(name, getattr(self, name), getattr(other, name))]

    def set_app_error_handler_resolver(self, resolver: Callable[[], SchedulerErrorHandlerType | None]) -> None:
        """Have the error handler of its app looked up by ``resolver``."""
        self.app_error_handler_resolver = resolver

    def cancel(self) -> None:
        """Have it run no more; a run in flight goes on to its end.

        Raises:
            RuntimeError: it was never added to a scheduler.
        """
        if self._scheduler is None:
            raise RuntimeError(f"job {self.name!r} is not registered with a Scheduler: pass it to add_job() first")
        self._scheduler.cancel_job(self)

    def set_next_run(self, next_run: ZonedDateTime) -> None:
        """Show ``next_run``, rounded to the second, as what is due next, without jitter."""
        self.next_run = self.fire_at = next_run.round("second")
        self.sort_index = (nanoseconds(self.fire_at), id(self))

    def show(self, slot: int, fire_at: int) -> None:
        """Show what is due next: its nominal time, and when it is to start. Nanoseconds since the epoch."""
        zone = self.next_run.tz_id
        self.next_run = zoned(slot, zone)
        self.fire_at = self.next_run if fire_at == slot else zoned(fire_at, zone)
        self.sort_index = (fire_at, id(self))


def auto_name(job: JobCallable, trigger: TriggerProtocol | None) -> str:
    """The name of a job that is given none; the same in every process."""
    base = callable_name(job)
    return base if trigger is None else f"{base}:{trigger.trigger_id()}"


def _differ(name: str, one: Any, other: Any) -> bool:  # noqa: ANN401 - of any field
    if name == "trigger" and one is not None and other is not None:
        return bool(one.trigger_id() != other.trigger_id())
    if name == "error_handler":
        return not is_same_callable(one, other)
    return bool(one != other)

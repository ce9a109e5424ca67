"""What the engine tells its driver to do, and what it keeps about a job.

A list of decisions is to be carried out in its order. About each slot of a job the first decision comes in the order
of the slots, so that, if rows and marks become durable in that order, the highest slot in the ledger tells where to go
on after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Self, TypeAlias, TypeVar

from duly.core.clock import NEVER
from duly.core.outcomes import Outcome, Reason

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    from duly.core.policy import Policy
    from duly.core.trigger import Chain

    JobT = TypeVarWithDefault("JobT", bound="Arming", default="Arming")
else:
    JobT = TypeVar("JobT")


class Cause(StrEnum):
    """Why a run begins now."""

    DUE = "due"
    WAITED = "waited"
    CATCH_UP = "catch_up"
    RETRY = "retry"
    MANUAL = "manual"


class Arming:
    """One chain of one job under one policy, from when it is added until it has ended.

    Hosts subclass it to keep what they need beside it. After ``add`` its fields belong to the engine, and so to
    whatever guards the engine: hosts read them under the same guard.
    """

    __slots__ = (
        "active",
        "chain",
        "entry",
        "fire_at",
        "gone",
        "key",
        "late_because",
        "number",
        "paused",
        "pending",
        "policy",
        "stays",
        "successes",
        "waiting",
    )

    def __init__(self, key: str, chain: Chain, policy: Policy) -> None:
        self.key = key
        self.chain = chain
        self.policy = policy
        self.number = -1
        self.entry: int | None = None
        self.pending = NEVER
        """First slot not yet decided. All before it are, none from it on; ``NEVER``: the chain is at its end."""
        self.fire_at = NEVER
        """When ``pending`` is to run, jitter included."""
        self.active: tuple[Run[Self], ...] = ()
        """Runs in flight, those between two attempts included."""
        self.waiting: tuple[int, ...] = ()
        """Slots that wait their turn, oldest first."""
        self.successes = 0
        self.paused = False
        self.gone = True
        """Not in the engine: not yet added, or ended."""
        self.stays = False
        """Whether it stays in the engine when its chain is at its end, since it may get another."""
        self.late_because: Reason | None = None
        """Why ``pending`` was late already when it was added."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r}, pending={self.pending}, gone={self.gone})"


class Run(Generic[JobT]):
    """Start this. The driver runs it and hands it back to ``settle``.

    Mutated by the engine alone, but for ``started`` and ``execution_id``.
    """

    __slots__ = (
        "attempt",
        "cancelling",
        "cause",
        "done",
        "entry",
        "execution_id",
        "final",
        "fire_at",
        "in_turn",
        "job",
        "number",
        "slot",
        "started",
    )

    def __init__(self, job: JobT, slot: int | None, fire_at: int, attempt: int, cause: Cause) -> None:
        self.job = job
        self.slot = slot
        """Nominal time; ``None``: run by hand."""
        self.fire_at = fire_at
        """When it was to begin; lateness is measured from it."""
        self.attempt = attempt
        self.cause = cause
        self.started: int | None = None
        """When the call began, set by the host that makes it."""
        self.execution_id: bytes | None = None
        """Of its row, set by whoever writes that: however often it is written, it is one row."""
        self.done = False
        self.final = True
        """False once settled with another attempt to follow: this one then counts no slot."""
        self.cancelling = False
        self.in_turn = cause is Cause.CATCH_UP
        """Slots that came late together run one after the other: the next waits until this one has ended for good."""
        self.number = -1
        self.entry: int | None = None

    def __repr__(self) -> str:
        return f"Run({self.job.key!r}, slot={self.slot}, attempt={self.attempt}, cause={self.cause.value})"


@dataclass(frozen=True, slots=True)
class Wait(Generic[JobT]):
    """The slot waits its turn: write a mark."""

    job: JobT
    slot: int


@dataclass(frozen=True, slots=True)
class Close(Generic[JobT]):
    """Slots that end without (further) run: write one row. ``first`` to ``last`` are ``count`` slots in sequence.

    ``cancelled`` without reason: the slot was due, waiting, or between two attempts when its job was removed or
    restarted.
    """

    job: JobT
    outcome: Outcome
    reason: Reason | None
    first: int
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class Cancel(Generic[JobT]):
    """Stop this run if it has not begun; with ``force`` also if it has and can be stopped. Settle it when it ended."""

    run: Run[JobT]
    force: bool


@dataclass(frozen=True, slots=True)
class Done(Generic[JobT]):
    """The job has ended by itself: nothing more is due and nothing in flight."""

    job: JobT


@dataclass(frozen=True, slots=True)
class TriggerFailed(Generic[JobT]):
    """The trigger raised: the chain ends here."""

    job: JobT
    error: BaseException


@dataclass(frozen=True, slots=True)
class TriggerLagged(Generic[JobT]):
    """The trigger gave a time not later than now, ``lag`` nanoseconds ago: one second from now is taken instead."""

    job: JobT
    lag: int


Decision: TypeAlias = (
    Run[JobT] | Wait[JobT] | Close[JobT] | Cancel[JobT] | Done[JobT] | TriggerFailed[JobT] | TriggerLagged[JobT]
)

"""A job as the engine of the apps' scheduler holds it, and the schedule that it asks of the ledger."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from duly.core.arguments import callable_name
from duly.core.clock import NEVER, SECOND, Clock, Zone, nanoseconds, round_to_second
from duly.core.decisions import Arming, Run
from duly.core.run_executor import Call
from duly.core.trigger import Chain, ProtocolChain, TriggerProtocol, chain_of
from duly.ledger.continuation import Wanted
from duly.lifecycle.callables import is_async_callable
from duly.triggers import Once
from duly.triggers.spec import spec_of

if TYPE_CHECKING:
    from duly.core.scheduled_job import ScheduledJob
    from duly.lifecycle import TaskBucket


class ArmedJob(Arming):
    """A job in the engine: what to call, and where its slots are recorded. Guarded by the event loop."""

    __slots__ = (
        "_former",
        "_function",
        "broken",
        "bucket",
        "in_thread",
        "job",
        "marks",
        "schedule_id",
        "shown",
    )

    def __init__(self, job: ScheduledJob, chain: Chain, *, schedule_id: int, bucket: TaskBucket, grace: int) -> None:
        Arming.__init__(self, f"{job.app_key}/{job.instance_index}/{job.name}", chain, job.policy(grace))
        self.job = job
        self.schedule_id = schedule_id
        self._former: tuple[tuple[int, int], ...] = ()
        """Last slot and id of the schedules that it had before, while slots of theirs are in flight."""
        self.bucket = bucket
        """Where tasks go that its runs make."""
        self.marks: dict[int, str] = {}
        """Execution ids of the slots that wait their turn."""
        self.in_thread = job.executor is None and not is_async_callable(job.job)
        self.shown = NEVER
        """The slot that the job shows as its next run."""
        self.broken = False
        """Whether its trigger has raised, and so ended its chain."""
        function = job.job
        if self.in_thread:
            function = bucket.make_async_adapter(_noting(function))
        elif not inspect.iscoroutinefunction(function):
            function = bucket.make_async_adapter(function)
        self._function: Callable[..., Any] = function

    def call_of(self, run: JobRun, clock: Clock) -> Callable[[], Awaitable[object]]:
        """What carries ``run`` out; its begin is noted, of a sync function when a worker has taken it."""
        job, function = self.job, self._function
        if self.in_thread:
            return functools.partial(function, run, clock, *job.args, **job.kwargs)
        run.started = clock.now()
        if job.executor is not None:
            call = Call(self.key, run.slot, run.attempt, callable_name(job.job), job.args, job.kwargs)
            return functools.partial(job.executor.execute, call)
        return functools.partial(function, *job.args, **job.kwargs) if job.args or job.kwargs else function

    def schedule_of(self, slot: int) -> int:
        """The schedule to which a slot belongs that is due or in flight."""
        for last, schedule_id in self._former:
            if slot <= last:
                return schedule_id
        return self.schedule_id

    def turn_to(self, chain: Chain, schedule_id: int, last: int) -> None:
        """Go on with another schedule, ``last`` being the moment at which the one before has ended."""
        self._former = (*self._former, (last, self.schedule_id)) if self.active or self.waiting else ()
        self.chain, self.schedule_id = chain, schedule_id

    def show(self) -> bool:
        """Show in the job what is due next, unless that waits for a run in flight; False if it stands there."""
        pending = self.pending
        if pending in {self.shown, NEVER} or (self.entry is None and not self.paused):
            return False
        self.shown = pending
        self.job.show(pending, self.fire_at)
        return True


JobRun: TypeAlias = Run[ArmedJob]


class WholeSeconds:
    """The chain of a user's trigger, which cannot count, rounded to whole seconds. Immutable."""

    __slots__ = ("_chain",)

    count = None

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def first(self, now: int) -> int | None:
        """The first run, rounded; what the trigger raises propagates."""
        first = self._chain.first(now)
        return None if first is None else round_to_second(first)

    def next(self, previous: int, now: int) -> int | None:
        """The next run, rounded, but not to a moment that has passed; what the trigger raises propagates."""
        slot = self._chain.next(previous, now)
        if slot is None:
            return None
        rounded, seen = round_to_second(slot), max(previous, now)
        return rounded + SECOND if rounded <= seen < slot else rounded


def chain_for(trigger: TriggerProtocol, zone: Zone) -> Chain:
    """The slots of a trigger, on whole seconds."""
    chain = chain_of(trigger, zone)
    return WholeSeconds(chain) if isinstance(chain, ProtocolChain) else chain


def trigger_of(job: ScheduledJob) -> TriggerProtocol:
    """The trigger of a job; without one it runs once, at its ``next_run``."""
    return Once(job.next_run) if job.trigger is None else job.trigger


def wanted_by(job: ScheduledJob, trigger: TriggerProtocol, zone: Zone) -> Wanted:
    """The schedule that a job asks for. What its trigger raises propagates."""
    first = nanoseconds(job.next_run)
    return Wanted(trigger.trigger_db_type(), trigger.trigger_id(), spec_of(trigger, zone), zone, first)


def _noting(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, told first of the run that calls it: it notes the begin, or does not begin any more."""

    @functools.wraps(function)
    def begin(run: JobRun, clock: Clock, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of the function
        if run.job.gone or run.cancelling:
            raise asyncio.CancelledError("its job was removed or is to begin anew")
        run.started = clock.now()
        return function(*args, **kwargs)

    return begin

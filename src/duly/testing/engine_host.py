"""Drives an engine on virtual time: runs are played, each with a duration and an outcome."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from duly.core.clock import NEVER, SECOND
from duly.core.decisions import Arming, Cancel, Close, Decision, Done, Run, Wait
from duly.core.engine import Engine
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire, Policy
from duly.core.trigger import Chain, TriggerProtocol, chain_of
from duly.testing.clock import VirtualClock
from duly.testing.ledger import Account, Row

Takes: TypeAlias = float | Sequence[float] | Callable[[Run[Any]], float]
"""Seconds that runs take: all the same, one after the other (the last for all that follow), or asked for each."""

Ends: TypeAlias = str | Sequence[str] | Callable[[Run[Any]], str]
"""Outcomes of runs, likewise; ``Outcome`` or its word."""


@dataclass(frozen=True, slots=True)
class Script:
    """How the runs of a job go. ``stoppable``: a cancelled run ends at once, as async jobs do and sync ones do not."""

    takes: Takes = 0
    ends: Ends = Outcome.SUCCESS
    stoppable: bool = True

    def seconds(self, number: int, run: Run[Any]) -> float:
        """How long the ``number``-th run of the job takes, from 0."""
        if callable(self.takes):
            return self.takes(run)
        return self.takes[min(number, len(self.takes) - 1)] if isinstance(self.takes, Sequence) else self.takes

    def outcome(self, number: int, run: Run[Any]) -> Outcome:
        """How it ends."""
        if callable(self.ends):
            return Outcome(self.ends(run))
        return Outcome(self.ends if isinstance(self.ends, str) else self.ends[min(number, len(self.ends) - 1)])


class PlayedJob(Arming):
    """A job of ``EngineHost``, and what the ledger has of it."""

    __slots__ = ("begun", "closed_at", "first", "open", "rows", "script")

    def __init__(self, key: str, chain: Chain, policy: Policy, script: Script) -> None:
        super().__init__(key, chain, policy)
        self.script = script
        self.first = NEVER
        self.begun = 0
        self.rows: list[Row] = []
        self.open: dict[int, int] = {}
        """Slots without outcome, with the number of the attempt; 0: they wait their turn."""
        self.closed_at: int | None = None

    def highest(self) -> int | None:
        """The highest slot in the ledger."""
        return max([*self.open, *(row.last for row in self.rows if row.last is not None)], default=None)

    def account(self) -> Account:
        """What there is to check."""
        return Account(self.key, self.chain, self.first, self.pending, list(self.open), self.rows, self.closed_at)


@dataclass(slots=True)
class _Flight:
    run: Run[PlayedJob]
    begun: int
    ends: int
    """By the monotonic clock."""
    outcome: Outcome


class EngineHost:
    """Owner of an engine, its jobs and their ledger; lives on a ``VirtualClock``, and in its thread."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._engine: Engine[PlayedJob] = Engine()
        self._jobs: list[PlayedJob] = []
        self._flights: list[_Flight] = []
        self.rows: list[Row] = []
        self.decisions: list[Decision[PlayedJob]] = []
        """Everything the engine has decided, in its order."""
        clock.attach(self)

    def live(self) -> list[PlayedJob]:
        """The jobs that have not ended."""
        return [job for job in self._jobs if not job.gone]

    # Commands

    def add(self, key: str, trigger: TriggerProtocol | Chain, policy: Policy, script: Script) -> None:
        """Add a job. One of that name that has ended is continued behind its slots in the ledger."""
        before = [job for job in self._jobs if job.key == key]
        if any(not job.gone for job in before):
            raise ValueError(f"a job {key!r} is there already; remove it first")
        chain = chain_of(trigger, self._clock.zone) if isinstance(trigger, TriggerProtocol) else trigger
        job = PlayedJob(key, chain, policy, script)
        after = max((slot for job in before if (slot := job.highest()) is not None), default=None)
        out = self._engine.add(job, self._clock.now(), after=after)
        job.first = job.pending
        self._jobs.append(job)
        self._carry_out(out)

    def remove(self, key: str) -> None:
        """Take a job out; its runs go on to their end."""
        job = self._job(key)
        job.closed_at = self._clock.now()
        self._carry_out(self._engine.remove(job, job.closed_at))

    def pause(self, key: str) -> None:
        """Start no further slot of a job."""
        self._carry_out(self._engine.pause(self._job(key), self._clock.now()))

    def resume(self, key: str, catch_up: Misfire) -> None:
        """Start its slots again."""
        self._carry_out(self._engine.resume(self._job(key), self._clock.now(), catch_up))

    def run_now(self, key: str) -> None:
        """Run a job beside its schedule."""
        run, out = self._engine.run_now(self._job(key), self._clock.now())
        self._carry_out([*out, run])

    def close(self) -> None:
        """Remove every job."""
        now = self._clock.now()
        for job in self.live():
            job.closed_at = now
        self._carry_out(self._engine.close(now))

    # Crash and recovery

    def lose(self) -> None:
        """The process dies: what ran is interrupted, what waited is missed, and nobody knows of the jobs any more."""
        now = self._clock.now()
        for flight in self._flights:
            if flight.run.slot is None:
                self._write(flight.run.job, _row_of_run(flight, Outcome.INTERRUPTED, 0, now))
        for job in self._jobs:
            for slot, attempt in list(job.open.items()):
                outcome, reason = (Outcome.INTERRUPTED, None) if attempt else (Outcome.MISSED, Reason.DOWN)
                self._write(job, Row(job.key, slot, slot, 1, outcome, reason, attempt))
            job.open.clear()
        self._flights.clear()
        self._engine = Engine()

    def recover(self) -> None:
        """The program starts anew: each job goes on behind its highest slot in the ledger, and is not paused."""
        for number, job in enumerate(self._jobs):
            if not job.gone:
                self._jobs[number] = self._anew(job)

    def _anew(self, lost: PlayedJob) -> PlayedJob:
        job = PlayedJob(lost.key, lost.chain, lost.policy, lost.script)
        job.first, job.begun, job.rows, job.successes = lost.first, lost.begun, lost.rows, lost.successes
        highest = lost.highest()
        pending = job.first if highest is None else job.chain.next(highest, highest)
        limit = job.policy.max_runs
        if pending is None or (limit is not None and job.successes >= limit):
            job.pending = NEVER if pending is None else pending
        else:
            self._carry_out(self._engine.add(job, self._clock.now(), pending=pending))
        return job

    # As a host on virtual time

    def next_event(self) -> int | None:
        """When a slot comes due, or a run ends."""
        wakeup = self._engine.next_wakeup()
        if not self._flights:
            return wakeup
        earliest = min(flight.ends for flight in self._flights)
        end = self._clock.now() + earliest - self._clock.monotonic()
        return end if wakeup is None else min(wakeup, end)

    def turn(self, now: int, why: Reason) -> None:
        """End the runs whose time is over, then decide what is due."""
        self._end_runs(now)
        self._carry_out(self._engine.tick(now, why))

    def stepped(self, delta: int) -> None:
        """Tell the engine."""
        self._engine.step(delta)

    # Carrying out

    def _carry_out(self, decisions: Sequence[Decision[PlayedJob]]) -> None:
        self.decisions += decisions
        for decision in decisions:
            match decision:
                case Run():
                    self._begin(decision)
                case Wait(job=job, slot=slot):
                    job.open[slot] = 0
                case Close(job=job):
                    job.open.pop(decision.first, None)
                    row = Row(job.key, decision.first, decision.last, decision.count, decision.outcome, decision.reason)
                    self._write(job, row)
                case Cancel(run=run, force=True) if run.job.script.stoppable:
                    self._cut_short(run)
                case Done(job=job):
                    job.closed_at = self._clock.now()
                case _:
                    pass

    def _begin(self, run: Run[PlayedJob]) -> None:
        job, clock = run.job, self._clock
        run.started = clock.now()
        seconds, outcome = job.script.seconds(job.begun, run), job.script.outcome(job.begun, run)
        job.begun += 1
        if run.slot is not None:
            job.open[run.slot] = run.attempt
        self._flights.append(_Flight(run, clock.now(), clock.monotonic() + round(seconds * SECOND), outcome))

    def _cut_short(self, run: Run[PlayedJob]) -> None:
        for flight in self._flights:
            if flight.run is run:
                flight.ends, flight.outcome = self._clock.monotonic(), Outcome.CANCELLED

    def _end_runs(self, now: int) -> None:
        while over := [flight for flight in self._flights if flight.ends <= self._clock.monotonic()]:
            flight = min(over, key=lambda flight: flight.ends)
            self._flights.remove(flight)
            run = flight.run
            out = self._engine.settle(run, flight.outcome, now)
            settles_slot = run.final and run.slot is not None
            if settles_slot and run.slot is not None:
                del run.job.open[run.slot]
            self._write(run.job, _row_of_run(flight, flight.outcome, int(settles_slot), now))
            self._carry_out(out)

    def _write(self, job: PlayedJob, row: Row) -> None:
        self.rows.append(row)
        job.rows.append(row)

    # Checking

    def accounts(self) -> Iterator[Account]:
        """What there is to check about every job that ever was."""
        return (job.account() for job in self._jobs)

    def _job(self, key: str) -> PlayedJob:
        for job in self.live():
            if job.key == key:
                return job
        raise ValueError(f"no job {key!r}; there are {[job.key for job in self.live()]}")


def _row_of_run(flight: _Flight, outcome: Outcome, count: int, now: int) -> Row:
    run = flight.run
    return Row(run.job.key, run.slot, run.slot, count, outcome, None, run.attempt, flight.begun, now)

"""The engine: what is due, what is skipped, what is missed. A state machine, driven from outside.

A host *adds* jobs, *ticks* when ``next_wakeup`` says so, carries the decisions out, and *settles* every run it was
given. The engine reads no clock: ``now`` comes in with each call, and the same calls give the same decisions.

The law it keeps: after every call, the slots decided and those in flight are a prefix of the job's chain, and
``Arming.pending`` is the first slot behind it. So the number of chain elements before ``pending`` is the number of
slots accounted for. Jitter, retries, pauses and clock steps change how and when slots are decided, never which exist.

How the reason of a slot that does not run is found:

* it passed, by its nominal time, before the ``fire_at`` of the slot before it: skipped, *overlap*;
* it was to fire while its job was busy in mode ``single``, or nominally passed behind such a slot before the job was
  idle again: skipped, *overlap*. Busy wins over paused;
* it was to fire while its job was paused, or passed behind such a slot: skipped, *paused*;
* otherwise the engine was asked too late, and the misfire policy decides: what it does not run is missed, for the
  reason that the driver gives.
"""

import zlib
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from duly.core.clock import NEVER, SECOND
from duly.core.decisions import (
    Cancel,
    Cause,
    Close,
    Decision,
    Done,
    JobT,
    Run,
    TriggerFailed,
    TriggerLagged,
    Wait,
)
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire, Mode
from duly.core.timer import Timer
from duly.core.trigger import NO_SLOTS

AnswerT = TypeVar("AnswerT")

# Python 3.11 takes longer to read a member from its class than for all else in a comparison.
_SINGLE, _PARALLEL = Mode.SINGLE, Mode.PARALLEL
_SKIP, _RUN_ALL = Misfire.SKIP, Misfire.RUN_ALL
_DUE, _SUCCESS = Cause.DUE, Outcome.SUCCESS


class Engine(Generic[JobT]):
    """Owner of all armings and of the runs in flight. Not thread-safe: its host guards it with one lock or one loop."""

    __slots__ = ("_timer",)

    def __init__(self) -> None:
        self._timer: Timer[JobT | Run[JobT]] = Timer()

    # Commands

    def add(
        self, job: JobT, now: int, *, pending: int | None = None, after: int | None = None, why: Reason = Reason.DOWN
    ) -> list[Decision[JobT]]:
        """Arm a new job, or anew one that is ``gone``.

        ``pending`` goes on with an old chain at that slot; without it the chain begins with the trigger's first run.
        ``after`` is the last slot already in the ledger: the chain begins behind it. What is late already is decided
        by the next tick, with ``why`` as the reason for what it misses. A job that is ``paused`` stays so. What the
        trigger raises propagates, and nothing has changed then.
        """
        chain = job.chain
        first = chain.first(now) if pending is None else pending
        if first is not None and after is not None and first <= after:
            first = chain.next(first, after)
        job.gone = False
        self._timer.add(job)
        self._set_pending(job, first)
        job.late_because = why if job.fire_at <= now else None
        if job.pending == NEVER:
            return self._finish(job, [])
        if not job.paused:
            self._timer.arm(job, job.fire_at)
        return []

    def remove(self, job: JobT, now: int, why: Reason = Reason.STALLED) -> list[Decision[JobT]]:
        """Take a job out. What was due by now is decided; runs that have begun may go on, none follows."""
        if job.gone:
            return []
        if not job.active and not job.waiting and job.pending > now:
            self._leave(job)
            return []
        out: list[Decision[JobT]] = []
        if job.pending <= now:
            self._close_due(job, now, why, out)
        self._drop_waiting(job, None, out)
        for run in job.active:
            if not self._close_between_attempts(run, out):
                out.append(Cancel(run, force=False))
        job.active = tuple(run for run in job.active if not run.done)
        self._leave(job)
        return out

    def cut(self, job: JobT, now: int, why: Reason = Reason.STALLED) -> list[Decision[JobT]]:
        """End the chain of a job that ``stays``. What was due is decided; what runs and what waits its turn goes on.

        ``lift`` and ``add`` give it another.
        """
        out: list[Decision[JobT]] = []
        if job.gone:
            return out
        if job.paused:
            self._pass(job, now, now, Reason.PAUSED, out)
        else:
            self._catch_up_with(job, now, why, out)
            self._pass(job, now, now, Reason.OVERLAP, out)
        self._timer.disarm(job)
        job.chain = NO_SLOTS
        self._set_pending(job, None)
        return out

    def lift(self, job: JobT) -> None:
        """Take a job out undecided; ``add`` with its ``pending`` puts it back."""
        self._leave(job)

    def pause(self, job: JobT, now: int, why: Reason = Reason.STALLED) -> list[Decision[JobT]]:
        """Start no further slot of this job. What was due before is dispatched still; what waits its turn keeps it."""
        out: list[Decision[JobT]] = []
        if not job.gone and not job.paused:
            self._catch_up_with(job, now, why, out)
            job.paused = True
            self._timer.disarm(job)
        return out

    def resume(self, job: JobT, now: int, catch_up: Misfire = Misfire.SKIP) -> list[Decision[JobT]]:
        """Start again. Slots that passed are skipped, but for those that ``catch_up`` says to run.

        ``Misfire.SKIP`` runs none of them, ``RUN_ONCE`` the oldest, ``RUN_ALL`` the newest ``max_catch_up``.
        """
        out: list[Decision[JobT]] = []
        if job.gone or not job.paused:
            return out
        job.paused = False
        if self._blocked(job):
            return out
        if job.fire_at <= now:
            slot, fire_at = job.pending, job.fire_at
            if catch_up is Misfire.RUN_ONCE:
                self._follow(job, slot, now, out)
                self._launch(job, slot, fire_at, out)
            elif catch_up is Misfire.RUN_ALL:
                passed = self._newest(job, now, Reason.PAUSED, out)
                self._launch_in_turn(job, passed, fire_at, out)
            self._pass(job, now, now, Reason.PAUSED, out)
        self._start_waiting(job, now, out)
        if not self._blocked(job):
            self._rearm(job, out)
        return out

    def run_now(self, job: JobT, now: int, why: Reason = Reason.STALLED) -> tuple[Run[JobT], list[Decision[JobT]]]:
        """A run beside the schedule: it has no slot and counts none, but its job is busy meanwhile.

        The host starts it; the decisions are what was due before it.
        """
        out: list[Decision[JobT]] = []
        if not job.paused:
            self._catch_up_with(job, now, why, out)
        elif job.fire_at <= now and not self._blocked(job):
            self._pass(job, now, now, Reason.PAUSED, out)
        run = Run(job, None, now, 1, Cause.MANUAL)
        job.active += (run,)
        return run, out

    def close(self, now: int, why: Reason = Reason.STALLED) -> list[Decision[JobT]]:
        """Remove every job, as at a stop: everything up to now is decided but for the runs that have begun."""
        out: list[Decision[JobT]] = []
        for item in list(self._timer):
            if not isinstance(item, Run):
                out += self.remove(item, now, why)
        return out

    # Time

    def next_wakeup(self) -> int | None:
        """When to tick next; ``None``: not before another command."""
        return self._timer.earliest()

    def tick(
        self, now: int, why: Reason = Reason.STALLED, limit: int | None = None, until: int | None = None
    ) -> list[Decision[JobT]]:
        """Decide what is due. ``why`` is the reason for what is missed.

        With ``until`` only jobs that were to fire by then get their turn: others may be late for another reason. With
        ``limit`` it stops after the job that reaches this number of decisions; ``next_wakeup() <= now`` then tells that
        more is due.
        """
        out: list[Decision[JobT]] = []
        timer = self._timer
        bound = now if until is None else min(now, until)
        while (item := timer.pop_due(bound)) is not None:
            if isinstance(item, Run):
                timer.discard(item)
                out.append(item)
            else:
                self._due(item, now, why, out)
            if limit is not None and len(out) >= limit:
                break
        return out

    def step(self, delta: int) -> None:
        """The wall clock was stepped by ``delta``, or went on by it while the machine slept.

        Delays before retries are elapsed time and move along; slots never do.
        """
        for item in self._timer:
            if isinstance(item, Run) and item.entry is not None:
                item.fire_at += delta
                self._timer.disarm(item)
                self._timer.arm(item, item.fire_at)

    def settle(self, run: Run[JobT], outcome: Outcome, now: int) -> list[Decision[JobT]]:
        """A run has ended. Idempotent: only the first outcome counts.

        Afterwards ``run.final`` tells whether it has decided its slot, or another attempt will.
        """
        out: list[Decision[JobT]] = []
        if run.done:
            return out
        run.done = True
        job = run.job
        if outcome is _SUCCESS:
            job.successes += 1
        elif self._retry(run, outcome, now):
            return out
        active = job.active
        job.active = () if len(active) == 1 else tuple(other for other in active if other is not run)
        if job.gone:
            return out
        limit = job.policy.max_runs
        if limit is not None and job.successes >= limit and not job.active:
            return self._exhaust(job, now, out)
        if job.waiting and not job.paused:
            self._start_waiting(job, now, out)
        if job.policy.mode is not _SINGLE:
            self._finish_if_over(job, out)
        elif not job.active:
            self._unblock(job, now, out)
        return out

    # What is due

    def _due(self, job: JobT, now: int, why: Reason, out: list[Decision[JobT]]) -> None:
        """``pending`` has reached its ``fire_at``: start it, account for what it overtook, arm what follows."""
        policy, slot, fire_at = job.policy, job.pending, job.fire_at
        single = policy.mode is _SINGLE
        if single and job.active:
            return  # by a run by hand: settle accounts for it
        why = job.late_because or why
        self._follow(job, slot, now, out)
        if policy.misfire is _SKIP and now - fire_at > policy.grace:
            out.append(Close(job, Outcome.MISSED, why, slot, slot, 1))
            self._pass(job, fire_at, now, Reason.OVERLAP, out)
            self._launch_newest(job, now, why, out)
        elif policy.misfire is _RUN_ALL and job.pending <= now:
            self._launch_all(job, slot, fire_at, now, why, out)
        else:
            self._launch(job, slot, fire_at, out)
            if job.pending <= now:
                self._pass(job, fire_at, now, Reason.OVERLAP, out)
                self._pass(job, now, now, why, out)
        if not (single and job.active):
            self._rearm(job, out)

    def _launch_newest(self, job: JobT, now: int, why: Reason, out: list[Decision[JobT]]) -> None:
        """The slot that came due is beyond the grace. The newest one behind it may be within it, or yet to fire."""
        count, last = self._count(job, now, out)
        if not count:
            return
        fire_at = self._fire_at(job, last)
        if now - fire_at > job.policy.grace:
            self._pass(job, now, now, why, out)
            return
        self._pass(job, last - 1, now, why, out)
        if fire_at <= now:
            self._follow(job, last, now, out)
            self._launch(job, last, fire_at, out)

    def _launch_all(  # noqa: PLR0917 - a slot, its times and why; an object for them would cost more than it explains
        self, job: JobT, slot: int, fire_at: int, now: int, why: Reason, out: list[Decision[JobT]]
    ) -> None:
        """``slot`` came due and others passed behind it: the newest run.

        Those that passed before ``fire_at`` do not run, and take no place among the newest.
        """
        overtaken, last = self._count(job, fire_at, out)
        late, _ = self._count_behind(job, last if overtaken else slot, now, out)
        if not late:
            self._launch(job, slot, fire_at, out)
        elif late < job.policy.max_catch_up:
            self._launch_in_turn(job, [slot], fire_at, out)
        else:
            out.append(Close(job, Outcome.MISSED, why, slot, slot, 1))
        self._pass(job, fire_at, now, Reason.OVERLAP, out)
        self._launch_in_turn(job, self._newest(job, now, why, out), fire_at, out)

    def _catch_up_with(self, job: JobT, now: int, why: Reason, out: list[Decision[JobT]]) -> None:
        """Do first what a tick at ``now`` would have done for this job."""
        if job.entry is not None and job.fire_at <= now:
            self._timer.disarm(job)
            self._due(job, now, why, out)

    def _close_due(self, job: JobT, now: int, why: Reason, out: list[Decision[JobT]]) -> None:
        """Decide what is due by its nominal time of a job that leaves."""
        slot, fire_at = job.pending, job.fire_at
        why = job.late_because or why
        if self._blocked(job):
            self._pass(job, now, now, Reason.OVERLAP, out)
        elif job.paused:
            self._pass(job, now, now, Reason.PAUSED, out)
        else:
            out.append(Close(job, Outcome.CANCELLED, None, slot, slot, 1))
            self._follow(job, slot, now, out)
            self._pass(job, min(fire_at, now), now, Reason.OVERLAP, out)
            self._pass(job, now, now, why, out)

    # Overlap

    def _blocked(self, job: JobT) -> bool:
        return bool(job.active) and job.policy.mode is _SINGLE

    def _launch(self, job: JobT, slot: int, fire_at: int, out: list[Decision[JobT]]) -> None:
        """Begin with a slot that has just come due, as the mode says."""
        mode = job.policy.mode
        if mode is _PARALLEL or not (job.active or job.waiting):
            self._start(job, slot, fire_at, _DUE, out)
        elif mode is Mode.RESTART:
            self._restart(job, slot, fire_at, out)
        else:
            self._wait(job, slot, job.policy.max_waiting, out)

    def _launch_in_turn(self, job: JobT, slots: Iterable[int], fire_at: int, out: list[Decision[JobT]]) -> None:
        """Begin with slots that came late together: one after the other, whatever the mode."""
        for slot in slots:
            if job.waiting or self._turn_is_taken(job):
                self._wait(job, slot, job.policy.max_catch_up, out)
            else:
                self._start(job, slot, fire_at, Cause.CATCH_UP, out)

    def _turn_is_taken(self, job: JobT) -> bool:
        """Whether waiting slots have to wait on: in mode ``parallel`` only for a run that catches up."""
        if job.policy.mode is not _PARALLEL:
            return bool(job.active)
        return any(run.in_turn for run in job.active)

    def _start(self, job: JobT, slot: int, fire_at: int, cause: Cause, out: list[Decision[JobT]]) -> None:
        limit = job.policy.max_runs
        if limit is not None and job.successes + len(job.active) >= limit:
            out.append(Close(job, Outcome.SKIPPED, Reason.OVERLAP, slot, slot, 1))
            return
        run = Run(job, slot, fire_at, 1, cause)
        job.active += (run,)
        out.append(run)

    def _wait(self, job: JobT, slot: int, room: int, out: list[Decision[JobT]]) -> None:
        if len(job.waiting) < room:
            job.waiting += (slot,)
            out.append(Wait(job, slot))
        else:
            out.append(Close(job, Outcome.SKIPPED, Reason.OVERLAP, slot, slot, 1))

    def _restart(self, job: JobT, slot: int, fire_at: int, out: list[Decision[JobT]]) -> None:
        """The newest slot takes the place of all that wait; what runs is cancelled, once."""
        self._drop_waiting(job, Reason.OVERLAP, out)
        for run in job.active:
            if not run.cancelling and not self._close_between_attempts(run, out):
                run.cancelling = True
                out.append(Cancel(run, force=True))
        job.active = tuple(run for run in job.active if not run.done)
        if job.active:
            self._wait(job, slot, 1, out)
        else:
            self._start(job, slot, fire_at, _DUE, out)

    def _start_waiting(self, job: JobT, now: int, out: list[Decision[JobT]]) -> None:
        """Let waiting slots go on, as far as nothing in flight keeps them."""
        cause = Cause.CATCH_UP if job.policy.mode is _PARALLEL else Cause.WAITED
        while job.waiting and not self._turn_is_taken(job):
            slot, *rest = job.waiting
            job.waiting = tuple(rest)
            self._start(job, slot, now, cause, out)

    def _drop_waiting(self, job: JobT, reason: Reason | None, out: list[Decision[JobT]]) -> None:
        outcome = Outcome.CANCELLED if reason is None else reason.outcome
        out.extend(Close(job, outcome, reason, slot, slot, 1) for slot in job.waiting)
        job.waiting = ()

    def _close_between_attempts(self, run: Run[JobT], out: list[Decision[JobT]]) -> bool:
        """End a run that waits for its next attempt; False if it does not."""
        if run.entry is None or run.slot is None:
            return False
        self._timer.discard(run)
        run.done = True
        out.append(Close(run.job, Outcome.CANCELLED, None, run.slot, run.slot, 1))
        return True

    # The end of a run

    def _retry(self, run: Run[JobT], outcome: Outcome, now: int) -> bool:
        job, policy = run.job, run.job.policy
        if run.attempt > policy.retries or (outcome is not Outcome.ERROR and outcome is not Outcome.TIMED_OUT):
            return False
        if run.slot is None or run.cancelling or job.gone:
            return False
        run.final = False
        again = Run(job, run.slot, now + policy.delay_before_retry(run.attempt), run.attempt + 1, Cause.RETRY)
        again.in_turn = run.in_turn
        self._timer.add(again)
        self._timer.arm(again, again.fire_at)
        job.active = tuple(again if other is run else other for other in job.active)
        return True

    def _unblock(self, job: JobT, now: int, out: list[Decision[JobT]]) -> None:
        """Mode ``single`` is idle again: what was to fire meanwhile is skipped, with all that passed behind it."""
        if job.fire_at <= now:
            self._timer.disarm(job)
            self._pass(job, now, now, Reason.OVERLAP, out)
        if job.entry is None:
            self._rearm(job, out)

    def _exhaust(self, job: JobT, now: int, out: list[Decision[JobT]]) -> list[Decision[JobT]]:
        """``max_runs`` is reached: the chain ends, with what was due by now skipped."""
        self._drop_waiting(job, Reason.OVERLAP, out)
        paused = job.paused and job.policy.mode is not _SINGLE
        self._pass(job, now, now, Reason.PAUSED if paused else Reason.OVERLAP, out)
        return self._finish(job, out)

    def _finish_if_over(self, job: JobT, out: list[Decision[JobT]]) -> None:
        if job.pending == NEVER and not job.active and not job.waiting:
            self._finish(job, out)

    def _finish(self, job: JobT, out: list[Decision[JobT]]) -> list[Decision[JobT]]:
        if not job.stays:
            self._leave(job)
            out.append(Done(job))
        return out

    def _leave(self, job: JobT) -> None:
        job.gone = True
        self._timer.discard(job)

    # The chain

    def _pass(self, job: JobT, until: int, now: int, reason: Reason, out: list[Decision[JobT]]) -> None:
        """Close in one row what is pending up to ``until``."""
        first = job.pending
        count, last = self._count(job, until, out)
        if count:
            out.append(Close(job, reason.outcome, reason, first, last, count))
            self._follow(job, last, now, out)

    def _newest(self, job: JobT, until: int, reason: Reason, out: list[Decision[JobT]]) -> list[int]:
        """Take the newest ``max_catch_up`` slots up to ``until`` off the chain; older ones are closed in one row."""
        count, last = self._count(job, until, out)
        surplus = count - job.policy.max_catch_up
        if surplus > 0:
            self._pass(job, self._end_of_first(surplus, job, last, out), until, reason, out)
        slots = []
        while job.pending <= until:
            slots.append(job.pending)
            self._follow(job, job.pending, until, out)
        return slots

    def _end_of_first(self, wanted: int, job: JobT, last: int, out: list[Decision[JobT]]) -> int:
        """The ``wanted``-th pending slot, by bisection: a chain counts fast, but only onwards from a real slot."""
        low, high = job.pending, last
        while low < high:
            middle = (low + high) // 2
            count, slot = self._count(job, middle, out)
            if count == wanted:
                return slot
            if count < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def _count(self, job: JobT, until: int, out: list[Decision[JobT]]) -> tuple[int, int]:
        """How many slots are pending up to ``until``, and the last of them."""
        first = job.pending
        if first > until:
            return 0, first
        behind, last = self._count_behind(job, first, until, out)
        return behind + 1, last

    def _count_behind(self, job: JobT, slot: int, until: int, out: list[Decision[JobT]]) -> tuple[int, int]:
        """How many slots lie behind ``slot`` up to ``until``, and the last of them; none if the chain cannot count."""
        count = job.chain.count
        if count is None:
            return 0, slot
        return self._ask(job, count, slot, until, out) or (0, slot)

    def _follow(self, job: JobT, slot: int, now: int, out: list[Decision[JobT]]) -> None:
        """Make the slot behind ``slot`` pending. If the chain cannot count, those up to ``now`` are passed over."""
        chain = job.chain
        seen = max(slot, now) if chain.count is None else slot
        following = self._ask(job, chain.next, slot, seen, out)
        if following is not None and following <= seen:
            out.append(TriggerLagged(job, seen - following))
            following = seen + SECOND
        self._set_pending(job, following)

    def _ask(
        self, job: JobT, question: Callable[[int, int], AnswerT], slot: int, moment: int, out: list[Decision[JobT]]
    ) -> AnswerT | None:
        try:
            return question(slot, moment)
        except BaseException as error:  # noqa: BLE001 - the one place that asks a trigger, and it may be a user's
            out.append(TriggerFailed(job, error))
            job.chain = NO_SLOTS
            return None

    def _set_pending(self, job: JobT, slot: int | None) -> None:
        job.late_because = None
        if slot is None:
            job.pending = job.fire_at = NEVER
        else:
            job.pending = slot
            job.fire_at = self._fire_at(job, slot) if job.policy.jitter else slot

    def _rearm(self, job: JobT, out: list[Decision[JobT]]) -> None:
        if job.pending == NEVER:
            self._finish_if_over(job, out)
        elif not job.paused:
            self._timer.arm(job, job.fire_at)

    def _fire_at(self, job: JobT, slot: int) -> int:
        """The slot plus its jitter: a hash, so that the same slot gets the same offset everywhere."""
        return slot + (zlib.crc32(f"{job.key}/{slot}".encode()) * job.policy.jitter >> 32)

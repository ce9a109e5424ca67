"""What drives the engine for the jobs of apps.

The driver waits until something is due, takes bounded ticks, and carries out what the engine decides, in its order.
Runs go to workers, which settle them: all of it on the event loop, so that nothing needs a lock.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from duly.core.clock import NEVER, SECOND, Clock
from duly.core.decisions import Cancel, Close, Decision, Done, Run, TriggerFailed, Wait
from duly.core.engine import Engine
from duly.core.lateness import CLOCK_JUMPED, Lateness
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire
from duly.executor import ExecuteJob, Slots
from duly.lifecycle.worker_tasks import WorkerTasks
from duly.scheduler.armed_job import ArmedJob, JobRun
from duly.scheduler.by_hand import ByHand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from duly.config import SchedulerConfig
    from duly.core.scheduled_job import ScheduledJob
    from duly.executor import CommandExecutor
    from duly.executor.protocols import ErrorHandler
    from duly.lifecycle import Resource

BATCH = 128
_SHORTEST_IDLE = 0.01
"""Seconds of an idle sleep, whatever the settings say."""
_STALLED = Reason.STALLED  # Python 3.11 is slow to read it from its class


class Driver:
    """Owns the engine, its wake-up, and the runs in flight; guarded by the event loop."""

    def __init__(
        self,
        part: Resource,
        executor: CommandExecutor,
        clock: Clock,
        on_done: Callable[[ArmedJob], object],
        on_moved: Callable[[ScheduledJob], object],
    ) -> None:
        """``on_done`` is told of a job when nothing more is due; ``on_moved`` when one that follows has moved on."""
        self.clock = clock
        self.engine: Engine[ArmedJob] = Engine()
        self.workers: WorkerTasks[JobRun] = WorkerTasks(part.task_bucket, self._work, name="scheduler:worker")
        self._part = part
        self._logger = part.logger
        self._executor = executor
        self._on_done = on_done
        self._on_moved = on_moved
        self._by_hand: dict[JobRun, ByHand] = {}
        self._lateness = Lateness(clock)
        self._grace = self.grace
        self._asleep_until = 0
        self._alarm = asyncio.Event()

    @property
    def _settings(self) -> SchedulerConfig:
        return self._part.duly.config.scheduler

    @property
    def grace(self) -> int:
        """How late a slot may run under ``misfire="skip"``, in nanoseconds."""
        return round(self._settings.behind_schedule_threshold_seconds * SECOND)

    def open(self) -> None:
        """Go on with what there is: nothing has run until now."""
        self._alarm = asyncio.Event()
        self._asleep_until = 0
        self._lateness.begin(self.clock.now())
        self.workers.open()

    # --- commands ----------------------------------------------------------------------------------------------------

    def add(self, armed: ArmedJob, pending: int) -> None:
        """Take a job in, whose first slot without a row is ``pending``."""
        now = self.clock.now()
        decisions = self.engine.add(armed, now, pending=pending)
        self._show(armed)
        self.carry_out(decisions)
        self._wake_for(armed.fire_at, now)

    def remove(self, armed: ArmedJob) -> int:
        """Take a job out for good, with everything decided that was due; give the moment."""
        now = self.clock.now()
        self.carry_out(self.engine.remove(armed, now, self._why_late(armed, now)))
        return now

    def leave(self, armed: ArmedJob) -> None:
        """Take a job out that is to come back: what nobody has begun with is left to its next registration."""
        if armed.active or armed.waiting:
            self.remove(armed)
        else:
            self.engine.lift(armed)

    def cut(self, armed: ArmedJob) -> int:
        """End the slots of a job that follows something, everything decided that was due; give the moment."""
        now = self.clock.now()
        self.carry_out(self.engine.cut(armed, now, self._why_late(armed, now)))
        self._mark_handed_out(armed)
        return now

    def go_on(self, armed: ArmedJob, pending: int) -> None:
        """Go on with a job whose slots were ended, and that has been given others; ``NEVER``: it is dormant."""
        self.engine.lift(armed)
        self.add(armed, pending)

    def pause(self, armed: ArmedJob) -> int:
        """Start no further slot of a job; give the moment."""
        now = self.clock.now()
        self.carry_out(self.engine.pause(armed, now, self._why_late(armed, now)))
        self._show(armed)
        return now

    def resume(self, armed: ArmedJob, catch_up: Misfire) -> None:
        """Start its slots again."""
        now = self.clock.now()
        self.carry_out(self.engine.resume(armed, now, catch_up))
        self._show(armed)
        self._wake_for(self._earliest(), now)

    def run_now(self, armed: ArmedJob) -> asyncio.Future[object]:
        """Run a job beside its schedule; see ``ByHand`` for what the future gives."""
        by_hand, now = ByHand(), self.clock.now()
        run, decisions = self.engine.run_now(armed, now, self._why_late(armed, now))
        self._by_hand[run] = by_hand
        self.carry_out(decisions)
        self.workers.submit(run)
        return by_hand.future

    def renew_grace(self, jobs: Iterable[ArmedJob]) -> None:
        """Let a change of the settings apply to the jobs there are."""
        grace = self.grace
        if grace != self._grace:
            self._grace = grace
            for armed in jobs:
                armed.policy = replace(armed.policy, grace=grace)

    def withdraw(self) -> None:
        """Settle as cancelled what nobody has begun with."""
        for run in self.workers.withdraw():
            self._withhold(run)

    # --- turns -------------------------------------------------------------------------------------------------------

    async def turn(self) -> float:
        """Do what is due, a bounded amount of it; give the seconds to sleep until the next turn."""
        await self._executor.wait_for_room()
        self._alarm.clear()
        self._asleep_until = 0
        now = self.clock.now()
        self._look_at_clocks(now)
        earliest = self._earliest()
        if earliest <= now:
            self.carry_out(self._tick(now, earliest, BATCH))
            earliest = self._earliest()
        return self._seconds_until(earliest, now)

    async def sleep(self, seconds: float) -> None:
        """Until so many seconds have passed, or something is due earlier."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._asleep_until = self.clock.now() + round(seconds * SECOND)
        timer = asyncio.get_running_loop().call_later(seconds, self._alarm.set)
        try:
            await self._alarm.wait()
        finally:
            timer.cancel()
            self._asleep_until = 0

    def wake(self) -> None:
        """Take the next turn at once."""
        self._alarm.set()

    async def run_due(self) -> int:
        """Run what is due now, one after the other; give the number of runs."""
        now = self.clock.now()
        self._look_at_clocks(now)
        runs: list[JobRun] = []
        while (earliest := self._earliest()) <= now:
            for decision in self._tick(now, earliest, None):
                if not isinstance(decision, Run):
                    self.carry_out([decision])
                    continue
                runs.append(decision)
                if decision.slot is not None and decision.attempt == 1:
                    self._mark(decision.job, decision.slot)
        for run in runs:
            await self.workers.carry_out(run)
        return len(runs)

    def _tick(self, now: int, earliest: int, limit: int | None) -> list[Decision[ArmedJob]]:
        why, until = self._lateness.of_tick(earliest, now)
        return self.engine.tick(now, why, limit, until)

    def _seconds_until(self, earliest: int, now: int) -> float:
        settings = self._settings
        if earliest == NEVER:
            idle = min(settings.default_delay_seconds, settings.max_delay_seconds)
            return max(idle, settings.min_delay_seconds, _SHORTEST_IDLE)
        return min((earliest - now) / SECOND, settings.max_delay_seconds)

    def _earliest(self) -> int:
        earliest = self.engine.next_wakeup()
        return NEVER if earliest is None else earliest

    def _wake_for(self, moment: int, now: int) -> None:
        """See to it that the driver is awake at ``moment``, also if the clock was stepped over the end of its sleep."""
        asleep = self._asleep_until
        if asleep and not now <= asleep <= moment:
            self._logger.debug("woken for an earlier slot")
            self.wake()

    def _why_late(self, armed: ArmedJob, now: int) -> Reason:
        """Why a job that somebody acts on is late, if it is. The driver may not have looked at the clocks yet."""
        if armed.fire_at > now:
            return _STALLED
        self._look_at_clocks(now)
        return self._lateness.why(armed.fire_at)

    def _look_at_clocks(self, now: int) -> None:
        delta = self._lateness.look(now)
        if delta:
            self.engine.step(delta)
            self._logger.warning(CLOCK_JUMPED, delta / SECOND)

    # --- decisions ---------------------------------------------------------------------------------------------------

    def carry_out(self, decisions: Iterable[Decision[ArmedJob]]) -> None:
        """Do what the engine has decided, in its order. One that fails does not take those behind it along."""
        for decision in decisions:
            try:
                self._carry_out(decision)
            except Exception as error:
                self._logger.critical("a decision could not be carried out: %r", decision, exc_info=error)

    def _carry_out(self, decision: Decision[ArmedJob]) -> None:
        if isinstance(decision, Run):
            self.workers.submit(decision)
            self._show(decision.job)
        elif isinstance(decision, Close):
            self._close(decision)
        elif isinstance(decision, Wait):
            self._mark_handed_out(decision.job)
            self._mark(decision.job, decision.slot)
        elif isinstance(decision, Cancel):
            self._cancel(decision)
        elif isinstance(decision, Done):
            self._on_done(decision.job)
        elif isinstance(decision, TriggerFailed):
            self._trigger_failed(decision)
        else:
            message = "the trigger gave a time not later than now, one second from now is taken: job_id=%s lag=%.3fs"
            self._logger.warning(message, decision.job.job.db_id, decision.lag / SECOND)

    def _show(self, armed: ArmedJob) -> None:
        if armed.show():
            self._logger.debug("next: job=%s run=%s", armed.job.name, armed.job.next_run)
        if armed.stays:
            self._on_moved(armed.job)

    def _mark(self, armed: ArmedJob, slot: int) -> None:
        slots = Slots(slot, slot, schedule_id=armed.schedule_of(slot))
        armed.marks[slot] = self._executor.record_wait(armed.job, slots)

    def _mark_handed_out(self, armed: ArmedJob) -> None:
        """Mark what has been handed out and no worker has taken yet: marks and rows of a job come in their order."""
        for run in armed.active:
            slot = run.slot
            if slot is not None and run.attempt == 1 and slot not in armed.marks and self.workers.holds(run):
                self._mark(armed, slot)

    def _close(self, close: Close[ArmedJob]) -> None:
        armed, first = close.job, close.first
        self._mark_handed_out(armed)
        slots = Slots(first, close.last, close.count, armed.schedule_of(first), armed.marks.pop(first, None))
        self._executor.record_ticks(armed.job, slots, close.outcome, close.reason)
        if close.outcome is Outcome.MISSED:
            message = "missed: job_id=%s job=%s reason=%s slots=%d"
            self._logger.warning(message, armed.job.db_id, armed.job.name, close.reason, close.count)
        self._show(armed)

    def _cancel(self, cancel: Cancel[ArmedJob]) -> None:
        """End a run that has not begun, and with ``force`` also one that has; a sync function then goes on."""
        run = cancel.run
        if not self.workers.has_begun(run):
            if not cancel.force:  # else a worker ends it, when the slot that takes its place has been marked
                self._withhold(run)
        elif run.started is None or (cancel.force and not run.job.in_thread):
            self.workers.cancel(run)

    def _trigger_failed(self, failed: TriggerFailed[ArmedJob]) -> None:
        armed = failed.job
        armed.broken = True
        message = "the trigger raised, nothing more is due: job_id=%s callable=%r trigger=%r"
        job = armed.job
        self._logger.error(message, job.db_id, job.job, job.trigger, exc_info=failed.error)

    # --- runs --------------------------------------------------------------------------------------------------------

    async def _work(self, run: JobRun) -> None:
        """Carry one run out, and see to it that its job goes on."""
        armed = run.job
        if run.cancelling or armed.gone or run.done:
            self._withhold(run)
            return
        self._warn_if_behind(run)
        self._logger.debug("dispatched: %r", run)
        by_hand = self._by_hand.pop(run, None)
        decided: list[Decision[ArmedJob]] = []
        outcome: Outcome | None = None
        token = armed.bucket.enter()
        try:
            outcome = await self._executor.execute(self._command(run, by_hand, decided))
        except Exception as error:  # the top of a run: what its job raises does not come here
            self._logger.critical("a run failed outside its job: %r", run, exc_info=error)
        except (KeyboardInterrupt, SystemExit) as error:  # kept from the loop, which would end at once
            self._part.duly.request_shutdown(f"{type(error).__name__} in job {armed.job.name}")
        finally:
            armed.bucket.leave(token)
            self._go_on(run, decided)
            if by_hand is not None:
                by_hand.answer(outcome)

    def _command(self, run: JobRun, by_hand: ByHand | None, decided: list[Decision[ArmedJob]]) -> ExecuteJob:
        armed, slot = run.job, run.slot
        job = armed.job
        call = armed.call_of(run, self.clock)
        timeout = self._settings.job_timeout_seconds if job.timeout is None else job.timeout
        return ExecuteJob(
            job=job,
            callable=call if by_hand is None else by_hand.capturing(call),
            job_db_id=job.db_id,
            scheduled_ts=None if slot is None else slot / SECOND,
            attempt_number=run.attempt,
            source_tier=job.source_tier,
            effective_timeout=None if job.timeout_disabled else timeout,
            app_level_error_handler=self._app_handler(armed),
            schedule_id=armed.schedule_id if slot is None else armed.schedule_of(slot),
            execution_id=None if slot is None else armed.marks.pop(slot, None),
            settle=partial(self._settle, run, decided),
        )

    def _app_handler(self, armed: ArmedJob) -> ErrorHandler | None:
        resolve = armed.job.app_error_handler_resolver
        if resolve is None:
            return None
        try:
            return resolve()
        except Exception as error:  # who knows the app must not keep its job from running
            self._logger.exception("no error handler of the app: job=%s", armed.job.name, exc_info=error)
            return None

    def _settle(self, run: JobRun, decided: list[Decision[ArmedJob]], outcome: Outcome) -> bool:
        decided += self.engine.settle(run, outcome, self.clock.now())
        return run.final

    def _go_on(self, run: JobRun, decided: list[Decision[ArmedJob]]) -> None:
        """A run has ended: carry out what follows."""
        if not run.done:
            self._settle(run, decided, Outcome.INTERRUPTED)
        if decided:
            self.carry_out(decided)
        self._show(run.job)
        if self._asleep_until:
            self._wake_for(self._earliest(), self.clock.now())

    def _withhold(self, run: JobRun) -> None:
        """End a run that has not begun, and does not any more."""
        armed, slot = run.job, run.slot
        self._logger.debug("not begun, as its job is gone or anew: job=%s", armed.job.name)
        by_hand = self._by_hand.pop(run, None)
        if by_hand is not None:
            by_hand.answer(None)
        if run.done:
            return
        decided: list[Decision[ArmedJob]] = []
        self._settle(run, decided, Outcome.CANCELLED)
        if slot is not None:
            slots = Slots(slot, slot, 1, armed.schedule_of(slot), armed.marks.pop(slot, None))
            self._executor.record_ticks(armed.job, slots, Outcome.CANCELLED, None)
        self._go_on(run, decided)

    def _warn_if_behind(self, run: JobRun) -> None:
        late = self.clock.now() - run.fire_at
        if late > self._grace:
            job = run.job.job
            self._logger.warning("behind schedule: job_id=%s job=%s lag=%.3fs", job.db_id, job.name, late / SECOND)

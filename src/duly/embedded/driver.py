"""What drives the engine for an embedded scheduler, whoever gives it time.

One lock guards engine, jobs and records. It is held for a command or a tick of at most 128 decisions; a start, a stop
and a listing take it once for all jobs. Nothing of a user's is called under it but triggers.

Workers do not wait for it. A worker that has ended a run puts it on ``finished`` and *tries* the lock; if somebody has
it, that one settles the run, because ``__exit__`` looks at ``finished`` before it lets go, and once more afterwards.
So runs are settled in batches under load, at once when idle, and no worker ever queues for the lock.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from functools import partial
from typing import TYPE_CHECKING, Self

from duly.core.clock import NEVER, SECOND, Clock, Zone
from duly.core.decisions import Cancel, Close, Decision, Done, Run, TriggerFailed, TriggerLagged, Wait
from duly.core.engine import Engine
from duly.core.lateness import CLOCK_JUMPED, Lateness
from duly.core.outcomes import Failure, Outcome, Reason, classify, text_of
from duly.core.policy import Misfire
from duly.embedded.attempt import TIMED_OUT, time_out_message
from duly.embedded.deadlines import Deadlines
from duly.embedded.job import JobStatus, LiveJob, LiveRun, load_zoneinfo, moment
from duly.embedded.records import EVENT_OF, Ended, JobEvent, Line, Listener, Notice, Records, execution_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from duly.embedded.book import Book
    from duly.embedded.host import Host
    from duly.embedded.rows import Item

log = logging.getLogger("duly.embedded")

BATCH = 128
LONGEST_SLEEP = 30 * SECOND
"""So that a stepped clock or a sleep of the machine is noticed in time."""
ENDED_KEPT = 1_000
SECONDS_UNTIL_ROOM = 0.01
"""Until it is asked again whether the ledger file has room for more."""

_STALLED, _CANCELLED = Reason.STALLED, JobStatus.CANCELLED  # Python 3.11 is slow to read them from their classes
_FAILED = "the scheduler's driver failed and goes on"


class Driver:
    """Owns engine, jobs and records of one scheduler; ``with driver:`` takes the lock that guards them all."""

    def __init__(self, clock: Clock, zone: Zone, book: Book | None = None) -> None:
        self.clock = clock
        self.zone = zone
        self.engine: Engine[LiveJob] = Engine()
        self.records = Records()
        self.book = book
        """The ledger file; ``None``: there is none."""
        self._record: Callable[[Item], None] | None = None if book is None else book.record
        self.jobs: dict[str, LiveJob] = {}
        """Those that have not ended, by id."""
        self.ended: OrderedDict[str, LiveJob] = OrderedDict()
        """The last that have, oldest first."""
        self.host: Host | None = None
        """``None`` while the scheduler does not run."""
        self.running = False
        """Whether jobs are in the engine: not before the start, and no more from the moment the stop begins."""
        self.in_flight: set[LiveRun] = set()
        """Runs handed out that have not ended, also of jobs that have."""
        self.errors: list[str] = []
        self.listeners: tuple[tuple[Listener, frozenset[JobEvent]], ...] = ()
        self.settled = threading.Event()
        """Set whenever runs have been settled; who stops the scheduler waits on it."""
        self._lock = threading.Lock()
        self._finished: deque[Ended] = deque()
        self._afterwards: list[Callable[[], object]] = []
        """What is to be told or logged without the lock, for listeners and log handlers may call the scheduler."""
        self._lateness = Lateness(clock)
        self._deadlines = Deadlines()
        self._asleep_until = 0
        load_zoneinfo(zone)

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, kind: object = None, error: object = None, trace: object = None) -> None:
        """Let go of the lock, with everything settled that has finished meanwhile."""
        if not (self._finished or self._afterwards):
            self._lock.release()
            if not (self._finished and self._lock.acquire(blocking=False)):
                return
        while True:
            try:
                self._settle_finished()
            finally:
                afterwards, self._afterwards = self._afterwards, []
                self._lock.release()
            for tell in afterwards:
                tell()
            if not (self._finished and self._lock.acquire(blocking=False)):
                return

    # Commands, under the lock. While the scheduler does not run, its jobs are not in the engine: what comes due then is
    # late at the next start.

    def admit(self, job: LiveJob, first: int, now: int) -> None:
        """Take a new job in, whose chain begins with ``first``."""
        job.first = job.pending = job.fire_at = first
        if self.ended:
            self.ended.pop(job.key, None)
        self.jobs[job.key] = job
        if self.running:
            if self.book is not None:
                self.book.adopt(job, now)
                job.first = job.pending
            decisions = self.engine.add(job, now, pending=job.pending)
            if decisions:  # done: its slots are settled already
                self.carry_out(decisions)
        if self._asleep_until:
            self.wake_for(job.fire_at, now)

    def remove(self, job: LiveJob, now: int) -> None:
        """Cancel a job that lives."""
        if job.gone:
            self.engine.add(job, now, pending=job.pending)
        decisions = self.engine.remove(job, now, self._why_late(job, now))
        if decisions:
            self.carry_out(decisions)
        self.retire(job, _CANCELLED)
        if self.listeners:
            self._afterwards.append(partial(self._tell, Notice(JobEvent.CANCELLED, job.key, job.name, None)))

    def pause(self, job: LiveJob, now: int) -> None:
        """Pause a job that lives."""
        if self.book is not None and not job.paused:
            self.book.pause(job, now)
        if job.gone:
            job.paused = True
        else:
            self.carry_out(self.engine.pause(job, now, self._why_late(job, now)))

    def resume(self, job: LiveJob, now: int, catch_up: Misfire) -> None:
        """Resume a job that lives. If nothing runs yet, what ``catch_up`` is to run is left to the start."""
        if self.book is not None and job.paused:
            self.book.pause(job, None)
        if not job.gone:
            self.carry_out(self.engine.resume(job, now, catch_up))
        elif catch_up is Misfire.SKIP and job.paused:
            self.engine.add(job, now, pending=job.pending)
            self.carry_out(self.engine.resume(job, now))
            if job.pending != NEVER:
                self.engine.lift(job)
        else:
            job.paused = False
        self.wake_for(self._earliest(), now)

    def run_now(self, job: LiveJob, now: int) -> LiveRun:
        """Open a run by hand, for the caller to carry out."""
        run, decisions = self.engine.run_now(job, now, self._why_late(job, now))
        self.carry_out(decisions)
        self.in_flight.add(run)
        if self._record is not None:
            self._record(run)
        return run

    def begin(self) -> None:
        """Put the jobs into the engine. What came due before is late because nothing ran."""
        now = self.clock.now()
        self._lateness.begin(now)
        self.running = True
        for job in list(self.jobs.values()):
            if self.book is not None:
                self.book.adopt(job, now)
                job.first = job.pending if job.tally is None else job.first
            self.carry_out(self.engine.add(job, now, pending=job.pending))

    def begin_stop(self, host: Host) -> list[LiveRun]:
        """Decide what is due by now and start nothing more; give the runs that are in flight."""
        now = self.clock.now()
        self.carry_out(self.engine.close(now))
        self.running = False
        for run in host.withdraw():
            self.end(Ended(run, Outcome.CANCELLED, now))
        return list(self.in_flight)

    def finish_stop(self, in_flight: list[LiveRun], carried: list[LiveRun]) -> None:
        """Record what still runs as interrupted, but for those that carry the caller."""
        now = self.clock.now()
        for run in in_flight:
            if run not in carried and not run.done:
                self.end(interrupted(run, now))
        self.host = None
        for job in list(self.jobs.values()):
            self._retire_if_over(job)

    def lose(self) -> None:
        """End as if the process had been killed: nothing is decided, or recorded, any more."""
        host, self.host, self.running = self.host, None, False
        if host is not None:
            host.abandon()
        if self.book is not None:
            self.book.lose()

    def forget_threads(self) -> None:
        """Stand as before the first start: what was before, or is in flight, is in the account of somebody else."""
        jobs, listeners = self.jobs, self.listeners
        if self.book is not None:
            self.book.forget()
        self.__init__(self.clock, self.zone, self.book)  # type: ignore[misc] # whatever it makes has to be made anew
        self.jobs, self.listeners = jobs, listeners
        for job in jobs.values():
            job.gone = True
            job.active = job.waiting = ()
            job.first, job.tally = job.pending, None

    # Under the lock

    def carry_out(self, decisions: list[Decision[LiveJob]]) -> None:
        """Do what the engine has decided, in its order. One that fails does not take those behind it along."""
        for decision in decisions:
            try:
                if type(decision) is Run:
                    self._hand_out(decision)
                else:
                    self._carry_out(decision)
            except Exception as error:  # noqa: BLE001 - the engine counts on all of them
                self._fail(error)

    def _hand_out(self, run: LiveRun) -> None:
        assert self.host is not None  # noqa: S101 - jobs are in the engine only while there is a host
        self.in_flight.add(run)
        if self._record is not None:
            self._record(run)
        try:
            self.host.submit(run)
        except Exception as error:  # noqa: BLE001 - no thread or file to be had: the run ends in that error
            self._fail(error)
            self._finished.append(Ended(run, Outcome.ERROR, self.clock.now(), failure=classify(error)))

    def _carry_out(self, decision: Decision[LiveJob]) -> None:
        if type(decision) is Close:
            self._record_closed(decision)
        elif type(decision) is Wait:
            if self._record is not None:
                self._record(decision)
        elif type(decision) is Done:
            self.retire(decision.job, None)
        elif type(decision) is Cancel:
            if decision.force and self.host is not None:
                self.host.interrupt(decision.run)
        elif type(decision) is TriggerFailed:
            job, error = decision.job, decision.error
            job.tallied().trigger_error = f"the trigger raised {type(error).__name__}: {text_of(error)}"
            message = "the trigger raised, nothing more is due: job=%s func=%r trigger=%r"
            self._log(logging.ERROR, message, job.key, job.func, job.trigger, error=error)
        elif type(decision) is TriggerLagged:
            message = "the trigger gave a time not later than now, one second from now is taken: job=%s lag=%.3fs"
            self._log(logging.WARNING, message, decision.job.key, decision.lag / SECOND)

    def retire(self, job: LiveJob, status: JobStatus | None) -> None:
        """Move a job to those that have ended. Without ``status`` its last outcome tells how."""
        self.jobs.pop(job.key, None)
        if self.book is not None:
            self.book.leave(job, self.clock.now(), cancelled=status is _CANCELLED)
        tally = job.tally
        if tally is not None and tally.last_outcome is None:
            tally.last_outcome = next(reversed(tally.outcomes), None)  # none of its slots ran
        job.ended = status or job.status_of_last_outcome() or JobStatus.FAILED
        ended = self.ended
        ended[job.key] = job
        if len(ended) > ENDED_KEPT:
            ended.popitem(last=False)

    def wake_for(self, moment: int, now: int) -> None:
        """See to it that the driver is awake at ``moment``, also if the clock was stepped over the end of its sleep."""
        asleep = self._asleep_until
        if asleep and not now <= asleep <= moment:
            self._asleep_until = 0
            if self.host is not None:
                self.host.wake()

    def _earliest(self) -> int:
        earliest = self.engine.next_wakeup()
        return NEVER if earliest is None else earliest

    def _retire_if_over(self, job: LiveJob) -> None:
        """What the engine does, for a job that is not in it: it has ended if nothing more is due or in flight."""
        limit = job.policy.max_runs
        if not job.active and (job.pending == NEVER or (limit is not None and job.successes >= limit)):
            self.retire(job, None)

    def end(self, ended: Ended) -> None:
        """Settle a run and record it."""
        run = ended.run
        if run.done:
            return
        job = run.job
        decisions = self.engine.settle(run, ended.outcome, self.clock.now())
        self.records.ended(ended)
        if self._record is not None:
            self._record(ended)
        if self.listeners:
            self._note(ended)
        if self._deadlines:
            self._deadlines.drop(run)
        self.in_flight.discard(run)
        if decisions:
            self.carry_out(decisions)
        if job.gone and job.ended is None:
            self._retire_if_over(job)
        if not self.running and not self.in_flight and self.book is not None and self.book.ending:
            self._afterwards.append(self.book.close_if_ending)

    def _settle_finished(self) -> None:
        finished = self._finished
        while finished:
            ended = finished.popleft()
            try:
                self.end(ended)
            except Exception as error:  # noqa: BLE001 - one run must not take the others along
                self._fail(error)
        if not self.running:  # only then may somebody wait: a stop
            self.settled.set()
        if self._asleep_until:
            self.wake_for(self._earliest(), self.clock.now())

    def _record_closed(self, close: Close[LiveJob]) -> None:
        self.records.closed(close)
        if self._record is not None:
            self._record(close)
        if self.listeners:
            self._note(close)
        if close.outcome is Outcome.MISSED:
            since = moment(close.first, self.zone)
            message = "missed: job=%s reason=%s slots=%d since=%s"
            self._log(logging.WARNING, message, close.job.key, close.reason, close.count, since)

    def _log(self, level: int, message: str, *args: object, error: BaseException | None = None) -> None:
        self._afterwards.append(partial(log.log, level, message, *args, exc_info=error))

    def _fail(self, error: BaseException) -> None:
        """As ``report``, under the lock."""
        self._remember(error)
        self._log(logging.CRITICAL, _FAILED, error=error)

    def _remember(self, error: BaseException) -> None:
        self.errors = [*self.errors, repr(error)][-10:]

    def _note(self, line: Line) -> None:
        event = EVENT_OF[line.outcome]
        notice = Notice(event, line.job.key, line.job.name, execution_of(line, self.zone))
        self._afterwards.append(partial(self._tell, notice))

    # Turns of the driver

    def turn(self) -> float:
        """Do what is due, a bounded amount of it; give the seconds to sleep until the next turn."""
        with self:
            now = self.clock.now()
            self._look_at_clocks(now)
            if self.book is not None:
                self.book.beat(self.clock.monotonic())
                if self.held_up:
                    self._time_out(self.clock.monotonic())
                    return SECONDS_UNTIL_ROOM
            earliest = self._earliest()
            if earliest <= now:
                why, until = self._lateness.of_tick(earliest, now)
                self.carry_out(self.engine.tick(now, why, BATCH, until))
                earliest = self._earliest()
            monotonic = self.clock.monotonic()
            self._time_out(monotonic)
            wait = min(earliest - now, self._deadlines.earliest() - monotonic, LONGEST_SLEEP)
            self._asleep_until = now + wait if wait > 0 else 0
            return wait / SECOND

    def _why_late(self, job: LiveJob, now: int) -> Reason:
        """Why a job that somebody acts on is late, if it is. The driver may not have looked at the clocks yet."""
        if job.fire_at > now:
            return _STALLED
        if not self.running:
            return Reason.DOWN
        self._look_at_clocks(now)
        return self._lateness.why(job.fire_at)

    def _look_at_clocks(self, now: int) -> None:
        delta = self._lateness.look(now)
        if delta:
            self.engine.step(delta)
            self._log(logging.WARNING, CLOCK_JUMPED, delta / SECOND)

    def _time_out(self, monotonic: int) -> None:
        for run, limit in self._deadlines.passed(monotonic):
            message = time_out_message(limit)
            self._log(logging.WARNING, TIMED_OUT, run.job.key, run.attempt, message)
            failure = Failure(Outcome.TIMED_OUT, "TimeoutError", message)
            self._finished.append(Ended(run, Outcome.TIMED_OUT, run.started or 0, limit, failure))

    # From the threads that run jobs

    def withholds(self, run: LiveRun) -> bool:
        """Whether a run must not begin any more; it is then settled as cancelled."""
        if not (run.cancelling or run.job.gone or run.done):
            return False
        self.finish(Ended(run, Outcome.CANCELLED, self.clock.now()))
        return True

    def set_deadline(self, run: LiveRun) -> None:
        """Time the run out when its limit has passed, wherever its thread is then."""
        limit = run.job.options.timeout
        if limit is None:
            return
        with self:
            now = self.clock.now()
            self._deadlines.set(run, limit, self.clock.monotonic())
            self.wake_for(now + limit, now)

    def finish(self, ended: Ended) -> None:
        """Hand in a run that has ended; never waits for the lock."""
        self._finished.append(ended)
        if self._lock.acquire(blocking=False):
            self.__exit__()

    @property
    def held_up(self) -> bool:
        """Whether nothing more is to begin because what has been recorded waits for the disk. Without the lock."""
        book = self.book
        return book is not None and self.running and len(book.records) >= book.records.limit

    def tell_started(self, run: LiveRun) -> None:
        """Tell the listeners, before the call."""
        self._tell(Notice(JobEvent.STARTED, run.job.key, run.job.name, None))

    def report(self, error: BaseException) -> None:
        """Make an error of the driver itself visible; its loop goes on. Without the lock."""
        self._remember(error)
        log.critical(_FAILED, exc_info=error)

    def _tell(self, notice: Notice) -> None:
        for listener, events in self.listeners:
            if notice.event in events:
                try:
                    listener(notice)
                except BaseException:  # nothing of a listener's may reach the run it is told of
                    log.exception("a listener raised: listener=%r event=%s", listener, notice.event.value)


def interrupted(run: LiveRun, now: int) -> Ended:
    """The end of a run that the stop of the scheduler has not let come to its own."""
    started = run.started or now
    failure = Failure(Outcome.INTERRUPTED, None, "the scheduler stopped before it ended")
    return Ended(run, Outcome.INTERRUPTED, started, max(now - started, 0), failure)

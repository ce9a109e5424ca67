"""What an embedded ``Scheduler`` has on virtual time instead of threads: jobs are called while the clock advances.

The function of a job is called when its run begins; how it ended is told to the scheduler when the time is over that it
has spent in ``VirtualClock.work``. So runs overlap, and time out, as those in threads do.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from duly.core import clock as clocks
from duly.core.clock import NEVER, SECOND
from duly.core.outcomes import Reason
from duly.embedded.attempt import Attempt
from duly.embedded.driver import Driver
from duly.embedded.job import LiveRun
from duly.embedded.records import KEPT, Ended, Line
from duly.testing.clock import VirtualClock
from duly.testing.ledger import Account, Row
from duly.testing.loop import run_without_waiting


@dataclass(slots=True)
class _Flight:
    run: LiveRun
    attempt: Attempt
    ends: int
    """By the monotonic clock."""
    error: BaseException | None


class SchedulerHost:
    """Owns the runs that were handed out. Is both the ``Host`` of a scheduler and a ``Host`` on virtual time."""

    def __init__(self, clock: VirtualClock, driver: Driver, max_workers: int) -> None:
        self._clock = clock
        self.driver = driver
        self._max_workers = max_workers
        self._queue: deque[LiveRun] = deque()
        self._flights: list[_Flight] = []
        self._in_hand: list[LiveRun] = []
        self._wake_at = clock.monotonic()
        self._stopped = False
        for host in clock.hosts:
            if isinstance(host, SchedulerHost) and host.driver is driver:
                clock.detach(host)
        clock.attach(self)

    # For the scheduler

    def wake(self) -> None:
        """Something is due earlier than the driver knows."""
        self._wake_at = self._clock.monotonic()

    def submit(self, run: LiveRun) -> None:
        """Begin with it at the next turn, if a worker is free."""
        self._queue.append(run)

    def interrupt(self, run: LiveRun) -> None:
        """Cancel a run that has begun: an async one ends at once, a sync one cannot be stopped."""
        for flight in self._flights:
            if flight.run is run and run.job.options.awaited:
                flight.ends, flight.error = self._clock.monotonic(), asyncio.CancelledError()

    def withdraw(self) -> list[LiveRun]:
        """Take back the runs that nobody has begun with."""
        runs = list(self._queue)
        self._queue.clear()
        return runs

    def carried_by_caller(self) -> list[LiveRun]:
        """The runs inside which this is called."""
        return list(self._in_hand)

    def caller_of_async(self) -> Callable[[Driver, LiveRun], Attempt]:
        """What carries out a run by hand of an async job: its waits are over at once, and take no time."""
        return self._call_by_hand

    def wait_until(self, settled: Callable[[], bool], seconds: float | None) -> None:
        """Let time pass until ``settled`` holds, at most ``seconds``."""
        clock = self._clock
        end = NEVER if seconds is None else clock.monotonic() + round(seconds * SECOND)
        while not settled() and clock.monotonic() < end:
            event = clock.next_event()
            pause = 0 if event is None else event - clock.now()
            clock.advance(min(pause, end - clock.monotonic()) / SECOND)

    def abandon(self) -> None:
        """End, and wait for nothing."""
        self._stopped = True
        self._flights.clear()

    def stop(self) -> None:
        """End."""
        self.abandon()

    # On virtual time

    def next_event(self) -> int | None:
        """When the driver wants to be woken, or a run ends."""
        if self._stopped:
            return None
        earliest = min([self._wake_at, *(flight.ends for flight in self._flights)])
        return self._clock.now() + earliest - self._clock.monotonic()

    def turn(self, now: int, why: Reason) -> None:  # noqa: ARG002 - the driver looks at the clocks itself
        """End runs, drive, begin runs, until none of it has anything to do."""
        while not self._stopped and (self._end_one() or self._drive() or self._begin_one()):
            pass

    def stepped(self, delta: int) -> None:  # noqa: ARG002 - as above
        """Wake the driver, which sees it."""
        self.wake()

    def _end_one(self) -> bool:
        flight = min(self._flights, key=lambda flight: flight.ends, default=None)
        if flight is None or flight.ends > self._clock.monotonic():
            return False
        self._flights.remove(flight)
        _end(flight)
        return True

    def _drive(self) -> bool:
        monotonic = self._clock.monotonic()
        if self._wake_at > monotonic:
            return False
        self._wake_at = NEVER
        pause = math.ceil(self.driver.turn() * SECOND)
        self._wake_at = min(self._wake_at, monotonic + max(pause, 0))
        return True

    def _begin_one(self) -> bool:
        busy = sum(not flight.run.job.options.awaited for flight in self._flights)
        for run in self._queue:
            if run.job.options.awaited or busy < self._max_workers:
                self._queue.remove(run)
                self._begin(run)
                return True
        return False

    def _begin(self, run: LiveRun) -> None:
        driver, awaited = self.driver, run.job.options.awaited
        if driver.withholds(run):
            return
        driver.set_deadline(run)
        attempt = Attempt(driver, run, asyncio.CancelledError if awaited else ())
        attempt.__enter__()
        self._in_hand.append(run)
        error, spent = self._clock.measure(lambda: self._call(run, attempt))
        self._in_hand.remove(run)
        flight = _Flight(run, attempt, self._clock.monotonic() + spent, error)
        if self._stopped:  # by the job itself
            _end(flight)
        else:
            self._flights.append(flight)

    def _call_by_hand(self, driver: Driver, run: LiveRun) -> Attempt:
        with Attempt(driver, run, asyncio.CancelledError) as attempt:
            error, _ = self._clock.measure(lambda: self._call(run, attempt))
            if error is not None:
                raise error
        return attempt

    def _call(self, run: LiveRun, attempt: Attempt) -> BaseException | None:
        context = copy_context()
        context.run(clocks.use, self._clock)
        try:
            attempt.result = context.run(self._result_of, run)
        except BaseException as error:  # noqa: BLE001 - the attempt judges it, when the time of the run is over
            return error
        return None

    def _result_of(self, run: LiveRun) -> Any:  # noqa: ANN401 - whatever the user's function returns
        job = run.job
        if not job.options.awaited:
            return job.call(run)
        limit = job.options.timeout
        result, error, seconds = run_without_waiting(job.call(run), None if limit is None else limit / SECOND)
        self._clock.work(seconds)
        if error is not None:
            raise error
        return result

    # Checking

    def accounts(self) -> Iterator[Account]:
        """What there is to check about each job whose lines are all kept still."""
        driver = self.driver
        lines = driver.records.newest(None, KEPT, None)
        for job in (*driver.jobs.values(), *driver.ended.values()):
            rows = [_row(line) for line in lines if line.job is job]
            recorded = sum(job.tally.outcomes.values()) if job.tally else 0
            if sum(row.count for row in rows) == recorded:
                open_slots = [*job.waiting, *(run.slot for run in job.active if run.slot is not None)]
                yield Account(job.key, job.chain, job.first, job.pending, open_slots, rows)


def _end(flight: _Flight) -> None:
    error = flight.error
    flight.attempt.__exit__(type(error), error, None) if error else flight.attempt.__exit__(None, None, None)


def _row(line: Line) -> Row:
    if isinstance(line, Ended):
        run, end = line.run, line.started + line.duration
        return Row(run.job.key, run.slot, run.slot, line.slots, line.outcome, None, run.attempt, line.started, end)
    return Row(line.job.key, line.first, line.last, line.count, line.outcome, line.reason)

"""The threads of an embedded scheduler: one that drives the engine, and a pool that runs jobs.

They hold the scheduler by a weak reference and only while they work for it, so that one which is dropped is collected
and its threads end. What they share with it:

* the queue of runs: filled under the scheduler's lock, emptied by the workers;
* the alarm, on which the driver sleeps: a lock, released to wake it. A wake-up that comes while it is awake stays, and
  makes its next sleep end at once, so none is lost.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from contextvars import copy_context
from functools import cache
from queue import Empty, SimpleQueue
from types import CoroutineType
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from weakref import ref

from duly.core import clock as clocks
from duly.embedded.attempt import Attempt
from duly.embedded.driver import SECONDS_UNTIL_ROOM

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from duly.embedded.driver import Driver
    from duly.embedded.job import LiveRun
    from duly.embedded.tasks import LoopThread

log = logging.getLogger("duly.embedded")

_PAUSE_AFTER_ERROR = 1.0
_GRACE_FOR_KEPT_THREADS = clocks.SECOND // 2
"""Nanoseconds that all threads together have to end which a job keeps."""


@cache
def load_asyncio() -> None:
    """Import what async jobs need, in the thread of the user that schedules the first.

    If the driver did it, all jobs would wait for it, and a child forked meanwhile would have it half imported.
    """
    import duly.embedded.tasks  # noqa: F401, PLC0415 - asyncio is loaded only by those who use it


class Host(Protocol):
    """What gives a scheduler its time slices. The scheduler calls it under its lock, but for ``stop``."""

    def wake(self) -> None:
        """Something is due earlier than the driver knows."""
        ...

    def submit(self, run: LiveRun) -> None:
        """Have a run carried out by ``perform``."""
        ...

    def interrupt(self, run: LiveRun) -> None:
        """Cancel a run that has begun, if that can be done."""
        ...

    def withdraw(self) -> list[LiveRun]:
        """Take back the runs that nobody has begun with."""
        ...

    def carried_by_caller(self) -> list[LiveRun]:
        """The runs inside which this is called: none, unless a job calls."""
        ...

    def caller_of_async(self) -> Callable[[Driver, LiveRun], Attempt]:
        """What carries out a run by hand of an async job, and makes the calling thread wait for it.

        Raises:
            RuntimeError: the calling thread runs an event loop, which the waiting would stop.
        """
        ...

    def wait_until(self, settled: Callable[[], bool], seconds: float | None) -> None:
        """Wait until ``settled`` holds, at most ``seconds``; ``None``: however long it takes."""
        ...

    def abandon(self) -> None:
        """Tell all threads to end, and wait for none."""
        ...

    def stop(self) -> None:
        """End all threads but those that a job keeps, and the caller's."""
        ...


@runtime_checkable
class HostingClock(Protocol):
    """A clock that does not run by itself, and so has hosts of its own."""

    def make_host(self, driver: Driver, max_workers: int) -> Host:
        """What a scheduler on this clock has instead of threads."""
        ...


def make_host(driver: Driver, max_workers: int) -> Host:
    """Give a driver its threads, or what its clock has instead."""
    clock = driver.clock
    return clock.make_host(driver, max_workers) if isinstance(clock, HostingClock) else ThreadHost(driver, max_workers)


class ThreadHost:
    """Threads of the standard library. Owns the queue, the alarm and the threads; made anew at each start."""

    def __init__(self, driver: Driver, max_workers: int) -> None:
        self._driver_ref = ref(driver)
        self._clock = driver.clock
        self._max_workers = max_workers
        self._queue: SimpleQueue[LiveRun | None] = SimpleQueue()
        self._alarm = threading.Lock()
        self._alarm.acquire()
        self._stopping = False
        self._workers: list[_Worker] = []
        self._loop: LoopThread | None = None
        self._thread = threading.Thread(target=self._drive, name="duly-driver", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """See ``Host``."""
        with suppress(RuntimeError):  # released already
            self._alarm.release()

    def submit(self, run: LiveRun) -> None:
        """See ``Host``. Threads are started one by one, as there is work, up to the number asked for."""
        if run.job.options.awaited:
            self.loop().submit(run)
            return
        self._queue.put(run)
        if len(self._workers) < self._max_workers and not self._stopping:
            self._hire()

    def _hire(self) -> None:
        worker = _Worker(self._queue, self._driver_ref, self._clock, len(self._workers))
        try:
            worker.start()
        except RuntimeError:  # no more threads to be had: the run waits for those there are, or for the next attempt
            log.exception("a worker could not be started: workers=%d", len(self._workers))
        else:
            self._workers.append(worker)

    def loop(self) -> LoopThread:
        """The thread with the event loop, started when first asked for."""
        if self._loop is None:
            from duly.embedded.tasks import LoopThread  # noqa: PLC0415 - asyncio is loaded only by those who use it

            self._loop = LoopThread(self._driver_ref, self._clock)
        return self._loop

    def interrupt(self, run: LiveRun) -> None:
        """See ``Host``. A sync function cannot be stopped."""
        if self._loop is not None:
            self._loop.interrupt(run)

    def withdraw(self) -> list[LiveRun]:
        """See ``Host``."""
        runs: list[LiveRun] = []
        with suppress(Empty):
            while True:
                run = self._queue.get_nowait()
                if run is not None:
                    runs.append(run)
        if self._loop is not None:
            runs += self._loop.withdraw()
        return runs

    def carried_by_caller(self) -> list[LiveRun]:
        """See ``Host``."""
        thread = threading.current_thread()
        runs = [run for driver, run in _by_hand.runs if driver is self._driver_ref()]
        if isinstance(thread, _Worker) and thread.run_in_hand is not None:
            runs.append(thread.run_in_hand)
        elif self._loop is not None and thread is self._loop.thread:
            runs += self._loop.in_hand()
        return runs

    def caller_of_async(self) -> Callable[[Driver, LiveRun], Attempt]:
        """See ``Host``."""
        return _blocking_caller(self.loop())

    def wait_until(self, settled: Callable[[], bool], seconds: float | None) -> None:
        """See ``Host``."""
        driver = self._driver_ref()
        if driver is None:
            return
        end = None if seconds is None else self._clock.monotonic() + seconds * clocks.SECOND
        while True:
            driver.settled.clear()
            if settled():
                return
            left = None if end is None else (end - self._clock.monotonic()) / clocks.SECOND
            if left is not None and left <= 0:
                return
            driver.settled.wait(left)

    def abandon(self) -> None:
        """See ``Host``."""
        self._stopping = True
        self.wake()
        self._queue.put(None)
        if self._loop is not None:
            self._loop.abandon()

    def stop(self) -> None:
        """See ``Host``. A thread that a job keeps is left to end with it."""
        self.abandon()
        loop = self._loop
        threads: list[threading.Thread] = [self._thread, *self._workers]
        kept: set[threading.Thread] = {worker for worker in self._workers if worker.run_in_hand is not None}
        if loop is not None:
            threads.append(loop.thread)
            kept |= {loop.thread} if loop.in_hand() else set()
        end = self._clock.monotonic() + _GRACE_FOR_KEPT_THREADS
        for thread in threads:
            if thread is threading.current_thread():
                continue
            thread.join(max(0.0, (end - self._clock.monotonic()) / clocks.SECOND) if thread in kept else None)
            if thread.is_alive():
                log.warning("a job keeps its thread after the scheduler has stopped: thread=%s", thread.name)

    def _drive(self) -> None:
        clocks.use(self._clock)
        while not self._stopping:
            driver = self._driver_ref()
            if driver is None:
                return
            try:
                seconds = driver.turn()
            except BaseException as error:  # noqa: BLE001 - the loop's top: the driver must not die unseen
                driver.report(error)
                seconds = _PAUSE_AFTER_ERROR
            del driver
            if seconds > 0:
                self._alarm.acquire(timeout=seconds)


class _ByHand(threading.local):
    """The runs by hand of sync jobs that the thread is in."""

    def __init__(self) -> None:
        self.runs: list[tuple[Driver, LiveRun]] = []


_by_hand = _ByHand()


class _Worker(threading.Thread):
    """Takes runs from the queue, one after the other; ``None`` ends it, and is left there for all the others."""

    def __init__(
        self, queue: SimpleQueue[LiveRun | None], driver: ref[Driver], clock: clocks.Clock, number: int
    ) -> None:
        super().__init__(name=f"duly-worker_{number}", daemon=True)
        self._queue = queue
        self._driver_ref = driver
        self._clock = clock
        self._pause = threading.Event()
        self.run_in_hand: LiveRun | None = None

    def run(self) -> None:
        """Work until told to end."""
        clocks.use(self._clock)
        context = copy_context()
        while (run := self._queue.get()) is not None:
            driver = self._driver_ref()
            if driver is None:
                return
            self.run_in_hand = run
            while driver.held_up:
                self._pause.wait(SECONDS_UNTIL_ROOM)
            try:
                perform(driver, run, context)
            except BaseException as error:  # noqa: BLE001 - the loop's top: what a job raises does not come here
                driver.report(error)
            self.run_in_hand = None
            del driver, run
        self._queue.put(None)


def perform(driver: Driver, run: LiveRun, context: Context) -> None:
    """Carry out a run of a sync job in this thread, in a context of its own like ``context``."""
    if not driver.withholds(run):
        driver.set_deadline(run)
        _call(driver, run, context.copy())


def call_by_hand(driver: Driver, run: LiveRun) -> Attempt:
    """Carry out a run by hand of a sync job in the caller's thread and a copy of its context."""
    context = copy_context()
    context.run(clocks.use, driver.clock)
    _by_hand.runs.append((driver, run))
    try:
        return _call(driver, run, context)
    finally:
        _by_hand.runs.remove((driver, run))


def caller_of_async(host: Host | None) -> Callable[[Driver, LiveRun], Attempt]:
    """See ``Host``; also for a scheduler that does not run."""
    return _blocking_caller(None) if host is None else host.caller_of_async()


def _blocking_caller(loop: LoopThread | None) -> Callable[[Driver, LiveRun], Attempt]:
    from duly.embedded.tasks import blocking_caller  # noqa: PLC0415 - asyncio is loaded only by those who use it

    return blocking_caller(loop)


def _call(driver: Driver, run: LiveRun, context: Context) -> Attempt:
    with Attempt(driver, run) as attempt:
        result = context.run(run.job.call, run)
        if type(result) is CoroutineType:
            result.close()
            raise TypeError(f"{run.job.func!r} returned a coroutine: schedule an 'async def' function instead")
        attempt.result = result
    return attempt

"""The scheduler that a program embeds."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from duly.core.arguments import is_async, is_number, is_whole, member
from duly.core.clock import NEVER, Clock, SystemClock, Zone
from duly.core.outcomes import Outcome
from duly.core.policy import IfExists, Misfire, MisfireName, ModeName
from duly.core.trigger import chain_of
from duly.embedded.account import Account, Health, account_of
from duly.embedded.arguments import checked_name, positional_arguments, wants_name, zone_key
from duly.embedded.away_job import AwayJob
from duly.embedded.driver import Driver
from duly.embedded.host import Host, call_by_hand, caller_of_async, load_asyncio, make_host
from duly.embedded.job import ID_PREFIX, Job, JobFunction, JobStatus, LiveJob, LiveRun, moment, snapshot
from duly.embedded.names import Names, gives_way
from duly.embedded.options import checked_options
from duly.embedded.process import SCHEDULERS
from duly.embedded.records import Execution, JobEvent, Listener, Notice, execution_of
from duly.embedded.triggers import OnceTrigger
from duly.triggers.once import Once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, tzinfo

    from duly.core.run_executor import RunExecutor
    from duly.core.trigger import TriggerProtocol
    from duly.embedded.book import Book

log = logging.getLogger("duly.embedded")


class Scheduler:
    """Runs functions in the background of a program, on time, and accounts for every slot of every job.

    Any method may be called from any thread, before and after ``start``, and from inside a job. Jobs outlive a
    ``stop``: what comes due until the next ``start`` is late then, and the misfire policy of its job decides.
    """

    def __init__(
        self,
        max_workers: int = 4,
        *,
        timezone: str | tzinfo | None = None,
        history: str | os.PathLike[str] | None = None,
        misfire: MisfireName = "run_once",
        clock: Clock | None = None,
    ) -> None:
        """Make a scheduler; ``start`` it, or use it as a context manager.

        Args:
            max_workers: threads for sync jobs; they are started as there is work.
            timezone: IANA name or ``ZoneInfo`` in which naive times and cron are meant; ``None``: that of ``clock``.
            history: the file in which the whole ledger is kept, made if it is not there; ``None``: the last 1,000
                lines, in memory. ``start`` opens it, and then jobs go on where the file has left those of their name.
            misfire: what becomes of late slots of jobs that do not say it themselves.
            clock: where time comes from; ``None``: the system's.

        Raises:
            ValueError: ``max_workers`` below 1, an unknown zone, an unknown ``misfire``, or ``history`` is no file.
            TypeError: a ``timezone`` without a name, or a ``history`` that is no path.
        """
        if not isinstance(history, str | os.PathLike | None):
            raise TypeError(f"history must be a path, or None for a ledger in memory, got {history!r}")
        if not is_whole(max_workers) or max_workers < 1:
            raise ValueError(f"max_workers must be a whole number of at least 1, got {max_workers!r}")
        self._max_workers = max_workers
        self._misfire: MisfireName = member(Misfire, "misfire", misfire).value
        zone = zone_key(timezone)
        if clock is None:
            clock = SystemClock(zone)
        self._zone = clock.zone if zone is None else zone
        self._driver = Driver(clock, self._zone, None if history is None else _book(history, clock, self._zone))
        self._life = threading.Lock()
        self._names = Names()
        self._finalizer: weakref.finalize[..., Scheduler] | None = None
        SCHEDULERS.add(self)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait for what runs."""
        self.stop()

    # Life

    def start(self) -> None:
        """Begin to run jobs. Once it runs, this does nothing.

        Raises:
            DatabaseFileError: the file of the ledger is in use by another process, or cannot be used.
        """
        driver, book = self._driver, self._driver.book
        if driver.host is not None and driver.host.carried_by_caller():
            return  # it runs; and a stop that waits for this job must not be waited for
        with self._life:
            if driver.host is not None:
                return
            if book is not None:
                book.open()
            try:
                with driver:
                    host = driver.host = make_host(driver, self._max_workers)
                    driver.begin()
            except BaseException:  # no thread to be had
                driver.host, driver.running = None, False
                if book is not None:
                    book.close(retire=False)
                raise
            self._finalizer = weakref.finalize(self, _abandon, host, book)
            self._finalizer.atexit = False

    def stop(self, wait: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002 - stop(False) reads well
        """Start no more runs, and end all threads. When it does not run, this does nothing.

        Waits for runs that have begun, at most ``timeout`` seconds (``None``: however long they take); those that
        still go on then, with ``wait=False`` all, are recorded as interrupted. A thread that a job keeps ends with
        the job. A job may call this: its own run is not waited for.
        """
        if timeout is not None and not is_number(timeout):
            raise ValueError(f"timeout must be a number of seconds, or None, got {timeout!r}")
        host = self._driver.host
        carried = [] if host is None else host.carried_by_caller()
        if host is None or not self._life.acquire(blocking=not carried):
            return
        try:
            seconds = None if wait and timeout is None else max(timeout or 0.0, 0.0) if wait else 0.0
            stopped = self._stop(host, carried, seconds)
        finally:
            self._life.release()
        if stopped:  # without the lock: a listener, in one of these threads, may call this too
            host.stop()

    def _stop(self, host: Host, carried: list[LiveRun], seconds: float | None) -> bool:
        driver = self._driver
        with driver:
            if driver.host is not host:
                return False
            in_flight = driver.begin_stop(host)
        host.wait_until(lambda: all(run.done or run in carried for run in in_flight), seconds)
        with driver:
            driver.finish_stop(in_flight, carried)
        if driver.book is not None:
            driver.book.ending = True
            if all(run.done for run in carried):
                driver.book.close()
        if self._finalizer is not None:
            self._finalizer.detach()
        return True

    def _forget_threads(self) -> None:
        """In a forked child: the threads are the parent's, and so are the runs; the jobs are there, not started."""
        if self._finalizer is not None:
            self._finalizer.detach()
        self._life = threading.Lock()
        self._driver.forget_threads()

    def health(self) -> Health:
        """How the scheduler is."""
        driver = self._driver
        with driver:
            due = driver.engine.next_wakeup()
            return Health(
                running=driver.host is not None,
                errors=tuple(driver.errors),
                jobs=len(driver.jobs),
                in_flight=len(driver.in_flight),
                next_wakeup=None if due is None else moment(due, self._zone),
                unwritten=0 if driver.book is None else len(driver.book.records),
                lost=0 if driver.book is None else sum(driver.book.records.counts()),
            )

    # Jobs

    def schedule(  # noqa: PLR0917 - the options of a job, and those that read well by position
        self,
        func: JobFunction,
        name: str | None = None,
        trigger: TriggerProtocol | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        max_runs: int | None = None,
        *,
        timeout: float | None = None,
        jitter: float | None = None,
        mode: ModeName = "single",
        misfire: MisfireName | None = None,
        retries: int = 0,
        retry_delay: float = 1.0,
        retry_backoff: float = 2.0,
        group: str | None = None,
        if_exists: IfExists = "error",
        executor: RunExecutor | None = None,
    ) -> str:
        """Have ``func`` run when ``trigger`` says; give the id of the job.

        Args:
            func: what to call, in a worker thread; an ``async`` function is awaited on the scheduler's own loop.
            name: unique among jobs that have not ended; ``None``: the function's name, with ``-2``, ``-3`` … if taken.
            trigger: when; ``None``: once, now.
            args: positional arguments of the call.
            kwargs: keyword arguments of the call.
            max_runs: successful executions after which the job has ended; ``None``: no limit.
            timeout: seconds after which a run counts as timed out; ``None``: no limit. A sync function goes on in its
                thread, and what it returns is ignored.
            jitter: each run is put off by up to this many seconds, always the same for the same slot.
            mode: what becomes of a slot that is due while the job runs (``Mode``).
            misfire: what becomes of late slots (``Misfire``); ``None``: as the scheduler says.
            retries: further attempts of a slot whose run failed or timed out.
            retry_delay: seconds before the first retry.
            retry_backoff: by what the delay is multiplied before each further one; it is an hour at most.
            group: name under which ``list_jobs`` finds it.
            if_exists: what if the name is taken: ``"error"``, ``"skip"`` (keep the old job, which must be the same),
                ``"replace"`` (cancel the old job).
            executor: carries out the runs elsewhere, ``func`` is not called then; ``None``: they are carried out here.

        Raises:
            TypeError: ``func`` is not callable, ``trigger`` no trigger, ``executor`` none, or ``args`` and ``kwargs``
                cannot be passed.
            ValueError: an option out of its range, a name that is taken, a trigger by which nothing is ever due.
        """
        if not callable(func):
            raise TypeError(f"func must be callable, got {func!r}: pass the function, not what it returns")
        options = checked_options(
            max_runs,
            timeout,
            jitter,
            mode,
            self._misfire if misfire is None else misfire,
            retries,
            retry_delay,
            retry_backoff,
            group,
            is_async(func) or executor is not None,
            if_exists,
        )
        positional = positional_arguments(func, args, kwargs, executor)
        if options.awaited:
            load_asyncio()
        driver = self._driver
        now = driver.clock.now()
        trigger = OnceTrigger(moment(now, self._zone)) if trigger is None else trigger
        named = wants_name(trigger)
        if type(trigger) is Once and trigger.warning is not None:
            log.warning("%s", trigger.warning)
        with driver:
            name = self._names.free(func, driver.jobs) if name is None else checked_name(name)
            if named:
                trigger = trigger.bind(name)  # type: ignore[attr-defined] # wants_name found the method
            make: Callable[..., LiveJob] = LiveJob if executor is None else partial(AwayJob, executor)
            job = make(ID_PREFIX + name, chain_of(trigger, self._zone), options, func, trigger)
            job.args = positional
            job.kwargs = dict(kwargs) if kwargs else None
            job.created_at = now
            self._take(job, if_exists)
        return job.key

    def cancel(self, job_id: str) -> bool:
        """Have a job run no more; True if it existed and was not cancelled before. A run in flight goes on."""
        driver = self._driver
        with driver:
            job = driver.jobs.get(job_id)
            if job is not None:
                driver.remove(job, driver.clock.now())
                return True
            job = driver.ended.get(job_id)
            if job is None or job.ended is JobStatus.CANCELLED:
                return False
            job.ended = JobStatus.CANCELLED
            return True

    def pause(self, job_id: str) -> None:
        """Start no further slot of a job; a run in flight goes on.

        Raises:
            ValueError: no such job, or it has ended.
        """
        driver = self._driver
        with driver:
            driver.pause(self._live(job_id), driver.clock.now())

    def resume(self, job_id: str, catch_up: MisfireName = "skip") -> None:
        """End a pause. Slots that passed meanwhile are recorded as skipped.

        ``catch_up`` may except some, which run at once: ``"run_once"`` the oldest, ``"run_all"`` the newest 100.

        Raises:
            ValueError: no such job, it has ended, or an unknown ``catch_up``.
        """
        which = member(Misfire, "catch_up", catch_up)
        driver = self._driver
        with driver:
            driver.resume(self._live(job_id), driver.clock.now(), which)

    def run_now(self, job_id: str) -> Any:  # noqa: ANN401 - whatever the job returns
        """Run a job at once, in the calling thread, and give what it returns.

        It is a run of its own, beside the schedule. An ``async`` job runs on the scheduler's loop, and the calling
        thread waits.

        Raises:
            ValueError: no such job, or it is cancelled.
            RuntimeError: an ``async`` job, called from within an event loop.
            BaseException: what the job raises.
        """
        driver = self._driver
        with driver:
            job = self._known(job_id)
            if job.ended is JobStatus.CANCELLED:
                raise ValueError(f"job is cancelled: {job_id!r}: schedule it again")
            call = caller_of_async(driver.host) if job.options.awaited else call_by_hand
            run = driver.run_now(job, driver.clock.now())
        attempt = call(driver, run)
        error, attempt.error = attempt.error, None  # the attempt is kept, what is handed over here is not
        result, attempt.result = attempt.result, None
        if error is not None:
            raise error
        return result

    # Views

    def get_job(self, job_id: str) -> Job | None:
        """The job as it is now; ``None`` if there is none, or it ended and a thousand others did since."""
        driver = self._driver
        with driver:
            job = driver.jobs.get(job_id) or driver.ended.get(job_id)
            return None if job is None else snapshot(job, self._zone)

    def list_jobs(self, status: JobStatus | None = None, group: str | None = None) -> list[Job]:
        """Jobs by their next run, those without one last.

        ``status`` also finds recurring jobs by how their last run ended: ``FAILED`` those that failed last.

        Raises:
            ValueError: an unknown ``status``.
        """
        wanted = None if status is None else member(JobStatus, "status", status)
        driver = self._driver
        with driver:
            jobs = [
                job
                for job in (*driver.jobs.values(), *driver.ended.values())
                if (group is None or job.options.group == group) and (wanted is None or _matches(job, wanted))
            ]
            jobs.sort(key=lambda job: NEVER if job.ended else job.pending)
            return [snapshot(job, self._zone) for job in jobs]

    def next_runs(self, job_id: str, n: int = 10) -> list[datetime]:
        """The next ``n`` slots from now on, fewer if the schedule ends or ``max_runs`` does; changes nothing.

        Of a paused job those that it would have.

        Raises:
            ValueError: no such job.
        """
        driver = self._driver
        with driver:
            job = self._known(job_id)
            chain, now = job.chain, driver.clock.now()
            slot = NEVER if job.ended else job.pending
            left = n if job.policy.max_runs is None else min(n, job.policy.max_runs - job.successes)
            if job.fire_at <= now and slot != NEVER:
                slot = _or_never(chain.next(slot, now))
        found: list[datetime] = []
        while slot != NEVER and len(found) < left:
            found.append(moment(slot, self._zone))
            slot = _or_never(chain.next(slot, slot))
        return found

    def history(
        self, job_id: str | None = None, limit: int = 100, status: Outcome | str | None = None
    ) -> list[Execution]:
        """Executions and slots that were not run, newest first, of one job or all.

        In memory the last 1,000 are kept. From a ledger file, once what was recorded so far is in it; what could not
        be written yet is left out, and counted in ``health().unwritten``.

        Raises:
            ValueError: an unknown ``status``.
            DatabaseFileError: the file cannot be read.
        """
        outcome = None if status is None else member(Outcome, "status", status)
        driver = self._driver
        if driver.book is not None:
            return driver.book.past(job_id, limit, outcome)
        with driver:
            lines = driver.records.newest(job_id, limit, outcome)
        return [execution_of(line, self._zone) for line in lines]

    def account(self, job_id: str) -> Account:
        """Whether every slot of a job so far has ended in exactly one outcome, counted anew from its trigger.

        Raises:
            ValueError: no such job.
        """
        driver = self._driver
        with driver:
            return account_of(self._known(job_id), driver.clock.now(), self._zone)

    def add_listener(
        self, callback: Callable[[Notice], object], events: str | Iterable[JobEvent | str] = tuple(JobEvent)
    ) -> Callable[[], None]:
        """Have ``callback`` told of ``events``, one or several; give a function that ends it.

        It is called once the event is recorded, in the thread that recorded it: a worker, the driver, or one that
        happened to call the scheduler. So it should be quick, and take no lock that is held around calls of the
        scheduler. What it raises is logged.

        Raises:
            TypeError: ``callback`` is not callable.
            ValueError: an unknown event.
        """
        if not callable(callback):
            raise TypeError(f"callback must be callable, got {callback!r}")
        wanted = (events,) if isinstance(events, str) else events
        entry: tuple[Listener, frozenset[JobEvent]] = (
            callback,
            frozenset(member(JobEvent, "event", event) for event in wanted),
        )
        driver = self._driver
        with driver:
            driver.listeners += (entry,)

        def remove() -> None:
            with driver:
                driver.listeners = tuple(other for other in driver.listeners if other is not entry)

        return remove

    # Under the driver's lock

    def _take(self, job: LiveJob, if_exists: IfExists) -> None:
        """Take a new job in, unless the one of its name is to be kept."""
        driver, now = self._driver, job.created_at
        first = job.first_slot(now)
        old = driver.jobs.get(job.key)
        if driver.book is not None:
            job.page = driver.book.page_of(job, first)
        if old is None or gives_way(driver, old, job, if_exists, now):
            driver.admit(job, first, now)

    def _known(self, job_id: str) -> LiveJob:
        driver = self._driver
        job = driver.jobs.get(job_id) or driver.ended.get(job_id)
        if job is None:
            raise ValueError(f"Job not found: {job_id!r}")
        return job

    def _live(self, job_id: str) -> LiveJob:
        job = self._known(job_id)
        if job.ended is not None:
            raise ValueError(f"job has ended ({job.ended.value}): {job_id!r}: schedule it again")
        return job


def _book(history: str | os.PathLike[str], clock: Clock, zone: Zone) -> Book:
    from duly.embedded.book import Book  # noqa: PLC0415 - SQLite is loaded only by those who use it

    path = os.fspath(history)
    if not path or "\0" in path or Path(path).is_dir():
        raise ValueError(f"history must be the path of a file, got {history!r}")
    return Book(Path(path), clock, zone)


def _abandon(host: Host, book: Book | None) -> None:
    """A scheduler was dropped without being stopped."""
    host.abandon()
    if book is not None:
        book.abandon()


def _or_never(slot: int | None) -> int:
    return NEVER if slot is None else slot


def _matches(job: LiveJob, status: JobStatus) -> bool:
    return job.status() is status or (job.ended is None and job.status_of_last_outcome() is status)

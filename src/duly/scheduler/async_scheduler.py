"""The scheduler of one app or part, and its blocking twin."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, Unpack, cast

from duly.core import clock as clocks
from duly.core.arguments import check_function, checked_arguments, member
from duly.core.clock import zoned
from duly.core.policy import IfExists, Misfire, MisfireName, checked_if_exists
from duly.core.scheduled_job import JobCallable, ScheduledJob, SchedulerErrorHandlerType, auto_name
from duly.core.trigger import TriggerProtocol
from duly.executor.call_sites import CallSite, call_site
from duly.executor.registering_facade import RegisteringSyncFacade
from duly.lifecycle import Resource, part
from duly.lifecycle.sync_facade import blocking, on_loop
from duly.scheduler.live_jobs import LiveJobs
from duly.scheduler.options import JobOptions, job_fields
from duly.scheduler.registrations import JobRegistrations
from duly.scheduler.service import SchedulerService
from duly.scheduler.triggers import bound, checked_trigger, first_run
from duly.triggers import After, Cron, Daily, Every, Once
from duly.triggers.once import IfPast

if TYPE_CHECKING:
    from whenever import ZonedDateTime

    from duly.lifecycle import TaskBucket
    from duly.lifecycle.root import Root

Registering: TypeAlias = Coroutine[Any, Any, ScheduledJob]
"""To be awaited: gives the job once it is registered."""


class AsyncScheduler(Resource):
    """Schedules the jobs of its parent. Owns which of them are live; guarded by the event loop.

    The methods that schedule take the options of ``JobOptions`` and give the registered job. They raise ``TypeError``
    and ``ValueError`` for arguments that are not right, ``ValueError`` also for a name that is taken, and leave no
    trace then.
    """

    log_setting: ClassVar[str] = "scheduler_service"

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        if parent is None:
            raise AssertionError("AsyncScheduler needs the part whose jobs it schedules: make it with add_child()")
        super().__init__(duly, parent=parent)
        self.scheduler_service = part(duly, SchedulerService)
        self._owner = parent
        self.live = LiveJobs()
        """Changed by the scheduler alone."""
        self._registrations = JobRegistrations(self.scheduler_service, self.live)
        self._error_handler: SchedulerErrorHandlerType | None = None
        self._closed = False
        """Whether it takes no more jobs, since its owner stops."""

    @cached_property
    def sync(self) -> SchedulerSyncFacade:
        """Its blocking twin, made for who asks for it."""
        return self.add_child(SchedulerSyncFacade)

    @property
    def owner_bucket(self) -> TaskBucket:
        """Where tasks go that the jobs start."""
        return self._owner.task_bucket

    # --- scheduling --------------------------------------------------------------------------------------------------

    def schedule(
        self, func: JobCallable, trigger: TriggerProtocol, name: str = "", **options: Unpack[JobOptions]
    ) -> Registering:
        """Run ``func`` when ``trigger`` says."""
        return self._schedule(func, lambda: trigger, name, options, site=call_site())

    def run_in(self, func: JobCallable, delay: float, name: str = "", **options: Unpack[JobOptions]) -> Registering:
        """Run ``func`` once, ``delay`` seconds from now."""
        return self._schedule(func, lambda: After(seconds=float(delay)), name, options, site=call_site())

    def run_once(
        self,
        func: JobCallable,
        at: str | ZonedDateTime,
        name: str = "",
        *,
        if_past: IfPast = "tomorrow",
        **options: Unpack[JobOptions],
    ) -> Registering:
        """Run ``func`` once, at a moment or at the next ``"HH:MM"``."""
        return self._schedule(func, lambda: Once(at, if_past), name, options, site=call_site())

    def run_every(
        self,
        func: JobCallable,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        name: str = "",
        **options: Unpack[JobOptions],
    ) -> Registering:
        """Run ``func`` at equal distances of elapsed time, the sum of the three, from now on."""
        return self._schedule(func, lambda: Every(seconds, minutes, hours), name, options, site=call_site())

    def run_minutely(
        self, func: JobCallable, minutes: int = 1, name: str = "", **options: Unpack[JobOptions]
    ) -> Registering:
        """Run ``func`` every so many minutes from now on."""
        return self._schedule(func, lambda: _every("Minute", minutes=minutes), name, options, site=call_site())

    def run_hourly(
        self, func: JobCallable, hours: int = 1, name: str = "", **options: Unpack[JobOptions]
    ) -> Registering:
        """Run ``func`` every so many hours from now on."""
        return self._schedule(func, lambda: _every("Hour", hours=hours), name, options, site=call_site())

    def run_daily(
        self, func: JobCallable, at: str = "00:00", name: str = "", **options: Unpack[JobOptions]
    ) -> Registering:
        """Run ``func`` every day at ``"HH:MM"`` on the wall clock."""
        return self._schedule(func, lambda: Daily(at), name, options, site=call_site())

    def run_cron(
        self, func: JobCallable, expression: str, name: str = "", **options: Unpack[JobOptions]
    ) -> Registering:
        """Run ``func`` at the wall-clock times of a cron expression, see ``Cron``."""
        return self._schedule(func, lambda: Cron(expression), name, options, site=call_site())

    def add_job(self, job: ScheduledJob, *, if_exists: IfExists = "error") -> Registering:
        """Register a job made by hand; its owner, app and tier become those of this scheduler."""
        return self._add(job, if_exists, call_site())

    # --- jobs there are ----------------------------------------------------------------------------------------------

    def cancel_job(self, job: ScheduledJob) -> None:
        """Have a job run no more; a run in flight goes on to its end. If it has ended, this does nothing.

        From any thread, like ``ScheduledJob.cancel``, which has no twin.

        Raises:
            ValueError: it is of another scheduler, or of none.
        """
        self._check_own(job)
        if job in self.live:
            self.task_bucket.call_on_loop(self._cancel, job)

    def cancel_group(self, group: str) -> None:
        """Cancel every job of a group; an unknown one has none."""
        for job in self.live.of_group(group):
            self.cancel_job(job)

    def list_jobs(self, group: str | None = None) -> list[ScheduledJob]:
        """All live jobs, or those of a group, in order of registration."""
        return self.live.listed() if group is None else self.live.of_group(group)

    def get_job_db_ids(self) -> list[int]:
        """The rows of all live jobs that have one."""
        return [job.db_id for job in self.live.listed() if job.db_id is not None]

    def get_registrations(self) -> list[asyncio.Task[None]]:
        """The registrations that are under way: until they have ended, their jobs may have no row."""
        return self._registrations.under_way()

    def pause_job(self, job: ScheduledJob, by: str = "") -> None:
        """Start no further slot of a job, also after a restart; a run in flight goes on. ``by`` says who wants it.

        Raises:
            ValueError: it is not live in this scheduler.
        """
        self._check_live(job)
        self.task_bucket.call_on_loop(self.scheduler_service.pause_job, job, by)

    def resume_job(self, job: ScheduledJob, catch_up: MisfireName = "skip") -> None:
        """End a pause. Slots that passed meanwhile are recorded as skipped, but for those that ``catch_up`` has run.

        ``"run_once"`` runs the oldest, ``"run_all"`` the newest 100.

        Raises:
            ValueError: it is not live in this scheduler, or an unknown ``catch_up``.
        """
        self._check_live(job)
        how: MisfireName = member(Misfire, "catch_up", catch_up).value
        self.task_bucket.call_on_loop(self.scheduler_service.resume_job, job, how)

    def run_job_now(self, job: ScheduledJob) -> asyncio.Future[object]:
        """Run a job at once, beside its schedule. Awaited it gives what the job returns, and raises what it raises.

        Raises:
            ValueError: it is not live in this scheduler.
        """
        self._check_live(job)
        return self.scheduler_service.run_job_now(job)

    def on_error(self, handler: SchedulerErrorHandlerType | None) -> None:
        """Set the handler of errors of jobs that have none of their own; ``None``: no such handler."""
        if handler is not None and not callable(handler):
            raise TypeError(f"the handler of errors must be callable, got {handler!r}")
        self._error_handler = handler

    # --- its life ----------------------------------------------------------------------------------------------------

    async def on_initialize(self) -> None:
        """Have jobs."""
        self._error_handler = None
        self._closed = False
        self.scheduler_service.register_removal_callback(self.owner_id, self.live.remove)

    async def end_intake(self) -> None:
        """Take all jobs off, without calling them cancelled: the next start registers onto their rows."""
        self._closed = True
        for job in self.live.listed():
            job._dequeued = True  # noqa: SLF001 - as in cancel_job
        await self.scheduler_service.remove_jobs_by_owner(self.owner_id)
        for job in self.live.listed():
            self.live.remove(job)

    async def after_shutdown(self) -> None:
        """Hear of its jobs no more."""
        self.scheduler_service.deregister_removal_callback(self.owner_id, self.live.remove)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _schedule(
        self,
        func: JobCallable,
        make_trigger: Callable[[], TriggerProtocol],
        name: str,
        options: JobOptions,
        *,
        site: CallSite,
    ) -> ScheduledJob:
        self._check_tier()
        fields = job_fields(options)
        check_function("func", func)
        if not isinstance(name, str):
            raise TypeError(f"name must be a text, got {name!r}")
        fields["args"] = checked_arguments(func, fields["args"], fields["kwargs"] or None)
        trigger = checked_trigger(make_trigger())
        job_name = name or auto_name(func, trigger)
        trigger = bound(trigger, job_name)
        clock = clocks.current()
        job = ScheduledJob(
            owner_id=self.owner_id,
            next_run=first_run(trigger, zoned(clock.now(), clock.zone)),
            job=func,
            trigger=trigger,
            name=job_name,
            name_auto=not name,
            **fields,
        )
        return await self._add(job, options.get("if_exists", "error"), site)

    async def _add(self, job: ScheduledJob, if_exists: IfExists, site: CallSite) -> ScheduledJob:
        if not isinstance(job, ScheduledJob):
            raise TypeError(f"add_job() takes a ScheduledJob, got {job!r} of type {type(job).__name__}")
        check_function("func", job.job)
        checked_if_exists(if_exists)
        if job.trigger is not None:
            checked_trigger(job.trigger)
        self._check_free(job)
        while (old := self.live.at(job.name)) is not None or job in self._registrations:
            if old is None:  # this very job, cancelled while it was being registered
                await self._registrations.end_of(job)
            elif if_exists == "replace" and old is not job:
                self.logger.debug("replaced: job=%s", job.name)
                self.cancel_job(old)
                break
            else:
                self._check_same(old, job, if_exists)
                await self._registrations.end_of(old)
                if old in self.live:
                    if old is not job and self.scheduler_service.is_at_its_end(old):
                        text = "kept a job that ends with its run in flight: job=%s: with 'replace' it would run again"
                        self.logger.warning(text, job.name)
                    return old
            self._check_free(job)
        self._adopt(job, site)
        await self._registrations.register(job)
        return job

    def _cancel(self, job: ScheduledJob) -> None:
        if job in self.live:
            self._registrations.cancel(job)
            self.logger.debug("cancelled: job=%s", job.name)

    def _adopt(self, job: ScheduledJob, site: CallSite) -> None:
        """Make the job this scheduler's."""
        owner = self._owner
        job.owner_id, job.app_key, job.instance_index = self.owner_id, owner.app_key, owner.index
        job.source_tier = self.source_tier
        job._scheduler, job._dequeued, job.db_id = self, False, None  # noqa: SLF001 - as in cancel_job
        job.set_app_error_handler_resolver(self._app_error_handler)
        if not job.source_location:
            job.source_location, job.registration_source = site
        if job.trigger is not None:
            job.trigger = bound(job.trigger, job.name)
        if isinstance(job.trigger, Once) and job.trigger.warning is not None:
            self.logger.warning("%s: job=%s", job.trigger.warning, job.name)

    def _app_error_handler(self) -> SchedulerErrorHandlerType | None:
        return self._error_handler

    # --- checks ------------------------------------------------------------------------------------------------------

    def _check_tier(self) -> None:
        if self.source_tier not in {"app", "framework"}:
            raise AssertionError(f"source_tier must be 'app' or 'framework', not {self.source_tier!r}")

    def _check_free(self, job: ScheduledJob) -> None:
        """Refuse a job when this scheduler has stopped, or the job is another's."""
        if self._closed or self.shutdown_event.is_set():
            raise RuntimeError(f"{self.owner_id} is stopping or has stopped, and takes no more jobs: {job.name!r}")
        other = job._scheduler  # noqa: SLF001 - as in cancel_job
        if other is not None and other is not self and job in other.list_jobs():
            raise ValueError(f"job {job.name!r} belongs to another scheduler: make one of its own for {self.owner_id}")

    def _check_own(self, job: ScheduledJob) -> None:
        if job._scheduler is not self:  # noqa: SLF001 - as in cancel_job
            raise ValueError(f"job {job.name!r} is not of the scheduler of {self.owner_id}: ask its own")

    def _check_live(self, job: ScheduledJob) -> None:
        self._check_own(job)
        if job not in self.live:
            raise ValueError(f"job {job.name!r} of {self.owner_id} has ended: schedule it again")

    def _check_same(self, old: ScheduledJob, new: ScheduledJob, if_exists: IfExists) -> None:
        """Refuse a new job whose name is taken, unless it may be skipped and is the same."""
        if if_exists == "error":
            raise ValueError(
                f"a job named {old.name!r} already exists for {self.owner_id}, names must be unique per scheduler "
                "instance: choose another, or pass if_exists='skip' or 'replace'"
            )
        changed = old.diff_fields(new)
        if changed:
            raise ValueError(
                f"a job named {old.name!r} exists for {self.owner_id} but its configuration changed "
                f"({', '.join(changed)}): pass if_exists='replace' to take the new one"
            )


class SchedulerSyncFacade(RegisteringSyncFacade[ScheduledJob]):
    """The blocking twin of ``AsyncScheduler``, for code in worker threads.

    Methods that schedule wait for the registration, at most ``lifecycle.run_sync_timeout_seconds``; over time they
    raise ``TimeoutError``, and nothing is registered. On a thread with a running event loop they raise
    ``RuntimeError``.
    """

    def run_job_now(self, job: ScheduledJob) -> object:
        """Run a job at once, and wait for its end however long it takes; see ``AsyncScheduler.run_job_now``."""
        return self.part.task_bucket.run_sync(self._by_hand(job), threading.TIMEOUT_MAX)

    async def _by_hand(self, job: ScheduledJob) -> object:
        return await asyncio.shield(self._scheduler.run_job_now(job))

    def _live(self) -> LiveJobs:
        return self._scheduler.live

    def _item_of(self, result: object) -> ScheduledJob | None:
        return result if isinstance(result, ScheduledJob) else None

    def _cancel(self, item: ScheduledJob) -> None:
        self._scheduler.cancel_job(item)

    @property
    def _scheduler(self) -> AsyncScheduler:
        return cast("AsyncScheduler", self.part)

    schedule = blocking(AsyncScheduler.schedule)
    run_in = blocking(AsyncScheduler.run_in)
    run_once = blocking(AsyncScheduler.run_once)
    run_every = blocking(AsyncScheduler.run_every)
    run_minutely = blocking(AsyncScheduler.run_minutely)
    run_hourly = blocking(AsyncScheduler.run_hourly)
    run_daily = blocking(AsyncScheduler.run_daily)
    run_cron = blocking(AsyncScheduler.run_cron)
    add_job = blocking(AsyncScheduler.add_job)
    cancel_job = on_loop(AsyncScheduler.cancel_job)
    cancel_group = on_loop(AsyncScheduler.cancel_group)
    list_jobs = on_loop(AsyncScheduler.list_jobs)
    pause_job = on_loop(AsyncScheduler.pause_job)
    resume_job = on_loop(AsyncScheduler.resume_job)
    on_error = on_loop(AsyncScheduler.on_error)


def _every(unit: str, *, minutes: int = 0, hours: int = 0) -> Every:
    if minutes + hours < 1:
        raise ValueError(f"{unit} interval must be at least 1, got {minutes + hours!r}")
    return Every(minutes=minutes, hours=hours)

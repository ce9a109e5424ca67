"""The one scheduler of the process, behind the schedulers of all apps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from duly.core import clock as clocks
from duly.core.clock import NEVER, Clock
from duly.core.policy import Misfire, MisfireName
from duly.core.scheduled_job import ScheduledJob
from duly.core.trigger import Chain
from duly.executor import CommandExecutor, registration_of
from duly.history import DatabaseService
from duly.ledger import jobs
from duly.ledger.continuation import Enrolment, Wanted, enrol
from duly.ledger.writer import Work
from duly.lifecycle import Resource, RestartSpec, RestartType, Service, TaskBucket, WorkerPoolService
from duly.lifecycle.worker_tasks import some_names
from duly.scheduler.armed_job import ArmedJob, JobRun, chain_for, trigger_of, wanted_by
from duly.scheduler.driver import Driver
from duly.scheduler.followers import Followers
from duly.scheduler.following import follows

if TYPE_CHECKING:
    import sqlite3

    from duly.ledger.repository import StoredSchedule
    from duly.lifecycle.root import Root

RemovalCallback: TypeAlias = Callable[[ScheduledJob], object]
"""Told of a job that is live no more."""

_OF_THE_PHASE = 0.5
"""How much of the phase limit a stop waits for runs in flight."""


class SchedulerService(Service):
    """Owns which jobs are in the engine, by owner; guarded by the event loop.

    What becomes of a job across restarts and reloads is read from the ledger when it is registered.
    """

    depends_on: ClassVar[list[type[Resource]]] = [CommandExecutor, WorkerPoolService, DatabaseService]
    restart_spec: ClassVar[RestartSpec] = RestartSpec(
        restart_type=RestartType.PERMANENT, budget_intensity=2, budget_period_seconds=30.0
    )
    log_setting: ClassVar[str] = "scheduler_service"

    def __init__(
        self, duly: Root, *, parent: Resource | None = None, executor: CommandExecutor, database: DatabaseService
    ) -> None:
        super().__init__(duly, parent=parent)
        self._executor = executor
        self._database = database
        self._clock = clocks.current()
        self._followers = Followers(self)
        self._driver = Driver(self, executor, self._clock, self._done, self._followers.look_at)
        self._armed: dict[ScheduledJob, ArmedJob] = {}
        self._owners: dict[str, dict[ScheduledJob, ArmedJob]] = {}
        self._callbacks: dict[str, RemovalCallback] = {}
        self._left: dict[str, tuple[int, int]] = {}
        """Of jobs whose owner has stopped: their schedule, and its first slot that is not decided.

        Only of triggers of users': what they have passed over has no row. Of others the ledger knows it.
        """

    # --- jobs --------------------------------------------------------------------------------------------------------

    async def add_job(self, job: ScheduledJob) -> None:
        """Store its registration, and put it on the heap unless it was cancelled or removed meanwhile.

        A job of the same app, instance and name goes on with its schedule, if that is the same. What its trigger
        raises, or the ledger, propagates; the job is on no heap then.

        Raises:
            RuntimeError: the service has stopped.
        """
        self._check_open(job)
        trigger, zone = trigger_of(job), self._clock.zone
        if follows(trigger):
            chain, enrolment = await self._followers.enrol(job, trigger)
        else:
            chain = chain_for(trigger, zone)
            enrolment = await self.enrol(job, wanted_by(job, trigger, zone))
        self._check_open(job)
        job.mark_registered(enrolment.job_id)
        if job._dequeued:  # noqa: SLF001 - one field of the contract's
            self._followers.forget(job)
            self.logger.debug("not put on the heap, for it was dequeued: job=%s", job.name)
            return
        self._arm(job, chain, enrolment)

    def dequeue_job(self, job: ScheduledJob) -> bool:
        """Take a job off for good: what was due is decided, a run in flight goes on; True if it was on the heap."""
        armed = self._armed.get(job)
        queued = armed is not None and armed.entry is not None
        ended = self.take_off(job)
        if ended is None:
            return False
        self._store_end(ended)
        return queued

    def take_off(self, job: ScheduledJob) -> tuple[int, int] | None:
        """As ``dequeue_job``; the caller stores what this gives: the schedule of the job, and when that ended."""
        if job._dequeued:  # noqa: SLF001 - as above
            return None
        job._dequeued = True  # noqa: SLF001 - as above
        armed = self._armed.get(job)
        ended = None
        if armed is not None:
            ended = _end_of(armed, self._driver.remove(armed))
            self._drop(armed)
        self._tell_removed(job)
        self.logger.debug("dequeued: job=%s", job.name)
        return ended

    def remove_jobs_by_owner(self, owner: str) -> asyncio.Task[None]:
        """Take off all jobs of an owner that stops; their schedules go on when they are registered again.

        It is done when this returns; the task only has its end.
        """
        for job, armed in self._owners.pop(owner, {}).items():
            job._dequeued = True  # noqa: SLF001 - as above
            self._followers.forget(job, to_come_back=True)
            self._driver.leave(armed)
            if armed.chain.count is None:
                self._left[armed.key] = (armed.schedule_id, armed.pending)
            del self._armed[job]
        return asyncio.get_running_loop().create_task(_ended(), name=f"{self.unique_name} removed jobs of {owner}")

    def mark_job_cancelled(self, db_id: int, ended: tuple[int, int] | None = None) -> asyncio.Future[None]:
        """Store the cancellation of a job; it has its place before later registrations when this returns.

        ``ended`` is what ``take_off`` has given, stored in the same write.
        """
        marked = self._executor.mark_job_cancelled(db_id, ended)
        marked.add_done_callback(partial(self._report, "a cancellation"))
        return marked

    def register_removal_callback(self, owner: str, callback: RemovalCallback) -> None:
        """Tell ``callback`` of each job of an owner that ends by cancellation or exhaustion, instead of any before."""
        self._callbacks[owner] = callback

    def deregister_removal_callback(self, owner: str, callback: RemovalCallback) -> None:
        """Tell it no more; one that another has replaced is left alone."""
        if self._callbacks.get(owner) == callback:
            del self._callbacks[owner]

    async def get_all_jobs(self) -> list[ScheduledJob]:
        """All live jobs of all owners, those in flight included."""
        return list(self._armed)

    def is_at_its_end(self, job: ScheduledJob) -> bool:
        """Whether nothing more is due of a live job, so that it ends with its run in flight."""
        armed = self._armed.get(job)
        return armed is not None and armed.pending == NEVER and job not in self._followers

    # --- for those that follow something -----------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The one by which jobs are due."""
        return self._clock

    def enrol(self, job: ScheduledJob, wanted: Wanted) -> asyncio.Future[Enrolment]:
        """Store the registration of a job, with the schedule that it asks for."""
        database, registration, now = self._database, registration_of(job), self._clock.now()
        return database.issue(
            lambda db: enrol(database.repository, db, registration, wanted, now=now, session_id=database.session_id)
        )

    def newest_schedule(self, job: ScheduledJob) -> asyncio.Future[StoredSchedule | None]:
        """The last schedule that a job has had; ``None``: none yet."""
        repository, key = self._database.repository, (job.app_key, job.instance_index, job.name)

        def find(db: sqlite3.Connection) -> StoredSchedule | None:
            job_id = repository.id_of_job(db, *key)
            return None if job_id is None else repository.newest_schedule(db, job_id)

        return self._database.issue(find)

    def cut(self, armed: ArmedJob) -> int:
        """End the slots of a job, everything decided that was due; give the moment."""
        return self._driver.cut(armed)

    def arm_anew(self, armed: ArmedJob, chain: Chain, enrolment: Enrolment, ended: int) -> None:
        """Give a job other slots, when those before have ended at that moment."""
        armed.turn_to(chain, enrolment.schedule_id, ended)
        self._driver.go_on(armed, self._pending(armed, enrolment))
        self.logger.debug("armed anew: job=%s next_run=%s", armed.job.name, armed.job.next_run)

    def end_schedule(self, schedule_id: int) -> None:
        """End a schedule of which no slot was due."""
        self._store_end((schedule_id, self._clock.now()))

    def follow_anew(self) -> None:
        """Let jobs whose triggers follow something look for it again."""
        self._followers.follow_anew()

    # --- what can be done to them ------------------------------------------------------------------------------------

    def pause_job(self, job: ScheduledJob, by: str = "") -> None:
        """Start no further slot of a job, also after a restart; a run in flight goes on. ``by``: who wants it.

        Raises:
            ValueError: the job is not live.
        """
        armed = self._live(job)
        if not armed.paused:
            self._store_pause(armed, self._driver.pause(armed), by)

    def resume_job(self, job: ScheduledJob, catch_up: MisfireName = "skip") -> None:
        """End a pause; slots that passed are skipped, but for those that ``catch_up`` has run.

        Raises:
            ValueError: the job is not live, or ``catch_up`` is no such word.
        """
        policy = Misfire(catch_up)
        armed = self._live(job)
        if armed.paused:
            self._store_pause(armed, None)
            self._driver.resume(armed, policy)

    def run_job_now(self, job: ScheduledJob) -> asyncio.Future[object]:
        """Run a job at once, beside its schedule. The future gives what it returns and raises what it raises.

        Raises:
            ValueError: the job is not live.
        """
        return self._driver.run_now(self._live(job))

    async def trigger_due_jobs(self) -> int:
        """For tests: run what is due now, one after the other; give the number of runs."""
        return await self._driver.run_due()

    def kick(self) -> None:
        """Look at once for what is due."""
        self._driver.wake()

    # --- its life ----------------------------------------------------------------------------------------------------

    async def on_initialize(self) -> None:
        """Take jobs; those that were there before a restart go on."""
        self._driver.open()
        self._followers.follow_anew()

    async def serve(self) -> None:
        """Run what is due, when it is."""
        self.mark_ready("runs what is due")
        while not self.shutdown_event.is_set():
            self._driver.renew_grace(self._armed.values())
            await self._driver.sleep(await self._driver.turn())

    async def on_shutdown(self) -> None:
        """Start nothing more, and give runs in flight some time; before a restart jobs stay where they are."""
        if not self._restarting:
            for owner in list(self._owners):
                self.remove_jobs_by_owner(owner)
            self._driver.withdraw()
        self._driver.workers.close()
        await self._await_runs()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _await_runs(self) -> None:
        """Until runs in flight have ended, or their time is up; they are cancelled then, with the tasks of the part."""
        limit = self.phase_limit * _OF_THE_PHASE
        in_flight = self._driver.workers.in_flight()
        if not in_flight:
            return
        self.logger.info("runs in flight have %g s to end: jobs=%s", limit, _names(in_flight))
        left = await self._driver.workers.left_after(limit)
        if left:
            self.logger.warning("runs did not end within %g s and are cancelled: jobs=%s", limit, _names(left))

    def _check_open(self, job: ScheduledJob) -> None:
        if self.shutdown_event.is_set() and not self._restarting:
            raise RuntimeError(f"the scheduler has stopped and takes no job: {job.name!r}")

    def _arm(self, job: ScheduledJob, chain: Chain, enrolment: Enrolment) -> None:
        bucket: TaskBucket | None = getattr(job._scheduler, "owner_bucket", None)  # noqa: SLF001 - as above
        armed = ArmedJob(
            job,
            chain,
            schedule_id=enrolment.schedule_id,
            bucket=self.task_bucket if bucket is None else bucket,
            grace=self._driver.grace,
        )
        armed.paused = enrolment.paused
        self._armed[job] = self._owners.setdefault(job.owner_id, {})[job] = armed
        self._followers.adopt(armed)
        self._driver.add(armed, self._pending(armed, enrolment))
        self.logger.debug("enqueued: job=%s next_run=%s", job.name, job.next_run)

    def _pending(self, armed: ArmedJob, enrolment: Enrolment) -> int:
        """The first slot without a row."""
        schedule_id, left = self._left.pop(armed.key, (None, 0))
        stored = enrolment.stored
        if stored is None:
            return enrolment.first
        try:
            pending = stored.pending(armed.chain)
        except Exception as error:  # a trigger may be a user's
            self.logger.exception("the trigger raised, its schedule begins anew: job=%s", armed.key, exc_info=error)
            pending = enrolment.first
            if stored.highest is not None and pending <= stored.highest:
                pending = NEVER  # that slot has a row, and nobody can tell the next
        return max(pending, left) if schedule_id == stored.id else pending

    def _done(self, armed: ArmedJob) -> None:
        """Nothing more is due of a job, and nothing in flight."""
        if armed.broken:
            self._store_end(_end_of(armed, self._clock.now()))
        self._drop(armed)
        self._tell_removed(armed.job)

    def _drop(self, armed: ArmedJob) -> None:
        job = armed.job
        self._followers.forget(job)
        self._armed.pop(job, None)
        owned = self._owners.get(job.owner_id)
        if owned is not None:
            owned.pop(job, None)
            if not owned:
                del self._owners[job.owner_id]

    def _tell_removed(self, job: ScheduledJob) -> None:
        callback = self._callbacks.get(job.owner_id)
        if callback is None:
            return
        try:
            callback(job)
        except Exception as error:  # the scheduler goes on whatever its owner does
            self.logger.exception("the owner was not told of a removed job: job=%s", job.name, exc_info=error)

    def _live(self, job: ScheduledJob) -> ArmedJob:
        armed = self._armed.get(job)
        if armed is None:
            raise ValueError(f"job {job.name!r} is not live: it has ended, was cancelled, or is not registered yet")
        return armed

    # --- writes that nobody awaits -----------------------------------------------------------------------------------

    def _store_end(self, ended: tuple[int, int]) -> None:
        repository = self._database.repository
        self._write(lambda db: repository.end_schedule(db, *ended), "the end of a schedule")

    def _store_pause(self, armed: ArmedJob, paused_at: int | None, by: str = "") -> None:
        repository, job_id = self._database.repository, armed.job.db_id
        assert job_id is not None  # noqa: S101 - it is registered
        session_id = self._database.session_id

        def store(db: sqlite3.Connection) -> None:
            repository.pause_job(db, job_id, paused_at, by or None)
            job = jobs.job(db, job_id) if by else None
            if job is not None and paused_at is not None:  # what a person does is kept, also after the pause
                repository.note(db, paused_at, session_id, by, "pause", job.full_name)

        self._write(store, "a pause")

    def _write(self, work: Work[None], what: str) -> None:
        try:
            written = self._database.issue(work)
        except RuntimeError as error:
            self.logger.warning("%s cannot be stored: %s", what, error)
        else:
            written.add_done_callback(partial(self._report, what))

    def _report(self, what: str, written: asyncio.Future[None]) -> None:
        if not written.cancelled() and (error := written.exception()) is not None:
            self.logger.error("%s could not be stored", what, exc_info=error)


def _end_of(armed: ArmedJob, now: int) -> tuple[int, int]:
    """Its schedule, and when that ends: what is due of it has a row, later slots do not exist."""
    return armed.schedule_id, min(now, armed.pending - 1)


def _names(runs: Iterable[JobRun]) -> str:
    """Their jobs."""
    return some_names(run.job.key for run in runs)


async def _ended() -> None:
    """There is nothing left to do."""

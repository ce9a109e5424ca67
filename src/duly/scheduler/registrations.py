"""Jobs on their way into the ledger and onto the heap."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duly.core.scheduled_job import ScheduledJob
    from duly.scheduler.live_jobs import LiveJobs
    from duly.scheduler.service import SchedulerService


class Registrations:
    """Owns the registrations of one scheduler that are under way; guarded by the event loop.

    A job is live, and its name taken, from the moment its registration begins. Registrations of one name come one
    after the other, and so does the cancellation of the job before: they share a row.
    """

    def __init__(self, service: SchedulerService, live: LiveJobs) -> None:
        self._service = service
        self._live = live
        self._tasks: dict[ScheduledJob, asyncio.Task[None]] = {}
        self._last: dict[str, asyncio.Task[None]] = {}
        """The newest of each name."""
        self._cancelled: set[ScheduledJob] = set()
        """Jobs that were cancelled meanwhile."""

    def __contains__(self, job: ScheduledJob) -> bool:
        return job in self._tasks

    def under_way(self) -> list[asyncio.Task[None]]:
        """Those that have not ended; of one name the newest, which is the last to end."""
        return list(self._last.values())

    async def end_of(self, job: ScheduledJob) -> None:
        """Until the registration of the job has ended, well or not."""
        task = self._tasks.get(job)
        if task is not None:
            await asyncio.wait({task})

    async def register(self, job: ScheduledJob) -> None:
        """Store it and put it on the heap; if that fails, or the caller gives up, it leaves no trace.

        The task is the root's, so that a cancellation is stored even when the scheduler has ended meanwhile.
        """
        task = self._service.duly.task_bucket.spawn(
            self._carry_out(job, self._last.get(job.name)), name=f"{job.owner_id} registers {job.name}"
        )
        task.add_done_callback(functools.partial(self._clean_up, job))
        self._last[job.name] = self._tasks[job] = task
        self._live.add(job)
        try:
            await asyncio.wait({task})
        except BaseException:
            if job in self._live:
                self.cancel(job)
            raise
        if task.cancelled():
            raise RuntimeError(f"Duly stopped before job {job.name!r} was registered")
        task.result()

    def cancel(self, job: ScheduledJob) -> None:
        """Have a live job run no more, and store that."""
        self._live.remove(job)
        if job in self._tasks:
            job._dequeued = True  # noqa: SLF001 - a field of the contract's
            self._cancelled.add(job)
        else:
            self._store_cancellation(job, self._service.take_off(job))

    async def _carry_out(self, job: ScheduledJob, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        await self._service.add_job(job)
        del self._tasks[job]  # in this very turn: from now on it is the service that takes it off
        if job in self._cancelled:
            self._cancelled.remove(job)
            self._store_cancellation(job)

    def _clean_up(self, job: ScheduledJob, task: asyncio.Task[None]) -> None:
        """A registration has ended, well or not."""
        if self._last.get(job.name) is task:
            del self._last[job.name]
        if self._tasks.get(job) is task:
            del self._tasks[job]
            self._cancelled.discard(job)
            self._live.remove(job)

    def _store_cancellation(self, job: ScheduledJob, ended: tuple[int, int] | None = None) -> None:
        """Store it in the order of the calls, and do not wait."""
        if job.db_id is None:
            return
        try:
            self._service.mark_job_cancelled(job.db_id, ended)
        except RuntimeError as error:  # the ledger has been closed
            self._service.logger.warning("the cancellation of a job cannot be stored: job=%s: %s", job.name, error)

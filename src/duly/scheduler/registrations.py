"""Jobs on their way into the ledger and onto the heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duly.executor.ordered_registrations import OrderedRegistrations

if TYPE_CHECKING:
    from duly.core.scheduled_job import ScheduledJob
    from duly.scheduler.live_jobs import LiveJobs
    from duly.scheduler.service import SchedulerService


class JobRegistrations(OrderedRegistrations["ScheduledJob"]):
    """Registers the jobs of one scheduler, and stores that they are cancelled."""

    def __init__(self, service: SchedulerService, live: LiveJobs) -> None:
        super().__init__(service.duly.task_bucket, live)
        self._service = service

    def _label(self, item: ScheduledJob) -> str:
        return f"job {item.name!r} of {item.owner_id}"

    async def _store(self, item: ScheduledJob) -> None:
        await self._service.add_job(item)

    def _take_off(self, item: ScheduledJob) -> None:
        self._store_cancellation(item, self._service.take_off(item))

    def _give_up(self, item: ScheduledJob) -> None:
        item._dequeued = True  # noqa: SLF001 - a field of the contract's

    def _stored_in_vain(self, item: ScheduledJob) -> None:
        self._store_cancellation(item)

    def _store_cancellation(self, job: ScheduledJob, ended: tuple[int, int] | None = None) -> None:
        """Store it in the order of the calls, and do not wait."""
        if job.db_id is None:
            return
        try:
            self._service.mark_job_cancelled(job.db_id, ended)
        except RuntimeError as error:  # the ledger has been closed
            self._service.logger.warning("the cancellation of a job cannot be stored: job=%s: %s", job.name, error)

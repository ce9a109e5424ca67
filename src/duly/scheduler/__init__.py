"""Schedules the jobs of apps and of parts of Duly."""

from duly.core.scheduled_job import JobCallable, ScheduledJob, SchedulerErrorHandlerType, SourceTier
from duly.executor.contexts import SchedulerErrorContext
from duly.scheduler.async_scheduler import AsyncScheduler, SchedulerSyncFacade
from duly.scheduler.options import JobOptions
from duly.scheduler.service import SchedulerService
from duly.triggers import After, Cron, Daily, Dst, Every, Once, TriggerProtocol

__all__ = [
    "After",
    "AsyncScheduler",
    "Cron",
    "Daily",
    "Dst",
    "Every",
    "JobCallable",
    "JobOptions",
    "Once",
    "ScheduledJob",
    "SchedulerErrorContext",
    "SchedulerErrorHandlerType",
    "SchedulerService",
    "SchedulerSyncFacade",
    "SourceTier",
    "TriggerProtocol",
]

"""The embedded scheduler: a driver thread and a worker pool around the core engine."""

from duly.embedded.account import Account, Health
from duly.embedded.job import Job, JobStatus
from duly.embedded.records import Execution, JobEvent, Notice
from duly.embedded.scheduler import Scheduler
from duly.embedded.triggers import (
    CronTrigger,
    IntervalTrigger,
    OnceTrigger,
    Trigger,
    TriggerType,
    at,
    cron,
    every,
)

__all__ = [
    "Account",
    "CronTrigger",
    "Execution",
    "Health",
    "IntervalTrigger",
    "Job",
    "JobEvent",
    "JobStatus",
    "Notice",
    "OnceTrigger",
    "Scheduler",
    "Trigger",
    "TriggerType",
    "at",
    "cron",
    "every",
]

"""Duly runs Python on time and keeps an account of it.

These are the names of the embedded scheduler. Importing them loads no third party but ``whenever``.
"""

from duly.core.outcomes import Outcome, Reason
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
    "Outcome",
    "Reason",
    "Scheduler",
    "Trigger",
    "TriggerType",
    "at",
    "cron",
    "every",
]

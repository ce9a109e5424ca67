"""Duly runs Python on time and keeps an account of it.

These are the names of the embedded scheduler. Importing them loads no third party but ``whenever``.
"""

from duly.core.outcomes import Outcome, Reason
from duly.embedded import (
    Account,
    CronTrigger,
    Execution,
    Health,
    IntervalTrigger,
    Job,
    JobEvent,
    JobStatus,
    Notice,
    OnceTrigger,
    Scheduler,
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

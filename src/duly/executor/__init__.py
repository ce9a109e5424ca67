"""Runs handlers and jobs, and keeps a record of every execution."""

from duly.executor.commands import ExecuteJob, InvokeHandler, Slots
from duly.executor.contexts import BusErrorContext, ErrorContext, SchedulerErrorContext
from duly.executor.errors import DependencyError
from duly.executor.executor import CommandExecutor
from duly.executor.registrations import registration_of
from duly.ledger.record_queue import RetryableBatch
from duly.ledger.records import ExecutionRecord
from duly.ledger.registrations import ListenerRegistration, ScheduledJobRegistration

__all__ = [
    "BusErrorContext",
    "CommandExecutor",
    "DependencyError",
    "ErrorContext",
    "ExecuteJob",
    "ExecutionRecord",
    "InvokeHandler",
    "ListenerRegistration",
    "RetryableBatch",
    "ScheduledJobRegistration",
    "SchedulerErrorContext",
    "Slots",
    "registration_of",
]

"""The life of parts: start, stop, statuses, restart rules, tasks and worker threads.

``Root`` is what parts need of the object they hang on; ``announce`` and ``on_service_failed`` are how they tell it.
"""

from duly.lifecycle.bucket import TaskBucket, current_bucket, install_task_factory
from duly.lifecycle.callables import is_async_callable
from duly.lifecycle.errors import CannotOverrideFinalError, FatalError, InvalidLifecycleTransitionError
from duly.lifecycle.resource import Resource
from duly.lifecycle.restart import RestartSpec, RestartType
from duly.lifecycle.root import Root, StatusChange, find_part, part
from duly.lifecycle.service import Service
from duly.lifecycle.status import ResourceRole, ResourceStatus
from duly.lifecycle.worker_pool import NO_WORKER_FREE, PoolSnapshot, WorkerPoolService, no_worker_was_free

__all__ = [
    "NO_WORKER_FREE",
    "CannotOverrideFinalError",
    "FatalError",
    "InvalidLifecycleTransitionError",
    "PoolSnapshot",
    "Resource",
    "ResourceRole",
    "ResourceStatus",
    "RestartSpec",
    "RestartType",
    "Root",
    "Service",
    "StatusChange",
    "TaskBucket",
    "WorkerPoolService",
    "current_bucket",
    "find_part",
    "install_task_factory",
    "is_async_callable",
    "no_worker_was_free",
    "part",
]

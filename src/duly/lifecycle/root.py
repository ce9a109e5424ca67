"""What parts need of the object at the root, as a protocol, and what they tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from duly.config import DulyConfig
    from duly.lifecycle.bucket import TaskBucket
    from duly.lifecycle.resource import Resource
    from duly.lifecycle.service import Service
    from duly.lifecycle.status import ResourceStatus
    from duly.lifecycle.worker_pool import WorkerPoolService

PartT = TypeVar("PartT", bound="Resource")


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A part has changed its status or its readiness: how it is now."""

    resource: Resource
    status: ResourceStatus
    previous_status: ResourceStatus
    """Before this change: if readiness alone has changed, the present one."""
    ready: bool
    ready_reason: str
    exception: BaseException | None
    """What the present status is due to, if an error."""


class Root(Protocol):
    """The root object as parts see it. Everything here is called on the event loop unless said otherwise."""

    @property
    def config(self) -> DulyConfig:
        """The settings in force."""
        ...

    @property
    def children(self) -> Sequence[Resource]:
        """The wired parts, in order of adding; where ``depends_on`` is looked up."""
        ...

    @property
    def task_bucket(self) -> TaskBucket:
        """Where tasks go that no other part owns."""
        ...

    @property
    def worker_pool(self) -> WorkerPoolService:
        """Where sync code of users runs."""
        ...

    @property
    def shutdown_event(self) -> asyncio.Event:
        """Set once the process is to stop."""
        ...

    def announce(self, change: StatusChange) -> None:
        """Take note of a change; never blocks, never raises."""
        ...

    def on_service_failed(self, service: Service, error: BaseException) -> None:
        """Supervise: ``service`` has become ``failed`` or ``crashed``. Never blocks, never raises."""
        ...

    def request_shutdown(self, reason: str) -> None:
        """Ask the whole process to stop; from any thread."""
        ...


def part(duly: Root, cls: type[PartT]) -> PartT:
    """The wired part of the root of that type, subclasses included.

    Raises:
        RuntimeError: none is wired.
    """
    found = find_part(duly, cls)
    if found is None:
        raise RuntimeError(f"no {cls.__name__} is wired: call wire_services() first")
    return found


def find_part(duly: Root, cls: type[PartT]) -> PartT | None:
    """As ``part``; ``None``: none is wired."""
    return next((child for child in duly.children if isinstance(child, cls)), None)

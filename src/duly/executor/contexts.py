"""What error handlers are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from duly.events import Event


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """An execution that has failed."""

    exception: BaseException
    traceback: str
    """Complete, also where the record has none."""
    execution_id: str | None = field(default=None, kw_only=True)

    @property
    def log_label(self) -> str:
        """Which execution it is, as logs name it."""
        return self._with_id(type(self.exception).__name__)

    def _with_id(self, label: str) -> str:
        return label if self.execution_id is None else f"{label}, exec={self.execution_id}"


@dataclass(frozen=True, slots=True)
class BusErrorContext(ErrorContext):
    """A handler that has failed."""

    topic: str
    listener_name: str
    event: Event[Any]

    @property
    def log_label(self) -> str:
        """Topic and listener."""
        return self._with_id(f"topic={self.topic}, listener={self.listener_name}")


@dataclass(frozen=True, slots=True)
class SchedulerErrorContext(ErrorContext):
    """A job that has failed."""

    job_name: str
    job_group: str | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def log_label(self) -> str:
        """The job."""
        return self._with_id(f"job={self.job_name}")

"""How long starting, stopping and single operations may take: ``[duly.lifecycle]``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from duly.config.group import Group
from duly.config.values import Int, Number, PositiveOrNone


def _as_apps(values: dict[str, Any]) -> int:
    return int(values["app_shutdown_timeout_seconds"])


class LifecycleConfig(Group):
    """Time limits, in seconds."""

    startup_timeout_seconds: Int = Field(default=30, ge=1)
    """For each wave of parts; 10 by default as part of ``DulyConfig``."""
    app_startup_timeout_seconds: Int = Field(default=20, ge=1)
    app_shutdown_timeout_seconds: Int = Field(default=10, ge=1)
    resource_shutdown_timeout_seconds: Int = Field(default_factory=_as_apps, ge=1)
    """For each phase of the stop of a part; by default that of an app."""
    total_shutdown_timeout_seconds: Int = Field(default=30, ge=1)
    registration_await_timeout: Int = Field(default=30, ge=1)
    event_handler_timeout_seconds: PositiveOrNone = 600.0
    error_handler_timeout_seconds: PositiveOrNone = 5.0
    run_sync_timeout_seconds: Annotated[Number, Field(gt=0)] = 6
    task_cancellation_timeout_seconds: Annotated[Number, Field(gt=0)] = 5

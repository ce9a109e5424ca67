"""Wake-ups, lateness and the time limit of jobs: ``[duly.scheduler]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from duly.config.group import Group
from duly.config.values import Number, PositiveOrNone


class SchedulerConfig(Group):
    """Figures of the scheduler service, in seconds."""

    min_delay_seconds: Annotated[Number, Field(ge=0)] = 1
    """The shortest idle sleep; never postpones a job."""
    max_delay_seconds: Annotated[Number, Field(gt=0)] = 30
    default_delay_seconds: Annotated[Number, Field(ge=0)] = 15
    """The sleep when nothing is scheduled, no longer than ``max_delay_seconds``."""
    behind_schedule_threshold_seconds: Annotated[Number, Field(ge=0)] = 5
    """A job that is later is warned about."""
    job_timeout_seconds: PositiveOrNone = 600.0

    @classmethod
    def bounds(cls) -> tuple[tuple[str, str], ...]:
        """The shortest and the longest sleep."""
        return (("min_delay_seconds", "max_delay_seconds"),)

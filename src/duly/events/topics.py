"""The topics that Duly itself knows."""

from enum import StrEnum


class Topic(StrEnum):
    """Names of events."""

    DULY_EVENT_EXECUTION_COMPLETED = "duly.event.execution_completed"

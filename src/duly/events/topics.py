"""The topics that Duly itself knows."""

from enum import StrEnum


class Topic(StrEnum):
    """Names of events."""

    DULY_EVENT_APP_LOAD_COMPLETED = "duly.event.app_load_completed"
    DULY_EVENT_APP_STATE_CHANGED = "duly.event.app_state_changed"
    DULY_EVENT_EXECUTION_COMPLETED = "duly.event.execution_completed"
    DULY_EVENT_FILE_WATCHER = "duly.event.file_watcher"
    DULY_EVENT_SERVICE_STATUS = "duly.event.service_status"

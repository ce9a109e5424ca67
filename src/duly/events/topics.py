"""The topics that Duly itself knows, and the routes below them."""

from enum import StrEnum
from typing import Final

HASS_PREFIX: Final = "hass.event."
"""Below it, topics are types of Home Assistant's events."""
DULY_PREFIX: Final = "duly.event."
"""Below it, topics are Duly's own."""


class Topic(StrEnum):
    """Names of events."""

    HASS_EVENT_STATE_CHANGED = "hass.event.state_changed"
    HASS_EVENT_CALL_SERVICE = "hass.event.call_service"
    HASS_EVENT_COMPONENT_LOADED = "hass.event.component_loaded"
    HASS_EVENT_SERVICE_REGISTERED = "hass.event.service_registered"
    HASS_EVENT_SERVICE_REMOVED = "hass.event.service_removed"
    HASS_EVENT_HOMEASSISTANT_STARTED = "hass.event.homeassistant_started"
    HASS_EVENT_HOMEASSISTANT_STOP = "hass.event.homeassistant_stop"
    DULY_EVENT_APP_LOAD_COMPLETED = "duly.event.app_load_completed"
    DULY_EVENT_APP_STATE_CHANGED = "duly.event.app_state_changed"
    DULY_EVENT_EXECUTION_COMPLETED = "duly.event.execution_completed"
    DULY_EVENT_FILE_WATCHER = "duly.event.file_watcher"
    DULY_EVENT_SERVICE_STATUS = "duly.event.service_status"
    DULY_EVENT_WEBSOCKET_CONNECTED = "duly.event.websocket_connected"
    DULY_EVENT_WEBSOCKET_DISCONNECTED = "duly.event.websocket_disconnected"


_STATE_CHANGED, _CALL_SERVICE = Topic.HASS_EVENT_STATE_CHANGED.value, Topic.HASS_EVENT_CALL_SERVICE.value


def of_entity(entity_id: str) -> str:
    """The route of the changes of one entity, or of those that a glob fits."""
    return f"{_STATE_CHANGED}.{entity_id}"


def of_service(domain: str, service: str) -> str:
    """The route of the calls of one service; ``*`` for any."""
    return f"{_CALL_SERVICE}.{domain}.{service}"

"""Home Assistant: the link to it, what apps ask of it, and the states of its entities."""

from importlib import import_module
from typing import TYPE_CHECKING

from duly.hass.connection_state import ConnectionState
from duly.hass.errors import (
    EntityNotFoundError,
    HassAuthError,
    HassCommandError,
    HassError,
    HassTimeoutError,
    HassUnavailableError,
    StateConversionError,
    StatesNotReadyError,
)

if TYPE_CHECKING:
    from duly.hass.api import Api, ApiSyncFacade
    from duly.hass.entity_time import EntityTime
    from duly.hass.results import HistoryEntry, RestResponse, ServiceResponse
    from duly.hass.state_manager import StateManager

__all__ = [
    "Api",
    "ApiSyncFacade",
    "ConnectionState",
    "EntityNotFoundError",
    "EntityTime",
    "HassAuthError",
    "HassCommandError",
    "HassError",
    "HassTimeoutError",
    "HassUnavailableError",
    "HistoryEntry",
    "RestResponse",
    "ServiceResponse",
    "StateConversionError",
    "StateManager",
    "StatesNotReadyError",
]

_LATER = {
    "Api": "api",
    "ApiSyncFacade": "api",
    "EntityTime": "entity_time",
    "HistoryEntry": "results",
    "RestResponse": "results",
    "ServiceResponse": "results",
    "StateManager": "state_manager",
}
"""Where the names are that are loaded when first used, so that an error costs no more than itself."""


def __getattr__(name: str) -> object:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)

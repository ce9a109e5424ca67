"""Whether an app could not start for lack of Home Assistant, and whether that is worth a warning."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from duly.hass.connection_state import ConnectionState
from duly.hass.errors import HassUnavailableError, StatesNotReadyError

if TYPE_CHECKING:
    from duly.apps.app import App

_LACKING = (HassUnavailableError, StatesNotReadyError)
_LATE = (TimeoutError, asyncio.CancelledError)
_ON_ITS_WAY = {
    *(ConnectionState.DISCONNECTED, ConnectionState.CONNECTING),
    *(ConnectionState.AUTHENTICATING, ConnectionState.SYNCING),
}


def lacks_hass(app: App[Any], error: BaseException) -> bool:
    """Whether that is what ``error`` says, which has ended the start of ``app``.

    An end of its time says so if it came while the app waited for the link or for states; that of such a wait itself
    has the lack as its cause.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(lacks_hass(app, each) for each in error.exceptions)
    if isinstance(error, _LACKING):
        return True
    return isinstance(error, _LATE) and (isinstance(error.__cause__, _LACKING) or app.waits_for_hass)


def is_on_its_way(app: App[Any]) -> bool:
    """Whether the link is about to come up, as it is while Duly starts: then it is no news that it is not there."""
    return app.api.connection_state in _ON_ITS_WAY

"""The errors of the connection to Home Assistant; ``duly.states.errors`` draws the whole tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duly.states.errors import EntityNotFoundError, HassError, StateConversionError, StatesNotReadyError

if TYPE_CHECKING:
    from whenever import ZonedDateTime

    from duly.hass.connection_state import ConnectionState

__all__ = [
    "EntityNotFoundError",
    "HassAuthError",
    "HassCommandError",
    "HassError",
    "HassTimeoutError",
    "HassUnavailableError",
    "StateConversionError",
    "StatesNotReadyError",
]


class HassUnavailableError(HassError):
    """The link is not up, was lost while waiting, or is not configured."""

    def __init__(
        self,
        text: str,
        *,
        state: ConnectionState,
        since: ZonedDateTime | None = None,
        last_error: str | None = None,
    ) -> None:
        super().__init__(text)
        self.state = state
        self.since = since
        self.last_error = last_error


class HassAuthError(HassError):
    """Home Assistant refuses the token."""

    def __init__(self, text: str, *, base_url: str) -> None:
        super().__init__(text)
        self.base_url = base_url


class HassTimeoutError(HassError):
    """Home Assistant did not answer in time; whether it has done what was asked is not known."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"Home Assistant did not answer {what} within {seconds:g} s: whether it was done is not known")
        self.seconds = seconds


class HassCommandError(HassError):
    """Home Assistant said no."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"Home Assistant refused: {message or 'it gave no reason'} ({code})")
        self.code = code
        self.message = message

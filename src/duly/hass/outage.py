"""What is known of the time without link, and what is told of it."""

from __future__ import annotations

from logging import LoggerAdapter
from typing import Any

from duly.core import clock as clocks
from duly.core.clock import SECOND, zoned
from duly.hass.connection_state import ConnectionState
from duly.hass.errors import HassUnavailableError

_MOST_CAUSES = 100


class Outage:
    """Owns since when there is no link, and why; guarded by the event loop.

    Of each cause the first is told as a WARNING, until there was a link that was stable.
    """

    def __init__(self, logger: LoggerAdapter[Any]) -> None:
        self._logger = logger
        self._told: set[str] = set()
        self.since: int | None = None
        """Nanoseconds since the epoch; ``None``: there is a link."""
        self.last_error: str | None = None
        self.next_attempt: int | None = None
        """``None``: none is planned."""

    def begin(self) -> None:
        """There is no link from now on, unless that is known."""
        if self.since is None:
            self.since = clocks.current().now()

    def tell(self, what: str, cause: str, *, next_in: float | None) -> None:
        """An attempt has failed, or the link was lost; the next attempt is in so many seconds, if at all."""
        self.last_error = cause
        wait = "" if next_in is None else f"; the next attempt is {f'in {next_in:.3g} s' if next_in else 'at once'}"
        self.plan(next_in)
        if cause in self._told:
            self._logger.debug("%s: %s%s", what, cause, wait)
        else:
            if len(self._told) >= _MOST_CAUSES:
                self._told.clear()
            self._told.add(cause)
            self._logger.warning("%s: %s%s", what, cause, wait)

    def plan(self, next_in: float | None) -> None:
        """The next attempt is in so many seconds; ``None``: none is planned."""
        self.next_attempt = None if next_in is None else clocks.current().now() + round(next_in * SECOND)

    def forget_causes(self) -> None:
        """There was a link that was stable: what fails from now on is new."""
        self._told.clear()

    def end(self) -> float | None:
        """There is a link: the seconds without; ``None``: nothing had failed."""
        since, failed = self.since, self.last_error is not None
        self.since = self.next_attempt = self.last_error = None
        return (clocks.current().now() - since) / SECOND if failed and since is not None else None

    def error(
        self, state: ConnectionState, base_url: str, next_attempt: int | None, what: str = ""
    ) -> HassUnavailableError:
        """For who needs the link; ``what`` became of a command of theirs."""
        since = None if self.since is None else zoned(self.since, "UTC")
        details = [
            f"it is {state.value}",
            *([] if self.since is None else [f"down since {_moment_words(self.since)}"]),
            *([] if self.last_error is None else [f"last error: {self.last_error}"]),
            _next_words(state, next_attempt),
        ]
        begin = f"{what}: " if what else ""
        text = f"{begin}there is no link to Home Assistant at {base_url}; {', '.join(details)}"
        return HassUnavailableError(text, state=state, since=since, last_error=self.last_error)


def _moment_words(moment: int) -> str:
    return zoned(moment // SECOND * SECOND, "UTC").to_instant().format_iso()


def _next_words(state: ConnectionState, moment: int | None) -> str:
    if state is ConnectionState.REJECTED:
        return "no further attempt until token or base_url changes"
    if moment is not None:
        return f"next attempt at {_moment_words(moment)}"
    return "the next attempt is under way" if state in _TRYING else "it will be tried again"


_TRYING = {ConnectionState.CONNECTING, ConnectionState.AUTHENTICATING, ConnectionState.SYNCING}

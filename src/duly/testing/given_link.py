"""The link to a Home Assistant that a test plays: brings states and events the way the real one does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from duly.bus.service import BusService
from duly.core import clock as clocks
from duly.core.clock import zoned
from duly.events import AnyHassEvent, DulyLinkEvent, RawStateChangeEvent, hass_event
from duly.events.link import LinkConnectedPayload, LinkDisconnectedPayload
from duly.hass.connection_state import ConnectionState, LinkSnapshot
from duly.hass.errors import HassCommandError, HassUnavailableError
from duly.hass.link import StatesSink
from duly.hass.waits import within
from duly.lifecycle import Resource
from duly.lifecycle.root import Root
from duly.testing.given_home import GivenHome

_VERSION = "2026.1.0"
_AWAY = "the test has taken Home Assistant away"


class GivenLink(Resource):
    """The link of one process to a ``GivenHome``, which tells it what happens. Guarded by the event loop."""

    depends_on: ClassVar[list[type[Resource]]] = [BusService]
    log_setting: ClassVar[str] = "websocket"

    def __init__(self, duly: Root, *, parent: Resource | None = None, bus: BusService, home: GivenHome) -> None:
        super().__init__(duly, parent=parent)
        self.sink: StatesSink
        """Set by the wiring."""
        self._bus = bus
        self._home = home
        self._generation = 0
        self._losses = 0
        self._since = 0
        self._synced = asyncio.Event()

    # --- as a link ---------------------------------------------------------------------------------------------------

    @property
    def state(self) -> ConnectionState:
        """How it stands."""
        return ConnectionState.CONNECTED if self.connected else ConnectionState.WAITING

    @property
    def connected(self) -> bool:
        """Whether the home is there, and its states are loaded."""
        return self._home.up and self._synced.is_set()

    def snapshot(self) -> LinkSnapshot:
        """How it stands, with times and counts."""
        error = None if self.connected else _AWAY
        return LinkSnapshot(
            self.state,
            self._since,
            last_error=error,
            generation=self._generation,
            connects=self._generation,
            losses=self._losses,
        )

    def unavailable(self) -> HassUnavailableError:
        """The error for who needs it while it is down."""
        since = zoned(self._since, "UTC")
        text = f"Home Assistant cannot be reached since {since}: {_AWAY}; connect() brings it back"
        return HassUnavailableError(text, state=self.state, since=since, last_error=_AWAY)

    async def command(self, message: Mapping[str, Any], *, timeout: float | None = None) -> Any:  # noqa: ARG002, ASYNC109, ANN401 - as in Link
        """Give the states; other commands are unknown."""
        if not self.connected:
            raise self.unavailable()
        if message["type"] == "get_states":
            return self._home.states
        raise HassCommandError("unknown_command", f"a test plays Home Assistant, without {message['type']!r}")

    async def send(self, message: Mapping[str, Any]) -> None:
        """As ``command``, without an answer."""
        await self.command(message)

    async def wait_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in Link
        """Until it is up."""
        await within(timeout, self._synced.wait(), "not connected", self.unavailable)

    # --- what the home tells -----------------------------------------------------------------------------------------

    def apply(self, raw: Mapping[str, Any]) -> AnyHassEvent:
        """Make the event, and let the states have it if it is a change of one."""
        event = hass_event(raw)
        if isinstance(event, RawStateChangeEvent):
            self.sink.apply(event)
        return event

    async def bring(self, raw: Mapping[str, Any]) -> None:
        """Bring an event: to the states, then to the bus."""
        await self._bus.send(self.apply(raw))

    async def sync(self) -> None:
        """Load all states, and say that the link is up."""
        self._generation += 1
        self._begin_state()
        self.sink.replace_all(self._home.states)
        self.sink.mark_fresh()
        self._synced.set()
        data = LinkConnectedPayload(self._generation == 1, self._generation, _VERSION)
        await self._bus.send(DulyLinkEvent.connected(data))

    async def lose(self) -> None:
        """Say that the link is down."""
        self._losses += 1
        self._begin_state()
        self._synced.clear()
        self.sink.mark_stale()
        await self._bus.send(DulyLinkEvent.disconnected(LinkDisconnectedPayload(_AWAY, None)))

    def _begin_state(self) -> None:
        self._since = clocks.current().now()

    # --- its life ----------------------------------------------------------------------------------------------------

    async def on_initialize(self) -> None:
        """Be told what happens, and have the states there are."""
        self._begin_state()
        self._home.is_reached_by(self)
        if self._home.up:
            await self.sync()

    async def on_shutdown(self) -> None:
        """Be told nothing any more."""
        self._home.is_reached_by(None)

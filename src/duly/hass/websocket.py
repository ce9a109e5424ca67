"""The link to Home Assistant as a service: what others see of it, and its life. ``upkeep`` does the work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import SystemRandom
from typing import TYPE_CHECKING, Any, ClassVar, Final

from duly.bus.service import BusService
from duly.hass.aiohttp_transport import AiohttpTransport
from duly.hass.connection import Connection
from duly.hass.connection_state import ConnectionState, LinkSnapshot
from duly.hass.errors import HassAuthError, HassUnavailableError
from duly.hass.link import StatesSink
from duly.hass.transport import Transport
from duly.hass.upkeep import Upkeep
from duly.hass.waits import within
from duly.lifecycle import Resource, ResourceStatus, RestartSpec, RestartType, Service
from duly.lifecycle.tasks import raced

if TYPE_CHECKING:
    from duly.lifecycle.root import Root

_S = ConnectionState
_RANDOM: Final = SystemRandom().random
_AWAITING_RESTART: Final = {ResourceStatus.FAILED, ResourceStatus.EXHAUSTED_COOLING}


class WebsocketService(Service):
    """Owns the task that keeps the link up; guarded by the event loop. Implements ``Link``.

    It is ready as soon as it works: nobody waits for Home Assistant.
    """

    depends_on: ClassVar[list[type[Resource]]] = [BusService]
    required: ClassVar[bool] = False
    restart_spec: ClassVar[RestartSpec] = RestartSpec(
        restart_type=RestartType.TRANSIENT,
        budget_intensity=5,
        budget_period_seconds=300.0,
        startup_timeout_seconds=60.0,
        cooldown_seconds=60.0,
        fatal_error_names=(HassAuthError.__name__,),
    )
    log_setting: ClassVar[str] = "websocket"

    def __init__(
        self,
        duly: Root,
        *,
        parent: Resource | None = None,
        bus: BusService,
        transport: Transport | None = None,
        random: Callable[[], float] = _RANDOM,
    ) -> None:
        """``transport`` opens sockets, by default aiohttp's; ``random``, 0 to 1, spreads attempts."""
        super().__init__(duly, parent=parent)
        self._upkeep = Upkeep(self, bus, AiohttpTransport() if transport is None else transport, random)
        self._settings_changed = asyncio.Event()

    @property
    def sink(self) -> StatesSink:
        """Who keeps the states; set by the wiring."""
        return self._upkeep.sink

    @sink.setter
    def sink(self, sink: StatesSink) -> None:
        self._upkeep.sink = sink

    # --- the link ----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> ConnectionState:
        """How it stands."""
        return self._upkeep.standing.state

    @property
    def connected(self) -> bool:
        """Whether all features are up."""
        return self.state is _S.CONNECTED

    def snapshot(self) -> LinkSnapshot:
        """How it stands, with times and counts."""
        return self._upkeep.snapshot()

    def unavailable(self) -> HassUnavailableError:
        """The error for who needs it while it is not up."""
        return self._upkeep.unavailable()

    async def command(self, message: Mapping[str, Any], *, timeout: float | None = None) -> Any:  # noqa: ASYNC109, ANN401 - see Link
        """Send a command and give its result; see ``Link``."""
        seconds = self.duly.config.websocket.response_timeout_seconds if timeout is None else timeout
        return await self._linked().calls.command(message, seconds)

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a command and return once it is written; see ``Link``."""
        await self._linked().calls.send(message)

    async def wait_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - see Link
        """Until it is up; see ``Link``."""
        await within(timeout, self._upkeep.standing.until_connected(), "not connected", self.unavailable)
        if not self.connected:
            raise self.unavailable()

    async def relink(self) -> None:
        """Token or ``base_url`` have changed: end the connection, if there is one, and connect with what they are now.

        What has failed before says nothing of them: supervision is not waited for.
        """
        self._settings_changed.set()
        if self.status in _AWAITING_RESTART:
            await self.restart()

    def _linked(self) -> Connection:
        if self._upkeep.connection is None:
            raise self.unavailable()
        return self._upkeep.connection

    # --- its life ----------------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Keep the link up; ends with an error when a round of attempts has failed."""
        self.mark_ready("keeps the link up")
        self._upkeep.outage.begin()
        while True:
            self._settings_changed.clear()
            kept_up = await raced(self._upkeep.round(), self._settings_changed.wait())
            if not kept_up.cancelled():
                kept_up.result()
            self._upkeep.standing.change(_S.DISCONNECTED)  # from where it may also go on to have no token
            self.logger.info("token or base_url have changed: linking anew")

    async def on_shutdown(self) -> None:
        """There is no link any more; but while supervision has the service rest, it goes on waiting."""
        if self.status is ResourceStatus.STOPPING:
            self._upkeep.standing.change(_S.DISCONNECTED)

"""The keeping of the link: round after round of attempts, and what becomes of the connection.

round: attempt -> open, authenticate, load states -> up: read -> lost -> wait -> attempt …

One task does all of it, and one more writes. So there is never more than one connection, nothing of an earlier one is
read, and what comes is handed on in the order in which it came. ``recovery`` says when to try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from duly.bus.service import BusService
from duly.events import AnyHassEvent, DulyLinkEvent, LinkConnectedPayload, LinkDisconnectedPayload
from duly.hass.connection import Connection, RawEvent
from duly.hass.connection_state import ConnectionState, LinkSnapshot
from duly.hass.errors import HassAuthError, HassCommandError, HassError, HassUnavailableError
from duly.hass.handshake import authenticate, refused
from duly.hass.intake import Intake
from duly.hass.lag import Lag
from duly.hass.link import StatesSink
from duly.hass.link_standing import LinkStanding
from duly.hass.no_link import NO_LINK
from duly.hass.outage import Outage
from duly.hass.recovery import GiveUp, Recovery, Step, Wait
from duly.hass.transport import Endpoint, SocketClosedError, Transport
from duly.lifecycle import Service

_S = ConnectionState

_KEPT_BUFFERS: Final = 10
"""Times the capacity of the bus's channel: so many events are kept while states are loaded."""
_EVENTS_AT_ONCE: Final = 100


class Upkeep:
    """Owns the connection, how the link stands and why there is none; guarded by the event loop."""

    def __init__(self, part: Service, bus: BusService, transport: Transport, random: Callable[[], float]) -> None:
        """Work for ``part``, which owns the task."""
        self.sink: StatesSink
        """Set by the wiring."""
        self.standing = LinkStanding(part)
        self.outage = Outage(part.logger)
        self.connection: Connection | None = None
        """``None``: there is no link."""
        self._part = part
        self._duly = part.duly
        self._logger = part.logger
        self._bus = bus
        self._transport = transport
        self._random = random
        self._intake = Intake(part.logger)
        self._generation = self._connects = self._losses = self._failed_attempts = 0

    def snapshot(self) -> LinkSnapshot:
        """How it stands, with times and counts."""
        return LinkSnapshot(
            state=self.standing.state,
            since=self.standing.since,
            last_error=self.outage.last_error,
            next_attempt=self._next_attempt,
            generation=self._generation,
            connects=self._connects,
            losses=self._losses,
            failed_attempts=self._failed_attempts,
            events=self._intake.events,
            bad_events=self._intake.bad_events,
        )

    def unavailable(self, what: str = "") -> HassUnavailableError:
        """The error for who needs the link while there is none; ``what`` became of a command of theirs."""
        if self.standing.state is _S.DISABLED:
            return HassUnavailableError(NO_LINK, state=_S.DISABLED)
        return self.outage.error(self.standing.state, self._duly.config.base_url, self._next_attempt, what)

    @property
    def _next_attempt(self) -> int | None:
        """That of this round, else the first one of the next."""
        planned = self.outage.next_attempt
        return self._part.restart_at if planned is None and not self._part.serving else planned

    # --- a round of attempts -----------------------------------------------------------------------------------------

    async def round(self) -> NoReturn:
        """Keep the link up, until cancelled.

        Raises:
            HassUnavailableError: the round has failed.
            HassAuthError: the token is refused, and never was taken.
        """
        if self._duly.config.token is None:
            self.standing.change(_S.DISABLED)
            await _for_ever()
        now = asyncio.get_running_loop().time()
        recovery = Recovery(self._duly.config.websocket, self._random, since=now if self._connects else None)
        while True:
            try:
                step = await self._attempt(recovery)
            except HassAuthError as error:
                await self._be_rejected(error)
            await self._follow(step, recovery)

    async def _be_rejected(self, error: HassAuthError) -> NoReturn:
        """A token that has never worked ends the process; one that has may be replaced while apps go on."""
        self._failed_attempts += 1
        self.outage.last_error = str(error)
        self.standing.change(_S.REJECTED)
        if not self._connects:
            raise error
        self._logger.error("%s", error)
        await _for_ever()

    async def _follow(self, step: Step, recovery: Recovery) -> None:
        """Wait as it says.

        Raises:
            HassUnavailableError: the round has failed.
        """
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            if not step.last:
                return
        why = step.why if isinstance(step, GiveUp) else recovery.used_up
        self.outage.plan(None)
        raise self.unavailable(f"gave up for now, since {why}")

    # --- one attempt -------------------------------------------------------------------------------------------------

    async def _attempt(self, recovery: Recovery) -> Step:
        """Connect, and stay until the end of it; what to do then."""
        self.outage.plan(None)
        try:
            async with asyncio.timeout_at(recovery.deadline) as limit, self._opened() as connection:
                kept = await self._load(connection)
                limit.reschedule(None)
                recovery.connected(asyncio.get_running_loop().time())
                return await self._stay(connection, kept, recovery)
        except HassAuthError:
            raise
        except (OSError, HassError) as error:
            return self._failed(error, recovery)
        except BaseException:
            self.standing.change(_S.DISCONNECTED)
            raise

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Connection]:
        """A connection that has taken the token."""
        config = self._duly.config
        self.standing.change(_S.CONNECTING)
        socket = await self._transport.open(Endpoint.of(config))
        self._generation += 1
        try:
            self.standing.change(_S.AUTHENTICATING)
            version = await authenticate(socket, config)
            connection = Connection(socket, version, config.websocket.response_timeout_seconds, self._logger)
            writer = asyncio.create_task(connection.calls.write(), name=f"{self._part.unique_name}.write")
            try:
                yield connection
            finally:
                writer.cancel()
        finally:
            await socket.close()

    async def _load(self, connection: Connection) -> list[AnyHassEvent]:
        """Load the states, and give the events that came meanwhile, which they know."""
        self.standing.change(_S.SYNCING)
        most = _KEPT_BUFFERS * self._duly.config.duly_event_buffer_size
        kept: list[RawEvent] = []

        def keep(raw: RawEvent) -> None:
            if len(kept) >= most:
                raise ConnectionError(f"more than {most} events came while states were loaded")
            kept.append(raw)

        try:
            states = await connection.load(keep)
        except HassCommandError as error:
            if error.code == "unauthorized":
                raise refused(self._duly.config, f"its user is no administrator ({error.message})") from None
            raise
        self.sink.replace_all(states)
        return [event for raw in kept if (event := await self._take(raw)) is not None]

    def _failed(self, error: OSError | HassError, recovery: Recovery) -> Step:
        step = recovery.failed(asyncio.get_running_loop().time())
        self._failed_attempts += 1
        self.standing.change(_S.WAITING)
        self._tell("no link to Home Assistant", str(error) or recovery.used_up, step)
        return step

    # --- a link ------------------------------------------------------------------------------------------------------

    async def _stay(self, connection: Connection, kept: list[AnyHassEvent], recovery: Recovery) -> Step:
        """Hand on what comes, until the connection is lost."""
        lag = Lag()
        try:
            self._rise(connection)
            for event in kept:
                await self._bus.send(event)
            while True:
                await self._hand_on(await connection.receive(), lag)
        except SocketClosedError as error:
            now = asyncio.get_running_loop().time()
            if recovery.is_stable(now):
                self.outage.forget_causes()
            step = recovery.lost(now)
            self._fall(_S.WAITING, f"{error}{lag.words()}", error.code, step)
            return step
        except BaseException:
            self._fall(_S.DISCONNECTED, "Duly ended the connection")
            raise

    async def _hand_on(self, frame: list[RawEvent], lag: Lag) -> None:
        """Apply all events of a frame before who waits for an answer in it has a turn: it is no older than they are."""
        events = [event for raw in frame if (event := self._intake.take(raw, self.sink)) is not None]
        if events:
            lag.note(events[-1].payload.time_fired)
        for event in events:
            await self._bus.send(event)
        await asyncio.sleep(0)  # so that others have their turn while frames come thick and fast

    async def _take(self, raw: RawEvent) -> AnyHassEvent | None:
        """Its event, which the states know; others have their turn now and then."""
        if self._intake.events % _EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
        return self._intake.take(raw, self.sink)

    def _rise(self, connection: Connection) -> None:
        self._connects += 1
        self.connection = connection
        seconds = self.outage.end()
        self.standing.change(_S.CONNECTED)
        again = " again" if self._connects > 1 else ""
        again += "" if seconds is None else f", after {seconds:.3g} s without"
        self._logger.info("linked to Home Assistant %s%s", connection.ha_version, again)
        self.sink.mark_fresh()
        data = LinkConnectedPayload(self._connects == 1, self._generation, connection.ha_version)
        self._bus.publish(DulyLinkEvent.connected(data))

    def _fall(self, state: ConnectionState, reason: str, code: int | None = None, step: Step | None = None) -> None:
        """The link is no more: whoever waits for an answer is told first."""
        connection, self.connection = self.connection, None
        self.outage.begin()
        self.standing.change(state)
        if step is None:
            self.outage.last_error = reason
        else:
            self._tell("the link to Home Assistant is lost", reason, step)
        if connection is not None:
            connection.calls.end(self.unavailable)
        self.sink.mark_stale()
        if not self._part.shutdown_event.is_set():  # to end it then is no loss
            self._losses += 1
            self._bus.publish(DulyLinkEvent.disconnected(LinkDisconnectedPayload(reason, code)))

    def _tell(self, what: str, cause: str, step: Step) -> None:
        self.outage.tell(what, cause, next_in=step.seconds if isinstance(step, Wait) and not step.last else None)


async def _for_ever() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("it has no end")

"""The bus of a NATS server, or of a cluster of them.

Once connected it reconnects for ever. Subscriptions live on: the client of nats-py replays them, and where that client
gives up, as it does when a server refuses it for a while, another one takes its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, Final

import structlog
from nats import errors
from nats.aio.client import Client, Server
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.js import JetStreamContext

from duly.dispatch.addresses import DEFAULT_URL, credentials_of, problems_of, without_users
from duly.dispatch.backoff import backoff
from duly.dispatch.bus import (
    PENDING_MESSAGES,
    BusError,
    MessageBus,
    Raw,
    Subscription,
    checked_group,
    checked_pattern,
    checked_subject,
    wire_of,
)
from duly.dispatch.cancellation import cancellation_kept
from duly.dispatch.tracing import injected

log = structlog.get_logger("duly.dispatch")

NOT_SENT: Final = (errors.Error, OSError, TypeError)
"""What sending raises; ``TypeError`` comes from Python 3.13.0 where the connection has just been lost."""

_FIRST_CONNECT_SECONDS = 5.0
_CLOSING_SECONDS = 0.4
_FLUSH_SECONDS = 5
_PING_SECONDS = 2
"""A server that has not answered two of them is taken as gone."""
_HEADER_ROOM = 64
"""Bytes of a message besides its headers and its data that count as payload."""
_REFUSALS = ("authorization violation", "authentication expired", "authentication revoked")


class NatsBus(MessageBus):
    """Owns the connection from ``connect`` to ``close``. Guarded by the event loop on which it is connected."""

    def __init__(
        self, url: str | Sequence[str] = DEFAULT_URL, *, name: str | None = None, pending: int = PENDING_MESSAGES
    ) -> None:
        """``name`` is what the server shows; so many messages may wait in each subscription.

        Raises:
            BusError: an address is malformed.
        """
        self.urls = [url] if isinstance(url, str) else list(url)
        if problems := problems_of(self.urls):
            raise BusError("; ".join(problems))
        self.name = name
        self._pending = pending
        self._client: Client | None = None
        self._jetstream: JetStreamContext | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connected = asyncio.Event()
        self._connecting = asyncio.Lock()
        self._subscriptions: dict[Subscription, NatsSubscription] = {}
        self._when_lost: list[Callable[[], None]] = []
        self._flushing = set[asyncio.Task[None]]()
        self._reviving: asyncio.Task[None] | None = None
        self._trouble: Exception | None = None
        self._refused = False
        self._failures = 0

    @property
    def client(self) -> Client:
        """The client of nats-py; another one after it has given up.

        Raises:
            RuntimeError: before ``connect``, or after ``close``.
        """
        if self._client is None:
            raise RuntimeError(f"the bus is not connected: {self._address}")
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """What belongs to ``client``."""
        client = self.client
        if self._jetstream is None:
            self._jetstream = client.jetstream()
        return self._jetstream

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one on which it was connected."""
        if self._loop is None:
            raise RuntimeError(f"the bus is not connected: {self._address}")
        return self._loop

    @property
    def connected(self) -> bool:
        """Whether a server is there now."""
        return self._connected.is_set()

    @property
    def surely_without_jetstream(self) -> bool:
        """Whether the server says that it has none, and is in no cluster, where another may have it."""
        info = self.client._server_info  # noqa: SLF001 - nats-py shows it nowhere else
        return bool(info) and not info.get("jetstream") and "cluster" not in info

    async def until_connected(self) -> None:
        """Wait until a server is there."""
        await self._connected.wait()

    def when_lost(self, callback: Callable[[], None]) -> None:
        """Have it called whenever the connection is lost: what was sent and not answered may not have come."""
        self._when_lost.append(callback)

    async def connect(self, *, wait: bool = False) -> None:
        """Connect; ``wait`` for as long as no server is there. Idempotent.

        Raises:
            BusError: a server refuses us, or none answered within 5 s, and ``wait`` is False.
        """
        if self._client is not None:
            return
        self._move_in(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(None if wait else _FIRST_CONNECT_SECONDS), self._connecting:
                if self._client is None:  # nobody else has connected it meanwhile
                    await self._begin()
        except TimeoutError:
            raise BusError(f"no NATS server answers at {self._address}{self._reason}: is it running?") from None
        except errors.Error as error:
            raise BusError(f"cannot connect to {self._address}: {error}") from None

    async def close(self, *, drain: bool = True) -> None:
        """Send what was published, if a server is there, and end all subscriptions. Idempotent.

        Without ``drain`` nothing is waited for: what has not been sent yet may not be.
        """
        client, drain = self._client, drain and self.connected
        flushing = list(self._flushing)
        self._forget()
        if client is not None:
            await _end(client, drain=drain)  # from here on another loop may have connected the bus
        for each in flushing:
            each.cancel()

    async def publish(
        self,
        subject: str,
        message: Mapping[str, Any],
        *,
        reply: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a message; while no server is there, some of them wait. See ``MessageBus.publish``."""
        await self.send(checked_subject(subject), wire_of(message), reply=reply or "", headers=injected(headers))

    async def send(self, subject: str, data: bytes, *, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Publish what is on the wire already.

        Raises:
            TooLargeError: no server of this kind takes it.
            BusError: too much waits for the server to come back.
        """
        try:
            await self.sending(subject, data, reply, headers)
        except NOT_SENT as error:
            raise BusError(f"the message on {subject} could not be sent: {error}") from error

    def sending(
        self, subject: str, data: bytes, reply: str, headers: dict[str, str] | None
    ) -> Coroutine[Any, Any, None]:
        """As ``send``, to be awaited, and one call shorter for those that send thousands.

        Raises:
            TooLargeError: as ``send``, at once.
            NOT_SENT: when it is awaited, instead of ``BusError``.
        """
        client = self.client
        if len(data) + _size(headers) > client.max_payload:
            # The server would end the connection, for good.
            raise TooLargeError(
                f"a message of {len(data)} bytes on {subject} is too large: the server takes {client.max_payload}"
            )
        return client.publish(subject, data, reply, headers)

    async def subscribe(self, subject: str, queue_group: str | None = None) -> Subscription:
        """Take the messages of a subject, from all that is published after this. See ``MessageBus.subscribe``."""
        subscription = Subscription(
            checked_pattern(subject), checked_group(queue_group), self._unsubscribe, self._pending
        )
        self._subscriptions[subscription] = await self._subscribed(subscription)
        if self.connected:
            with suppress(BusError):  # then it is replayed
                await self.flush()
        return subscription

    async def flush(self) -> None:
        """Wait until the server has all that was published. See ``MessageBus.flush``."""
        lost = asyncio.Event()
        self._when_lost.append(lost.set)
        losing = asyncio.ensure_future(lost.wait())
        # It is not cancelled before the end: nats-py stops reading when the answer comes to a ping that was given up.
        flushing = asyncio.ensure_future(self.client.flush(_FLUSH_SECONDS))
        self._flushing.add(flushing)
        flushing.add_done_callback(self._note_flushed)
        try:
            await asyncio.wait((flushing, losing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            losing.cancel()
            self._when_lost.remove(lost.set)
        if not self.connected or not flushing.done() or flushing.exception() is not None:
            raise BusError(f"the server at {self._address} was lost before it had all that was published")

    def _move_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Live on this loop from now on; what belonged to another one has ended with it."""
        if self._loop is loop:
            return
        if self._loop is not None:
            self._when_lost.clear()
        self._loop, self._connected, self._connecting = loop, asyncio.Event(), asyncio.Lock()

    def _forget(self) -> None:
        """Be as before ``connect``."""
        self._client = self._jetstream = None
        self._connected.clear()
        if self._reviving is not None:
            self._reviving.cancel()
            self._reviving = None
        for subscription in list(self._subscriptions):
            subscription.end()
        self._subscriptions.clear()
        self._tell_lost()

    def _tell_lost(self) -> None:
        for callback in list(self._when_lost):
            callback()

    def _note_flushed(self, flushing: asyncio.Task[None]) -> None:
        self._flushing.discard(flushing)
        if not flushing.cancelled():
            flushing.exception()  # seen, also if nobody waits any more

    async def _begin(self) -> None:
        """Connect another client, and have it subscribe to all there is."""
        client = _Client()
        try:
            with cancellation_kept():
                await client.connect(
                    self.urls,
                    name=self.name,
                    error_cb=self._on_error,
                    disconnected_cb=partial(self._on_disconnected, client),
                    reconnected_cb=partial(self._on_reconnected, client),
                    closed_cb=partial(self._on_closed, client),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=backoff(2),  # type: ignore[arg-type] # any number of seconds
                    reconnect_to_server_handler=self._next_server,
                    ping_interval=_PING_SECONDS,
                    **credentials_of(self.urls),
                )
        except BaseException:
            await _end(client, drain=False)
            raise
        self._client, self._jetstream = client, None
        for subscription in list(self._subscriptions):
            self._subscriptions[subscription] = await self._subscribed(subscription)
        if client.is_connected:
            await self._on_reconnected(client)

    async def _subscribed(self, subscription: Subscription) -> NatsSubscription:
        async def take(message: Msg) -> None:
            subscription.offer(Raw(message.subject, message.data, message.reply or None, message.headers or {}))

        return await self.client.subscribe(subscription.subject, subscription.queue_group or "", cb=take)

    async def _unsubscribe(self, subscription: Subscription) -> None:
        ended = self._subscriptions.pop(subscription, None)
        if ended is not None:
            with suppress(errors.Error):  # it has ended with its client
                await ended.unsubscribe()

    def _next_server(self, servers: list[Server], _info: dict[str, Any]) -> tuple[Server | None, float]:
        """The next one to try, and after how many seconds; between rounds they get more."""
        tried = self._client and self._client._transport  # noqa: SLF001 - nats-py forgets the one that did not answer
        if tried:
            tried.close()  # type: ignore[no-untyped-call] # nats-py has no types there
        rounds, index = divmod(self._failures, len(servers))
        self._failures += 1
        return servers[index], 0.0 if index else backoff(rounds)

    async def _on_error(self, error: Exception) -> None:
        """Take note; what is raised here ends the first connect."""
        self._trouble = error
        log.debug("bus.error", error=str(error) or type(error).__name__)
        reason = _refusal_of(error)
        if reason is None:
            return
        if self._connecting.locked():
            raise BusError(f"the server at {self._address} {reason}")
        self._tell_refused(reason)

    def _tell_refused(self, reason: str) -> None:
        """Once, until a server takes us again."""
        if not self._refused:
            self._refused = True
            log.warning("bus.refused", url=self._address, error=reason)

    async def _on_disconnected(self, client: Client) -> None:
        if client is not self._client:
            return
        if self.connected:
            self._connected.clear()
            log.warning("bus.disconnected", url=self._address)
        self._tell_lost()

    async def _on_reconnected(self, client: Client) -> None:
        if client is not self._client:
            return
        self._failures, self._refused = 0, False
        self._connected.set()
        log.info("bus.connected", url=self._address)

    async def _on_closed(self, client: Client) -> None:
        if client is self._client and (self._reviving is None or self._reviving.done()):
            error = client.last_error
            self._tell_refused((error and _refusal_of(error)) or str(error))
            self._reviving = self.loop.create_task(self._revive())

    async def _revive(self) -> None:
        """Connect anew, for as long as it takes."""
        for attempt in count():
            await asyncio.sleep(backoff(attempt))
            with suppress(errors.Error, OSError):
                await self._begin()
                return

    @property
    def _address(self) -> str:
        return without_users(self.urls)

    @property
    def _reason(self) -> str:
        return f" ({self._trouble})" if self._trouble is not None and str(self._trouble) else ""


class TooLargeError(BusError):
    """A message is larger than the server takes."""


class _NoTlsError(errors.Error):
    """A server has no TLS, and its address begins with ``tls://``."""


class _Client(Client):
    """Says nothing in plain text, such as a password, to a server that is to be reached by TLS."""

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002 - of nats-py
        server = self._current_server
        if initial_connection and server is not None and server.uri.scheme == "tls":
            if not (info.get("tls_required") or info.get("tls_available")):
                raise _NoTlsError
            info["tls_required"] = True  # nats-py would do without where the server leaves the choice
        await super()._process_info(info, initial_connection)


def _refusal_of(error: Exception) -> str | None:
    """Why a server that answers does not take us; ``None``: that is not what is wrong."""
    if isinstance(error, _NoTlsError):
        return "offers no TLS: configure it there, or use nats:// if plain text will do"
    if isinstance(error, errors.AuthorizationError) or any(each in str(error).lower() for each in _REFUSALS):
        return "refuses the user or the password, or wants some: give them as in nats://USER:PASSWORD@HOST:PORT"
    return None


def _size(headers: Mapping[str, str] | None) -> int:
    size = 0
    if headers:
        size = _HEADER_ROOM
        for name, value in headers.items():
            size += len(name) + 4 * len(value)  # at the most, in UTF-8
    return size


async def _end(client: Client, *, drain: bool) -> None:
    """Close a client, after what it has to send has come to the server."""
    with suppress(errors.Error, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSING_SECONDS):
            if drain and client.is_connected:
                await client.flush()
    if not client.is_connected:
        client._pending, client._pending_data_size = [], 0  # noqa: SLF001 - it would be written to what is closed
    with suppress(errors.Error, OSError, TimeoutError, AssertionError):
        async with asyncio.timeout(_CLOSING_SECONDS):
            await client.close()

"""Onto the wire: acknowledged by a JetStream stream, or without an answer.

What may be tried again is tried for as long as it takes: a server that is away, a cluster without a leader, an answer
that does not come, a stream that is full. The stream knows a message by its id, so trying again does no harm within
its duplicate window; after a longer time it is asked first whether it has the message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from itertools import count
from typing import Any, Final

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import Header
from nats.js.errors import NotFoundError

from duly.core.clock import SECOND
from duly.core.clock import current as current_clock
from duly.core.errors import DulyError
from duly.dispatch.backoff import backoff
from duly.dispatch.bus import BusError, MessageBus, wire_of
from duly.dispatch.delivery import UndeliverableError
from duly.dispatch.nats_bus import NOT_SENT, NatsBus, TooLargeError
from duly.dispatch.room import Room
from duly.dispatch.shared_attempt import SharedAttempt
from duly.dispatch.stored import Recollection
from duly.dispatch.tracing import injected

log = structlog.get_logger("duly.dispatch")

IN_FLIGHT: Final = 4_000
"""Messages of a delivery that are under way at once."""

DOUBT_SECONDS: Final = 60.0
"""After so long a stream is asked whether it has a message: half its duplicate window, by default."""

_ANSWER_SECONDS = 3.0
_GONE_SECONDS = 2.0
"""For so long a server that has just started may not know its streams."""
_MESSAGE_ID = Header.MSG_ID.value
_REFUSED = 400
_NO_ROOM_IN_ACCOUNT = 10002
"""The one refusal that may pass."""


class JetStreamDelivery:
    """Publishes into a stream. Guarded by the event loop."""

    def __init__(
        self,
        bus: NatsBus,
        stream: str,
        *,
        in_flight: int = IN_FLIGHT,
        doubt_seconds: float = DOUBT_SECONDS,
        make: Callable[[], Coroutine[Any, Any, object]] | None = None,
    ) -> None:
        """``make`` makes the stream again if it is gone; ``None``: then nothing can be delivered."""
        self._bus = bus
        self._stream = stream
        self._make = make
        self._making: SharedAttempt[object] = SharedAttempt()
        self._recollection = Recollection(bus, stream)
        self._room = Room(in_flight)
        self._doubt = doubt_seconds
        self._client: Client | None = None
        """The one on which answers are heard."""
        self._inbox = ""
        self._listening = asyncio.Lock()
        self._tokens = count()
        self._waiting: dict[str, tuple[asyncio.Future[Msg | None], float]] = {}
        """What was sent, oldest first, and when the answer is given up."""
        self._sweeping = False
        bus.when_lost(self._give_up_all)

    @property
    def connected(self) -> bool:
        """Whether a server is there now."""
        return self._bus.connected

    async def until_connected(self) -> None:
        """Wait until a server is there."""
        await self._bus.until_connected()

    async def deliver(
        self, subject: str, message: Mapping[str, Any], message_id: str, *, since: int | None = None
    ) -> bool:
        """Publish until the stream has it; False: it had it before. See ``Delivery.deliver``."""
        letter = _Letter(subject, _data(message), message_id, self._bus.loop.time(), since)
        for attempt in count():
            if not self._bus.connected:
                await self._bus.until_connected()
            try:
                if (attempt or since is not None) and await self._has(letter):
                    return False
                answer = await self._ask(letter)
                acknowledged, trouble = _acknowledged(letter, answer)
                if acknowledged is not None:
                    return acknowledged
                if answer is not None and not answer.data:
                    await self._check_stream(letter)
            except TooLargeError as error:
                raise UndeliverableError(str(error)) from error
            except (BusError, *NOT_SENT) as error:
                trouble = str(error)
            await self._pause(letter, attempt, trouble)
        raise AssertionError  # it is tried for ever

    async def _ask(self, letter: _Letter) -> Msg | None:
        """Send it, and give the answer; ``None``: there was none."""
        if not self._room.try_enter():
            await self._room.enter()
        token = str(next(self._tokens))
        try:
            if self._client is not self._bus.client:
                await self._listen()
            loop = self._bus.loop
            future: asyncio.Future[Msg | None] = loop.create_future()
            self._waiting[token] = future, loop.time() + _ANSWER_SECONDS
            if not self._sweeping:
                self._sweep()
            await self._bus.sending(letter.subject, letter.data, self._inbox + token, letter.headers)
            return await future
        finally:
            self._waiting.pop(token, None)
            self._room.leave()

    async def _listen(self) -> None:
        async with self._listening:
            client = self._bus.client
            if self._client is not client:
                self._inbox = f"{client.new_inbox()}."
                listening = client.subscribe(f"{self._inbox}*", cb=self._take)
                await asyncio.create_task(listening, context=Context())  # it must not end with who publishes first
                self._client = client

    async def _take(self, answer: Msg) -> None:
        future, _ = self._waiting.get(answer.subject[len(self._inbox) :], (None, 0.0))
        if future is not None and not future.done():
            future.set_result(answer)

    def _give_up_all(self) -> None:
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_result(None)

    def _sweep(self) -> None:
        """Give up what has had no answer in time, and look again later."""
        now = self._bus.loop.time()
        for future, end in self._waiting.values():
            if end > now:
                break
            if not future.done():
                future.set_result(None)
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            self._bus.loop.call_later(_ANSWER_SECONDS / 4, self._sweep)

    async def _check_stream(self, letter: _Letter) -> None:
        """Nobody has listened. If that is because the stream is gone, it is made again.

        Raises:
            UndeliverableError: it is gone, and stays so.
        """
        if self._age(letter) < _GONE_SECONDS:
            return
        try:
            await self._bus.jetstream.find_stream_name_by_subject(letter.subject)
        except NotFoundError:
            if self._make is None:
                raise UndeliverableError(f"no stream takes {letter.subject}: was {self._stream} deleted?") from None
            log.warning("bus.stream_gone", stream=self._stream, subject=letter.subject)
            try:
                await self._making.at(self._make)
            except DulyError as error:
                raise UndeliverableError(f"no stream takes {letter.subject}: {error}") from error

    async def _has(self, letter: _Letter) -> bool:
        """Whether the stream has it already; it is not asked while it would know it again."""
        now = current_clock().now()
        first = now - int(self._age(letter) * SECOND)
        if letter.since is not None:
            first = min(first, letter.since)
        if now - first < self._doubt * SECOND:
            return False
        return await self._recollection.has(letter.message_id, first)

    def _age(self, letter: _Letter) -> float:
        """Seconds since it was first to be sent."""
        return self._bus.loop.time() - letter.began

    async def _pause(self, letter: _Letter, attempt: int, trouble: str) -> None:
        if attempt == 1:
            log.warning("bus.publish_retried", subject=letter.subject, message_id=letter.message_id, error=trouble)
        await asyncio.sleep(backoff(attempt))


class CoreDelivery:
    """Publishes without an answer. Guarded by the event loop.

    Nobody tells whether a message has come: where the connection is lost before the server has confirmed all that was
    sent, it is sent again, and may come twice, with the same id inside.
    """

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    @property
    def connected(self) -> bool:
        """Whether a server is there now."""
        return self._bus.connected

    async def until_connected(self) -> None:
        """Wait until a server is there."""
        await self._bus.until_connected()

    async def deliver(
        self,
        subject: str,
        message: Mapping[str, Any],
        message_id: str,  # noqa: ARG002 - of the protocol
        *,
        since: int | None = None,  # noqa: ARG002 - of the protocol
    ) -> bool:
        """Publish it, and wait until a server has it; always True. See ``Delivery.deliver``."""
        _data(message)
        for attempt in count():
            await self._bus.until_connected()
            try:
                await self._bus.publish(subject, message)
                await self._bus.flush()
            except TooLargeError as error:
                raise UndeliverableError(str(error)) from error
            except BusError:
                await asyncio.sleep(backoff(attempt))
            else:
                return True
        raise AssertionError


class _Letter:
    """A message on its way; ``began`` is the loop's time when it was to be sent, ``since`` as in ``Delivery``."""

    __slots__ = ("began", "data", "headers", "message_id", "since", "subject")

    def __init__(self, subject: str, data: bytes, message_id: str, began: float, since: int | None) -> None:
        self.subject = subject
        self.data = data
        self.message_id = message_id
        self.began = began
        self.since = since
        self.headers = injected({_MESSAGE_ID: message_id})


def _data(message: Mapping[str, Any]) -> bytes:
    try:
        return wire_of(message)
    except (TypeError, ValueError) as error:
        raise UndeliverableError(f"the message is no JSON: {error}") from error


def _acknowledged(letter: _Letter, answer: Msg | None) -> tuple[bool | None, str]:
    """Whether the message was new; ``None``: it is not acknowledged, and why.

    Raises:
        UndeliverableError: the stream refuses it.
    """
    if answer is None:
        return None, "no answer"
    if not answer.data:
        return None, "the stream has no leader yet, or is gone"
    if b'"duplicate"' not in answer.data and b'"error"' not in answer.data:
        return True, ""  # without being read: there are thousands of them
    said = json.loads(answer.data)
    error = said.get("error")
    if error is None:
        return not said.get("duplicate", False), ""
    text = f"{error.get('description')} (code {error.get('code')}, {error.get('err_code')})"
    if error.get("code") == _REFUSED and error.get("err_code") != _NO_ROOM_IN_ACCOUNT:
        raise UndeliverableError(f"the stream refuses the message on {letter.subject}: {text}")
    return None, text

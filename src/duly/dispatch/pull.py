"""Asking the stream for tasks.

A worker never has more tasks than it can begin with: it asks for as many as it has room for, and asks again when half
of them have come. A request stays with the server until it runs out, and the server says every second that it still
has it; when nothing is heard any more, or the consumer is gone, all is begun anew under another inbox, so that what
comes of old requests cannot be taken for what comes of new ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header

from duly.core.errors import DulyError
from duly.dispatch.delivered import Delivered
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.subjects import name_of, pull

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

log = structlog.get_logger("duly.dispatch")

_EXPIRES = 30.0
"""Seconds that a request stays with the server."""
_HEARTBEAT = 1.0
_HEARTS_BEAT, _RAN_OUT = "100", ("404", "408")
_LEFT = "Nats-Pending-Messages"
_OF_A_TASK = f"{Msg.Ack.Prefix0}.{Msg.Ack.Prefix1}."
_SILENCE = 3.5
"""Seconds without a heartbeat after which the server is held to have forgotten."""
_AGAIN_SECONDS = 1.0
_CLOSING_SECONDS = 0.5
_MOST_PENDING: Final = 50_000
"""Tasks of a queue that wait for an answer, or for their next attempt; with more of them, no others are delivered."""


class _BeginAnewError(DulyError):
    """All has to be begun anew; the text says why."""


async def ensure_consumer(bus: NatsBus, stream: str, subject: str, queue: str, ack_wait: float) -> str:
    """Let the stream remember how far a queue is; the name of its consumer. A new one begins with the oldest task.

    After ``ack_wait`` seconds without an answer, or a sign of life, a task is delivered again.
    """
    name = name_of(queue)
    config = ConsumerConfig(
        durable_name=name, description=f"workers of the queue {queue}", filter_subject=subject,
        deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.EXPLICIT, ack_wait=ack_wait, max_deliver=-1,
        max_ack_pending=_MOST_PENDING,
    )  # fmt: skip
    await bus.jetstream.add_consumer(stream, config)
    return name


class Pull:
    """Owns the subscription, and knows what was asked for. Guarded by the event loop."""

    def __init__(self, bus: NatsBus, room: Callable[[], int], take: Callable[[Delivered], None]) -> None:
        """``room`` says for how many tasks there is room; ``take`` gets each and must not wait."""
        self._bus = bus
        self._room = room
        self._take = take
        self._subject = self._inbox = ""
        self._asked = 0
        self._heard = 0.0
        self._anew: str | None = None
        self._ended = False
        self._changed = asyncio.Event()
        self._subscription: Subscription | None = None
        self._draining: asyncio.Future[None] | None = None
        """The last one that was closed, as long as what it has is taken."""
        bus.when_lost(partial(self.begin_anew, "the connection was lost"))

    def look(self) -> None:
        """There may be more room than before."""
        self._changed.set()

    def begin_anew(self, reason: str) -> None:
        """Find stream and consumer again, and ask them."""
        self._anew = reason
        self._changed.set()

    def end(self) -> None:
        """Let ``run`` come to its end, also if its cancellation gets lost."""
        self._ended = True
        self.begin_anew("the worker stops")

    async def run(self, find: Callable[[], Awaitable[tuple[str, str]]]) -> None:
        """Ask until cancelled. ``find`` is awaited whenever all begins, for the names of stream and consumer."""
        while True:
            await self._bus.until_connected()
            self._anew = None
            try:
                await self._begin(*await find())
                await self._go_on()
            except (_BeginAnewError, DulyError, NatsError, OSError, TimeoutError) as error:
                if self._ended:  # but its cancellation got lost in ``asyncio.wait_for``, which Python 3.12 mends
                    return
                log.warning("worker.asks_anew", reason=str(error) or type(error).__name__)
            await self.close()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def close(self) -> None:
        """Ask no more; what comes meanwhile is still taken."""
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        if not self._bus.connected:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()
            return
        # It is not cancelled: nats-py stops reading when the answer comes to a ping that was given up.
        self._draining = asyncio.ensure_future(subscription.drain())  # type: ignore[no-untyped-call] # of nats-py
        self._draining.add_done_callback(_see_how_it_ended)
        await asyncio.wait((self._draining,), timeout=_CLOSING_SECONDS)

    async def _begin(self, stream: str, consumer: str) -> None:
        client = self._bus.client
        self._subject, self._inbox = pull(stream, consumer), client.new_inbox()
        self._asked = 0
        self._subscription = await client.subscribe(self._inbox, cb=partial(self._receive, self._inbox))

    async def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._anew is None:
            self._changed.clear()
            room = self._room()
            if self._asked <= room // 2 and room > 0:
                await self._ask(room - self._asked)
            with suppress(TimeoutError):
                async with asyncio.timeout(_SILENCE):
                    await self._changed.wait()
            if self._asked and loop.time() - self._heard > _SILENCE:
                raise _BeginAnewError("the server has forgotten that it was asked")
        raise _BeginAnewError(self._anew)

    async def _ask(self, number: int) -> None:
        wanted = {"batch": number, "expires": round(_EXPIRES * 1e9), "idle_heartbeat": round(_HEARTBEAT * 1e9)}
        if not self._asked:
            self._heard = asyncio.get_running_loop().time()
        self._asked += number
        await self._bus.client.publish(self._subject, json.dumps(wanted).encode(), self._inbox)

    async def _receive(self, inbox: str, message: Msg) -> None:
        is_task, is_new = message.reply.startswith(_OF_A_TASK), inbox == self._inbox
        if is_task:
            self._take(Delivered(self._bus, message))
        if not is_new:
            return
        self._heard = asyncio.get_running_loop().time()
        if is_task:
            self._asked = max(self._asked - 1, 0)
        else:
            self._hear(message.headers or {})
        self._changed.set()

    def _hear(self, headers: Mapping[str, str]) -> None:
        """A request has ended, or the server says that it still has one."""
        status, why = headers.get(Header.STATUS, ""), headers.get(Header.DESCRIPTION, "")
        if status == _HEARTS_BEAT:
            return
        if status in _RAN_OUT and _LEFT in headers:
            self._asked = max(self._asked - int(headers[_LEFT]), 0)
        else:
            self._anew = f"{status} {why}".strip()


def _see_how_it_ended(draining: asyncio.Future[None]) -> None:
    if not draining.cancelled():
        draining.exception()

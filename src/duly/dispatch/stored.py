"""Which messages a stream has already, asked where its duplicate window may have passed."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from contextlib import suppress

from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header

from duly.core.clock import SECOND, zoned
from duly.dispatch.nats_bus import NatsBus

_CLOCKS_DIFFER = 60 * SECOND
"""By so much the clock of the server may be behind ours."""
_BATCH = 1_000
_ANSWER_SECONDS = 5.0


class Recollection:
    """Asks a stream for many messages at once. Guarded by the event loop."""

    def __init__(self, bus: NatsBus, stream: str) -> None:
        self._bus = bus
        self._stream = stream
        self._asked: dict[str, int] = {}
        """Messages, and when they were first sent."""
        self._found = set[str]()
        self._looking = asyncio.Lock()

    async def has(self, message_id: str, since: int) -> bool:
        """Whether the stream has a message that was first sent at ``since``, nanoseconds since the epoch.

        Raises:
            nats.errors.Error: it does not answer.
        """
        self._asked[message_id] = since
        try:
            async with self._looking:
                if message_id in self._asked:
                    await self._look()
            return message_id in self._found
        finally:
            self._asked.pop(message_id, None)
            self._found.discard(message_id)

    async def _look(self) -> None:
        """Find out for all that was asked so far."""
        asked = dict(self._asked)
        self._found |= await stored_since(self._bus, self._stream, asked.keys(), min(asked.values()))
        for message_id in asked:
            self._asked.pop(message_id, None)


async def stored_since(bus: NatsBus, stream: str, message_ids: AbstractSet[str], since: int) -> set[str]:
    """Those of the messages that the stream has, if they came after ``since``, nanoseconds since the epoch.

    Reads the headers of all that came since then.

    Raises:
        nats.errors.Error: it does not answer.
    """
    jetstream = bus.jetstream
    start = zoned(since - _CLOCKS_DIFFER, "UTC").to_stdlib()
    consumer = await jetstream.add_consumer(
        stream,
        ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=start,
            ack_policy=AckPolicy.NONE,
            headers_only=True,
            mem_storage=True,
            inactive_threshold=6 * _ANSWER_SECONDS,
        ),
    )
    subscription = await jetstream.pull_subscribe_bind(stream=stream, name=consumer.name)
    found, left = set[str](), consumer.num_pending or 0
    try:
        while left > 0:
            messages = await subscription.fetch(min(left, _BATCH), _ANSWER_SECONDS)
            found.update((message.headers or {}).get(Header.MSG_ID, "") for message in messages)
            left -= len(messages)
    finally:
        with suppress(Error):
            await subscription.unsubscribe()
            await jetstream.delete_consumer(stream, consumer.name)
    return found & message_ids

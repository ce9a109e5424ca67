"""Ways to get messages into streams of JetStream, each under an id by which its stream takes it only once."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from nats.js.api import StreamConfig
from nats.js.errors import BadRequestError

from duly.dispatch.deliveries import JetStreamDelivery
from duly.dispatch.messages import TaskMessage
from duly.dispatch.nats_bus import NatsBus

_HEADER = "Nats-Msg-Id"
_IN_FLIGHT = 4_000


class Publisher:
    """One of several, from 0 on. Connected from ``start`` to ``stop``; owned by the event loop."""

    distribution: ClassVar[str | None] = "nats-py"
    replicas: ClassVar[int] = 1
    publishers: ClassVar[int] = 1
    streams: ClassVar[int] = 1
    """They take these in turns."""

    def __init__(self, number: int = 0) -> None:
        self.message: dict[str, Any] = TaskMessage(worker_type="benchmark", payload={"n": 1}).model_dump(mode="json")
        self.stream = f"BENCHMARK-{number % self.streams}"
        self.subject = f"benchmark-{number % self.streams}.tasks.incoming"
        self.bus = NatsBus()

    async def start(self, urls: Sequence[str]) -> None:
        """Connect, and make the stream."""
        self.bus = NatsBus(urls)
        await self.bus.connect()
        config = StreamConfig(
            name=self.stream, subjects=[self.subject], num_replicas=self.replicas, duplicate_window=120
        )
        with suppress(BadRequestError):  # another one has made it
            await self.bus.jetstream.add_stream(config)

    async def stop(self) -> int:
        """Disconnect; give the number of messages in the stream."""
        stored = (await self.bus.jetstream.stream_info(self.stream)).state.messages
        await self.bus.close()
        return stored


class PublishAsync(Publisher):
    """``publish_async`` of nats-py: as fast as that client gets."""

    async def publish(self, ids: Sequence[str]) -> None:
        """Publish one message per id; return when all are acknowledged."""
        jetstream = self.bus.client.jetstream(publish_async_max_pending=_IN_FLIGHT)
        data = json.dumps(self.message).encode()
        acks = [await jetstream.publish_async(self.subject, data, headers={_HEADER: each}) for each in ids]
        await asyncio.gather(*acks)


class PublishAsyncTasks(Publisher):
    """``publish_async`` of nats-py for messages that come one at a time: each is a task, which makes its JSON."""

    async def publish(self, ids: Sequence[str]) -> None:
        """Publish one message per id; return when all are acknowledged."""
        jetstream = self.bus.client.jetstream(publish_async_max_pending=_IN_FLIGHT)
        room = asyncio.Semaphore(_IN_FLIGHT)

        async def one(message_id: str) -> None:
            async with room:
                data = json.dumps(self.message).encode()
                await (await jetstream.publish_async(self.subject, data, headers={_HEADER: message_id}))

        await asyncio.gather(*map(one, ids))


class PublishOneByOne(Publisher):
    """``publish`` of nats-py: each waits for the one before."""

    async def publish(self, ids: Sequence[str]) -> None:
        """Publish one message per id; return when all are acknowledged."""
        data = json.dumps(self.message).encode()
        for each in ids:
            await self.bus.jetstream.publish(self.subject, data, headers={_HEADER: each})


class Delivering(Publisher):
    """Ours, as the scheduler uses it: a task per message, which makes the JSON, too."""

    distribution: ClassVar[str | None] = "duly"

    async def publish(self, ids: Sequence[str]) -> None:
        """Publish one message per id; return when all are acknowledged."""
        delivery = JetStreamDelivery(self.bus, self.stream)
        await asyncio.gather(*(delivery.deliver(self.subject, self.message, each) for each in ids))


class PublishAsyncOfThree(PublishAsync):
    """On a cluster of three servers that all keep the stream."""

    replicas: ClassVar[int] = 3


class DeliveringOfThree(Delivering):
    """On a cluster of three servers that all keep the stream."""

    replicas: ClassVar[int] = 3


class DeliveringByTwo(Delivering):
    """Two processes, one stream."""

    publishers: ClassVar[int] = 2


class DeliveringByTwoToTwo(DeliveringByTwo):
    """Two processes, each with a stream of its own on the same server."""

    streams: ClassVar[int] = 2

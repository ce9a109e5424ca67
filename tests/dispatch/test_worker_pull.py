"""How a worker asks the stream for tasks, and answers."""

from __future__ import annotations

import asyncio
import os
import signal

from duly.dispatch.delivered import Delivered
from duly.dispatch.pull import Pull, ensure_consumer
from duly.dispatch.server import NatsServer
from tests.dispatch.worker_kit import QUEUE, SUBJECTS, Wire, run, wired


async def consumer_of(wire: Wire) -> str:
    return await ensure_consumer(wire.bus, wire.stream, SUBJECTS.tasks, QUEUE, 60)


def test_a_sign_of_life_does_not_undo_the_delay_of_a_task_that_was_given_back(nats_url: str) -> None:
    async def story() -> None:
        async with wired(nats_url) as wire:
            asking = await wire.bus.jetstream.pull_subscribe_bind(await consumer_of(wire), wire.stream)
            await wire.publish()
            (message,) = await asking.fetch(1)
            delivered = Delivered(wire.bus, message)
            await delivered.give_back(0.1)
            await delivered.live()
            (again,) = await asking.fetch(1, timeout=20)
            assert Delivered(wire.bus, again).number == 2

    run(story())


def test_a_connection_lives_on_though_the_server_is_slow_when_asking_ends(nats_server: NatsServer) -> None:
    async def story() -> None:
        async with wired(nats_server.url) as wire:
            consumer = await consumer_of(wire)

            async def find() -> tuple[str, str]:
                return wire.stream, consumer

            asking = Pull(wire.bus, lambda: 1, lambda _: None)
            running = asyncio.create_task(asking.run(find))
            await wire.until_there()
            os.kill(nats_server.pid, signal.SIGSTOP)
            try:
                asking.end()
                running.cancel()
                await asyncio.wait((running,))
                await asking.close()
            finally:
                os.kill(nats_server.pid, signal.SIGCONT)
            client = wire.bus.client
            assert (await wire.consumer()).name == consumer
            assert wire.bus.client is client

    run(story())

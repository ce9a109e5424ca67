"""Buses under test, and coroutines run with them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from duly.dispatch.bus import MessageBus, Received, Subscription
from duly.dispatch.server import NatsServer
from tests.embedded.waiting import eventually

T = TypeVar("T")
BusT = TypeVar("BusT", bound=MessageBus)

PATIENCE = 20.0
"""Seconds after which a test gives up: it waits that long only if it fails."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in real time."""

    async def patiently() -> T:
        async with asyncio.timeout(PATIENCE):
            return await main

    return asyncio.run(patiently())


@asynccontextmanager
async def connected(bus: BusT) -> AsyncIterator[BusT]:
    """The bus, connected, and closed afterwards."""
    await bus.connect()
    try:
        yield bus
    finally:
        await bus.close()


async def take(subscription: Subscription, number: int) -> list[Received]:
    """So many messages."""
    return [await anext(subscription) for _ in range(number)]


async def until(holds: Callable[[], object]) -> None:
    """Wait until it does, where nothing announces it."""
    while not holds():  # noqa: ASYNC110 - as the docstring says
        await asyncio.sleep(0.002)


async def take_what_came(bus: MessageBus, subscription: Subscription) -> list[Received]:
    """All that has been published so far; needs a subscription to everything."""
    await bus.publish("the.end", {})
    received = []
    while (message := await anext(subscription)).subject != "the.end":
        received.append(message)
    return received


def freeze(server: NatsServer) -> None:
    """Stop a server as a hanging machine would: connections stay, nothing is answered."""
    os.kill(server.pid, signal.SIGSTOP)
    stat = Path(f"/proc/{server.pid}/stat")
    eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")


def thaw(server: NatsServer) -> None:
    """Let it go on."""
    os.kill(server.pid, signal.SIGCONT)

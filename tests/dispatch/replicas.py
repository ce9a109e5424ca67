"""Replicas of a scheduler for tests: several on one loop, or each a process of its own; and links that hold back."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from duly.core.clock import SystemClock
from duly.dispatch.bucket import Bucket
from duly.dispatch.fleet import Position
from duly.dispatch.jetstream_fleet import JetStreamFleet
from duly.dispatch.nats_bus import NatsBus

BUCKET = "duly_heddle_test"
HANDOVER = "heddle.scheduler.test.handover"
SHORT = 1.0
"""A lease, in seconds, that is short, and long enough for a machine with other work."""
LONG = 60.0
"""A lease that does not end during a test, so that its holder never looks whether it has it still."""
PATIENCE = 30.0
"""Seconds after which a test gives up."""

_HERE = Path(__file__).parent


async def begin(fence: int | None) -> None:
    """What nothing is begun with."""


def position(pending: int, *, opened: tuple[int, ...] = ()) -> Position:
    return Position("every:1s", '{"chain":"seconds"}', "UTC", 0, pending, opened)


@asynccontextmanager
async def connected(urls: str | Sequence[str]) -> AsyncIterator[NatsBus]:
    bus = NatsBus(urls)
    await bus.connect()
    try:
        yield bus
    finally:
        await bus.close()


def fleet_of(bus: NatsBus, replica: str = "one", *, lease_seconds: float = SHORT, replicas: int = 1) -> JetStreamFleet:
    clock = SystemClock()
    return JetStreamFleet(
        bus, BUCKET, replica, handover=HANDOVER, lease_seconds=lease_seconds, replicas=replicas, clock=clock
    )


def bucket_of(bus: NatsBus) -> Bucket:
    """The bucket, as somebody else sees it."""
    return Bucket(bus, BUCKET, clock=SystemClock())


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario on a loop of its own, which no task outlives."""

    async def main() -> None:
        async with asyncio.timeout(PATIENCE):
            await scenario()
        left = [task for task in asyncio.all_tasks() - {asyncio.current_task()} if "duly/dispatch/" in repr(task)]
        if left:  # what was cancelled may still be ending
            _, pending = await asyncio.wait(left, timeout=1.0)
            assert not pending, pending

    asyncio.run(main())


async def for_a_while(seconds: float, *tasks: asyncio.Task[Any]) -> None:
    """Let so much time pass in which no task ends: long enough for what should not happen to happen."""
    never = asyncio.get_running_loop().create_future()
    done, _ = await asyncio.wait({never, *tasks}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    assert not done


class Link:
    """A way to a server that can be held: what was sent then waits, in either direction. Owns its connections."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._server = (address.hostname, address.port)
        self._listening: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.requests = asyncio.Event()
        self.answers = asyncio.Event()
        self.requests.set()
        self.answers.set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"nats://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.close()
        self.cut()
        if self._serving:
            await asyncio.wait(self._serving)

    def cut(self) -> None:
        """End the connections there are, and what they hold."""
        for task in self._serving:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        with suppress(OSError, asyncio.CancelledError):
            async with _closing(writer):
                from_server, to_server = await asyncio.open_connection(*self._server)
                async with _closing(to_server), asyncio.TaskGroup() as group:
                    group.create_task(_pass(reader, to_server, self.requests))
                    group.create_task(_pass(from_server, writer, self.answers))
        self._serving.discard(task)


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            await flows.wait()
            writer.write(data)
            await writer.drain()
    writer.close()


class ReplicaProcess:
    """A replica that leads when it can, as a process; what it says is read line by line."""

    def __init__(self, url: str, replica: str, lease_seconds: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_HERE / "replica_process.py"), url, replica, str(lease_seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )

    async def says(self, word: str) -> str:
        """Wait until it says something that begins so; the rest of the line."""
        stdout = self._process.stdout
        assert stdout is not None
        while line := await asyncio.to_thread(stdout.readline):
            if line.startswith(word):
                return line.removeprefix(word).strip()
        raise AssertionError(f"it ended without having said {word!r}")

    def signal(self, kind: signal.Signals) -> None:
        os.kill(self._process.pid, kind)

    def end(self) -> None:
        """At once. Idempotent."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

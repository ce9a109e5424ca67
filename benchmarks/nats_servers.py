"""NATS servers on loopback, one or a cluster, with what they store in a temporary directory."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from nats.errors import Error
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import APIError

from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.server import HOST, Cluster, NatsServer

_PATIENCE_SECONDS = 30


@contextmanager
def nats_servers(nodes: int) -> Iterator[list[str]]:
    """So many servers, which form a cluster if they are several; gives their addresses once they store messages."""
    with TemporaryDirectory(prefix="duly-benchmark-") as name, ExitStack() as stack:
        urls = []
        for server in _made(Path(name), nodes):
            stack.callback(server.kill)
            server.start()
            urls.append(server.url)
        asyncio.run(_until_they_store(urls))
        yield urls


def _made(folder: Path, nodes: int) -> list[NatsServer]:
    if nodes == 1:
        return [NatsServer(folder / "alone")]
    ports = _free_ports(2 * nodes)
    routes = tuple(ports[nodes:])
    return [
        NatsServer(folder / f"n{i}", port=ports[i], name=f"n{i}", cluster=Cluster("benchmark", routes[i], routes))
        for i in range(nodes)
    ]


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


async def _until_they_store(urls: list[str]) -> None:
    bus = NatsBus(urls)
    await bus.connect()
    config = StreamConfig(name="READY", subjects=["ready"], num_replicas=len(urls), storage=StorageType.MEMORY)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            with suppress(APIError, Error):
                await bus.client.jetstream(timeout=1).add_stream(config)
                break
        await bus.jetstream.delete_stream("READY")
    await bus.close()

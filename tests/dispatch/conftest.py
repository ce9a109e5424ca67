"""Real servers, on loopback, with what they store in the directory of the test."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from random import SystemRandom

import pytest
from nats.errors import Error
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import APIError

from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.server import HOST, Cluster, NatsServer

NODES = 3

_PORTS_OF_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")


class NatsCluster:
    """Three servers that replicate what they store."""

    def __init__(self, directory: Path) -> None:
        ports = free_ports(2 * NODES)
        routes = tuple(ports[NODES:])
        self.servers = [
            NatsServer(directory / f"n{i}", port=ports[i], name=f"n{i}", cluster=Cluster("duly", routes[i], routes))
            for i in range(NODES)
        ]
        self.urls = [f"nats://{HOST}:{port}" for port in ports[:NODES]]

    def start_all(self) -> None:
        """Until they can create a stream of three replicas."""
        for server in self.servers:
            server.start()
        asyncio.run(_until_it_replicates(self.urls))

    def start(self, index: int) -> None:
        self.servers[index].start()

    def stop(self, index: int) -> None:
        self.servers[index].stop()

    def kill(self, index: int) -> None:
        self.servers[index].kill()

    def stop_all(self) -> None:
        for server in self.servers:
            server.kill()


async def _until_it_replicates(urls: list[str]) -> None:
    bus = NatsBus(urls)
    await bus.connect()
    config = StreamConfig(name="READY", subjects=["ready"], num_replicas=NODES, storage=StorageType.MEMORY)
    created = False
    try:
        async with asyncio.timeout(30):
            while not created:
                with suppress(APIError, Error):
                    await bus.client.jetstream(timeout=1).add_stream(config)
                    created = True
            await bus.jetstream.delete_stream("READY")
    finally:
        await bus.close()


def free_ports(number: int) -> list[int]:
    """Ports that are free, and that no connection is given meanwhile: a server that is away may come back."""
    lowest = int(_PORTS_OF_CONNECTIONS.read_text().split()[0])
    found = list[int]()
    with ExitStack() as stack:
        while len(found) < number:
            probe, port = stack.enter_context(socket.socket()), SystemRandom().randrange(lowest // 2, lowest)
            with suppress(OSError):
                probe.bind((HOST, port))
                found.append(port)
    return found


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server with JetStream, started."""
    server = NatsServer(tmp_path / "nats", port=free_ports(1)[0])
    server.start()
    yield server
    server.kill()


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    """Where it is reached."""
    return nats_server.url


@pytest.fixture
def nats_cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    """Three servers that form a cluster, started."""
    cluster = NatsCluster(tmp_path / "cluster")
    try:
        cluster.start_all()
        yield cluster
    finally:
        cluster.stop_all()

"""The bus of a real server that goes away and comes back."""

import asyncio
import threading

import pytest
from structlog.testing import capture_logs

from duly.core.clock import SECOND, SystemClock
from duly.dispatch import nats_bus
from duly.dispatch.bus import BusError
from duly.dispatch.nats_bus import NatsBus, TooLargeError
from duly.dispatch.server import NatsServer
from tests.dispatch.buses import connected, freeze, run, take, thaw
from tests.dispatch.conftest import NatsCluster, free_ports

CLOCK = SystemClock()


async def lost(bus: NatsBus) -> None:
    gone = asyncio.Event()
    bus.when_lost(gone.set)
    if bus.connected:
        await gone.wait()


def test_subscriptions_live_on_when_the_server_is_killed_and_started_again(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_server.url)) as bus:
            subscriptions = [await bus.subscribe("a.*"), await bus.subscribe("a.b", "group")]
            for number in range(3):
                nats_server.kill()
                await lost(bus)
                assert not bus.connected
                nats_server.start()
                await bus.until_connected()
                await bus.publish("a.b", {"n": number})
                for subscription in subscriptions:
                    assert await anext(subscription) == {"n": number}

    run(main())


def test_it_subscribes_and_unsubscribes_also_while_the_server_is_away(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_server.url)) as bus:
            ended = await bus.subscribe("a")
            nats_server.kill()
            await lost(bus)
            subscription = await bus.subscribe("a")
            await ended.unsubscribe()
            await bus.publish("a", {"n": 1})
            nats_server.start()
            assert await anext(subscription) == {"n": 1}
            await bus.publish("a", {"n": 2})
            assert await anext(subscription) == {"n": 2}
            assert [message async for message in ended] == []

    run(main())


def test_what_was_published_is_out_when_it_has_closed(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as reader:
            subscription = await reader.subscribe("a")
            writer = NatsBus(nats_url)
            await writer.connect()
            for number in range(5_000):
                await writer.publish("a", {"n": number})
            await writer.close()
            assert [message["n"] for message in await take(subscription, 5_000)] == list(range(5_000))

    run(main())


def test_close_is_fast_also_while_the_server_is_away(nats_server: NatsServer) -> None:
    async def main() -> None:
        bus = NatsBus(nats_server.url)
        await bus.connect()
        nats_server.kill()
        await lost(bus)
        await bus.publish("a", {})
        begun = CLOCK.monotonic()
        await bus.close()
        assert CLOCK.monotonic() - begun < SECOND

    run(main())


def test_close_is_fast_also_if_the_server_hangs(nats_server: NatsServer) -> None:
    async def main() -> None:
        bus = NatsBus(nats_server.url)
        await bus.connect()
        freeze(nats_server)
        begun = CLOCK.monotonic()
        await bus.close()
        assert CLOCK.monotonic() - begun < 2 * SECOND

    run(main())


def test_a_server_that_hangs_is_noticed(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_bus, "_PING_SECONDS", 0.5)

    async def main() -> None:
        async with connected(NatsBus(nats_server.url)) as bus:
            subscription = await bus.subscribe("a")
            freeze(nats_server)
            await lost(bus)
            thaw(nats_server)
            await bus.until_connected()
            await bus.publish("a", {"n": 1})
            assert await anext(subscription) == {"n": 1}

    run(main())


def test_without_a_server_connecting_fails_and_names_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_bus, "_FIRST_CONNECT_SECONDS", 0.5)

    async def main() -> None:
        url = f"nats://127.0.0.1:{free_ports(1)[0]}"
        bus = NatsBus(["nats://user:secret@127.0.0.1:1", url])
        with pytest.raises(BusError, match=f"no NATS server answers at 127.0.0.1:1, {url}") as caught:
            await bus.connect()
        assert "secret" not in str(caught.value)
        await bus.close()

    run(main())


def test_those_who_connect_it_at_once_share_one_client(nats_url: str) -> None:
    async def main() -> None:
        bus = NatsBus(nats_url)
        clients: list[object] = []

        async def connect() -> None:
            await bus.connect()
            clients.append(bus.client)

        try:
            await asyncio.gather(*(connect() for _ in range(3)))
            assert clients == [bus.client] * 3
        finally:
            await bus.close()

    run(main())


def test_it_may_wait_for_the_server(nats_server: NatsServer) -> None:
    async def main() -> None:
        nats_server.kill()
        bus = NatsBus(nats_server.url)
        connecting = asyncio.create_task(bus.connect(wait=True))
        await asyncio.sleep(0)
        nats_server.start()
        await connecting
        assert bus.connected
        await bus.close()
        assert not bus.connected

    run(main())


def test_before_connect_and_after_close_there_is_no_client(nats_url: str) -> None:
    async def main() -> None:
        bus = NatsBus(nats_url)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="the bus is not connected: nats://"):
                _ = bus.client
            with pytest.raises(RuntimeError, match="the bus is not connected"):
                _ = bus.jetstream
            await bus.connect()
            assert bus.loop is asyncio.get_running_loop()
            await bus.close()

    run(main())


def test_a_message_that_is_too_large_is_refused_and_costs_nobody_the_connection(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            subscription = await bus.subscribe("a")
            limit = bus.client.max_payload
            with pytest.raises(TooLargeError, match=f"the server takes {limit}"):
                await bus.publish("a", {"x": "x" * limit})
            with pytest.raises(TooLargeError):
                await bus.publish("a", {"x": "x" * (limit - 100)}, headers={"X": "x" * 200})
            await bus.publish("a", {"x": "x" * (limit - 100)})
            assert len((await anext(subscription))["x"]) == limit - 100

    run(main())


def test_it_goes_on_with_another_client_where_that_of_nats_py_gives_up(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_server.url)) as bus:
            subscription = await bus.subscribe("a")
            before = bus.client
            with capture_logs() as logs:
                await before._process_err("'Authorization Violation'")
                await lost(bus)
                await bus.until_connected()
            assert "bus.refused" in [entry["event"] for entry in logs]
            assert bus.client is not before
            await bus.publish("a", {"n": 1})
            assert await anext(subscription) == {"n": 1}

    run(main())


def test_flush_tells_that_the_server_was_lost(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_server.url)) as bus:
            freeze(nats_server)
            flushing = asyncio.create_task(bus.flush())
            await asyncio.sleep(0)
            nats_server.kill()
            with pytest.raises(BusError, match="was lost before it had all that was published"):
                await flushing

    run(main())


def test_a_flush_that_is_not_answered_ends_with_the_bus(nats_server: NatsServer) -> None:
    async def main() -> None:
        bus = NatsBus(nats_server.url)
        await bus.connect()
        before = asyncio.all_tasks()
        freeze(nats_server)
        flushing = asyncio.create_task(bus.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.wait({flushing})
        await bus.close()
        left = asyncio.all_tasks() - before
        assert not left or not (await asyncio.wait(left, timeout=1))[1]

    run(main())


def test_a_bus_that_is_still_being_closed_may_be_connected_on_another_loop(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_bus, "_CLOSING_SECONDS", 10)
    bus = NatsBus(nats_url)
    closing, connected_anew = threading.Event(), threading.Event()

    async def first() -> None:
        await bus.connect()
        told = asyncio.Event()
        bus.when_lost(told.set)
        client = bus.client
        close = client.close

        async def late() -> None:
            closing.set()
            await asyncio.to_thread(connected_anew.wait)
            await close()

        client.close = late  # type: ignore[method-assign] # held up for as long as it takes
        await bus.close(drain=False)
        assert told.is_set()

    async def second() -> None:
        await asyncio.to_thread(closing.wait)
        await bus.connect()
        connected_anew.set()
        await asyncio.to_thread(thread.join)
        assert bus.connected
        await bus.flush()
        await bus.close()

    thread = threading.Thread(target=run, args=(first(),))
    thread.start()
    run(second())


def test_too_much_that_waits_for_the_server_is_refused(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_server.url)) as bus:
            nats_server.kill()
            await lost(bus)
            for _ in range(4):
                await bus.publish("a", {"x": "x" * 500_000})
            with pytest.raises(BusError, match="could not be sent"):
                await bus.publish("a", {"x": "x" * 500_000})

    run(main())


def test_with_one_server_of_a_cluster_gone_it_goes_on_at_another(nats_cluster: NatsCluster) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_cluster.urls)) as bus:
            subscription = await bus.subscribe("a")
            address = bus.client.connected_url
            assert address is not None
            nats_cluster.kill([url.endswith(str(address.port)) for url in nats_cluster.urls].index(True))
            await lost(bus)
            await bus.until_connected()
            await bus.publish("a", {"n": 1})
            assert await anext(subscription) == {"n": 1}

    run(main())

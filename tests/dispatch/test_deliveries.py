"""Messages come into the stream once, whatever happens to the server meanwhile."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, StreamConfig, StreamInfo
from structlog.testing import capture_logs

from duly.core.clock import SECOND, SystemClock
from duly.dispatch import deliveries
from duly.dispatch.deliveries import CoreDelivery, JetStreamDelivery
from duly.dispatch.delivery import Delivery, UndeliverableError
from duly.dispatch.in_memory_bus import InMemoryBus
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.server import NatsServer
from duly.dispatch.stored import Recollection, stored_since
from duly.dispatch.streams import StreamSettings, ensure_stream
from duly.dispatch.subjects import Subjects
from tests.dispatch.buses import connected, freeze, run, take, thaw, until
from tests.dispatch.conftest import NatsCluster

SUBJECTS = Subjects()
DEFAULTS = StreamSettings()


class Wire:
    """A bus, its stream, and a delivery into it."""

    def __init__(self, bus: NatsBus, stream: str, in_flight: int = 1_000, doubt_seconds: float = 60) -> None:
        self.bus = bus
        self.stream = stream
        self.delivery = JetStreamDelivery(bus, stream, in_flight=in_flight, doubt_seconds=doubt_seconds)

    async def deliver(self, message_id: str) -> bool:
        return await self.delivery.deliver(SUBJECTS.tasks, {"id": message_id}, message_id)

    async def stored(self) -> list[str]:
        """The ids of all messages in the stream, in order."""
        info = await self.bus.jetstream.stream_info(self.stream)
        messages = [
            await self.bus.jetstream.get_msg(self.stream, number) for number in range(1, info.state.last_seq + 1)
        ]
        return [(message.headers or {})["Nats-Msg-Id"] for message in messages]


@asynccontextmanager
async def wired(
    url: str | list[str], settings: StreamSettings = DEFAULTS, *, in_flight: int = 1_000, doubt_seconds: float = 60
) -> AsyncIterator[Wire]:
    async with connected(NatsBus(url)) as bus:
        yield Wire(bus, await ensure_stream(bus, SUBJECTS, settings), in_flight, doubt_seconds)


def test_a_message_is_stored_with_its_id(nats_url: str) -> None:
    async def main() -> None:
        async with wired(nats_url) as wire:
            assert await wire.delivery.deliver(SUBJECTS.goals, {"x": [1]}, "a/b/c") is True
            message = await wire.bus.jetstream.get_msg(wire.stream, 1)
            assert (message.subject, message.data, message.headers) == (
                SUBJECTS.goals,
                b'{"x":[1]}',
                {"Nats-Msg-Id": "a/b/c"},
            )
            assert wire.delivery.connected
            await wire.delivery.until_connected()

    run(main())


def test_the_same_id_is_stored_once(nats_url: str) -> None:
    async def main() -> None:
        async with wired(nats_url) as wire:
            assert [await wire.deliver("a"), await wire.deliver("b"), await wire.deliver("a")] == [True, True, False]
            assert await wire.stored() == ["a", "b"]

    run(main())


def test_thousands_at_once_are_all_stored_with_a_bounded_number_under_way(nats_url: str) -> None:
    async def main() -> None:
        async with wired(nats_url, in_flight=100) as wire:
            under_way = asyncio.gather(*(wire.deliver(str(number)) for number in range(3_000)))
            while not under_way.done():
                assert len(wire.delivery._waiting) <= 100
                await asyncio.sleep(0)
            assert all(under_way.result())
            assert (await wire.bus.jetstream.stream_info(wire.stream)).state.messages == 3_000
            assert not wire.delivery._waiting

    run(main())


def test_what_is_given_up_leaves_room_for_others(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with wired(nats_server.url, in_flight=1) as wire:
            await wire.deliver("first")
            freeze(nats_server)
            tasks = [asyncio.create_task(wire.deliver(str(number))) for number in range(3)]
            await asyncio.sleep(0)
            for task in tasks[:2]:
                task.cancel()
            await asyncio.wait(tasks[:2])
            thaw(nats_server)
            assert await tasks[2]
            assert not wire.delivery._waiting

    run(main())


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_lost_or_stored_twice_when_the_server_ends_meanwhile(
    nats_server: NatsServer, kind: signal.Signals
) -> None:
    async def main() -> None:
        async with wired(nats_server.url) as wire:
            names = [str(number) for number in range(4_000)]
            under_way = [asyncio.create_task(wire.deliver(name)) for name in names]
            for number in (500, 2_000):
                await under_way[number]
                end = nats_server.kill if kind == signal.SIGKILL else nats_server.stop
                await asyncio.to_thread(end)
                await asyncio.to_thread(nats_server.start)
            await asyncio.gather(*under_way)
            stored = await stored_since(wire.bus, wire.stream, set(names), 0)
            assert stored == set(names)
            assert (await wire.bus.jetstream.stream_info(wire.stream)).state.messages == len(names)

    run(main())


def test_while_the_server_is_away_it_waits(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with wired(nats_server.url) as wire:
            nats_server.kill()
            await until(lambda: not wire.delivery.connected)
            delivering = asyncio.create_task(wire.deliver("a"))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not delivering.done()
            nats_server.start()
            assert await delivering
            assert await wire.stored() == ["a"]

    run(main())


def test_an_answer_that_does_not_come_is_asked_for_again(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_ANSWER_SECONDS", 0.2)

    async def main() -> None:
        async with wired(nats_server.url) as wire:
            freeze(nats_server)
            with capture_logs() as logs:
                delivering = asyncio.create_task(wire.deliver("a"))
                await until(lambda: any(entry["event"] == "bus.publish_retried" for entry in logs))
            assert logs[-1]["error"] == "no answer"
            thaw(nats_server)
            await delivering
            assert await wire.stored() == ["a"]

    run(main())


@pytest.mark.parametrize("message", [{"x": datetime(2025, 1, 1, tzinfo=UTC)}, {"x": float("nan")}, {"x": {1}}])
def test_what_is_no_json_is_undeliverable(nats_url: str, message: dict[str, Any]) -> None:
    async def main() -> None:
        async with wired(nats_url) as wire:
            for delivery in (wire.delivery, CoreDelivery(wire.bus)):
                with pytest.raises(UndeliverableError, match="the message is no JSON"):
                    await delivery.deliver(SUBJECTS.tasks, message, "a")

    run(main())


def test_what_is_too_large_for_the_server_is_undeliverable(nats_url: str) -> None:
    async def main() -> None:
        async with wired(nats_url) as wire:
            for delivery in (wire.delivery, CoreDelivery(wire.bus)):
                with pytest.raises(UndeliverableError, match="is too large"):
                    await delivery.deliver(SUBJECTS.tasks, {"x": "x" * wire.bus.client.max_payload}, "a")
            assert await wire.deliver("b")

    run(main())


def test_what_is_too_large_for_the_stream_is_undeliverable(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            await bus.jetstream.add_stream(
                name="S", subjects=[SUBJECTS.tasks, SUBJECTS.goals], max_msg_size=1_000, duplicate_window=120
            )
            delivery = JetStreamDelivery(bus, "S")
            with pytest.raises(UndeliverableError, match=r"the stream refuses the message on .*: message size exceeds"):
                await delivery.deliver(SUBJECTS.tasks, {"x": "x" * 2_000}, "a")

    run(main())


def test_without_a_stream_it_is_undeliverable(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "_GONE_SECONDS", 0.2)

    async def main() -> None:
        async with wired(nats_url) as wire:
            await wire.bus.jetstream.delete_stream(wire.stream)
            with (
                capture_logs() as logs,
                pytest.raises(UndeliverableError, match=r"no stream takes heddle\.tasks\.incoming: was HEDDLE deleted"),
            ):
                await wire.deliver("a")
            assert [(entry["event"], entry["error"]) for entry in logs] == [
                ("bus.publish_retried", "the stream has no leader yet, or is gone")
            ]

    run(main())


def test_a_stream_that_is_full_is_waited_for(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            config = StreamConfig(
                name="S", subjects=[SUBJECTS.tasks], max_msgs=1, discard=DiscardPolicy.NEW, duplicate_window=120
            )
            await bus.jetstream.add_stream(config)
            wire = Wire(bus, "S")
            assert await wire.deliver("a")
            with capture_logs() as logs:
                delivering = asyncio.create_task(wire.deliver("b"))
                await until(lambda: logs)
            assert "maximum messages exceeded" in logs[0]["error"]
            await bus.jetstream.purge_stream("S")
            assert await delivering

    run(main())


def test_after_the_duplicate_window_the_stream_is_asked_before_a_message_is_sent_again(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_ANSWER_SECONDS", 0.2)

    async def main() -> None:
        async with wired(nats_server.url, doubt_seconds=0) as wire:
            await wire.deliver("first")
            take_answer = wire.delivery._take
            deaf = asyncio.Event()

            async def lose(answer: object) -> None:
                deaf.set()

            monkeypatch.setattr(wire.delivery, "_client", None)
            monkeypatch.setattr(wire.delivery, "_take", lose)
            delivering = [asyncio.create_task(wire.deliver(name)) for name in ("a", "b", "c")]
            await deaf.wait()
            monkeypatch.setattr(wire.delivery, "_client", None)
            monkeypatch.setattr(wire.delivery, "_take", take_answer)
            assert await asyncio.gather(*delivering) == [False] * 3
            assert await wire.stored() == ["first", "a", "b", "c"]

    run(main())


def test_the_stream_is_asked_first_for_what_may_have_been_published_long_ago(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            await bus.jetstream.add_stream(StreamConfig(name="S", subjects=[SUBJECTS.tasks], duplicate_window=0.1))
            wire = Wire(bus, "S", doubt_seconds=30)
            before = SystemClock().now() - 31 * SECOND
            await wire.deliver("a")
            await wire.deliver("other")
            while not await wire.deliver("other"):
                """The stream knows it again, and perhaps the first as well."""
            assert await wire.delivery.deliver(SUBJECTS.tasks, {}, "a", since=before) is False
            assert await wire.delivery.deliver(SUBJECTS.tasks, {}, "b", since=before) is True
            assert await wire.stored() == ["a", "other", "other", "b"]

    run(main())


def test_a_stream_tells_which_messages_it_has(nats_url: str) -> None:
    async def main() -> None:
        async with wired(nats_url) as wire:
            clock = SystemClock()
            begun = clock.now()
            assert await stored_since(wire.bus, wire.stream, {"0"}, begun) == set()
            names = [str(number) for number in range(2_500)]
            await asyncio.gather(*(wire.deliver(name) for name in names))
            assert await stored_since(wire.bus, wire.stream, {*names, "other"}, begun) == set(names)
            assert await stored_since(wire.bus, wire.stream, {"0"}, clock.now() + 3_600 * SECOND) == set()
            recollection = Recollection(wire.bus, wire.stream)
            asked = [recollection.has(name, begun) for name in ("0", "other", "2499")]
            assert await asyncio.gather(*asked) == [True, False, True]

    run(main())


def test_a_cluster_that_loses_a_node_loses_nothing(nats_cluster: NatsCluster) -> None:
    async def main() -> None:
        async with wired(nats_cluster.urls, StreamSettings(replicas=3)) as wire:
            names = [str(number) for number in range(1_000)]
            under_way = [asyncio.create_task(wire.deliver(name)) for name in names]
            await under_way[100]
            info = await _answered(wire)
            assert info.cluster is not None
            assert info.cluster.leader is not None
            await asyncio.to_thread(nats_cluster.kill, int(info.cluster.leader[1:]))
            await asyncio.gather(*under_way)
            assert (await _answered(wire)).state.messages == len(names)

    run(main())


async def _answered(wire: Wire) -> StreamInfo:
    """What the cluster says of the stream, as soon as somebody leads who can say it."""
    async with asyncio.timeout(30):
        while True:
            with suppress(NatsError):
                return await wire.bus.jetstream.stream_info(wire.stream)


def test_core_delivers_on_any_bus_and_always_says_that_it_was_new() -> None:
    async def main() -> None:
        async with connected(InMemoryBus()) as bus:
            delivery: Delivery = CoreDelivery(bus)
            subscription = await bus.subscribe(">")
            assert delivery.connected
            await delivery.until_connected()
            assert [await delivery.deliver("a", {"n": 1}, "x"), await delivery.deliver("a", {"n": 1}, "x")] == [
                True,
                True,
            ]
            assert await take(subscription, 2) == [{"n": 1}, {"n": 1}]

    run(main())


def test_core_waits_for_the_server_too(nats_server: NatsServer) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_server.url)) as bus:
            delivery = CoreDelivery(bus)
            subscription = await bus.subscribe("a")
            nats_server.kill()
            await until(lambda: not delivery.connected)
            delivering = asyncio.create_task(delivery.deliver("a", {"n": 1}, "x"))
            await asyncio.sleep(0)
            assert not delivering.done()
            nats_server.start()
            assert await delivering
            assert await anext(subscription) == {"n": 1}

    run(main())

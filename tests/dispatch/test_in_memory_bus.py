"""What only the bus in memory promises, and what its subscriptions make of what is no message."""

import asyncio

import pytest
from structlog.testing import capture_logs

from duly.dispatch.bus import Raw, Received, Subscription, matches
from duly.dispatch.in_memory_bus import InMemoryBus
from duly.testing import run_virtual
from tests.dispatch.buses import connected, take


def test_each_member_of_a_queue_group_has_its_turn() -> None:
    async def main() -> None:
        async with connected(InMemoryBus()) as bus:
            members = [await bus.subscribe("a", "group") for _ in range(3)]
            for number in range(9):
                await bus.publish("a", {"n": number})
            for index, member in enumerate(members):
                assert [message["n"] for message in await take(member, 3)] == [index, index + 3, index + 6]

    run_virtual(main())


def test_a_request_times_out_on_virtual_time() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with connected(InMemoryBus()) as bus:
            await bus.subscribe("deaf")
            begun = loop.time()
            with pytest.raises(TimeoutError):
                await bus.request("deaf", {}, 3_600)
            return loop.time() - begun

    assert run_virtual(main()) == pytest.approx(3_600)


def test_a_received_message_is_the_plain_dict() -> None:
    message = Received({"a": 1}, "subject", "reply", {"X": "1"})
    assert message == {"a": 1}
    assert isinstance(message, dict)


MALFORMED = [b"", b"{", b"[1]", b'"text"', b"null", b"3", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b"9" * 10_000]


def test_what_is_no_json_object_is_ignored_for_ever() -> None:
    async def main() -> None:
        subscription = Subscription("a", None, _nothing)
        for data in [*MALFORMED * 3, b'{"n": 1}', *MALFORMED, b'{"n": 2}']:
            subscription.offer(Raw("a", data))
        with capture_logs() as logs:
            assert await take(subscription, 2) == [{"n": 1}, {"n": 2}]
        assert len(logs) == 4 * len(MALFORMED)
        assert {(entry["event"], entry["log_level"]) for entry in logs} == {("bus.malformed_message", "debug")}

    run_virtual(main())


def test_messages_that_were_dropped_are_logged_once() -> None:
    async def main() -> None:
        subscription = Subscription("a", None, _nothing, pending=1)
        with capture_logs() as logs:
            for _ in range(5):
                subscription.offer(Raw("a", b"{}"))
        assert [entry["event"] for entry in logs] == ["bus.slow_subscriber"]
        assert subscription.dropped == 4

    run_virtual(main())


def test_several_may_read_one_subscription() -> None:
    async def main() -> None:
        async with connected(InMemoryBus()) as bus:
            subscription = await bus.subscribe("a")
            readers = [asyncio.create_task(anext(subscription)) for _ in range(3)]
            await asyncio.sleep(0)
            for number in range(3):
                await bus.publish("a", {"n": number})
            assert sorted([(await reader)["n"] for reader in readers]) == [0, 1, 2]

    run_virtual(main())


def test_a_reader_that_is_cancelled_takes_no_message_with_it() -> None:
    async def main() -> None:
        async with connected(InMemoryBus()) as bus:
            subscription = await bus.subscribe("a")
            reader = asyncio.create_task(anext(subscription))
            await asyncio.sleep(0)
            await bus.publish("a", {"n": 1})
            reader.cancel()
            await asyncio.wait([reader])
            assert await anext(subscription) == {"n": 1}

    run_virtual(main())


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [("a.*", "a.*", True), ("a.>", "a.*", True), (">", "a.>", True), ("a.b", "a.*", False), ("a.*", "a.b.*", False)],
)
def test_a_subscription_may_cover_a_narrower_one(wide: str, narrow: str, covers: bool) -> None:
    assert matches(wide, narrow) is covers


async def _nothing(_subscription: Subscription) -> None: ...

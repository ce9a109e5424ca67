"""What every bus does: the one in memory, and that of a real server."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from duly.dispatch.bus import BusError, MessageBus, Subscription
from duly.dispatch.in_memory_bus import InMemoryBus
from duly.dispatch.nats_bus import NatsBus
from tests.dispatch.buses import connected, run, take, take_what_came, until

BusMaker = Callable[[], MessageBus]


@pytest.fixture(params=["memory", "nats"])
def make_bus(request: pytest.FixtureRequest) -> BusMaker:
    if request.param == "memory":
        return lambda: InMemoryBus(pending=PENDING)
    url: str = request.getfixturevalue("nats_url")
    return lambda: NatsBus(url, pending=PENDING)


PENDING = 50


def test_a_message_comes_as_it_was_published(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            subscription = await bus.subscribe("a.b")
            message = {"text": "Zürich", "number": 1.5, "list": [1, None, True], "inner": {"a": {}}}
            await bus.publish("a.b", message, reply="c.d", headers={"X-One": "1"})
            received = await anext(subscription)
            assert received == message
            assert (received.subject, received.reply, received.headers) == ("a.b", "c.d", {"X-One": "1"})

    run(main())


def test_a_message_without_reply_and_headers_has_none(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            subscription = await bus.subscribe("a")
            await bus.publish("a", {})
            received = await anext(subscription)
            assert (received, received.reply, dict(received.headers)) == ({}, None, {})

    run(main())


def test_messages_go_through_json_so_that_nobody_shares_them(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            one, two = await bus.subscribe("a"), await bus.subscribe("a")
            message: dict[str, Any] = {"list": [1], "pair": (1, 2), 3: "key"}  # type: ignore[dict-item] # on purpose
            await bus.publish("a", message)
            message["list"].append(2)
            first = await anext(one)
            first["list"].append(3)
            assert await anext(two) == {"list": [1], "pair": [1, 2], "3": "key"}

    run(main())


@pytest.mark.parametrize("value", [datetime(2025, 1, 1, tzinfo=UTC), {1, 2}, b"bytes", object()])
def test_what_is_no_json_raises_where_it_is_published(make_bus: BusMaker, value: object) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            with pytest.raises(TypeError):
                await bus.publish("a", {"x": value})

    run(main())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_values_that_json_does_not_know_raise_where_they_are_published(make_bus: BusMaker, value: object) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            with pytest.raises(ValueError):  # noqa: PT011 - the text is that of the json module
                await bus.publish("a", {"x": value})

    run(main())


@pytest.mark.parametrize("message", [[1], "text", None, 3])
def test_what_is_no_mapping_raises_where_it_is_published(make_bus: BusMaker, message: Any) -> None:  # noqa: ANN401 - wrong ones
    async def main() -> None:
        async with connected(make_bus()) as bus:
            with pytest.raises(TypeError, match="a message is a mapping"):
                await bus.publish("a", message)

    run(main())


@pytest.mark.parametrize("subject", ["", "a.", ".a", "a..b", "a b", "a.*", "a.>", "a\r\nPUB b", "a\n"])
def test_a_subject_that_is_none_is_refused(make_bus: BusMaker, subject: str) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            with pytest.raises(ValueError, match="a subject is tokens with dots"):
                await bus.publish(subject, {})

    run(main())


@pytest.mark.parametrize("subject", ["", "a.", "a..b", "a b", "a.>.b", "a.b*", "a>", "**", "a\n"])
def test_a_subscription_that_is_none_is_refused(make_bus: BusMaker, subject: str) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            with pytest.raises(ValueError, match="a subscription is tokens with dots"):
                await bus.subscribe(subject)

    run(main())


@pytest.mark.parametrize("group", ["", "a b", "a\n"])
def test_a_queue_group_that_is_none_is_refused(make_bus: BusMaker, group: str) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            with pytest.raises(ValueError, match="a queue group is a name without blanks"):
                await bus.subscribe("a", group)

    run(main())


SUBJECTS = ["a", "a.b", "a.c", "a.b.c", "a.b.d", "b", "b.b.c", "the.end"]


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("a", ["a"]),
        ("a.b", ["a.b"]),
        ("*", ["a", "b"]),
        ("a.*", ["a.b", "a.c"]),
        ("*.b.*", ["a.b.c", "a.b.d", "b.b.c"]),
        ("a.>", ["a.b", "a.c", "a.b.c", "a.b.d"]),
        ("a.*.>", ["a.b.c", "a.b.d"]),
        ("*.*.c", ["a.b.c", "b.b.c"]),
        (">", SUBJECTS),
        ("c.>", []),
    ],
)
def test_wildcards_stand_for_one_token_or_for_the_rest(make_bus: BusMaker, pattern: str, taken: list[str]) -> None:
    async def main() -> list[str]:
        async with connected(make_bus()) as bus:
            subscription = await bus.subscribe(pattern)
            everything = await bus.subscribe(">")
            for subject in SUBJECTS:
                await bus.publish(subject, {})
            await take_what_came(bus, everything)
            await bus.flush()
            received = await take(subscription, len(taken))
            return [message.subject for message in received]

    assert run(main()) == taken


def test_messages_come_in_the_order_in_which_they_were_published(make_bus: BusMaker) -> None:
    async def main() -> list[int]:
        async with connected(make_bus()) as bus:
            subscription = await bus.subscribe("a.>")
            for number in range(PENDING):
                await bus.publish(f"a.{number % 3}", {"n": number})
            return [message["n"] for message in await take(subscription, PENDING)]

    assert run(main()) == list(range(PENDING))


def test_of_a_queue_group_one_member_gets_a_message_and_everybody_else_each(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            members = [await bus.subscribe("a", "group") for _ in range(3)]
            members.append(await bus.subscribe("*", "group"))
            other, alone = await bus.subscribe("a", "other"), await bus.subscribe("a")
            for number in range(40):
                await bus.publish("a", {"n": number})
            assert [message["n"] for message in await take(other, 40)] == list(range(40))
            assert [message["n"] for message in await take(alone, 40)] == list(range(40))
            taken = Counter[int]()
            readers = [asyncio.create_task(_count(member, taken)) for member in members]
            await until(lambda: taken.total() == 40)
            assert taken == Counter(range(40))
            for reader in readers:
                reader.cancel()

    run(main())


async def _count(subscription: Subscription, taken: Counter[int]) -> None:
    async for message in subscription:
        taken[message["n"]] += 1


def test_nobody_gets_what_was_published_before(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            await bus.publish("a", {"n": 1})
            subscription = await bus.subscribe("a")
            await bus.publish("a", {"n": 2})
            assert await anext(subscription) == {"n": 2}

    run(main())


def test_an_iteration_ends_when_its_subscription_does(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            subscription = await bus.subscribe("a")
            reader = asyncio.create_task(_count(subscription, Counter()))
            await bus.publish("a", {"n": 1})
            await subscription.unsubscribe()
            await subscription.unsubscribe()
            await reader
            await bus.publish("a", {"n": 2})
            assert [message async for message in subscription] == []

    run(main())


def test_an_iteration_ends_when_the_bus_is_closed(make_bus: BusMaker) -> None:
    async def main() -> None:
        bus = make_bus()
        await bus.connect()
        subscription = await bus.subscribe("a")
        reader = asyncio.create_task(_count(subscription, Counter()))
        await asyncio.sleep(0)
        await bus.close()
        await reader
        await subscription.unsubscribe()

    run(main())


def test_connect_and_close_may_be_called_twice_and_in_any_order(make_bus: BusMaker) -> None:
    async def main() -> None:
        bus = make_bus()
        await bus.close()
        await bus.connect()
        await bus.connect()
        await bus.close()
        await bus.close()
        await bus.connect()
        subscription = await bus.subscribe("a")
        await bus.publish("a", {"n": 1})
        assert await anext(subscription) == {"n": 1}
        await bus.close()

    run(main())


def test_before_it_is_connected_a_bus_refuses(make_bus: BusMaker) -> None:
    async def main() -> None:
        bus = make_bus()
        with pytest.raises(RuntimeError, match="the bus is not connected"):
            await bus.publish("a", {})
        with pytest.raises(RuntimeError, match="the bus is not connected"):
            await bus.subscribe("a")

    run(main())


def test_what_a_slow_subscriber_has_no_room_for_is_dropped_and_counted(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            slow, fast = await bus.subscribe("a"), await bus.subscribe("*.*")
            for number in range(PENDING + 5):
                await bus.publish("a", {"n": number})
            await bus.publish("the.end", {})
            await anext(fast)
            assert slow.dropped == 5
            assert [message["n"] for message in await take(slow, PENDING)] == list(range(PENDING))

    run(main())


def test_a_request_gets_its_answer(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            questions = await bus.subscribe("double")

            async def answer() -> None:
                async for question in questions:
                    assert question.reply is not None
                    await bus.publish(question.reply, {"n": 2 * question["n"]})

            answering = asyncio.create_task(answer())
            answers = await asyncio.gather(*(bus.request("double", {"n": n}, 5) for n in range(10)))
            assert answers == [{"n": 2 * n} for n in range(10)]
            answering.cancel()

    run(main())


def test_a_request_that_nobody_answers_times_out(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            await bus.subscribe("deaf")
            with pytest.raises(TimeoutError, match=r"nobody answered on deaf within 0\.05 s"):
                await bus.request("deaf", {}, 0.05)

    run(main())


def test_an_answer_may_have_any_header(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            questions = await bus.subscribe("a")
            asking = asyncio.create_task(bus.request("a", {}, 5))
            question = await anext(questions)
            assert question.reply is not None
            await bus.publish(question.reply, {"n": 1}, headers={"Status": "503"})
            assert await asking == {"n": 1}

    run(main())


def test_a_request_to_where_nobody_listens_fails_at_once(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            with pytest.raises(TimeoutError, match="nobody listens on empty"):
                await bus.request("empty", {}, 3_600)

    run(main())


def test_a_question_that_nobody_hears_is_no_message_to_whoever_waits_for_answers(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            answers = await bus.subscribe("answers")
            await bus.publish("empty", {}, reply="answers")
            await bus.publish("answers", {"n": 1})
            assert await anext(answers) == {"n": 1}

    run(main())


def test_a_request_fails_when_the_bus_is_closed(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            questions = await bus.subscribe("deaf")
            asking = asyncio.create_task(bus.request("deaf", {}, 3_600))
            await anext(questions)
            await bus.close()
            with pytest.raises(BusError, match="ended before an answer came"):
                await asking

    run(main())


def test_an_answer_that_is_no_object_is_ignored(nats_url: str) -> None:
    async def main() -> None:
        async with connected(NatsBus(nats_url)) as bus:
            questions = await bus.subscribe("a")
            asking = asyncio.create_task(bus.request("a", {}, 5))
            question = await anext(questions)
            assert question.reply is not None
            await bus.client.publish(question.reply, b"no json")
            await bus.publish(question.reply, {"n": 1})
            assert await asking == {"n": 1}

    run(main())


def test_a_message_that_contains_itself_raises_where_it_is_published(make_bus: BusMaker) -> None:
    async def main() -> None:
        async with connected(make_bus()) as bus:
            message: dict[str, Any] = {}
            message["me"] = message
            with pytest.raises(ValueError, match="a message that contains itself"):
                await bus.publish("a", message)

    run(main())

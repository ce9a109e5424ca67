"""Requests that are no JSON object get an error as their answer, from an actor on either bus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from structlog.testing import capture_logs

from duly.dispatch import InMemoryBus, SchedulerActor
from duly.dispatch.bus import MessageBus, Raw
from duly.dispatch.nats_bus import NatsBus
from tests.dispatch.buses import connected, run, until

INBOX = "heddle.scheduler.night"
REPLY = "answers"
GARBAGE = {
    b"garbage": "got 'garbage': Expecting value",
    b"[1]": "got '[1]'",
    b"5": "got '5'",
    b"null": "got 'null'",
    b"": "got '': Expecting value",
    b"\xff\x00": "can't decode byte 0xff",
    b'{"a": NaN}': "NaN is no JSON",
    b"[" * 100_000: f"got {'[' * 60!r} and more",
}
Script = Callable[[MessageBus], Awaitable[None]]


async def send(bus: MessageBus, data: bytes, reply: str | None = REPLY) -> None:
    """Put bytes on the wire, whatever they are."""
    if isinstance(bus, NatsBus):
        await bus.client.publish(INBOX, data, reply or "")
    else:
        assert isinstance(bus, InMemoryBus)
        bus._offer(Raw(INBOX, data, reply))


class Stage:
    """An actor that leads, on a bus of its kind, and somebody else on the same."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self._folder = folder
        self._url = url

    def play(self, script: Script) -> None:
        async def main() -> None:
            other: MessageBus = InMemoryBus() if self._url is None else NatsBus(self._url)
            async with connected(other):
                actor = self._actor(other if self._url is None else NatsBus(self._url))
                acting = asyncio.create_task(actor.run(INBOX))
                await until(lambda: actor._dispatcher is not None and actor._dispatcher.term is not None)
                await other.flush()
                await script(other)
                actor.request_stop("enough")
                await acting

        run(main())

    def _actor(self, bus: MessageBus) -> SchedulerActor:
        config = self._folder / "schedules.yaml"
        config.write_text(yaml.safe_dump({"name": "night", "schedules": []}))
        return SchedulerActor("scheduler-night", config, bus=bus, ledger=self._folder / "night.db")


@pytest.fixture(params=["memory", "nats"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return Stage(tmp_path, None if request.param == "memory" else request.getfixturevalue("nats_url"))


def test_what_is_no_object_gets_an_error_that_says_what_came(stage: Stage) -> None:
    async def script(bus: MessageBus) -> None:
        answers = await bus.subscribe(REPLY)
        for data, named in GARBAGE.items():
            await send(bus, data)
            answer = await anext(answers)
            assert set(answer) == {"ok", "error"}
            assert answer["ok"] is False
            assert answer["error"].startswith("a message is a JSON object, got ")
            assert named in answer["error"]
            assert len(answer["error"]) < 250
            assert (answer.reply, dict(answer.headers)) == (None, {})

    with capture_logs() as logs:
        stage.play(script)
    told = [each for each in logs if each["event"] == "bus.malformed_message"]
    assert [each["log_level"] for each in told] == ["debug"] * len(GARBAGE)


def test_an_answer_that_cannot_be_sent_back_is_an_error_too(stage: Stage) -> None:
    async def script(bus: MessageBus) -> None:
        answers = await bus.subscribe(REPLY)
        for data in (rb'{"action": "\ud800"}', b'{"action": 1e999}', b'{"action": %s}' % (b"[" * 900 + b"]" * 900)):
            await send(bus, data)
            assert (await anext(answers))["ok"] is False

    stage.play(script)


def test_a_malformed_message_without_a_reply_subject_is_ignored_and_the_next_answered(stage: Stage) -> None:
    async def script(bus: MessageBus) -> None:
        for data in GARBAGE:
            await send(bus, data, None)
        answer = await bus.request(INBOX, {"action": "health"}, timeout=5)
        assert answer["ok"] is True

    stage.play(script)


def test_a_malformed_message_whose_answer_nobody_can_hear_does_no_harm(stage: Stage) -> None:
    async def script(bus: MessageBus) -> None:
        await send(bus, b"garbage", "nobody.listens")
        await send(bus, b"garbage", INBOX)
        answer = await bus.request(INBOX, {"action": "health"}, timeout=5)
        assert answer["ok"] is True

    stage.play(script)


@pytest.mark.parametrize("data", [5, None, "x", [1], b"x", object()])
def test_a_scheduler_that_is_handed_what_is_no_mapping_gives_an_error(tmp_path: Path, data: Any) -> None:  # noqa: ANN401 - wrong ones
    async def main() -> None:
        answer = await Stage(tmp_path, None)._actor(InMemoryBus()).handle_message(data)
        assert answer is not None
        assert answer["ok"] is False
        assert f"a message is a mapping, got {type(data).__name__}" in answer["error"]

    run(main())

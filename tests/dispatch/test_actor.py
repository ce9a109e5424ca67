"""An actor of one's own, on a bus in memory."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from duly.dispatch import BaseActor, InMemoryBus
from duly.testing import run_virtual


class Echo(BaseActor):
    """Answers with what it was sent."""

    def __init__(self) -> None:
        super().__init__("echo", bus=InMemoryBus())
        self.heard: list[Mapping[str, Any]] = []
        self.ended: list[str] = []

    async def handle_message(self, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        self.heard.append(data)
        if "fail" in data:
            raise ZeroDivisionError("as asked")
        if "wait" in data:
            await asyncio.sleep(data["wait"])
        return None if "silent" in data else {"echo": dict(data)}

    async def drain(self) -> None:
        self.ended.append("drain")

    async def on_stop(self) -> None:
        self.ended.append("on_stop")


async def running(actor: Echo) -> asyncio.Task[None]:
    task = asyncio.create_task(actor.run("a.echo"))
    await asyncio.sleep(0.1)
    return task


def test_a_request_gets_its_answer() -> None:
    async def play() -> None:
        actor = Echo()
        task = await running(actor)
        assert await actor.bus.request("a.echo", {"n": 1}, timeout=1) == {"echo": {"n": 1}}
        actor.request_stop("enough")
        await task

    run_virtual(play())


def test_a_message_without_a_reply_subject_is_dealt_with_all_the_same() -> None:
    async def play() -> Echo:
        actor = Echo()
        task = await running(actor)
        await actor.publish("a.echo", {"n": 1})
        await asyncio.sleep(0.1)
        actor.request_stop("enough")
        await task
        return actor

    assert run_virtual(play()).heard == [{"n": 1}]


def test_a_message_that_fails_does_not_keep_others_from_their_answers() -> None:
    async def play() -> None:
        actor = Echo()
        task = await running(actor)
        await actor.publish("a.echo", {"fail": True})
        assert await actor.bus.request("a.echo", {"n": 2}, timeout=1) == {"echo": {"n": 2}}
        actor.request_stop("enough")
        await task

    with capture_logs() as logs:
        run_virtual(play())
    assert "scheduler.message_failed" in {each["event"] for each in logs}


def test_a_request_that_fails_gets_an_error() -> None:
    async def play() -> None:
        actor = Echo()
        task = await running(actor)
        answer = await actor.bus.request("a.echo", {"fail": True}, timeout=1)
        assert answer == {"ok": False, "error": "ZeroDivisionError: as asked"}
        actor.request_stop("enough")
        await task

    run_virtual(play())


def test_a_slow_message_does_not_hold_up_others() -> None:
    async def play() -> None:
        actor = Echo()
        task = await running(actor)
        await actor.publish("a.echo", {"wait": 100})
        async with asyncio.timeout(1):
            await actor.bus.request("a.echo", {"n": 2}, timeout=1)
        actor.request_stop("enough")
        await task

    run_virtual(play())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    async def play() -> Echo:
        actor = Echo()
        task = await running(actor)
        os.kill(os.getpid(), number)
        await task
        return actor

    before = signal.getsignal(number)
    assert asyncio.run(play()).ended == ["drain", "on_stop"]
    assert signal.getsignal(number) is before


def test_a_service_that_ends_before_the_stop_ends_the_actor() -> None:
    class Short(Echo):
        def services(self) -> Mapping[str, Coroutine[Any, Any, None]]:
            return {"short": asyncio.sleep(1)}

    actor_ended: list[str] = []

    async def play() -> None:
        actor = Short()
        try:
            await actor.run("a.echo")
        finally:
            actor_ended.extend(actor.ended)

    with pytest.raises(RuntimeError, match="short of echo has ended before the stop"):
        run_virtual(play())
    assert actor_ended == ["on_stop"]


def test_an_actor_that_still_waits_for_its_bus_stops_when_it_is_asked_to() -> None:
    class Away(InMemoryBus):
        async def connect(self) -> None:
            await asyncio.sleep(1_000)

    async def play() -> list[str]:
        actor = Echo()
        actor._bus = Away()
        task = await running(actor)
        actor.request_stop("enough")
        async with asyncio.timeout(1):
            await task
        return actor.ended

    assert run_virtual(play()) == ["on_stop"]

"""A scheduler without replicas."""

import asyncio
import os
from contextlib import AsyncExitStack

import pytest

from duly.dispatch.in_memory_bus import InMemoryBus
from duly.dispatch.lone_fleet import AlreadyRunningError, LoneFleet, SoleClaim
from duly.testing import run_virtual
from tests.dispatch.replicas import connected

CLAIM = "heddle.scheduler.test.claim"


def test_it_leads_at_once_without_a_fence() -> None:
    async def scenario() -> None:
        begun: list[int | None] = []

        async def begin(fence: int | None) -> None:
            begun.append(fence)

        leadership = await LoneFleet().lead(begin)
        assert begun == [None]
        assert leadership.fence is None
        assert leadership.previous is None
        assert leadership.positions == {}
        await leadership.commit({"a": None})

    asyncio.run(scenario())


def test_its_leadership_ends_when_it_is_released() -> None:
    async def scenario() -> None:
        async def begin(fence: int | None) -> None:
            return

        leadership = await LoneFleet().lead(begin)
        waiting = asyncio.create_task(leadership.lost())
        await leadership.release()
        await leadership.release()
        assert await waiting == "it was released"

    asyncio.run(scenario())


@pytest.mark.parametrize("gap", [0, 0.0005, 0.1, 0.999, 1.5, 1_000])
def test_of_two_schedulers_one_stays_however_close_they_start(gap: float) -> None:
    async def scenario() -> list[BaseException | None]:
        bus = InMemoryBus()
        await bus.connect()
        first, second = SoleClaim(bus, CLAIM), SoleClaim(bus, CLAIM)
        staking = asyncio.create_task(first.stake())
        await asyncio.sleep(gap)
        ends = list(await asyncio.gather(staking, second.stake(), return_exceptions=True))
        await first.drop()
        await second.drop()
        await bus.close()
        return ends

    ends = run_virtual(scenario())
    assert [type(each) for each in ends if each is not None] == [AlreadyRunningError]
    if gap >= 1:
        assert ends[0] is None


def test_who_is_refused_is_told_who_runs() -> None:
    async def scenario() -> None:
        bus = InMemoryBus()
        await bus.connect()
        first = SoleClaim(bus, CLAIM)
        await first.stake()
        with pytest.raises(AlreadyRunningError, match=rf"runs already: host .*, pid {os.getpid()}\. With"):
            await SoleClaim(bus, CLAIM).stake()
        await first.drop()
        await bus.close()

    run_virtual(scenario())


def test_a_name_that_was_dropped_is_free() -> None:
    async def scenario() -> None:
        bus = InMemoryBus()
        await bus.connect()
        for _ in range(3):
            claim = SoleClaim(bus, CLAIM)
            await claim.stake()
            await claim.drop()
        await bus.close()

    run_virtual(scenario())


def test_what_else_is_said_on_the_subject_refuses_nobody() -> None:
    async def scenario() -> None:
        bus = InMemoryBus()
        await bus.connect()
        claim = SoleClaim(bus, CLAIM)
        staking = asyncio.create_task(claim.stake())
        await asyncio.sleep(0.1)
        for message in ({}, {"stream": "ALL", "seq": 1}, {"held": True}, {"host": "attic"}):
            await bus.publish(CLAIM, message)
        await staking
        await claim.drop()
        await bus.close()

    run_virtual(scenario())


def test_one_of_many_that_start_together_on_a_server_stays(nats_url: str) -> None:
    async def scenario() -> list[BaseException | None]:
        async with AsyncExitStack() as stack:
            buses = [await stack.enter_async_context(connected(nats_url)) for _ in range(5)]
            claims = [SoleClaim(bus, CLAIM) for bus in buses]
            ends = await asyncio.gather(*(each.stake() for each in claims), return_exceptions=True)
            for each in claims:
                await each.drop()
            return ends

    ends = asyncio.run(scenario())
    assert [type(each) for each in ends if each is not None] == [AlreadyRunningError] * 4

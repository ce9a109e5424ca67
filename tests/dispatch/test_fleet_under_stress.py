"""Replicas that stall again and again, whose messages come late, and whose server is killed: what holds all the same.

A history notes what was tried, and what was acknowledged. Numbers grow from one try to the next, so of two positions
of an entry the later has the higher number.
"""

import asyncio
from itertools import count
from random import Random

import pytest

from duly.dispatch.fleet import LeadershipLostError
from duly.dispatch.jetstream_fleet import JetStreamLeadership
from duly.dispatch.server import NatsServer
from tests.dispatch.replicas import Link, begin, connected, fleet_of, for_a_while, position, run

LEADERSHIPS = 20
"""After so many a history ends."""
LEASE = 0.2
NAMES = [f"entry {number}" for number in range(6)]


class History:
    """What became of all tries."""

    def __init__(self) -> None:
        self.leaderships: list[JetStreamLeadership] = []
        self.acknowledged: dict[str, int] = {}
        """The last number of each entry."""
        self.over = asyncio.Event()
        self.changed = asyncio.Event()
        self.late = 0
        """Tries that failed, for another leads."""
        self._numbers = count(1)
        self._tried: dict[int, tuple[int, str]] = {}
        self._committed: list[int] = []

    def begins(self, leadership: JetStreamLeadership) -> None:
        for earlier in self.leaderships:
            assert earlier.fence < leadership.fence
        assert leadership.previous is None or leadership.previous < leadership.fence
        assert (leadership.previous or 0) >= max(self._committed, default=0)
        for name, number in self.acknowledged.items():
            assert leadership.positions[name].pending >= number
        for name, found in leadership.positions.items():
            fence, tried = self._tried[found.pending]
            assert tried == name
            assert fence <= (leadership.previous or 0)
        self.leaderships.append(leadership)
        self.changed.set()
        self.changed = asyncio.Event()
        if len(self.leaderships) >= LEADERSHIPS:
            self.over.set()

    async def tries(self, leadership: JetStreamLeadership, names: list[str]) -> bool:
        numbers = {name: next(self._numbers) for name in names}
        self._tried.update({number: (leadership.fence, name) for name, number in numbers.items()})
        try:
            await leadership.commit({name: position(number) for name, number in numbers.items()})
        except LeadershipLostError:
            self.late += 1
            return False
        self._committed.append(leadership.fence)
        for later in self.leaderships:
            if later.fence > leadership.fence:
                assert all(later.positions[name].pending >= number for name, number in numbers.items())
        for name, number in numbers.items():
            self.acknowledged[name] = max(number, self.acknowledged.get(name, 0))
        return True


async def stall(link: Link, history: History, random: Random) -> None:
    """Hold back what this replica sends, or what it is answered, for a while or until another leads."""
    held = random.choice([link.requests, link.answers])
    held.clear()
    try:
        async with asyncio.timeout(random.choice([LEASE / 2, 2 * LEASE, 1.5])):
            await history.changed.wait()
    except TimeoutError:
        return
    finally:
        held.set()
        if random.random() < 0.2:
            link.cut()


async def replica(name: str, server: NatsServer, history: History, random: Random) -> None:
    async with Link(server.url) as link, connected(link.url) as bus:
        fleet = fleet_of(bus, name, lease_seconds=LEASE)
        while not history.over.is_set():
            leadership = await fleet.lead(begin)
            try:
                history.begins(leadership)
                await try_a_few(leadership, link, history, random)
            finally:
                await leadership.release()


async def try_a_few(leadership: JetStreamLeadership, link: Link, history: History, random: Random) -> None:
    for _ in range(random.randrange(1, 8)):
        stalling = asyncio.create_task(stall(link, history, random)) if random.random() < 0.5 else None
        leads = await history.tries(leadership, random.sample(NAMES, random.randrange(1, 4)))
        if stalling is not None:
            await stalling
        if not leads:
            return


async def until_over(history: History, *works: "asyncio.Task[None]") -> None:
    ending = asyncio.create_task(history.over.wait())
    await asyncio.wait({ending, *works}, return_when=asyncio.FIRST_COMPLETED)
    for work in works:
        if work.done():
            work.result()
        work.cancel()
    ending.cancel()
    await asyncio.wait(works)


async def crash_again_and_again(server: NatsServer, random: Random) -> None:
    while True:
        await for_a_while(random.uniform(0.2, 1.5))
        await asyncio.to_thread(server.kill)
        await for_a_while(random.uniform(0, 0.5))
        await asyncio.to_thread(server.start)


async def play(server: NatsServer, seed: int, *, crashes: bool) -> History:
    random, history = Random(seed), History()
    works = [asyncio.create_task(replica(f"r{n}", server, history, Random(seed * 10 + n))) for n in range(3)]
    if crashes:
        works.append(asyncio.create_task(crash_again_and_again(server, random)))
    await until_over(history, *works)
    await asyncio.to_thread(server.start)
    async with connected(server.url) as bus:
        last = await fleet_of(bus, "last", lease_seconds=LEASE).lead(begin)
        history.begins(last)
        await last.release()
    return history


@pytest.mark.parametrize("seed", range(3))
def test_replicas_that_stall_commit_in_the_order_of_their_fences_and_lose_nothing(
    nats_server: NatsServer, seed: int
) -> None:
    async def scenario() -> None:
        history = await play(nats_server, seed, crashes=False)
        assert len(history.leaderships) > LEADERSHIPS
        assert history.acknowledged
        assert history.late

    run(scenario)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # nats-py drops a connection that ends unanswered
@pytest.mark.parametrize("seed", range(2))
def test_they_do_so_if_the_server_is_killed_meanwhile(nats_server: NatsServer, seed: int) -> None:
    async def scenario() -> None:
        history = await play(nats_server, seed, crashes=True)
        assert len(history.leaderships) > LEADERSHIPS
        assert history.acknowledged

    run(scenario)

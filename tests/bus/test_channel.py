"""Events that wait, and producers that wait for room."""

import asyncio

from duly.bus.channel import Channel
from duly.testing import run_virtual
from tests.bus.hall import event
from tests.lifecycle.house import turns


class Pipe(Channel):
    """A channel whose capacity can be changed, of events that are numbers."""

    def __init__(self, capacity: int) -> None:
        super().__init__(lambda: self.capacity)
        self.capacity = capacity

    def offer(self, number: int) -> bool:
        return self.put_at_once(event(number))

    def taken(self) -> list[object]:
        found = []
        while (one := self.take()) is not None:
            found.append(one.payload.data)
        return found


def test_a_newcomer_does_not_overtake_who_waits_also_when_the_capacity_grows() -> None:
    async def main() -> None:
        pipe = Pipe(1)
        assert pipe.offer(1)
        assert not pipe.offer(2)
        waiting = asyncio.create_task(pipe.put(event(2)))
        await turns()
        pipe.capacity = 5
        assert not pipe.offer(3)
        assert pipe.producers == 1
        assert pipe.taken() == [1, 2]
        assert await waiting
        assert pipe.offer(3)

    run_virtual(main())


def test_emptied_it_counts_also_what_producers_wait_to_bring_and_lets_them_go() -> None:
    async def main() -> None:
        pipe = Pipe(2)
        for number in range(2):
            assert pipe.offer(number)
        waiting = [asyncio.create_task(pipe.put(event(number))) for number in range(3)]
        await turns()
        waiting[1].cancel()
        await turns()
        assert pipe.clear() == 4
        assert [await waiting[0], await waiting[2]] == [False, False]
        assert (len(pipe), pipe.producers) == (0, 0)

    run_virtual(main())


def test_room_is_for_who_waits_first_and_not_for_who_has_given_up() -> None:
    async def main() -> None:
        pipe = Pipe(1)
        pipe.offer(0)
        waiting = [asyncio.create_task(pipe.put(event(number))) for number in (1, 2, 3)]
        await turns()
        waiting[0].cancel()
        await turns()
        assert pipe.taken() == [0, 2, 3]

    run_virtual(main())

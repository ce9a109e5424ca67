"""A bound on how many are inside at once."""

import asyncio

from duly.dispatch.room import Room
from duly.testing import run_virtual


class Visits:
    def __init__(self, size: int) -> None:
        self.room = Room(size)
        self.inside = 0
        self.most = 0
        self.order: list[int] = []

    async def visit(self, number: int) -> None:
        await self.room.enter()
        try:
            self.order.append(number)
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(1)
            self.inside -= 1
        finally:
            self.room.leave()


def test_so_many_are_inside_at_once_and_the_others_follow_in_order() -> None:
    async def main() -> None:
        visits = Visits(3)
        await asyncio.gather(*(visits.visit(number) for number in range(20)))
        assert visits.most == 3
        assert visits.order == list(range(20))
        assert visits.room._free == 3

    run_virtual(main())


def test_who_is_cancelled_takes_no_place_with_it() -> None:
    async def main() -> None:
        visits = Visits(1)
        tasks = [asyncio.create_task(visits.visit(number)) for number in range(5)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()  # while it waits
        await asyncio.sleep(0.5)
        tasks[2].cancel()  # when the place is its own
        await asyncio.wait(tasks)
        assert visits.order in ([0, 3, 4], [0, 2, 3, 4])
        assert visits.room._free == 1

    run_virtual(main())


def test_a_place_given_to_one_that_is_cancelled_goes_to_the_next() -> None:
    async def main() -> None:
        room = Room(1)
        inside = asyncio.Event()
        entered: list[int] = []

        async def hold() -> None:
            await room.enter()
            await inside.wait()
            room.leave()

        async def enter(number: int) -> None:
            await room.enter()
            entered.append(number)
            room.leave()

        holder = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(enter(number)) for number in range(2)]
        await asyncio.sleep(0)
        inside.set()
        holder.add_done_callback(lambda _: waiting[0].cancel())
        await asyncio.wait([holder, *waiting])
        assert entered[-1] == 1
        assert room._free == 1

    run_virtual(main())

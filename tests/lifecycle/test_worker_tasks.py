"""Runs in worker tasks, fed by hand or from elsewhere."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from duly.lifecycle.worker_tasks import WorkerTasks
from duly.testing import run_virtual
from tests.lifecycle.house import House, turns

_said: ContextVar[str] = ContextVar("said", default="nothing")

Perform = Callable[[int], Coroutine[Any, Any, None]]


class Shop:
    """Worker tasks of a house, and what they have done."""

    def __init__(self, perform: Perform | None = None, feed: Callable[[], bool] | None = None) -> None:
        self.house = House()
        self.house.task_bucket.open()
        self.done: list[int] = []
        self.tasks: set[asyncio.Task[Any] | None] = set()
        self.workers: WorkerTasks[int] = WorkerTasks(
            self.house.task_bucket, perform or self.note, name="worker", feed=feed
        )

    async def note(self, run: int) -> None:
        self.done.append(run)
        self.tasks.add(asyncio.current_task())


def in_shop(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(main())


def test_runs_that_do_not_wait_share_a_task_and_keep_their_order() -> None:
    async def main() -> None:
        shop = Shop()
        shop.workers.open()
        for run in range(10):
            shop.workers.submit(run)
        await turns(3)
        assert (shop.done, len(shop.tasks), len(shop.workers)) == (list(range(10)), 1, 0)

    in_shop(main)


def test_a_run_that_waits_keeps_the_next_no_longer_than_until_its_first_wait() -> None:
    async def main() -> None:
        async def wait(run: int) -> None:
            shop.done.append(run)
            await asyncio.sleep(1)

        shop = Shop(wait)
        shop.workers.open()
        for run in range(100):
            shop.workers.submit(run)
        await asyncio.sleep(0.5)
        assert shop.done == list(range(100))
        assert len(shop.workers.in_flight()) == 100
        await asyncio.sleep(1)
        assert len(shop.workers) == 0

    in_shop(main)


def test_many_runs_do_not_keep_the_loop_from_others() -> None:
    async def main() -> None:
        seen: list[int] = []

        async def look() -> None:
            while len(shop.done) < 1_000:
                seen.append(len(shop.done))
                await asyncio.sleep(0)

        shop = Shop()
        shop.workers.open()
        for run in range(1_000):
            shop.workers.submit(run)
        await look()
        assert max(later - earlier for earlier, later in itertools.pairwise(seen)) <= 100

    in_shop(main)


def test_a_run_that_changes_context_variables_leaves_the_next_those_of_the_opening() -> None:
    async def main() -> None:
        seen: list[str] = []

        async def say(run: int) -> None:
            seen.append(_said.get())
            _said.set(f"by {run}")

        shop = Shop(say)
        _said.set("at the opening")
        shop.workers.open()
        _said.set("by who submits")
        for run in range(3):
            shop.workers.submit(run)
        await turns()
        assert seen == ["at the opening"] * 3

    in_shop(main)


def test_a_cancelled_run_takes_no_other_along_and_its_task_does_no_more() -> None:
    async def main() -> None:
        async def wait(run: int) -> None:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                if run == 0:
                    raise
            shop.done.append(run)

        shop = Shop(wait)
        shop.workers.open()
        for run in range(3):
            shop.workers.submit(run)
        await asyncio.sleep(0.5)
        shop.workers.cancel(0)
        shop.workers.cancel(1)
        await asyncio.sleep(0.1)
        shop.workers.submit(3)
        await asyncio.sleep(2)
        assert shop.done == [1, 2, 3]

    in_shop(main)


def test_no_run_begins_in_a_task_that_was_cancelled() -> None:
    async def main() -> None:
        cancelled: dict[int, int] = {}

        async def wait(run: int) -> None:
            task = asyncio.current_task()
            assert task is not None
            cancelled[run] = task.cancelling()
            if run == 0:
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

        shop = Shop(wait)
        shop.workers.open()
        shop.workers.submit(0)
        await turns()
        shop.workers.cancel(0)
        shop.workers.submit(1)
        await turns()
        assert cancelled == {0: 0, 1: 0}

    in_shop(main)


def test_what_feeds_is_asked_when_the_queue_is_empty_and_until_it_has_no_more() -> None:
    async def main() -> None:
        stock = list(range(300))
        asked: list[int] = []

        def feed() -> bool:
            asked.append(len(stock))
            if stock:
                shop.workers.submit(stock.pop(0))
            return bool(stock)

        shop = Shop(feed=feed)
        shop.workers.open()
        await turns(20)
        assert shop.done == list(range(300))
        number = len(asked)
        await turns(20)
        assert len(asked) == number
        stock.append(300)
        shop.workers.wake()
        await turns(3)
        assert shop.done[-1] == 300

    in_shop(main)


def test_what_feeds_may_need_several_turns_without_giving_a_run() -> None:
    async def main() -> None:
        left = 50

        def feed() -> bool:
            nonlocal left
            left -= 1
            if left == 0:
                shop.workers.submit(1)
            return left > 0

        shop = Shop(feed=feed)
        shop.workers.open()
        await turns(60)
        assert shop.done == [1]

    in_shop(main)


def test_closed_workers_begin_with_nothing_and_what_waits_can_be_withdrawn_or_goes_on_later() -> None:
    async def main() -> None:
        shop = Shop()
        for run in range(4):
            shop.workers.submit(run)
        assert shop.workers.holds(3)
        assert shop.workers.withdraw() == [0, 1, 2, 3]
        shop.workers.submit(4)
        shop.workers.open()
        await turns(3)
        shop.workers.close()
        shop.workers.submit(5)
        await turns(3)
        assert shop.done == [4]
        assert shop.workers.waiting == 1
        shop.workers.open()
        await turns(3)
        assert shop.done == [4, 5]

    in_shop(main)

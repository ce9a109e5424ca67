"""Matches that come while the handler of their listener runs."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from duly.bus.listener import Delivery, Listener
from duly.events import Event
from tests.bus.hall import Hall, event, in_hall, statuses

Handler = Callable[[Event[Any]], Coroutine[Any, Any, None]]


class Slow:
    """A handler that takes a second, and notes its begins and ends."""

    def __init__(self, seconds: float = 1) -> None:
        self.seconds = seconds
        self.begun: list[Any] = []
        self.ended: list[Any] = []
        self.cancelled: list[Any] = []

    async def __call__(self, event: Event[Any]) -> None:
        self.begun.append(event.payload.data)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled.append(event.payload.data)
            raise
        self.ended.append(event.payload.data)


def test_queued_matches_run_one_after_the_other_in_order_of_arrival(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        slow = Slow()
        ear = hall.listen(handler=slow)
        await hall.say(1, 2, 3)
        await asyncio.sleep(0.5)
        assert (slow.begun, ear.stats.pending) == ([1], 2)
        await hall.settle()
        assert slow.ended == [1, 2, 3]
        assert statuses(await hall.rows()) == ["success"] * 3

    in_hall(tmp_path, main)


def test_single_suppresses_what_comes_meanwhile(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        slow = Slow()
        ear = hall.listen(handler=slow, mode="single")
        await hall.say(1, 2, 3)
        await hall.settle()
        await hall.say(4)
        await hall.settle()
        assert slow.ended == [1, 4]
        assert ear.stats.suppressed == {"single": 2}
        assert len(await hall.rows()) == 2

    in_hall(tmp_path, main)


def test_restart_cancels_and_awaits_the_run_and_starts_the_latest_of_several(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        ended: list[str] = []

        async def tidy(event: Event[Any]) -> None:
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
                ended.append(f"{event.payload.data} tidied")
                raise
            ended.append(f"{event.payload.data} ended")

        ear = hall.listen(handler=tidy, mode="restart")
        await hall.say(1)
        await asyncio.sleep(1)
        await hall.say(2, 3, 4)
        await hall.settle()
        assert ended == ["1 tidied", "4 ended"]
        assert statuses(await hall.rows()) == ["cancelled", "success"]
        assert (ear.stats.started, ear.stats.suppressed) == (2, {"restart": 2})

    in_hall(tmp_path, main)


def test_restart_waits_for_a_handler_that_swallows_its_cancellation(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        steps: list[str] = []

        async def stubborn(event: Event[Any]) -> None:
            for _ in range(2):
                try:
                    await asyncio.sleep(2)
                except asyncio.CancelledError:
                    steps.append("swallowed")
            steps.append(f"{event.payload.data} ended")

        hall.listen(handler=stubborn, mode="restart")
        hall.listen(name="other")
        await hall.say(1)
        await asyncio.sleep(1)
        await hall.say(2)
        await hall.settle()
        assert steps == ["swallowed", "1 ended", "2 ended"]
        assert [data for _, data in hall.said] == [1, 2]

    in_hall(tmp_path, main)


def test_restart_does_not_cancel_again_what_is_tidying_up(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        ended: list[str] = []

        async def tidy(event: Event[Any]) -> None:
            try:
                await asyncio.sleep(5)
            finally:
                await asyncio.sleep(1)
                ended.append(f"{event.payload.data} tidied")

        hall.listen(handler=tidy, mode="restart")
        await hall.say(1)
        await asyncio.sleep(1)
        await hall.say(2)
        await asyncio.sleep(0.5)
        await hall.say(3)
        await hall.settle()
        assert ended == ["1 tidied", "3 tidied"]

    in_hall(tmp_path, main)


def test_restart_puts_the_latest_in_place_of_one_that_has_not_begun(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        ear = hall.listen(mode="restart")
        for data in (1, 2, 3):
            ear.counts.matched += 1
            hall.bus.accept(ear, Delivery(event(data), "lamp"))
        await hall.settle()
        assert hall.said == [("lamp", 3)]
        assert (ear.stats.started, ear.stats.suppressed) == (1, {"restart": 2})

    in_hall(tmp_path, main)


def test_parallel_runs_a_hundred_at_a_time_and_lets_others_wait(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        slow = Slow()
        ear = hall.listen(handler=slow, mode="parallel")
        await hall.say(*range(250))
        await asyncio.sleep(0.5)
        assert (len(slow.begun), ear.stats.pending) == (100, 150)
        await asyncio.sleep(1)
        assert len(slow.begun) == 200
        await hall.settle()
        assert slow.begun == list(range(250))

    in_hall(tmp_path, main)


def test_two_thousand_executions_of_apps_run_at_a_time_and_parts_of_duly_run_beside_them(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        slow = Slow()
        for number in range(2_500):
            hall.listen(name=str(number), handler=slow)
        own = Slow()
        hall.listen(name="own", handler=own, tier="framework", priority=-1)
        await hall.say(1, 2)
        await asyncio.sleep(0.5)
        assert (len(slow.begun), len(own.begun)) == (2_000, 1)
        await asyncio.sleep(1)
        assert (slow.begun[2_000:2_500], len(own.begun)) == ([1] * 500, 2)
        await hall.settle()
        assert len(slow.ended) == 5_000
        assert hall.bus.snapshot().dropped_matches == 0

    in_hall(tmp_path, main)


def test_each_place_that_becomes_free_is_taken_by_what_waits(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        for number in range(2_000):
            hall.listen(name=str(number), handler=Slow(), priority=1, topic="full")
        parallel = Slow()
        hall.listen(handler=parallel, mode="parallel")
        await hall.say(0, topic="full")
        await hall.say(1, 2, 3)
        await asyncio.sleep(0.5)
        assert parallel.begun == []
        await asyncio.sleep(1)
        assert parallel.begun == [1, 2, 3]
        await hall.settle()

    in_hall(tmp_path, main)


class Door:
    """A gate that lets all pass, and counts what came to its end."""

    sees_all = True

    def __init__(self, hall: Hall, listener: Listener) -> None:
        self.seen: list[tuple[Any, bool]] = []
        self.ends = 0
        self.closed = 0
        self._accept = partial(hall.bus.accept, listener)

    def saw(self, delivery: Delivery, *, matched: bool) -> None:
        self.seen.append((delivery.event.payload.data, matched))
        if matched:
            self._accept(delivery)

    def ended(self) -> None:
        self.ends += 1

    def close(self) -> None:
        self.closed += 1


def test_a_gate_is_shown_what_it_wants_told_of_every_end_and_closed_with_its_listener(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        def odd(event: Event[Any]) -> bool:
            if event.payload.data == 0:
                raise ValueError
            return bool(event.payload.data % 2)

        ear = hall.listen(handler=Slow(), predicate=odd)
        door = ear.gate = Door(hall, ear)
        hall.listen("other", predicate=odd).gate = blind = Door(hall, ear)
        blind.sees_all = False
        await hall.say(0, 1, 2, 3, 5, 7)
        await hall.say(2, topic="other")
        await asyncio.sleep(0.5)
        assert door.seen == [(1, True), (2, False), (3, True), (5, True), (7, True)]
        assert blind.seen == []
        assert (ear.stats.dropped, door.ends) == (1, 1)
        await hall.settle()
        assert door.ends == 4
        hall.bus.remove(ear)
        hall.bus.remove(ear)
        assert door.closed == 1

    in_hall(tmp_path, main, duly_event_buffer_size=2)


def test_single_and_restart_wait_for_a_place_when_too_many_run(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        slow = Slow()
        for number in range(2_000):
            hall.listen(name=str(number), handler=slow, priority=1)
        single, restart = Slow(), Slow()
        one = hall.listen(name="single", handler=single, mode="single")
        two = hall.listen(name="restart", handler=restart, mode="restart")
        await hall.say(1, 2)
        await asyncio.sleep(0.5)
        assert (single.begun, restart.begun) == ([], [])
        await hall.settle()
        assert (single.ended, restart.ended) == ([1], [2])
        assert (one.stats.suppressed, two.stats.suppressed) == ({"single": 1}, {"restart": 1})

    in_hall(tmp_path, main)


def test_the_newest_are_dropped_when_too_many_wait_and_a_warning_says_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(hall: Hall) -> None:
        slow = Slow(100)
        ear = hall.listen("lamp", handler=slow, name="slow", timeout_disabled=True)
        for data in range(20):
            await hall.say(data)
            await asyncio.sleep(0)
        await asyncio.sleep(70)
        await hall.say("again")
        assert (ear.stats.matched, ear.stats.dropped, ear.stats.pending) == (20, 9, 10)
        await asyncio.sleep(1)
        assert ear.stats.dropped == 10
        hall.bus.remove(ear)
        await hall.settle()
        assert slow.ended == [0]

    with caplog.at_level(logging.WARNING):
        in_hall(tmp_path, main, duly_event_buffer_size=10)
    drops = [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()]
    assert [line.partition("number=")[2].partition(" ")[0] for line in drops] == ["1", "8"]
    assert "'slow'" in drops[0]
    assert "duly_event_buffer_size, now 10" in drops[0]


def test_what_waits_of_all_listeners_is_bounded(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        for number in range(30):
            hall.listen(name=str(number), handler=Slow(5))
        for data in range(6):
            await hall.say(data)
        await asyncio.sleep(1)
        assert hall.bus.snapshot().waiting == 50
        assert hall.bus.snapshot().dropped_matches == 100

    in_hall(tmp_path, main, duly_event_buffer_size=5)


def test_a_run_older_than_a_minute_with_matches_behind_it_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(hall: Hall) -> None:
        hall.listen(name="stuck", handler=Slow(200))
        hall.listen(name="alone", handler=Slow(200), mode="single")
        await hall.say(1, 2)
        await asyncio.sleep(190)

    with caplog.at_level(logging.WARNING):
        in_hall(tmp_path, main)
    told = [record.getMessage() for record in caplog.records if "has run for" in record.getMessage()]
    assert len(told) == 1
    assert "'stuck'" in told[0]


def test_matches_from_a_timer_pass_the_same_way(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        slow = Slow()
        ear = hall.listen(handler=slow)
        for data in (1, 2):
            ear.counts.matched += 1
            hall.bus.accept(ear, Delivery(event(data), "lamp"))
        hall.bus.remove(ear)
        ear.counts.matched += 1
        hall.bus.accept(ear, Delivery(event(3), "lamp"))
        await hall.settle()
        assert slow.begun == []
        assert (ear.stats.discarded, ear.stats.pending) == (3, 0)

    in_hall(tmp_path, main)

"""Filters that raise."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from duly.events import Event
from tests.bus.hall import Hall, in_hall, statuses


def test_a_filter_that_raises_gives_one_row_and_no_call_and_the_others_are_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []

    async def main(hall: Hall) -> None:
        def broken(event: Event[Any]) -> bool:
            raise LookupError(event.payload.data)

        async def awaited(_: Event[Any]) -> bool:
            return True

        async def tell(context: object) -> None:
            told.append(context)

        ear = hall.listen(name="broken", predicate=broken, error_handler=tell)
        odd = hall.listen(name="odd", predicate=awaited)
        hall.listen(name="fine", predicate=lambda event: event.payload.data)
        await hall.say(1, 0, 2)
        await hall.settle()
        assert hall.said == [("fine", 1), ("fine", 2)]
        assert (ear.stats.matched, ear.stats.started, ear.stats.predicate_errors) == (0, 0, 3)
        rows = await hall.rows()
        assert [row["error_type"] for row in rows if row["status"] == "error"] == ["LookupError", "TypeError"] * 3
        assert odd.stats.predicate_errors == 3
        assert [str(context.exception) for context in told] == ["1", "0", "2"]

    with caplog.at_level(logging.ERROR):
        in_hall(tmp_path, main)
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "broken" in line]) == 1
    assert len([line for line in lines if "odd" in line]) == 1


def test_the_log_tells_of_a_filter_again_after_a_minute_with_the_number_since(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(hall: Hall) -> None:
        def broken(_: Event[Any]) -> bool:
            raise LookupError

        hall.listen(predicate=broken)
        for pause in (0, 1, 58, 2):
            await asyncio.sleep(pause)
            await hall.say(1)
        await hall.settle()

    with caplog.at_level(logging.ERROR):
        in_hall(tmp_path, main)
    assert [record.getMessage().rpartition("times=")[2] for record in caplog.records] == ["1", "3"]


def test_however_many_filters_raise_for_one_event_each_gets_its_row(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        def broken(_: Event[Any]) -> bool:
            raise LookupError

        ears = [hall.listen(name=f"ear {number}", predicate=broken) for number in range(2_500)]
        await hall.say(1)
        await hall.settle()
        assert [ear.stats.predicate_errors for ear in ears] == [1] * 2_500
        assert statuses(await hall.rows()) == ["error"] * 2_500

    in_hall(tmp_path, main)


def test_a_filter_that_raises_a_cancellation_is_recorded_so_and_the_others_are_served(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        answer = asyncio.get_running_loop().create_future()
        answer.cancel()
        ear = hall.listen(name="broken", predicate=lambda _: answer.result(), priority=1)
        hall.listen(name="fine")
        await hall.say(1, 2)
        await hall.settle()
        assert hall.said == [("fine", 1), ("fine", 2)]
        assert ear.stats.predicate_errors == 2
        assert sorted(statuses(await hall.rows())) == ["cancelled", "cancelled", "success", "success"]

    in_hall(tmp_path, main)


def test_a_filter_that_ends_the_process_asks_for_an_orderly_stop(tmp_path: Path) -> None:
    async def main(hall: Hall) -> None:
        def end(_: Event[Any]) -> bool:
            raise SystemExit(3)

        hall.listen(name="end", predicate=end, priority=1)
        hall.listen(name="fine")
        await hall.say(1)
        await hall.settle()
        assert hall.house.shutdown_event.is_set()
        assert hall.said == [("fine", 1)]

    in_hall(tmp_path, main)

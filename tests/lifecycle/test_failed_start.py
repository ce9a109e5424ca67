"""A start that fails leaves nothing behind."""

import asyncio
from typing import ClassVar

import pytest

from duly.lifecycle import FatalError, Resource, ResourceStatus, RestartSpec, Service
from tests.lifecycle.house import Diary, House, fail, forever, play, turns


class Room(Diary, Resource):
    """A part."""


class Lamp(Diary, Resource):
    """Its child."""


class Candle(Lamp):
    """A child that it can do without."""

    required: ClassVar[bool] = False


class Oven(Diary, Service):
    """A service."""

    restart_spec: ClassVar[RestartSpec] = RestartSpec()

    async def serve(self) -> None:
        await forever()


UP = ["before_initialize", "on_initialize", "after_initialize"]
DOWN = ["before_shutdown", "on_shutdown", "after_shutdown"]
NO = ValueError("no")


@pytest.mark.parametrize("step", UP)
def test_no_later_step_follows_and_all_that_was_started_is_shut_down(step: str) -> None:
    async def main() -> None:
        house = House()
        oven = house.add_child(Oven)
        lamp = oven.add_child(Lamp)
        tasks: list[asyncio.Task[None]] = []

        def act() -> None:
            tasks.append(oven.task_bucket.spawn(forever()))
            raise NO

        oven.acts[step] = act
        with pytest.raises(ValueError, match="no"):
            await oven.initialize()
        ups = [f"Oven.{name}" for name in UP[: UP.index(step) + 1]]
        downs = [f"Oven.{name}" for name in DOWN] if step == "after_initialize" else []
        assert oven.lines == ups + downs
        assert (oven.status, oven.exception, oven.is_ready()) == (ResourceStatus.FAILED, NO, False)
        assert (tasks[0].cancelled(), oven.serving, lamp.status) == (True, False, ResourceStatus.STOPPED)
        assert [len(part.task_bucket) for part in (oven, lamp)] == [0, 0]
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert house.failures == [(oven, NO)]

    play(main())


def test_a_child_that_fails_fails_its_parent_and_its_siblings_are_shut_down() -> None:
    async def main() -> None:
        house = House()
        room = house.add_child(Room)
        first, second = room.add_child(Lamp), room.add_child(Lamp)
        second.acts["on_initialize"] = fail(NO)
        with pytest.raises(ValueError, match="no"):
            await room.initialize()
        assert room.lines == []
        assert (room.status, room.exception) == (ResourceStatus.FAILED, NO)
        assert (first.status, second.status) == ("stopped", "stopped")

    play(main())


def test_a_child_that_is_not_required_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room(House())
        candle = room.add_child(Candle)
        candle.acts["on_initialize"] = fail(NO)
        await room.initialize()
        assert (room.status, candle.status) == ("running", "failed")

    play(main())
    assert [record.getMessage() for record in caplog.records] == ["Room goes on without Room.Candle"]


def test_start_logs_what_went_wrong_once_and_does_not_raise(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room(House())
        room.acts["on_initialize"] = fail(NO)
        await room.start()
        assert room.status is ResourceStatus.FAILED

    play(main())
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "Room did not start")
    assert record.exc_info
    assert record.exc_info[1] is NO


def test_a_fatal_error_in_the_start_of_a_service_crashes_it() -> None:
    async def main() -> None:
        house = House()
        oven = house.add_child(Oven)
        error = FatalError("on fire")
        oven.acts["on_initialize"] = fail(error)
        with pytest.raises(FatalError):
            await oven.initialize()
        assert (oven.status, house.failures) == (ResourceStatus.CRASHED, [(oven, error)])

    play(main())


def test_a_start_that_is_cancelled_is_undone_and_failed() -> None:
    async def main() -> None:
        room = Room(House())
        lamp = room.add_child(Lamp)
        room.acts["on_initialize"] = forever
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await room.initialize()
        assert (room.status, lamp.status) == ("failed", "stopped")
        assert asyncio.all_tasks() == {asyncio.current_task()}

    play(main())


def test_what_has_failed_to_start_may_start_again() -> None:
    async def main() -> None:
        house = House()
        room = house.add_child(Room)
        room.add_child(Lamp)
        room.acts["on_initialize"] = fail(NO)
        with pytest.raises(ValueError, match="no"):
            await room.initialize()
        room.acts.clear()
        await room.initialize()
        assert (room.status, room.exception, room.children[0].status) == ("running", None, "running")
        assert house.statuses(room) == ["starting", "failed", "starting", "running"]

    play(main())


def test_what_has_failed_to_start_can_be_shut_down() -> None:
    async def main() -> None:
        house = House()
        room = house.add_child(Room)
        room.acts["on_initialize"] = fail(NO)
        await room.start()
        await room.shutdown()
        assert house.statuses(room) == ["starting", "failed", "stopping", "stopped"]

    play(main())


def test_a_stop_while_a_failed_start_is_undone_joins_it() -> None:
    async def main() -> None:
        house = House()
        oven, gate = house.add_child(Oven), asyncio.Event()
        oven.acts |= {"after_initialize": fail(NO), "on_shutdown": gate.wait}
        starting = asyncio.create_task(oven.initialize())
        await turns(30)
        assert oven.lines[-1] == "Oven.on_shutdown"
        stopping = asyncio.create_task(oven.shutdown())
        await turns()
        gate.set()
        await stopping
        with pytest.raises(ValueError, match="no"):
            await starting
        assert oven.lines.count("Oven.on_shutdown") == 1
        assert house.statuses(oven) == ["starting", "running", "failed", "stopping", "stopped"]
        assert house.failures == []

    play(main())

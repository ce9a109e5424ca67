"""Limits on the phases of a stop, and the forced end."""

import asyncio
from typing import ClassVar

import pytest

from duly.config import DulyConfig, LifecycleConfig
from duly.lifecycle import Resource, ResourceStatus, RestartSpec, Service
from tests.lifecycle.house import Diary, House, forever, play, status_of, stubborn, turns

SECONDS = 7


class Room(Diary, Resource):
    """A part."""


class Lamp(Diary, Resource):
    """Its child."""


class Oven(Diary, Service):
    """A service that takes four cancellations to end."""

    restart_spec: ClassVar[RestartSpec] = RestartSpec()
    cancellations: list[int]

    async def serve(self) -> None:
        self.cancellations = []
        await stubborn(self.cancellations, 3)


def house_with_limits() -> House:
    limits = LifecycleConfig(resource_shutdown_timeout_seconds=SECONDS, task_cancellation_timeout_seconds=3)
    return House(DulyConfig.hermetic(strict_lifecycle=True, lifecycle=limits))


@pytest.mark.parametrize(
    ("step", "phase", "rest"),
    [
        ("before_shutdown", "before_shutdown", ["before_shutdown", "on_shutdown", "after_shutdown"]),
        ("on_shutdown", "on_shutdown", ["before_shutdown", "on_shutdown"]),
        ("after_shutdown", "on_shutdown", ["before_shutdown", "on_shutdown", "after_shutdown"]),
    ],
)
def test_a_phase_over_its_limit_is_left_with_a_warning_that_names_part_and_phase(
    step: str, phase: str, rest: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        room = Room(house_with_limits())
        lamp = room.add_child(Lamp)
        await room.initialize()
        room.lines.clear()
        room.acts[step] = forever
        await room.shutdown()
        assert room.lines == [f"Room.{step}" for step in rest]
        assert (room.status, lamp.status, len(room.task_bucket)) == ("stopped", "stopped", 0)

    assert play(main()) == pytest.approx(SECONDS)
    assert [record.getMessage() for record in caplog.records] == [f"Room did not end {phase} within 7 s"]


def test_a_serve_that_does_not_end_is_named_twice_and_left(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        oven = Oven(house_with_limits())
        await oven.initialize()
        await oven.shutdown()
        assert oven.lines[-2:] == ["Oven.on_shutdown", "Oven.after_shutdown"]
        assert (oven.status, oven.serving) == (ResourceStatus.STOPPED, True)
        with pytest.raises(RuntimeError, match=r"Oven cannot start: its former serve\(\) has not ended"):
            await oven.initialize()
        for task in oven.task_bucket.pending_tasks():
            task.cancel()
        await turns()
        await oven.initialize()
        assert (oven.status, oven.serving) == (ResourceStatus.RUNNING, True)

    play(main())
    assert [record.getMessage() for record in caplog.records] == [
        "Oven did not end end_intake within 7 s",
        "Oven: tasks go on 3 s after they were cancelled: Oven.serve",
    ]


def test_children_together_have_one_phase_and_those_over_it_are_forced(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room(house_with_limits())
        first, last = room.add_child(Lamp), room.add_child(Lamp)
        await room.initialize()
        for lamp in (first, last):
            lamp.acts |= {"before_shutdown": forever, "on_shutdown": forever}
        await room.shutdown()
        assert [part.status for part in (room, first, last)] == ["stopped"] * 3
        assert first.lines[3:] == []

    assert play(main()) == pytest.approx(SECONDS, abs=0.5)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "Room.Lamp was forced to end; what goes on: nothing",
        "Room.Lamp was forced to end; what goes on: nothing",
    ]


def test_a_forced_end_cancels_all_tasks_skips_hooks_and_names_what_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    cancellations: list[int] = []

    async def main() -> None:
        house = house_with_limits()
        room = house.add_child(Room)
        lamp = room.add_child(Lamp)
        await room.initialize()
        good = [part.task_bucket.spawn(forever()) for part in (room, lamp)]
        stuck = lamp.task_bucket.spawn(stubborn(cancellations, 1), name="stuck")
        await turns()
        await room.force_end()
        assert [task.cancelled() for task in good] == [True, True]
        assert (room.status, lamp.status) == ("stopped", "stopped")
        assert [len(part.lines) for part in (room, lamp)] == [3, 3]
        assert room.shutdown_event.is_set()
        with pytest.raises(RuntimeError, match="takes no more tasks"):
            room.task_bucket.spawn(forever())
        stuck.cancel()

    assert play(main()) < 1
    [record] = caplog.records
    message = "Duly.Room with Duly.Room.Lamp was forced to end; what goes on: stuck"
    assert (record.levelname, record.getMessage()) == ("ERROR", message)


@pytest.mark.parametrize("step", ["on_initialize", "before_shutdown"])
def test_a_forced_end_breaks_off_a_start_or_a_stop_under_way(step: str) -> None:
    async def main() -> None:
        room = Room(house_with_limits())
        room.acts[step] = forever
        life = asyncio.create_task(room.restart())
        await turns(30)
        stop = asyncio.create_task(room.shutdown()) if step == "before_shutdown" else life
        await turns(30)
        assert room.lines[-1] == f"Room.{step}"
        await room.force_end()
        await asyncio.wait({life, stop})
        assert [task.exception() for task in (life, stop)] == [None, None]
        assert room.status is ResourceStatus.STOPPED
        room.acts.clear()
        await room.initialize()
        assert status_of(room) == "running"

    play(main())


def test_a_start_that_does_not_give_up_cannot_bring_a_stopped_part_up(caplog: pytest.LogCaptureFixture) -> None:
    cancellations: list[int] = []

    async def main() -> None:
        room, gate = Room(house_with_limits()), asyncio.Event()

        async def deaf() -> None:
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    cancellations.append(1)

        room.acts["on_initialize"] = deaf
        started = room.start()
        await turns()
        await room.shutdown()
        assert room.status is ResourceStatus.STOPPED
        gate.set()
        await started
        assert (room.status, room.lines[-1]) == (ResourceStatus.STOPPED, "Room.on_initialize")

    play(main())
    assert cancellations == [1]
    assert "Room did not give up its start within 7 s" in [record.getMessage() for record in caplog.records]

"""Start and stop of one part, step by step."""

import asyncio
import functools
import signal
import threading
from typing import ClassVar

import pytest

from duly.lifecycle import Resource, ResourceStatus, RestartSpec, Service
from tests.lifecycle.house import Diary, House, fail, forever, play, run, status_of, turns


class Room(Diary, Resource):
    """A part."""


class Lamp(Diary, Resource):
    """Its first child."""


class Table(Diary, Resource):
    """Its second child."""


class Oven(Diary, Service):
    """A service."""

    restart_spec: ClassVar[RestartSpec] = RestartSpec()

    async def serve(self) -> None:
        self.lines.append("Oven.serve")
        try:
            await forever()
        finally:
            self.lines.append("Oven.serve ends")


UP = ["before_initialize", "on_initialize", "after_initialize"]
DOWN = ["before_shutdown", "on_shutdown", "after_shutdown"]


def room_with_children(house: House) -> Room:
    room = house.add_child(Room)
    room.add_child(Lamp, lines=room.lines)
    room.add_child(Table, lines=room.lines)
    return room


def test_children_start_before_any_hook_of_their_parent_and_stop_after_the_last() -> None:
    async def main() -> None:
        room = room_with_children(House())
        await room.initialize()
        up = [f"{name}.{step}" for name in ("Lamp", "Table", "Room") for step in UP]
        assert room.lines == up
        await room.shutdown()
        assert room.lines[len(up) :] == [f"{name}.{step}" for name in ("Room", "Table", "Lamp") for step in DOWN]

    play(main())


def test_a_resource_runs_and_is_ready_once_its_hooks_have_run() -> None:
    async def main() -> None:
        house = House()
        room = house.add_child(Room)
        room.acts["after_initialize"] = lambda: room.lines.append(f"{room.status} {room.is_ready()}")
        await room.initialize()
        assert room.lines[-1] == "starting False"
        assert (room.status, room.is_ready(), room.ready_reason) == (ResourceStatus.RUNNING, True, "initialized")
        assert house.statuses(room) == ["starting", "running"]

    play(main())


@pytest.mark.parametrize("step", UP)
def test_a_hook_may_set_readiness_itself(step: str) -> None:
    async def main() -> None:
        early, late = Room(House()), Room(House())
        early.acts[step] = lambda: early.mark_ready("early")
        late.acts[step] = lambda: late.mark_not_ready("later")
        await early.initialize()
        await late.initialize()
        assert (early.is_ready(), early.ready_reason) == (True, "early")
        assert not late.is_ready()

    play(main())


def test_a_service_runs_when_serve_begins_and_marks_itself_ready() -> None:
    async def main() -> None:
        house = House()
        oven = house.add_child(Oven)
        oven.acts["on_initialize"] = lambda: oven.lines.append(oven.status)
        oven.acts["after_initialize"] = lambda: oven.lines.append(oven.status)
        await oven.initialize()
        assert oven.lines == [
            *("Oven.before_initialize", "Oven.on_initialize", "starting"),
            *("Oven.serve", "Oven.after_initialize", "running"),
        ]
        assert not oven.is_ready()
        assert oven.serving

    play(main())


def test_the_steps_of_a_stop() -> None:
    async def main() -> None:
        house = House()
        oven = house.add_child(Oven)
        child = oven.add_child(Lamp, lines=oven.lines)
        await oven.initialize()
        oven.mark_ready("hot")
        task = oven.task_bucket.spawn(forever())
        oven.lines.clear()
        oven.acts["before_shutdown"] = lambda: oven.lines.append(
            f"{oven.status} {oven.shutdown_event.is_set()} {oven.is_ready()} {oven.serving}"
        )
        oven.acts["after_shutdown"] = lambda: oven.lines.append(f"{task.done()} {child.status}")
        await oven.shutdown()
        assert oven.lines == [
            *("Oven.before_shutdown", "stopping True False True", "Oven.serve ends"),
            *("Oven.on_shutdown", "Oven.after_shutdown", "False running"),
            *(f"Lamp.{step}" for step in DOWN),
        ]
        assert (task.cancelled(), len(oven.task_bucket)) == (True, 0)
        assert house.statuses(oven) == ["starting", "running", "stopping", "stopped"]

    play(main())


def test_on_shutdown_may_spawn_tasks_and_after_the_stop_nobody_may() -> None:
    async def main() -> None:
        room = Room(House())
        await room.initialize()
        spawned: list[asyncio.Task[None]] = []
        room.acts["on_shutdown"] = lambda: spawned.append(room.task_bucket.spawn(forever()))
        await room.shutdown()
        await turns()
        assert spawned[0].cancelled()
        with pytest.raises(RuntimeError, match="Room has stopped and takes no more tasks"):
            room.task_bucket.spawn(forever())

    play(main())


def test_start_runs_initialize_in_a_task() -> None:
    async def main() -> None:
        room = Room(House())
        started = room.start()
        assert (room.status, room.start()) == (ResourceStatus.NOT_STARTED, started)
        await room.wait_ready()
        await started
        assert room.lines == [f"Room.{step}" for step in UP]

    play(main())


def test_initialize_of_what_is_starting_or_running_does_nothing() -> None:
    async def main() -> None:
        room = Room(House())
        await asyncio.gather(room.initialize(), room.initialize())
        await room.initialize()
        assert len(room.lines) == 3

    play(main())


def test_shutdown_is_idempotent() -> None:
    async def main() -> None:
        house = House()
        room = house.add_child(Room)
        await room.initialize()
        await asyncio.gather(room.shutdown(), room.shutdown())
        await room.shutdown()
        assert room.lines[3:] == [f"Room.{step}" for step in DOWN]
        assert house.statuses(room) == ["starting", "running", "stopping", "stopped"]

    play(main())


def test_shutdown_works_before_start_and_runs_no_hook() -> None:
    async def main() -> None:
        house = House()
        room = room_with_children(house)
        await room.shutdown()
        assert house.statuses(room) == ["stopping", "stopped"]
        assert [child.status for child in room.children] == ["stopped", "stopped"]
        assert room.lines == []

    play(main())


def test_shutdown_right_after_start_is_a_stop() -> None:
    async def main() -> None:
        room = Room(House())
        started = room.start()
        await room.shutdown()
        await asyncio.wait({started})
        assert (room.status, room.lines) == (ResourceStatus.STOPPED, [])

    play(main())


def test_a_stopped_part_may_start_again_with_fresh_events() -> None:
    async def main() -> None:
        house = House()
        oven = house.add_child(Oven)
        await oven.initialize()
        first = oven.shutdown_event
        await oven.restart()
        assert first.is_set()
        assert not oven.shutdown_event.is_set()
        assert (oven.status, oven.lines.count("Oven.serve")) == (ResourceStatus.RUNNING, 2)
        task = oven.task_bucket.spawn(turns())
        await task
        assert house.statuses(oven) == ["starting", "running", "stopping", "stopped", "starting", "running"]
        await oven.shutdown()

    play(main())


def test_who_waits_for_readiness_waits_across_a_restart() -> None:
    async def main() -> None:
        room = Room(House())
        await room.initialize()
        await room.shutdown()
        waiting = asyncio.create_task(room.wait_ready())
        await turns()
        assert not waiting.done()
        await room.initialize()
        await waiting

    play(main())


@pytest.mark.parametrize("step", UP)
def test_a_stop_asked_for_during_the_start_ends_it_stopped_and_not_failed(step: str) -> None:
    async def main() -> None:
        house = House()
        room = room_with_children(house)
        room.acts[step] = forever
        starting = asyncio.create_task(room.initialize())
        await turns(30)
        assert room.lines[-1] == f"Room.{step}"
        await room.shutdown()
        await starting
        assert house.statuses(room) == ["starting", "stopping", "stopped"]
        assert [child.status for child in room.children] == ["stopped", "stopped"]

    play(main())


def test_a_request_during_the_start_lets_no_further_hook_begin() -> None:
    async def main() -> None:
        room = Room(House())
        room.acts["before_initialize"] = lambda: room.request_shutdown("enough")
        await room.initialize()
        assert room.lines == ["Room.before_initialize"]
        assert room.status is ResourceStatus.STOPPED

    play(main())


def test_a_request_before_the_first_start_holds() -> None:
    async def main() -> None:
        room = Room(House())
        room.request_shutdown("never mind")
        await room.initialize()
        assert (room.status, room.lines) == (ResourceStatus.STOPPED, [])

    play(main())


def test_request_shutdown_sets_the_event_for_good_and_clears_ready() -> None:
    async def main() -> None:
        room = Room(House())
        await room.initialize()
        room.request_shutdown("enough")
        assert (room.shutdown_event.is_set(), room.is_ready(), room.ready_reason) == (True, False, "enough")
        room.request_shutdown("again")
        assert (room.ready_reason, room.status) == ("enough", ResourceStatus.RUNNING)

    play(main())


def test_request_shutdown_may_come_from_another_thread() -> None:
    async def main() -> None:
        room = Room(House())
        await room.initialize()
        thread = threading.Thread(target=room.request_shutdown, args=("from afar",))
        thread.start()
        await room.shutdown_event.wait()
        thread.join()
        assert room.ready_reason == "from afar"

    run(main())


def test_request_shutdown_from_a_signal_handler_wakes_the_loop() -> None:
    async def main() -> None:
        room = Room(House())
        await room.initialize()
        before = signal.signal(signal.SIGUSR1, lambda *_: room.request_shutdown("signal"))
        try:
            kill = functools.partial(signal.pthread_kill, threading.get_ident(), signal.SIGUSR1)
            await asyncio.gather(asyncio.to_thread(kill), room.shutdown_event.wait())
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert room.ready_reason == "signal"

    run(main())


def test_a_request_to_an_old_life_does_not_stop_the_new_one() -> None:
    async def main() -> None:
        room = Room(House())
        await room.initialize()
        room.request_shutdown("old")
        await room.restart()
        await turns()
        assert not room.shutdown_event.is_set()

    play(main())


def test_a_task_of_a_part_may_stop_the_part() -> None:
    async def main() -> None:
        oven = Oven(House())
        await oven.initialize()
        task = oven.task_bucket.spawn(oven.shutdown())
        await asyncio.wait({task})
        await turns(30)
        assert oven.status is ResourceStatus.STOPPED
        assert oven.lines[-1] == "Oven.after_shutdown"

    play(main())


def test_a_cancelled_caller_of_shutdown_leaves_it_working() -> None:
    async def main() -> None:
        room, gate = Room(House()), asyncio.Event()
        room.acts["on_shutdown"] = gate.wait
        await room.initialize()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await room.shutdown()
        assert room.status is ResourceStatus.STOPPING
        gate.set()
        await room.shutdown()
        assert room.lines[3:] == [f"Room.{step}" for step in DOWN]
        assert status_of(room) == "stopped"

    play(main())


@pytest.mark.parametrize("step", DOWN)
def test_a_hook_that_raises_on_the_way_down_is_logged_and_the_next_step_follows(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        room = room_with_children(House())
        await room.initialize()
        room.lines.clear()
        room.acts[step] = fail(ValueError("no"))
        await room.shutdown()
        assert room.lines == [f"{name}.{step}" for name in ("Room", "Table", "Lamp") for step in DOWN]
        assert room.status is ResourceStatus.STOPPED

    play(main())
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == f"Duly.Room failed in {step}"
    assert record.exc_info
    assert str(record.exc_info[1]) == "no"


class Cook(Diary, Resource):
    """Needs an oven, and would like a lamp."""

    depends_on: ClassVar[list[type[Resource]]] = [Service, Lamp]


class Candle(Lamp):
    """A lamp that nobody waits for."""

    required: ClassVar[bool] = False


def test_a_part_waits_until_the_parts_that_it_depends_on_are_ready() -> None:
    async def main() -> None:
        house = House()
        oven, lamp, cook = house.add_child(Oven), house.add_child(Lamp), house.add_child(Cook)
        house.worker_pool.mark_ready("subclasses count")
        cook.start()
        await turns()
        assert (cook.status, cook.lines) == (ResourceStatus.STARTING, [])
        oven.mark_ready("hot")
        await turns()
        assert cook.lines == []
        lamp.mark_ready("lit")
        await cook.wait_ready()

    play(main())


def test_nobody_waits_for_what_is_not_required_or_not_there() -> None:
    async def main() -> None:
        house = House()
        house.children.clear()
        house.add_child(Candle)
        await house.add_child(Cook).initialize()

    play(main())


def test_a_stop_asked_for_while_waiting_for_others_is_a_stop() -> None:
    async def main() -> None:
        house = House()
        cook = house.add_child(Cook)
        started = cook.start()
        await turns()
        cook.request_shutdown("enough")
        await started
        assert (cook.status, cook.lines) == (ResourceStatus.STOPPED, [])

    play(main())

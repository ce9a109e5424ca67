"""Tasks that end with the part that owns them."""

import asyncio
import gc
import logging

import pytest

from duly.config import DulyConfig, LifecycleConfig
from duly.lifecycle import Resource, TaskBucket, current_bucket, install_task_factory
from tests.lifecycle.house import House, forever, play, stubborn, turns


class Room(Resource):
    """A part that owns a bucket."""


async def give(value: int) -> int:
    return value


async def fail() -> None:
    raise ValueError("no")


def room(seconds: float = 5) -> Room:
    limits = LifecycleConfig(task_cancellation_timeout_seconds=seconds)
    return House(DulyConfig.hermetic(strict_lifecycle=True, lifecycle=limits)).add_child(Room)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_spawn_gives_a_named_task_that_the_bucket_holds_until_it_ends() -> None:
    async def main() -> None:
        bucket = room().task_bucket
        task = bucket.spawn(give(7), name="seven")
        assert (task.get_name(), bucket.pending_tasks(), len(bucket)) == ("seven", [task], 1)
        assert await task == 7
        assert (bucket.pending_tasks(), len(bucket)) == ([], 0)

    play(main())


def test_a_bucket_is_true_also_when_empty() -> None:
    bucket = room().task_bucket
    assert len(bucket) == 0
    assert bool(bucket) is True


def test_pending_tasks_is_a_snapshot() -> None:
    async def main() -> None:
        bucket = room().task_bucket
        snapshot = bucket.pending_tasks()
        task = bucket.spawn(forever())
        assert snapshot == []
        bucket.pending_tasks().clear()
        assert bucket.pending_tasks() == [task]

    play(main())


def test_after_the_owner_has_stopped_the_coroutine_is_closed() -> None:
    async def main() -> None:
        part = room()
        await part.initialize()
        await part.shutdown()
        coroutine = forever()
        with pytest.raises(RuntimeError, match=r"Duly\.Room has stopped and takes no more tasks"):
            part.task_bucket.spawn(coroutine)
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await coroutine

    play(main())


def test_cancel_all_cancels_all_but_the_task_of_the_caller() -> None:
    async def main() -> None:
        bucket = room().task_bucket
        others = [bucket.spawn(forever()) for _ in range(3)]

        async def call() -> str:
            await bucket.cancel_all()
            return "went on"

        caller = bucket.spawn(call())
        assert await caller == "went on"
        assert all(task.cancelled() for task in others)
        assert bucket.pending_tasks() == []

    assert play(main()) < 0.1


def test_a_task_that_swallows_one_cancellation_is_cancelled_once_more(caplog: pytest.LogCaptureFixture) -> None:
    cancellations: list[int] = []

    async def main() -> None:
        bucket = room(6).task_bucket
        task = bucket.spawn(stubborn(cancellations, 1))
        await turns()
        await bucket.cancel_all()
        assert (task.cancelled(), cancellations) == (True, [1])

    assert play(main()) == pytest.approx(3)
    assert caplog.records == []


def test_stragglers_are_named_in_a_warning_once_the_time_is_up(caplog: pytest.LogCaptureFixture) -> None:
    cancellations: list[int] = []

    async def main() -> None:
        bucket = room(6).task_bucket
        bucket.spawn(stubborn(cancellations, 3), name="deaf")
        bucket.spawn(forever(), name="good")
        await turns()
        await bucket.cancel_all()
        assert [task.get_name() for task in bucket.pending_tasks()] == ["deaf"]
        assert cancellations == [1, 2]

    assert play(main()) == pytest.approx(6)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "Duly.Room: tasks go on 6 s after they were cancelled: deaf")
    ]


def test_tasks_that_are_made_while_others_are_cancelled_are_cancelled_too() -> None:
    async def main() -> None:
        bucket = room().task_bucket

        async def call_for_help() -> None:
            try:
                await forever()
            finally:
                bucket.spawn(forever())

        bucket.spawn(call_for_help())
        await turns()
        await bucket.cancel_all()
        assert bucket.pending_tasks() == []

    play(main())


def test_cancel_all_sync_cancels_all_but_the_task_of_the_caller_without_waiting() -> None:
    async def main() -> None:
        bucket = room().task_bucket
        other = bucket.spawn(forever())

        async def call() -> str:
            bucket.cancel_all_sync()
            await turns()
            return "went on"

        assert await bucket.spawn(call()) == "went on"
        assert other.cancelled()

    play(main())


def test_an_error_that_nobody_awaits_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        kept = room().task_bucket.spawn(fail(), name="unloved")
        await turns()
        del kept
        gc.collect()

    play(main())
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "Duly.Room: task unloved ended with an error")
    assert record.name == "duly.Room.TaskBucket"
    assert record.exc_info
    assert str(record.exc_info[1]) == "no"


def test_an_error_that_somebody_awaits_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        bucket = room().task_bucket
        with pytest.raises(ValueError, match="no"):
            await bucket.spawn(fail())
        with pytest.raises(ValueError, match="no"):
            await asyncio.gather(bucket.spawn(fail()))
        with pytest.raises(ValueError, match="no"):
            await asyncio.shield(bucket.spawn(fail()))
        done, _ = await asyncio.wait([bucket.spawn(fail())])
        assert [str(task.exception()) for task in done] == ["no"]
        await turns()

    play(main())
    assert errors(caplog) == []


def test_cancellation_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        bucket = room().task_bucket
        task = bucket.spawn(forever())
        await turns()
        task.cancel()
        await turns()
        assert task.cancelled()

    play(main())
    assert errors(caplog) == []


def test_a_task_runs_in_a_copy_of_the_context_with_its_bucket() -> None:
    async def main() -> None:
        bucket = room().task_bucket
        seen: list[TaskBucket | None] = []

        async def look() -> None:
            seen.append(current_bucket())

        await bucket.spawn(look())
        assert (seen, current_bucket()) == ([bucket], None)

    play(main())


def test_plain_create_task_lands_in_the_bucket_in_context() -> None:
    async def main() -> None:
        house = House()
        install_task_factory(asyncio.get_running_loop(), house.task_bucket)
        part = house.add_child(Room)
        made: list[asyncio.Task[None]] = []

        async def hook() -> None:
            made.append(asyncio.create_task(forever(), name="from a hook"))

        part.on_initialize = hook  # type: ignore[method-assign]  # stands for a subclass
        await part.initialize()
        assert made == part.task_bucket.pending_tasks()
        await part.shutdown()
        assert made[0].cancelled()

    play(main())


def test_plain_create_task_elsewhere_lands_in_the_bucket_of_the_root() -> None:
    async def main() -> None:
        house = House()
        install_task_factory(asyncio.get_running_loop(), house.task_bucket)
        task = asyncio.create_task(forever())
        assert house.task_bucket.pending_tasks() == [task]

    play(main())


def test_no_task_is_without_owner_when_the_bucket_in_context_is_sealed() -> None:
    async def main() -> None:
        house = House()
        install_task_factory(asyncio.get_running_loop(), house.task_bucket)
        bucket = TaskBucket(house, "Gone")
        bucket.seal()
        token = bucket.enter()
        task = asyncio.create_task(forever())
        bucket.leave(token)
        assert (len(bucket), house.task_bucket.pending_tasks()) == (0, [task])

    play(main())


def test_a_task_that_is_spawned_with_the_factory_in_place_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        house = House()
        install_task_factory(asyncio.get_running_loop(), house.task_bucket)
        bucket = house.add_child(Room).task_bucket
        task = bucket.spawn(fail(), name="unloved")
        assert (bucket.pending_tasks(), len(house.task_bucket)) == ([task], 0)
        await turns()

    play(main())
    assert errors(caplog) == ["Duly.Room: task unloved ended with an error"]

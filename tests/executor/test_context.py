"""What code that is executed can learn about its execution."""

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from duly.context import CURRENT_EXECUTION_ID
from duly.executor import SchedulerErrorContext
from tests.executor.plant import Chore, Plant, in_plant, nothing, raising


@pytest.mark.parametrize("kind", ["handler", "job"])
def test_the_id_is_a_uuid_of_version_7_and_that_of_the_record(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        seen: list[str | None] = []

        async def act() -> None:
            seen.append(CURRENT_EXECUTION_ID.get())

        await plant.execute(kind, act)
        assert seen == [(await plant.row())["execution_id"]]
        assert UUID(seen[0]).version == 7

    in_plant(tmp_path, main)


@pytest.mark.parametrize(
    ("error", "limit"),
    [(None, None), (ValueError(), None), (TimeoutError(), 1.0), (asyncio.CancelledError(), None)],
    ids=["success", "error", "time-out", "cancelled"],
)
def test_context_variables_have_their_former_values_afterwards(
    tmp_path: Path, error: BaseException | None, limit: float | None
) -> None:
    async def main(plant: Plant) -> None:
        CURRENT_EXECUTION_ID.set("before")
        bind_contextvars(app_key="outer", room="hall")
        act = nothing if error is None else raising(error)
        await asyncio.gather(
            asyncio.create_task(plant.execute("job", act, effective_timeout=limit)), return_exceptions=True
        )
        with suppress(asyncio.CancelledError):
            await plant.execute("job", act, effective_timeout=limit)
        assert CURRENT_EXECUTION_ID.get() == "before"
        assert get_contextvars() == {"app_key": "outer", "room": "hall"}
        clear_contextvars()

    in_plant(tmp_path, main)


@pytest.mark.parametrize(
    ("app_key", "named", "expected"),
    [
        ("porch", "front", {"app_key": "porch", "instance_name": "front", "instance_index": 0}),
        ("", None, {"app_key": None, "instance_name": None, "instance_index": 0}),
    ],
)
def test_logs_carry_the_owner_meanwhile(
    tmp_path: Path, app_key: str, named: str | None, expected: dict[str, Any]
) -> None:
    async def main(plant: Plant) -> None:
        seen: list[dict[str, Any]] = []

        async def act() -> None:
            seen.append(get_contextvars())

        plant.executor.instance_names = lambda key, index: named if (key, index) == ("porch", 0) else None
        await plant.execute("job", act, job=Chore(app_key=app_key))
        assert seen == [expected]
        assert get_contextvars() == {}

    in_plant(tmp_path, main)


def test_concurrent_executions_see_their_own_values(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        seen: dict[str, set[Any]] = {}

        async def act(name: str) -> None:
            ids = seen.setdefault(name, set())
            for _ in range(5):
                ids.add((CURRENT_EXECUTION_ID.get(), get_contextvars()["app_key"]))
                await asyncio.sleep(0)

        names = [f"app{number}" for number in range(5)]
        await asyncio.gather(*(plant.execute("job", partial(act, name), job=Chore(app_key=name)) for name in names))
        assert [len(seen[name]) for name in names] == [1] * 5
        assert {app for ids in seen.values() for _, app in ids} == set(names)
        assert len({each for ids in seen.values() for each, _ in ids}) == 5

    in_plant(tmp_path, main)


def test_a_task_started_inside_keeps_the_id_after_the_end(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        go, tasks = asyncio.Event(), []

        async def later() -> str | None:
            await go.wait()
            return CURRENT_EXECUTION_ID.get()

        async def act() -> None:
            tasks.append(asyncio.create_task(later()))

        await plant.execute("job", act)
        assert CURRENT_EXECUTION_ID.get() is None
        go.set()
        assert await tasks[0] == (await plant.row())["execution_id"]

    in_plant(tmp_path, main)


def test_a_worker_thread_has_the_id_too(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        seen: list[str | None] = []
        bucket = plant.house.task_bucket
        await plant.execute("job", lambda: bucket.run_in_thread(lambda: seen.append(CURRENT_EXECUTION_ID.get())))
        assert seen == [(await plant.row())["execution_id"]]

    in_plant(tmp_path, main)


def test_an_error_handler_has_the_id_of_what_failed(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        seen: asyncio.Future[tuple[str | None, str | None]] = asyncio.get_running_loop().create_future()

        async def handle(context: SchedulerErrorContext) -> None:
            seen.set_result((CURRENT_EXECUTION_ID.get(), context.execution_id))

        await plant.execute("job", raising(ValueError()), app_level_error_handler=handle)
        execution_id = (await plant.row())["execution_id"]
        assert await seen == (execution_id, execution_id)

    in_plant(tmp_path, main)

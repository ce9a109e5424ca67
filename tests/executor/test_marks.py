"""Marks of handlers: rows only of those that run long enough to need one."""

import asyncio
from pathlib import Path

from tests.executor.plant import Plant, in_plant, nothing, rows_of, until


def test_a_handler_that_runs_has_a_row_that_becomes_its_outcome(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        go_on = asyncio.Event()

        async def wait(_: object) -> None:
            await go_on.wait()

        running = asyncio.create_task(plant.executor.execute(plant.handler(wait)))
        await until(lambda: rows_of(plant.path))
        (mark,) = rows_of(plant.path)
        assert (mark["status"], mark["trigger_origin"], mark["session_id"]) == ("started", "DULY", 1)
        go_on.set()
        await running
        row = await plant.row()
        assert row["status"] == "success"
        assert row["id"] == mark["id"]
        assert plant.database.records.counts() == (0, 0, 0)

    in_plant(tmp_path, main)


def test_a_handler_that_has_ended_before_anything_is_written_is_one_row_written_once(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        written: list[int] = []
        write = plant.database.entries.write

        def count(db: object, records: list[object]) -> None:
            written.append(len(records))
            write(db, records)  # type: ignore[arg-type] # as they come

        plant.database.entries.write = count  # type: ignore[method-assign, assignment] # to look on
        for _ in range(3):
            await plant.executor.execute(plant.handler(nothing))
        assert len(await plant.rows()) == 3
        assert sum(written) == 3

    in_plant(tmp_path, main)

"""Records on their way: none is lost, none waits longer than it must."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duly.core.clock import SECOND, SystemClock
from duly.core.context import CURRENT_EXECUTION_ID
from duly.core.outcomes import Outcome
from duly.executor import Slots
from tests.embedded.waiting import eventually
from tests.executor.plant import (
    Chore,
    Plant,
    config,
    in_plant,
    job,
    listener,
    nothing,
    raising,
    rows_of,
    running,
    until,
)
from tests.history.file_room import locked
from tests.lifecycle.house import turns

RING = 11
"""Places in queue and ring for each of the capacity."""


def fill_queue(plant: Plant) -> None:
    """Until there is no room for records."""
    while not plant.database.records.full:
        plant.executor.record_ticks(Chore(), Slots(0, 0), "missed", "down")


@asynccontextmanager
async def writer_held(plant: Plant) -> AsyncIterator[None]:
    """While the writer is busy with another write."""
    begun, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(db: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(10)

    held = asyncio.create_task(plant.database.submit(hold))
    await begun.wait()
    try:
        yield
    finally:
        go.set()
        await held


def writer_sleeps(plant: Plant) -> bool:
    writer = plant.database._writer
    return writer is not None and writer._asleep


def test_a_record_is_durable_within_50_ms(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        clock = SystemClock()
        waits = []
        for _ in range(10):
            await until(lambda: writer_sleeps(plant))
            before = len(rows_of(plant.path))
            await plant.execute("job", nothing)
            since = clock.monotonic()
            await until(lambda before=before: len(rows_of(plant.path)) > before)  # type: ignore[misc]
            waits.append((clock.monotonic() - since) / SECOND)
        assert sorted(waits)[len(waits) // 2] < 0.05

    in_plant(tmp_path, main)


def test_a_mark_is_durable_while_its_execution_runs(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        go = asyncio.Event()
        task = asyncio.create_task(plant.execute("job", go.wait))
        await until(lambda: rows_of(plant.path))
        (mark,) = rows_of(plant.path)
        assert (mark["status"], mark["duration_ms"], mark["tick_count"]) == ("started", 0.0, 1)
        go.set()
        await task
        row = await plant.row()
        assert (row["id"], row["status"], row["execution_id"]) == (mark["id"], "success", mark["execution_id"])

    in_plant(tmp_path, main)


def test_an_outcome_that_overtakes_its_mark_is_written_alone(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        statements: list[str] = []

        def trace(db: sqlite3.Connection) -> None:
            db.set_trace_callback(
                lambda text: statements.append(text) if "INSERT INTO raw_executions" in text else None
            )

        await plant.database.submit(trace)
        async with writer_held(plant):
            await plant.execute("job", nothing)
        assert (await plant.row())["status"] == "success"
        assert len(statements) == 1

    in_plant(tmp_path, main)


def test_records_that_arrive_during_a_commit_go_together_into_the_next(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        commits: list[str] = []
        await plant.database.submit(
            lambda db: db.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
        )
        commits.clear()
        async with writer_held(plant):
            for _ in range(300):
                await plant.execute("job", nothing, scheduled_ts=None)
        assert len(await plant.rows()) == 300
        assert len(commits) <= 4

    in_plant(tmp_path, main)


def test_a_crowded_queue_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(plant: Plant) -> None:
        async with writer_held(plant):
            for _ in range(10):
                await plant.execute("job", nothing)

    with caplog.at_level(logging.WARNING, "duly.ledger"):
        in_plant(tmp_path, main, database={"telemetry_write_queue_max": 8})
    lines = [record.getMessage() for record in caplog.records if "records wait" in record.getMessage()]
    assert lines == ["records wait to be written: fill=8 capacity=8 percentage=100"]


def test_a_full_ring_holds_up_the_producer_and_keeps_the_order(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        ended: list[int] = []

        async def one(number: int) -> None:
            await plant.execute("job", nothing, scheduled_ts=float(number))
            ended.append(number)

        async with writer_held(plant):
            tasks = []
            for number in range(40):
                tasks.append(asyncio.create_task(one(number)))
                await asyncio.sleep(0)
            await turns()
            assert len(ended) == RING  # of a capacity of 2: half the places went to marks
        await asyncio.gather(*tasks)
        rows = await plant.rows()
        assert sorted(row["scheduled_ts"] for row in rows) == list(range(40))
        assert [row["status"] for row in rows] == ["success"] * 40
        assert plant.executor.get_drop_counters() == (0, 0, 0)

    in_plant(tmp_path, main, database={"telemetry_write_queue_max": 2})


def test_a_cancelled_execution_waits_for_room_before_it_is_raised(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        async with writer_held(plant):
            fill_queue(plant)
            task = asyncio.create_task(plant.execute("job", nothing))
            await turns()
            for _ in range(2):
                task.cancel()
                await turns()
            assert not task.done()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await plant.rows())[-1]["status"] == "success"

    in_plant(tmp_path, main, database={"telemetry_write_queue_max": 1})


def test_who_records_without_waiting_can_wait_for_room_beforehand(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        async with writer_held(plant):
            fill_queue(plant)
            waiting = asyncio.create_task(plant.executor.wait_for_room())
            await turns()
            assert not waiting.done()
        await waiting

    in_plant(tmp_path, main, database={"telemetry_write_queue_max": 1})


def test_room_is_for_outcomes_that_wait_before_it_is_for_who_would_make_more(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        go = threading.Event()
        held = plant.database.issue(lambda _: go.wait())
        eventually(lambda: not writer_sleeps(plant))
        fill_queue(plant)
        task = asyncio.create_task(plant.execute("job", nothing))
        await turns()
        go.set()
        eventually(lambda: not plant.database.records.full)  # meanwhile the loop stands still
        assert not plant.executor.has_room
        await plant.executor.wait_for_room()
        assert task.done()
        await held

    in_plant(tmp_path, main, database={"telemetry_write_queue_max": 1})


def test_a_restart_of_the_executor_loses_nothing(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        async with writer_held(plant):
            fill_queue(plant)
            task = asyncio.create_task(plant.execute("job", nothing))
            restart = asyncio.create_task(plant.executor.restart())
            await turns()
            assert not task.done()
        await asyncio.gather(task, restart)
        assert (await plant.rows())[-1]["status"] == "success"
        assert plant.executor.get_drop_counters() == (0, 0, 0)

    in_plant(tmp_path, main, database={"telemetry_write_queue_max": 1})


def test_no_room_before_the_end_of_the_stop_counts_as_overflow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        limits, sizes = {"resource_shutdown_timeout_seconds": 1}, {"telemetry_write_queue_max": 1}
        async with running(tmp_path, lifecycle=limits, database=sizes) as plant, writer_held(plant):
            fill_queue(plant)
            task = asyncio.create_task(plant.execute("job", nothing))
            await turns()
            await plant.executor.shutdown()
            assert await task is Outcome.SUCCESS
            assert plant.executor.get_drop_counters() == (1, 0, 0)

    with caplog.at_level(logging.ERROR, "duly.ledger"):
        asyncio.run(main())
    assert any("raise database.telemetry_write_queue_max" in record.getMessage() for record in caplog.records)
    (session,) = rows_of(tmp_path / "duly.db", "sessions")
    assert session["dropped_overflow"] == 1


def test_a_locked_file_is_tried_again_until_it_is_free(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(plant: Plant) -> None:
        await plant.database.submit(lambda db: db.execute("PRAGMA busy_timeout = 0"))
        with caplog.at_level(logging.WARNING, "duly.ledger"), locked(plant.path):
            await plant.execute("job", nothing)
            await until(lambda: plant.database.records.seconds_until_retry() is not None)
        await plant.database.flush(retries=True)
        assert (await plant.row())["status"] == "success"
        assert plant.executor.get_drop_counters() == (0, 0, 0)

    in_plant(tmp_path, main)
    assert any("attempt 1/3" in record.getMessage() for record in caplog.records)


def test_a_gone_parent_leaves_a_row_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(plant: Plant) -> None:
        job_id = await plant.executor.register_job(job())
        listener_id = await plant.executor.register_listener(listener())
        await plant.executor.reconcile_registrations("porch", [], [])
        await plant.execute("job", nothing, job_db_id=job_id)
        await plant.execute("handler", nothing, listener_id=listener_id)
        await plant.execute("job", nothing, scheduled_ts=2.0)
        await plant.database.flush(retries=True)
        rows = await plant.rows()
        assert [(row["kind"], row["job_id"], row["listener_id"]) for row in rows] == [
            ("job", None, None),
            ("handler", None, None),
            ("job", None, None),
        ]
        assert plant.executor.get_drop_counters() == (0, 0, 0)

    with caplog.at_level(logging.WARNING, "duly.ledger"):
        in_plant(tmp_path, main)
    assert any("the parent of a record is gone" in record.getMessage() for record in caplog.records)


def test_a_gone_schedule_leaves_a_row_without(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute("job", nothing, job_db_id=77, schedule_id=88, scheduled_ts=2.0)
        await plant.execute("job", nothing, schedule_id=88, scheduled_ts=3.0)
        await plant.database.flush(retries=True)
        assert [(row["status"], row["scheduled_ts"]) for row in await plant.rows()] == [
            ("success", 2.0),
            ("success", 3.0),
        ]
        assert plant.executor.get_drop_counters() == (0, 0, 0)

    in_plant(tmp_path, main)


def test_an_exception_that_cannot_be_formatted_is_recorded_all_the_same(tmp_path: Path) -> None:
    class Odd(Exception):  # noqa: N818 - a user's
        def __getattribute__(self, name: str) -> object:
            if name == "__notes__":
                raise RuntimeError("no notes")
            return super().__getattribute__(name)

    async def main(plant: Plant) -> None:
        await plant.execute("job", raising(Odd("no lamp")))
        row = await plant.row()
        assert (row["status"], row["error_message"]) == ("error", "no lamp")
        assert row["error_traceback"]

    in_plant(tmp_path, main)


def test_a_name_that_cannot_be_told_keeps_nothing_from_running(tmp_path: Path) -> None:
    def unknown(app_key: str, index: int) -> str:
        raise KeyError(app_key, index)

    async def main(plant: Plant) -> None:
        plant.executor.instance_names = unknown
        assert await plant.execute("job", nothing) is Outcome.SUCCESS
        assert CURRENT_EXECUTION_ID.get() is None
        assert (await plant.row())["status"] == "success"

    in_plant(tmp_path, main)


def test_a_record_that_cannot_be_stored_takes_no_other_along(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        too_large = float(2**70)
        async with writer_held(plant):
            await plant.execute("job", nothing, scheduled_ts=1.0)
            await plant.execute("job", nothing, scheduled_ts=too_large)
            await plant.execute("job", nothing, scheduled_ts=3.0)
        await plant.database.flush(retries=True)
        assert [row["scheduled_ts"] for row in await plant.rows()] == [1.0, 3.0]
        assert plant.executor.get_drop_counters() == (0, 1, 0)

    in_plant(tmp_path, main)


def test_records_wait_for_the_session(tmp_path: Path) -> None:
    async def main() -> None:
        plant = Plant(tmp_path / "duly.db", config(tmp_path / "duly.db"))
        plant.house.task_bucket.open()
        await plant.house.worker_pool.initialize()
        await plant.database.initialize()
        await plant.execute("job", nothing)
        assert await plant.rows() == []
        await plant.sessions.initialize()
        assert (await plant.row())["session_id"] == plant.sessions.session_id
        await plant.stop()

    asyncio.run(main())


def test_without_a_session_records_are_counted_at_the_shutdown(tmp_path: Path) -> None:
    async def main() -> None:
        plant = Plant(tmp_path / "duly.db", config(tmp_path / "duly.db"))
        plant.house.task_bucket.open()
        await plant.house.worker_pool.initialize()
        await plant.database.initialize()
        await plant.execute("job", nothing)
        await plant.stop()
        assert plant.executor.get_drop_counters() == (0, 0, 1)

    asyncio.run(main())


def test_a_final_flush_that_fails_is_counted_and_stored_with_the_session(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as plant:
            await plant.executor.shutdown()
            await plant.database.submit(lambda db: db.execute("ALTER TABLE raw_executions RENAME TO hidden"))
            for _ in range(3):
                await plant.execute("job", nothing)

    asyncio.run(main())
    (session,) = rows_of(tmp_path / "duly.db", "sessions")
    lost = session["dropped_overflow"], session["dropped_exhausted"], session["dropped_shutdown"]
    assert lost == (0, 0, 3)
    assert session["status"] == "success"


def test_everything_is_written_at_the_stop(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as plant:
            for number in range(500):
                await plant.execute("job", nothing, scheduled_ts=float(number))

    asyncio.run(main())
    assert len(rows_of(tmp_path / "duly.db")) == 500


def test_what_ran_in_a_killed_process_is_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "duly.db"

    async def main() -> None:
        async with running(tmp_path) as plant:
            running_one = asyncio.create_task(plant.execute("job", asyncio.Event().wait, scheduled_ts=5.0))
            await plant.execute("job", nothing, scheduled_ts=4.0)
            await until(lambda: len(rows_of(path)) == 2)
            copy, source = sqlite3.connect(tmp_path / "killed.db"), sqlite3.connect(path)
            source.backup(copy)
            copy.close()
            source.close()
            running_one.cancel()

    asyncio.run(main())

    async def again(plant: Plant) -> None:
        rows = {row["scheduled_ts"]: row for row in await plant.rows()}
        assert (rows[4.0]["status"], rows[5.0]["status"]) == ("success", "interrupted")
        assert (rows[5.0]["duration_ms"], rows[5.0]["error_type"]) == (0.0, None)

    (tmp_path / "next").mkdir()
    (tmp_path / "killed.db").rename(tmp_path / "next" / "duly.db")
    in_plant(tmp_path / "next", again)


def test_an_outcome_is_not_replaced_by_a_mark(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        chore = Chore()
        execution_id = plant.executor.record_wait(chore, Slots(SECOND, SECOND))
        await plant.execute("job", nothing, job=chore, scheduled_ts=1.0, execution_id=execution_id)
        await plant.database.flush()
        plant.executor.record_wait(chore, Slots(SECOND, SECOND, execution_id=execution_id))
        row = await plant.row()
        assert (row["status"], row["execution_id"]) == ("success", execution_id)

    in_plant(tmp_path, main)


def test_a_slot_that_waits_has_a_mark_which_its_run_replaces(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        chore = Chore()
        execution_id = plant.executor.record_wait(chore, Slots(SECOND, SECOND))
        assert (await plant.row())["status"] == "started"
        await plant.execute("job", nothing, job=chore, scheduled_ts=1.0, execution_id=execution_id)
        assert (await plant.row())["status"] == "success"

    in_plant(tmp_path, main)


def test_a_slot_that_waited_in_vain_has_one_row(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        chore = Chore()
        execution_id = plant.executor.record_wait(chore, Slots(SECOND, SECOND))
        await plant.database.flush()
        plant.executor.record_ticks(chore, Slots(SECOND, SECOND, execution_id=execution_id), "cancelled", None)
        assert (await plant.row())["status"] == "cancelled"

    in_plant(tmp_path, main)


def test_10000_executions_in_a_burst_are_all_recorded(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await asyncio.gather(*(plant.execute("job", nothing, scheduled_ts=float(n)) for n in range(10_000)))
        rows = await plant.rows()
        assert sum(row["tick_count"] for row in rows) == 10_000
        assert plant.executor.get_drop_counters() == (0, 0, 0)

    in_plant(tmp_path, main)

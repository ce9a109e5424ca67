"""Who is told of executions whose record is durable."""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import SECOND
from duly.events import DulyPayload, Event, ExecutionCompletedPayload, Topic
from duly.executor import Slots
from tests.executor.plant import Chore, Ear, Plant, in_plant, job, nothing, raising, rows_of, until


def told(plant: Plant) -> list[ExecutionCompletedPayload]:
    return [event.payload.data for event in plant.announced]


async def settled(plant: Plant) -> None:
    """Until everything is written and told."""
    await plant.database.flush(retries=True)
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["handler", "job"])
def test_an_execution_of_an_app_is_announced_after_its_commit(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        stored: list[int] = []
        threads: list[bool] = []

        def announce(event: object) -> None:
            stored.append(len([row for row in rows_of(plant.path) if row["status"] != "started"]))
            threads.append(threading.current_thread() is threading.main_thread())

        plant.executor.announce_with(announce)
        await plant.execute(kind, nothing)
        await until(lambda: stored)
        assert (stored, threads) == ([1], [True])

    in_plant(tmp_path, main)


def test_an_event_says_what_the_record_says(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        job_id = await plant.executor.register_job(job())
        await plant.execute("job", raising(ValueError()), job_db_id=job_id)
        await settled(plant)
        (event,) = plant.announced
        row = await plant.row()
        assert event.topic == "duly.event.execution_completed"
        assert event.payload.event_type == "execution_completed"
        assert event.payload.origin == "DULY"
        assert event.payload.data == ExecutionCompletedPayload(
            "job", "error", row["duration_ms"], None, job_id, "porch", 0, "ValueError"
        )

    in_plant(tmp_path, main)


@pytest.mark.parametrize("kind", ["handler", "job"])
def test_the_framework_is_not_announced(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute(kind, nothing, source_tier="framework")
        await settled(plant)
        assert plant.announced == []

    in_plant(tmp_path, main)


def test_what_an_announcement_has_started_is_not_announced(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        event: Event[Any] = Event(Topic.DULY_EVENT_EXECUTION_COMPLETED, DulyPayload(None))
        await plant.executor.execute(plant.handler(nothing, event=event, topic="duly.*"))
        await settled(plant)
        assert len(await plant.rows()) == 1
        assert plant.announced == []

    in_plant(tmp_path, main)


def test_a_mark_is_not_announced(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        task = asyncio.create_task(plant.execute("job", asyncio.Event().wait))
        await asyncio.sleep(0)
        await settled(plant)
        assert plant.announced == []
        task.cancel()
        await asyncio.wait({task})
        await settled(plant)
        assert [each.status for each in told(plant)] == ["cancelled"]

    in_plant(tmp_path, main)


def test_slots_that_did_not_run_are_announced_with_their_status(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        plant.executor.record_ticks(Chore(), Slots(SECOND, SECOND), "missed", "down")
        plant.executor.record_ticks(Chore(source_tier="framework"), Slots(SECOND, SECOND), "missed", "down")
        await settled(plant)
        assert [each.status for each in told(plant)] == ["missed"]

    in_plant(tmp_path, main)


def test_exactly_what_was_stored_is_announced(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute("job", nothing, scheduled_ts=1.0, job_db_id=77)
        await plant.execute("job", nothing, scheduled_ts=float(2**70))
        await plant.execute("job", nothing, scheduled_ts=3.0)
        await settled(plant)
        assert [row["scheduled_ts"] for row in await plant.rows()] == [1.0, 3.0]
        assert [each.status for each in told(plant)] == ["success", "success"]

    in_plant(tmp_path, main)


def test_executions_without_app_key_are_announced_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(plant: Plant) -> None:
        go_on = threading.Event()
        held = plant.database.issue(lambda _: go_on.wait())  # so that all three are written at once
        for _ in range(3):
            await plant.execute("handler", nothing, listener=Ear(nothing, app_key=""))
        go_on.set()
        await held
        await settled(plant)
        assert len(plant.announced) == 3

    with caplog.at_level(logging.WARNING, "duly.CommandExecutor"):
        in_plant(tmp_path, main)
    lines = [record.getMessage() for record in caplog.records if "app_key" in record.getMessage()]
    assert lines == ["executions of apps are announced without an app_key: number=3"]


def test_one_that_cannot_be_announced_is_logged_and_the_next_follows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(plant: Plant) -> None:
        calls: list[object] = []

        def announce(event: object) -> None:
            calls.append(event)
            raise RuntimeError("the bus is gone")

        plant.executor.announce_with(announce)
        await plant.execute("job", nothing, scheduled_ts=1.0)
        await plant.execute("job", nothing, scheduled_ts=2.0)
        await settled(plant)
        assert len(calls) == 2
        assert len(await plant.rows()) == 2

    with caplog.at_level(logging.DEBUG, "duly.CommandExecutor"):
        in_plant(tmp_path, main, logging={"log_level": "DEBUG"})
    lines = [record for record in caplog.records if "the bus is gone" in record.getMessage()]
    assert [record.levelno for record in lines] == [logging.DEBUG] * 2


def test_the_writer_does_not_wait_for_a_loop_that_is_busy(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        for number in range(3):
            await plant.execute("job", nothing, scheduled_ts=float(number))
        written = plant.database._writes.issue(lambda db: None)
        written.result(10)  # blocks the loop, which so can take no announcement
        assert len(rows_of(plant.path)) == 3

    in_plant(tmp_path, main)

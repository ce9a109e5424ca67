"""Registrations, their order, and their reconciliation."""

import asyncio
import functools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import SECOND
from duly.core.policy import Misfire, Mode
from duly.core.trigger import TriggerProtocol
from duly.executor import Slots, registration_of
from duly.testing import VirtualClock
from duly.triggers.interval import Every
from tests.executor.plant import Chore, Plant, Row, in_plant, job, listener, nothing, rows_of


class Task(Chore):
    """A job as the scheduler has it."""

    def __init__(self, function: Any = nothing, trigger: TriggerProtocol | None = None, **options: Any) -> None:  # noqa: ANN401 - a job's
        super().__init__(**options)
        self.job = function
        self.trigger = trigger
        self.name_auto = True
        self.mode = Mode.QUEUED
        self.misfire = Misfire.SKIP
        self.source_location = "porch.py:7"
        self.registration_source = ""


def test_a_job_is_stored_with_the_fields_of_its_registration(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        registration = registration_of(Task(trigger=Every(minutes=5), args=(1,), kwargs={"b": 2, "a": 1}))
        await plant.executor.register_job(registration)
        (row,) = rows_of(plant.path, "scheduled_jobs")
        assert {key: row[key] for key in asdict(registration)} == asdict(registration)

    in_plant(tmp_path, main)


def test_a_registration_is_read_off_the_job() -> None:
    fields = asdict(registration_of(Task(trigger=Every(minutes=5), args=(1,), kwargs={"b": 2, "a": 1})))
    assert fields == {
        "app_key": "porch",
        "instance_index": 0,
        "job_name": "sweep",
        "handler_method": "nothing",
        "trigger_type": "interval",
        "trigger_label": "every",
        "trigger_detail": "300s",
        "trigger_id": "every:300",
        "group": "floor",
        "name_auto": True,
        "args_json": "[1]",
        "kwargs_json": '{"a": 1, "b": 2}',
        "source_location": "porch.py:7",
        "registration_source": None,
        "source_tier": "app",
        "mode": "queued",
        "misfire": "skip",
    }


def test_a_job_without_trigger_has_no_type_and_no_label() -> None:
    registration = registration_of(Task())
    assert (registration.trigger_type, registration.trigger_label, registration.trigger_detail) == (None, "", None)


def test_a_callable_without_name_goes_by_its_text() -> None:
    partial = functools.partial(nothing, 1)
    assert registration_of(Task(partial)).handler_method == str(partial)


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("args", "stored"), [(({1},), '["{1}"]'), ((Path("a"),), '["a"]'), ((Rude(),), '"<NON_SERIALIZABLE>"')]
)
def test_arguments_are_stored_whatever_they_are(args: tuple[Any, ...], stored: str) -> None:
    assert registration_of(Task(args=args)).args_json == stored
    assert json.loads(stored)


def test_registering_again_keeps_the_id_and_updates_the_rest(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        executor = plant.executor
        first = await executor.register_job(job(handler_method="old"))
        await executor.mark_job_cancelled(first)
        ear = await executor.register_listener(listener(priority=1))
        assert await executor.register_job(job(handler_method="new")) == first
        assert await executor.register_listener(listener(priority=2)) == ear
        (row,) = rows_of(plant.path, "scheduled_jobs")
        assert (row["handler_method"], row["cancelled_at"], row["retired_at"]) == ("new", None, None)
        (heard,) = rows_of(plant.path, "listeners")
        assert (heard["priority"], heard["retired_at"]) == (2, None)

    in_plant(tmp_path, main)


@pytest.mark.parametrize("other", [{"topic": "door"}, {"instance_index": 1}, {"app_key": "hall"}, {"name": "eye"}])
def test_a_listener_is_known_by_app_instance_name_and_topic(tmp_path: Path, other: dict[str, Any]) -> None:
    async def main(plant: Plant) -> None:
        one = await plant.executor.register_listener(listener())
        assert await plant.executor.register_listener(listener(**other)) != one

    in_plant(tmp_path, main)


def test_ids_survive_a_restart(tmp_path: Path) -> None:
    ids: list[int] = []

    async def main(plant: Plant) -> None:
        await plant.executor.register_job(job("other") if not ids else job())
        ids.append(await plant.executor.register_job(job()))

    in_plant(tmp_path, main)
    in_plant(tmp_path, main)
    assert ids[0] == ids[1]


def test_registrations_may_be_made_at_the_same_time(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        calls = [plant.executor.register_job(job(f"job{number % 10}")) for number in range(100)]
        ids = await asyncio.gather(*calls)
        assert ids == ids[:10] * 10

    in_plant(tmp_path, main)


def test_an_error_of_a_registration_reaches_the_caller(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        with pytest.raises(Exception, match="CHECK"):
            await plant.executor.register_job(job(app_key="__duly__.Intruder"))

    in_plant(tmp_path, main)


def test_a_cancellation_stores_its_time(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def main(plant: Plant) -> None:
        job_id = await plant.executor.register_job(job())
        await plant.executor.mark_job_cancelled(job_id)
        await plant.executor.mark_job_cancelled(999)
        (row,) = rows_of(plant.path, "scheduled_jobs")
        assert row["cancelled_at"] == clock.now() / SECOND

    in_plant(tmp_path, main, clock=clock)


def test_a_cancellation_does_not_land_on_a_later_registration(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        job_id = await plant.executor.register_job(job())
        cancelled = plant.executor.mark_job_cancelled(job_id)  # issued, and awaited only afterwards
        await plant.executor.register_job(job())
        await cancelled
        (row,) = rows_of(plant.path, "scheduled_jobs")
        assert row["cancelled_at"] is None

    in_plant(tmp_path, main)


def test_the_order_holds_when_there_is_no_room(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        job_id = await plant.executor.register_job(job())
        pending: list[Any] = []
        for _ in range(20):
            pending += [
                plant.executor.mark_job_cancelled(job_id),
                asyncio.ensure_future(plant.executor.register_job(job())),
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*pending)
        (row,) = rows_of(plant.path, "scheduled_jobs")
        assert row["cancelled_at"] is None

    in_plant(tmp_path, main, database={"write_queue_max": 1})


def by_name(path: Path) -> dict[str, Row]:
    return {row["job_name"]: row for row in rows_of(path, "scheduled_jobs")}


def test_jobs_that_are_not_live_are_retired_or_deleted(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def main(plant: Plant) -> None:
        ids = {name: await plant.executor.register_job(job(name)) for name in ("live", "used", "unused")}
        other = await plant.executor.register_job(job("unused", app_key="hall"))
        await plant.execute("job", nothing, job_db_id=ids["used"])
        for _ in range(2):
            await plant.executor.reconcile_registrations("porch", [], [ids["live"]])
            clock.advance(10)
        rows = {row["id"]: row for row in rows_of(plant.path, "scheduled_jobs")}
        assert set(rows) == {ids["live"], ids["used"], other}
        assert rows[ids["live"]]["retired_at"] is None
        assert rows[ids["used"]]["retired_at"] == (clock.now() - 20 * SECOND) / SECOND

    in_plant(tmp_path, main, clock=clock)


def test_what_is_registered_after_the_call_stays(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        reconciling = asyncio.create_task(plant.executor.reconcile_registrations("porch", [], []))
        await asyncio.sleep(0)
        await plant.executor.register_job(job())
        await reconciling
        assert by_name(plant.path)["sweep"]["retired_at"] is None

    in_plant(tmp_path, main)


@pytest.mark.parametrize("kind", ["run by hand", "slots"])
def test_any_row_of_a_job_counts_as_execution(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        job_id = await plant.executor.register_job(job())
        if kind == "slots":
            plant.executor.record_ticks(Chore(db_id=job_id), Slots(SECOND, SECOND), "missed", "down")
        else:
            await plant.execute("job", nothing, job_db_id=job_id, scheduled_ts=None)
        await plant.executor.reconcile_registrations("porch", [], [])
        assert by_name(plant.path)["sweep"]["retired_at"] is not None

    in_plant(tmp_path, main)


@pytest.mark.parametrize(
    ("once", "session", "executions", "result"),
    [
        (False, "given", "none", "deleted"),
        (False, "given", "some", "retired"),
        (False, None, "some", "retired"),
        (True, "given", "none", "deleted"),
        (True, "given", "earlier", "deleted"),
        (True, "given", "some", "kept"),
        (True, None, "none", "kept"),
        (True, None, "some", "kept"),
    ],
)
def test_listeners_that_are_not_live_end_as_the_table_says(
    tmp_path: Path, once: bool, session: str | None, executions: str, result: str
) -> None:
    async def earlier(plant: Plant) -> None:
        listener_id = await plant.executor.register_listener(listener(once=once))
        if executions == "earlier":
            await plant.execute("handler", nothing, listener_id=listener_id)

    async def main(plant: Plant) -> None:
        listener_id = await plant.executor.register_listener(listener(once=once))
        if executions == "some":
            await plant.execute("handler", nothing, listener_id=listener_id)
        session_id = plant.sessions.session_id if session else None
        await plant.executor.reconcile_registrations("porch", [], [], session_id=session_id)
        rows = rows_of(plant.path, "listeners")
        if result == "deleted":
            assert rows == []
        else:
            assert [row["retired_at"] is not None for row in rows] == [result == "retired"]
        if executions != "none":
            assert [row["listener_id"] for row in rows_of(plant.path)] == [None if result == "deleted" else listener_id]

    in_plant(tmp_path, earlier)
    in_plant(tmp_path, main)


@pytest.mark.parametrize("app_key", ["__duly__", "__duly__.StateProxy"])
def test_parts_of_the_framework_are_never_reconciled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, app_key: str
) -> None:
    async def main(plant: Plant) -> None:
        await plant.executor.register_job(job(app_key=app_key, source_tier="framework"))
        await plant.executor.reconcile_registrations(app_key, [], [])
        assert len(rows_of(plant.path, "scheduled_jobs")) == 1

    in_plant(tmp_path, main)
    assert any("never reconciled" in record.getMessage() for record in caplog.records)


def test_a_reconciliation_that_fails_changes_nothing(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.executor.register_listener(listener())
        await plant.executor.register_job(job())
        await plant.database.submit(
            lambda db: db.execute(
                "CREATE TEMP TRIGGER fail BEFORE DELETE ON raw_scheduled_jobs BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
        with pytest.raises(Exception, match="no"):
            await plant.executor.reconcile_registrations("porch", [], [])
        assert len(rows_of(plant.path, "listeners")) == 1

    in_plant(tmp_path, main)

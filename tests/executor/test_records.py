"""The fields of records."""

import json
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import SECOND
from duly.core.outcomes import Outcome
from duly.events import DulyPayload, Event
from duly.executor import ExecuteJob, ExecutionRecord, InvokeHandler, Slots
from duly.testing import VirtualClock
from tests.executor.plant import Chore, Ear, Plant, in_plant, job, listener, nothing, raising

COMMON = {
    "status": "success",
    "source_tier": "app",
    "is_di_failure": 0,
    "error_type": None,
    "error_message": None,
    "error_traceback": None,
    "trigger_mode": None,
    "retry_count": 0,
    "attempt_number": 1,
    "reason": None,
    "args_json": "[]",
    "kwargs_json": "{}",
    "scheduled_to_ts": None,
    "schedule_id": None,
    "tick_count": 1,
}


def test_a_handler_has_these_fields(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        listener_id = await plant.executor.register_listener(listener())
        command = plant.handler(nothing, listener_id=listener_id)
        await plant.executor.execute(command)
        row = await plant.row()
        assert COMMON.items() <= row.items()
        assert (row["kind"], row["listener_id"], row["job_id"]) == ("handler", listener_id, None)
        assert (row["trigger_context_id"], row["trigger_origin"]) == (command.event.payload.event_id, "DULY")
        assert row["session_id"] == plant.sessions.session_id
        assert row["scheduled_ts"] is None

    in_plant(tmp_path, main)


def test_a_synthetic_event_is_told_from_others(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.executor.execute(plant.handler(nothing, is_synthetic=True))
        row = await plant.row()
        assert (row["trigger_context_id"], row["trigger_origin"]) == (None, "DULY_SYNTHETIC")

    in_plant(tmp_path, main)


def test_a_job_has_these_fields(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        job_id = await plant.executor.register_job(job())
        await plant.executor.execute(plant.job(nothing, job_db_id=job_id, scheduled_ts=1_234.0))
        row = await plant.row()
        assert COMMON.items() <= row.items()
        assert (row["kind"], row["listener_id"], row["job_id"]) == ("job", None, job_id)
        assert (row["trigger_context_id"], row["trigger_origin"], row["scheduled_ts"]) == (None, None, 1_234.0)

    in_plant(tmp_path, main)


def test_a_run_by_hand_counts_no_slot(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.executor.execute(plant.job(nothing, scheduled_ts=None))
        row = await plant.row()
        assert (row["scheduled_ts"], row["tick_count"], row["trigger_mode"]) == (None, 0, "manual")

    in_plant(tmp_path, main)


def test_start_and_duration_come_from_their_clocks(tmp_path: Path) -> None:
    clock = VirtualClock()
    start = clock.now() / SECOND

    async def main(plant: Plant) -> None:
        async def act() -> None:
            clock.advance(2.5)
            clock.step(-100)

        await plant.execute("job", act)
        row = await plant.row()
        assert (row["execution_start_ts"], row["duration_ms"]) == (start, 2_500.0)

    in_plant(tmp_path, main, clock=clock)


def test_an_attempt_that_another_follows_counts_no_slot_and_has_no_error_handler(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        told: list[Outcome] = []
        handled: list[Any] = []

        def settle(outcome: Outcome) -> bool:
            told.append(outcome)
            return len(told) == 2

        for attempt in (1, 2):
            await plant.execute(
                "job",
                raising(ValueError()),
                attempt_number=attempt,
                settle=settle,
                app_level_error_handler=handled.append,
            )
        rows = await plant.rows()
        assert [(row["attempt_number"], row["tick_count"]) for row in rows] == [(1, 0), (2, 1)]
        assert told == [Outcome.ERROR, Outcome.ERROR]
        await plant.executor.task_bucket.cancel_all()
        assert plant.executor.get_error_handlers_suppressed() == 0
        assert len(handled) <= 1

    in_plant(tmp_path, main)


def test_a_settle_that_raises_does_not_lose_the_record(tmp_path: Path) -> None:
    def settle(outcome: Outcome) -> bool:
        raise RuntimeError(outcome)

    async def main(plant: Plant) -> None:
        assert await plant.execute("job", nothing, settle=settle) is Outcome.SUCCESS
        assert (await plant.row())["status"] == "success"

    in_plant(tmp_path, main)


@pytest.mark.parametrize(
    ("status", "reason"),
    [("skipped", "overlap"), ("missed", "down"), ("cancelled", None)],
)
def test_slots_that_did_not_run_are_one_row(tmp_path: Path, status: str, reason: str | None) -> None:
    async def main(plant: Plant) -> None:
        first = 1_700_000_000
        job_id = await plant.executor.register_job(job())
        slots = Slots(first * SECOND, (first + 300) * SECOND, 6)
        plant.executor.record_ticks(Chore(db_id=job_id), slots, status, reason)
        row = await plant.row()
        assert (row["status"], row["reason"], row["tick_count"], row["job_id"]) == (status, reason, 6, job_id)
        assert (row["scheduled_ts"], row["scheduled_to_ts"]) == (first, first + 300)
        assert (row["execution_start_ts"], row["duration_ms"], row["error_type"]) == (first, 0.0, None)
        assert row["execution_id"] is not None

    in_plant(tmp_path, main)


def test_slots_with_an_unknown_status_are_refused(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        with pytest.raises(ValueError, match="lost"):
            plant.executor.record_ticks(Chore(), Slots(0, 0), "lost", None)

    in_plant(tmp_path, main)


def test_half_a_surrogate_pair_can_be_stored(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute("job", raising(TimeoutError("bad \ud800")))  # of which the log does not tell the text
        event: Event[Any] = Event("lamp", DulyPayload("on", event_id="\ud800", origin="\ud800"))
        await plant.executor.execute(plant.handler(nothing, event=event))
        assert [row["status"] for row in await plant.rows()] == ["timed_out", "success"]
        assert plant.executor.get_drop_counters() == (0, 0, 0)

    in_plant(tmp_path, main)


def test_an_event_with_an_odd_id_is_recorded_by_its_text(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        event: Event[Any] = Event("lamp", DulyPayload("on", event_id=7))  # type: ignore[arg-type]  # as an app may have it
        await plant.executor.execute(plant.handler(nothing, event=event))
        assert (await plant.row())["trigger_context_id"] == "7"

    in_plant(tmp_path, main)


def test_what_cannot_be_recorded_changes_nothing_for_the_caller(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        assert await plant.execute("job", nothing, scheduled_ts=float("inf")) is Outcome.SUCCESS
        assert await plant.rows() == []
        assert plant.executor.get_drop_counters() == (0, 1, 0)

    in_plant(tmp_path, main)


def test_an_event_without_id_is_recorded_all_the_same(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.executor.execute(plant.handler(nothing, event=Event("lamp", None)))
        assert (await plant.row())["trigger_origin"] is None

    in_plant(tmp_path, main)


@pytest.mark.parametrize("field", ["source_tier", "effective_timeout"])
def test_commands_do_not_guess_tier_or_limit(field: str) -> None:
    given = {"source_tier": "app", "effective_timeout": None}
    del given[field]
    event: Event[Any] = Event("lamp", None)
    with pytest.raises(TypeError, match=field):
        InvokeHandler(listener=Ear(nothing), event=event, topic="lamp", listener_id=None, **given)  # type: ignore[arg-type]  # left out on purpose
    with pytest.raises(TypeError, match=field):
        ExecuteJob(job=Chore(), callable=nothing, job_db_id=None, **given)  # type: ignore[arg-type]  # as above


def test_a_record_has_the_defaults_of_the_contract() -> None:
    record = ExecutionRecord("job", None, 1.0, 2.0, "success")
    assert (record.listener_id, record.job_id, record.app_key, record.instance_index) == (None, None, "", 0)
    assert (record.source_tier, record.is_di_failure, record.execution_id) == ("app", False, None)
    assert (record.retry_count, record.attempt_number, record.tick_count) == (0, 1, 1)
    assert json.loads(record.args_json) == []
    assert json.loads(record.kwargs_json) == {}

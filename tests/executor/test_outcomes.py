"""What becomes of an execution: status, record, log and what its caller sees."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from duly.core.errors import DulyError
from duly.core.outcomes import Outcome
from duly.executor import DependencyError
from duly.ledger.records import SourceTier
from tests.executor.plant import Plant, in_plant, nothing, raising, until

KINDS = ["handler", "job"]
TIERS: list[SourceTier] = ["app", "framework"]


class MissingError(DependencyError):
    """A kind of its own."""


class KnownError(DulyError):
    """An error of Duly's own."""


FAILURES = [
    (TimeoutError("too slow"), "timed_out", "TimeoutError", "too slow", False, []),
    (TimeoutError(), "timed_out", "TimeoutError", "execution timed out", False, []),
    (DependencyError("no lamp"), "error", "DependencyError", "no lamp", True, ["framework"]),
    (MissingError("no lamp"), "error", "MissingError", "no lamp", True, ["framework"]),
    (KnownError("odd"), "error", "KnownError", "odd", False, ["framework"]),
    (ValueError("bad"), "error", "ValueError", "bad", False, ["app", "framework"]),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(
    ("error", "status", "kind_of_error", "message", "di", "traces"), FAILURES, ids=lambda value: repr(value)[:30]
)
def test_what_is_raised_decides_the_record(
    tmp_path: Path,
    kind: str,
    tier: SourceTier,
    error: Exception,
    status: str,
    kind_of_error: str,
    message: str,
    di: bool,
    traces: list[str],
) -> None:
    async def main(plant: Plant) -> None:
        assert await plant.execute(kind, raising(error), source_tier=tier) == status
        row = await plant.row()
        assert (row["kind"], row["status"], row["source_tier"]) == (kind, status, tier)
        assert (row["error_type"], row["error_message"]) == (kind_of_error, message)
        assert row["is_di_failure"] == di
        assert (row["error_traceback"] is not None) == (tier in traces)

    in_plant(tmp_path, main)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_returns_is_a_success_without_error(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        assert await plant.execute(kind, nothing) is Outcome.SUCCESS
        row = await plant.row()
        assert row["status"] == "success"
        assert [row[name] for name in ("error_type", "error_message", "error_traceback", "is_di_failure")] == [
            None,
            None,
            None,
            0,
        ]

    in_plant(tmp_path, main)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancellation_is_raised_once_it_is_recorded(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        task = asyncio.create_task(plant.execute(kind, asyncio.Event().wait))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        row = await plant.row()
        assert (row["status"], row["error_type"], row["error_traceback"]) == ("cancelled", None, None)

    in_plant(tmp_path, main)


def test_a_cancellation_before_a_worker_is_free_is_recorded(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        bucket, gate = plant.house.task_bucket, threading.Event()
        busy = [asyncio.create_task(bucket.run_in_thread(gate.wait)) for _ in range(2)]
        called: list[int] = []
        task = asyncio.create_task(plant.execute("job", lambda: bucket.run_in_thread(called.append, 1)))
        await until(lambda: plant.house.worker_pool.snapshot().waiting == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        await asyncio.gather(*busy)
        assert called == []
        assert (await plant.row())["status"] == "cancelled"

    in_plant(tmp_path, main)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=["KeyboardInterrupt", "SystemExit"])
def test_an_exit_goes_through_and_leaves_the_mark(tmp_path: Path, error: BaseException) -> None:
    async def main(plant: Plant) -> None:
        execution = plant.executor.execute(plant.job(raising(error)))
        with pytest.raises(type(error)):
            execution.send(None)
        assert (await plant.row())["status"] == "started"

    in_plant(tmp_path, main)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_tier_is_refused_before_anything_runs(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        called: list[int] = []

        async def act() -> None:
            called.append(1)

        with pytest.raises(AssertionError, match="source_tier"):
            await plant.execute(kind, act, source_tier="user")
        assert called == []
        assert await plant.rows() == []

    in_plant(tmp_path, main)


def test_a_traceback_is_cut_at_8192_characters(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute("job", raising(ValueError("x" * 10_000)))
        stored = (await plant.row())["error_traceback"]
        assert stored.endswith("\n... [truncated]")
        assert len(stored) == 8192 + len("\n... [truncated]")

    in_plant(tmp_path, main)


@pytest.mark.parametrize(
    ("kind", "error", "expected", "traced"),
    [
        ("handler", ValueError("bad"), "failed: topic=lamp.kitchen handler=<ear> exec=", True),
        ("handler", DependencyError("no lamp"), "failed: topic=lamp.kitchen handler=<ear> exec=", False),
        ("job", ValueError("bad"), "failed: job_id=7 job=sweep exec=", True),
        ("job", KnownError("odd"), "failed: job_id=7 job=sweep exec=", False),
    ],
)
def test_an_error_is_logged_as_it_is_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, error: Exception, expected: str, traced: bool
) -> None:
    async def main(plant: Plant) -> None:
        number = {"listener_id": None} if kind == "handler" else {"job_db_id": 7}
        await plant.execute(kind, raising(error), **number)

    with caplog.at_level(logging.ERROR, "duly.CommandExecutor"):
        in_plant(tmp_path, main)
    (line,) = (record for record in caplog.records if record.name == "duly.CommandExecutor")
    assert line.getMessage().startswith(expected)
    assert (line.exc_info is not None) == traced
    assert (str(error) in line.getMessage()) == (not traced)


def test_a_success_and_a_cancellation_are_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute("job", nothing)
        with pytest.raises(asyncio.CancelledError):
            await plant.execute("job", raising(asyncio.CancelledError()))

    with caplog.at_level(logging.INFO, "duly.CommandExecutor"):
        in_plant(tmp_path, main)
    assert [record for record in caplog.records if record.name == "duly.CommandExecutor"] == []


def test_a_repr_that_raises_changes_nothing_for_the_caller(tmp_path: Path) -> None:
    class Rude:
        app_key, instance_index = "porch", 0

        class invoker:  # noqa: N801 - an attribute of a listener
            error_handler = None
            invoke = staticmethod(raising(ValueError("bad")))

        def __repr__(self) -> str:
            raise RuntimeError("no name")

    async def main(plant: Plant) -> None:
        assert await plant.executor.execute(plant.handler(nothing, listener=Rude())) is Outcome.ERROR
        assert (await plant.row())["error_message"] == "bad"

    in_plant(tmp_path, main)

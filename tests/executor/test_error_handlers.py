"""Error handlers: which, when, how often, and what becomes of their own errors."""

import asyncio
import gc
import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from duly.core.outcomes import Outcome
from duly.executor import BusErrorContext, DependencyError, SchedulerErrorContext
from duly.executor.protocols import ErrorHandler
from duly.testing import VirtualClock
from tests.executor.plant import Chore, Ear, Plant, in_plant, nothing, raising, until


class Heard:
    """An async error handler that keeps what it is told."""

    def __init__(self) -> None:
        self.contexts: list[Any] = []

    async def __call__(self, context: Any) -> None:  # noqa: ANN401 - any context
        self.contexts.append(context)


async def ended(plant: Plant) -> None:
    """Until no error handler is under way."""
    await until(lambda: handlers(plant) == [])


def handlers(plant: Plant) -> list[str]:
    names = [task.get_name() for task in plant.executor.task_bucket.pending_tasks()]
    return [name for name in names if name.endswith("error_handler")]


@pytest.mark.parametrize("kind", ["handler", "job"])
@pytest.mark.parametrize(
    ("error", "called"),
    [
        (ValueError("bad"), True),
        (DependencyError("no lamp"), True),
        (TimeoutError(), True),
        (asyncio.CancelledError(), False),
        (None, False),
    ],
    ids=["error", "dependency", "time-out", "cancelled", "success"],
)
def test_errors_and_time_outs_reach_a_handler(
    tmp_path: Path, kind: str, error: BaseException | None, called: bool
) -> None:
    async def main(plant: Plant) -> None:
        heard = Heard()
        act = nothing if error is None else raising(error)
        with suppress(asyncio.CancelledError):
            await plant.execute(kind, act, app_level_error_handler=heard)
        await ended(plant)
        assert [context.exception for context in heard.contexts] == ([error] if called else [])

    in_plant(tmp_path, main)


@pytest.mark.parametrize("kind", ["handler", "job"])
def test_ones_own_handler_goes_before_that_of_the_app(tmp_path: Path, kind: str) -> None:
    async def main(plant: Plant) -> None:
        own, app = Heard(), Heard()
        act = raising(ValueError())
        owner: dict[str, Any] = (
            {"listener": Ear(act, error_handler=own)} if kind == "handler" else {"job": Chore(error_handler=own)}
        )
        await plant.execute(kind, act, app_level_error_handler=app, **owner)
        await ended(plant)
        assert (len(own.contexts), len(app.contexts)) == (1, 0)

    in_plant(tmp_path, main)


@pytest.mark.parametrize(
    ("kind", "name"), [("handler", "executor:bus_error_handler"), ("job", "executor:scheduler_error_handler")]
)
def test_a_handler_has_a_task_of_its_own_and_nobody_waits_for_it(tmp_path: Path, kind: str, name: str) -> None:
    async def main(plant: Plant) -> None:
        go = asyncio.Event()

        async def handle(context: object) -> None:
            await go.wait()

        assert await plant.execute(kind, raising(ValueError()), app_level_error_handler=handle) is Outcome.ERROR
        assert handlers(plant) == [name]
        assert (await plant.row())["status"] == "error"
        go.set()
        await ended(plant)

    in_plant(tmp_path, main)


def test_a_sync_handler_runs_in_a_worker_thread(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        names: list[str] = []
        await plant.execute(
            "job",
            raising(ValueError()),
            app_level_error_handler=lambda _: names.append(threading.current_thread().name),
        )
        await ended(plant)
        assert [name.startswith("duly-sync_") for name in names] == [True]

    in_plant(tmp_path, main)


def test_a_bus_handler_is_told_of_listener_and_event(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        heard = Heard()
        command = plant.handler(raising(DependencyError("no lamp")), app_level_error_handler=heard)
        await plant.executor.execute(command)
        await ended(plant)
        (context,) = heard.contexts
        assert isinstance(context, BusErrorContext)
        assert (context.topic, context.listener_name, context.event) == ("lamp.kitchen", "<ear>", command.event)
        assert "DependencyError: no lamp" in context.traceback
        assert context.execution_id == (await plant.row())["execution_id"]
        assert context.log_label == f"topic=lamp.kitchen, listener=<ear>, exec={context.execution_id}"

    in_plant(tmp_path, main)


def test_a_scheduler_handler_is_told_of_the_job(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        heard, kwargs = Heard(), {"deep": True}
        chore = Chore(args=(1, 2), kwargs=kwargs, error_handler=heard)
        await plant.execute("job", raising(ValueError("bad")), job=chore)
        await ended(plant)
        (context,) = heard.contexts
        assert isinstance(context, SchedulerErrorContext)
        assert (context.job_name, context.job_group, context.args) == ("sweep", "floor", (1, 2))
        assert context.kwargs == kwargs
        assert context.kwargs is not kwargs
        assert context.traceback.endswith("ValueError: bad\n")
        assert context.log_label == f"job=sweep, exec={context.execution_id}"

    in_plant(tmp_path, main)


def test_a_label_without_id_has_none() -> None:
    assert SchedulerErrorContext(ValueError(), "", "sweep", None, (), {}).log_label == "job=sweep"


async def too_long(context: object) -> None:
    await asyncio.Event().wait()


async def times_out(context: object) -> None:
    raise TimeoutError


@pytest.mark.parametrize(
    ("handler", "limit", "level", "text", "traced"),
    [
        (raising(ValueError("worse")), 5.0, logging.ERROR, "an error handler failed: job=sweep, exec=", True),
        (too_long, 0.01, logging.WARNING, "an error handler exceeded its limit: limit=0.01s job=sweep, exec=", False),
        (times_out, None, logging.ERROR, "an error handler failed: job=sweep, exec=", True),
    ],
    ids=["raises", "too long", "time-out without limit"],
)
def test_an_error_of_a_handler_is_logged_and_counted(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    handler: ErrorHandler,
    limit: float | None,
    level: int,
    text: str,
    traced: bool,
) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute("job", raising(DependencyError("no lamp")), app_level_error_handler=handler)
        await ended(plant)
        assert plant.executor.get_error_handler_failures() == 1
        assert (await plant.row())["error_type"] == "DependencyError"

    with caplog.at_level(logging.WARNING, "duly.CommandExecutor"):
        in_plant(tmp_path, main, lifecycle={"error_handler_timeout_seconds": limit})
    line = [record for record in caplog.records if record.name == "duly.CommandExecutor"][-1]
    assert line.levelno == level
    assert line.getMessage().startswith(text)
    assert (line.exc_info is not None) == traced


def test_a_handler_that_is_cancelled_counts_as_no_failure(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        await plant.execute("job", raising(ValueError()), app_level_error_handler=too_long)
        await asyncio.sleep(0)
        await plant.executor.task_bucket.cancel_all(0.2)
        assert plant.executor.get_error_handler_failures() == 0

    async def with_executor_stopped(plant: Plant) -> None:
        await main(plant)
        await plant.executor.shutdown()

    in_plant(tmp_path, with_executor_stopped)


def test_failures_of_both_kinds_are_counted_together(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        for kind in ("handler", "job"):
            await plant.execute(kind, raising(ValueError()), app_level_error_handler=raising(ValueError()))
        await ended(plant)
        assert plant.executor.get_error_handler_failures() == 2

    in_plant(tmp_path, main)


async def fail(plant: Plant, chore: Chore, handler: ErrorHandler, times: int) -> None:
    for _ in range(times):
        await plant.execute("job", raising(ValueError()), job=chore, app_level_error_handler=handler)
        await ended(plant)


def test_ten_handlers_start_at_once_and_then_one_per_second(tmp_path: Path) -> None:
    clock, heard = VirtualClock(), Heard()

    async def main(plant: Plant) -> None:
        chore = Chore()
        await fail(plant, chore, heard, 15)
        assert (len(heard.contexts), plant.executor.get_error_handlers_suppressed()) == (10, 5)
        clock.advance(3)
        await fail(plant, chore, heard, 5)
        assert (len(heard.contexts), plant.executor.get_error_handlers_suppressed()) == (13, 7)
        clock.advance(3_600)
        await fail(plant, chore, heard, 12)
        assert len(heard.contexts) == 23

    in_plant(tmp_path, main, clock=clock)


def test_at_most_ten_handlers_of_a_job_are_in_flight(tmp_path: Path) -> None:
    clock, go, begun = VirtualClock(), asyncio.Event(), []

    async def slow(context: object) -> None:
        begun.append(context)
        await go.wait()

    async def main(plant: Plant) -> None:
        chore = Chore()
        for _ in range(12):
            await plant.execute("job", raising(ValueError()), job=chore, app_level_error_handler=slow)
            clock.advance(10)
        await asyncio.sleep(0)
        assert len(begun) == 10
        go.set()
        await ended(plant)
        await plant.execute("job", raising(ValueError()), job=chore, app_level_error_handler=slow)
        await ended(plant)
        assert len(begun) == 11

    in_plant(tmp_path, main, clock=clock, lifecycle={"error_handler_timeout_seconds": None})


def test_one_job_does_not_use_up_the_handlers_of_another(tmp_path: Path) -> None:
    heard = Heard()

    async def main(plant: Plant) -> None:
        await fail(plant, Chore(), heard, 12)
        await fail(plant, Chore(), heard, 2)
        assert len(heard.contexts) == 12

    in_plant(tmp_path, main, clock=VirtualClock())


def test_what_is_suppressed_is_told_once_a_minute_with_its_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, heard = VirtualClock(), Heard()

    async def main(plant: Plant) -> None:
        chore = Chore()
        await fail(plant, chore, heard, 15)
        clock.advance(61)
        await fail(plant, chore, heard, 11)
        rows = await plant.rows()
        assert [row["status"] for row in rows] == ["error"] * 26

    with caplog.at_level(logging.WARNING, "duly.CommandExecutor"):
        in_plant(tmp_path, main, clock=clock)
    lines = [record.getMessage() for record in caplog.records if "are not started" in record.getMessage()]
    assert [line.rpartition(" ")[2] for line in lines] == ["suppressed=1", "suppressed=5"]


def test_the_state_of_a_job_goes_with_the_job(tmp_path: Path) -> None:
    async def main(plant: Plant) -> None:
        async def fail_thrice() -> None:
            for _ in range(3):  # the log of this test would keep the traceback of other errors, and with it the job
                await plant.execute("job", raising(DependencyError("no lamp")), app_level_error_handler=Heard())
            await ended(plant)

        await fail_thrice()
        # Another thread may be at collecting, and forget it a little later.
        await until(lambda: gc.collect() >= 0 and not len(plant.executor._handlers._allowances))

    in_plant(tmp_path, main)


def test_a_handler_that_swallows_its_cancellation_has_failed_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def stubborn(_: object) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def main(plant: Plant) -> None:
        await plant.execute("job", raising(DependencyError("no lamp")), app_level_error_handler=stubborn)
        await until(lambda: plant.executor.get_error_handler_failures() == 1)

    with caplog.at_level(logging.WARNING, "duly.CommandExecutor"):
        in_plant(tmp_path, main, lifecycle={"error_handler_timeout_seconds": 0.01})
    assert any("exceeded its limit" in record.getMessage() for record in caplog.records)

"""Jobs of apps whose runs are carried out elsewhere: everything else about them is as it is of any job."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import nanoseconds
from duly.core.policy import ModeName
from duly.executor import SchedulerErrorContext
from duly.scheduler import Every
from tests.core.away import Away, never_called
from tests.executor.plant import rows_of
from tests.scheduler.porch import Home, in_home
from tests.scheduler.yard import BEGIN, until

EVERY_TEN = Every(10)


def test_the_call_is_told_and_the_function_not_called(tmp_path: Path) -> None:
    away = Away("done")

    async def main(home: Home) -> None:
        kwargs = {"copies": 2}
        await home.scheduler.schedule(never_called, Every(60), "report", args=("sales",), kwargs=kwargs, executor=away)
        await until(60)
        assert await home.yard.slots("report") == [(60, "success")]

    in_home(tmp_path, main)
    (call,) = away.calls
    assert (call.job, call.func) == ("porch/0/report", "never_called")
    assert (call.slot, call.attempt) == (nanoseconds(BEGIN.add(seconds=60)), 1)
    assert (call.args, call.kwargs) == (("sales",), {"copies": 2})


def test_every_way_of_scheduling_takes_it(tmp_path: Path) -> None:
    away = Away()

    async def main(home: Home) -> None:
        scheduler = home.scheduler
        await scheduler.run_in(never_called, 1, "in", executor=away)
        await scheduler.run_every(never_called, seconds=2, name="every", executor=away)
        await scheduler.run_cron(never_called, "* * * * * *", "cron", executor=away)
        await until(2)

    in_home(tmp_path, main)
    assert sorted({call.job.rpartition("/")[2] for call in away.calls}) == ["cron", "every", "in"]


def test_an_error_that_comes_back_is_the_error_of_the_run_and_told_to_the_handler(tmp_path: Path) -> None:
    told: list[SchedulerErrorContext] = []

    async def main(home: Home) -> None:
        executor = Away(OSError("no paper"))
        await home.scheduler.run_in(never_called, 5, "report", executor=executor, on_error=told.append)
        await until(6)
        (row,) = await home.yard.rows()
        assert (row["status"], row["error_type"], row["error_message"]) == ("error", "OSError", "no paper")

    in_home(tmp_path, main)
    assert [str(context.exception) for context in told] == ["no paper"]


def test_what_takes_too_long_times_out_and_is_waited_for_no_more(tmp_path: Path) -> None:
    away = Away(seconds=60)

    async def main(home: Home) -> None:
        await home.scheduler.run_in(never_called, 5, "report", timeout=10, executor=away)
        await until(16)
        assert await home.yard.slots("report") == [(5, "timed_out")]

    in_home(tmp_path, main)
    assert away.cancelled == 1


def test_each_retry_is_a_call_of_the_same_slot(tmp_path: Path) -> None:
    away = Away(OSError("no paper"), OSError("no ink"), "done")

    async def main(home: Home) -> None:
        await home.scheduler.run_in(never_called, 5, "report", retries=2, retry_delay=1, executor=away)
        await until(20)
        assert await home.yard.slots("report") == [(5, "error x0"), (5, "error x0"), (5, "success")]

    in_home(tmp_path, main)
    assert [(call.slot, call.attempt) for call in away.calls] == [(away.calls[0].slot, n) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("single", [(10, "success"), (20, "skipped overlap"), (30, "success")]),
        ("restart", [(10, "cancelled"), (20, "cancelled"), (30, "cancelled")]),
        ("queued", [(10, "success"), (20, "success")]),
        ("parallel", [(10, "success"), (20, "success"), (30, "success")]),
    ],
)
def test_slots_that_come_due_meanwhile_go_by_the_mode(
    tmp_path: Path, mode: ModeName, wanted: list[tuple[float, str]]
) -> None:
    async def main(home: Home) -> None:
        await home.scheduler.schedule(never_called, EVERY_TEN, "report", mode=mode, executor=Away(seconds=15))
        await until(46)
        assert (await home.yard.slots("report"))[: len(wanted)] == wanted

    in_home(tmp_path, main)


def test_a_run_by_hand_has_no_slot_and_gives_what_comes_back(tmp_path: Path) -> None:
    away = Away({"pages": 3})

    async def main(home: Home) -> None:
        job = await home.scheduler.run_in(never_called, 3600, "report", executor=away)
        assert await home.scheduler.run_job_now(job) == {"pages": 3}

    in_home(tmp_path, main)
    assert [call.slot for call in away.calls] == [None]


def test_many_are_away_at_once(tmp_path: Path) -> None:
    away = Away(seconds=5)

    async def main(home: Home) -> None:
        await asyncio.gather(
            *(home.scheduler.run_in(never_called, 5, f"report {n}", executor=away) for n in range(100))
        )
        await until(11)
        assert {label for _, label in await home.yard.slots()} == {"success"}

    in_home(tmp_path, main)
    assert away.most_at_once == 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "worker"}, "executor must have a method"),
        ({"executor": Away(), "args": ({1},)}, "argument 0 of a job that is sent away must be JSON"),
        ({"executor": Away(), "kwargs": {"at": {1}}}, "argument 'at' of a job that is sent away must be JSON"),
    ],
)
def test_what_cannot_be_sent_away_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    async def main(home: Home) -> None:
        with pytest.raises(TypeError, match=message):
            await home.scheduler.run_in(never_called, 5, **options)
        assert home.scheduler.list_jobs() == []

    in_home(tmp_path, main)


def test_a_job_with_another_executor_is_another(tmp_path: Path) -> None:
    async def main(home: Home) -> None:
        scheduler, away = home.scheduler, Away()
        job = await scheduler.run_in(never_called, 5, "report", executor=away)
        assert await scheduler.run_in(never_called, 5, "report", executor=away, if_exists="skip") is job
        with pytest.raises(ValueError, match=r"configuration changed \(executor\)"):
            await scheduler.run_in(never_called, 5, "report", executor=Away(), if_exists="skip")

    in_home(tmp_path, main)
    assert len(rows_of(tmp_path / "duly.db", "scheduled_jobs")) == 1

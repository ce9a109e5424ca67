"""Once all instances of an app run, its stored registrations are put in order."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duly.apps import App, AppConfig
from tests.apps.stage import Stage, in_real_time, on_stage, started
from tests.executor.plant import Row, rows_of
from tests.lifecycle.house import PATIENCE, turns
from tests.scheduler.yard import nothing, until


class PorchConfig(AppConfig):
    names: str = ""
    fails: bool = False
    later: float = 0


class Porch(App[PorchConfig]):
    """Schedules the jobs it is told, some only after a time."""

    async def on_initialize(self) -> None:
        for name in self.app_config.names.split():
            await self.scheduler.run_every(self.sweep, seconds=10, name=name)
        if self.app_config.fails:
            raise ValueError("no lamp")

    async def sweep(self) -> None:
        pass


def jobs(stage: Stage, key: str = "porch") -> dict[str, str]:
    """The rows of an app: which are live, which retired."""
    return {
        row["job_name"]: "live" if row["retired_at"] is None else "retired"
        for row in rows_of(stage.path, "scheduled_jobs")
        if row["app_key"] == key
    }


async def renewed(stage: Stage, **config: Any) -> None:  # noqa: ANN401 - of the app
    """Exchange the app for one so configured, and let things settle."""
    stage.add_app(Porch, config)
    await stage.change(reload_apps={"porch"})
    await asyncio.sleep(1)


def test_jobs_that_are_gone_are_deleted_or_retired_and_live_ones_stay(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a b"})
        async with started(stage):
            await until(15)
            await renewed(stage, names="b c")
            assert jobs(stage) == {"a": "retired", "b": "live", "c": "live"}
            await renewed(stage, names="b")
            assert jobs(stage) == {"a": "retired", "b": "live"}

    on_stage(tmp_path, main)


def test_it_takes_place_across_a_restart(tmp_path: Path) -> None:
    async def first(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a b"})
        async with started(stage):
            await until(15)

    async def second(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "b"})
        async with started(stage):
            await asyncio.sleep(1)
            assert jobs(stage) == {"a": "retired", "b": "live"}

    on_stage(tmp_path, first)
    on_stage(tmp_path, second)


def test_with_a_failed_instance_it_is_put_off_to_the_next_full_start(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a b"})
        async with started(stage):
            await until(15)
            await renewed(stage, names="b", fails=True)
            assert jobs(stage) == {"a": "live", "b": "live"}
            await renewed(stage, names="b")
            assert jobs(stage) == {"a": "retired", "b": "live"}

    on_stage(tmp_path, main)


def test_one_failed_instance_among_others_puts_it_off_too(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a"}, {"names": "b"})
        async with started(stage):
            await until(15)
            stage.add_app(Porch, {"names": ""}, {"names": "b", "fails": True})
            await stage.change(reload_apps={"porch"})
            await asyncio.sleep(1)
            assert jobs(stage) == {"a": "live", "b": "live"}

    on_stage(tmp_path, main)


def test_all_instances_count(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a"}, {"names": "b"})
        async with started(stage):
            await until(15)
            stage.add_app(Porch, {"names": "a"}, {"names": "c"})
            await stage.change(reload_apps={"porch"})
            await asyncio.sleep(1)
            assert jobs(stage) == {"a": "live", "b": "retired", "c": "live"}

    on_stage(tmp_path, main)


def test_other_apps_are_left_alone(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a"})
        stage.add_app(Porch, {"names": "a"}, key="other")
        async with started(stage):
            await until(15)
            await stage.apps.stop_app("other")
            await renewed(stage, names="")
            assert (jobs(stage), jobs(stage, "other")) == ({"a": "retired"}, {"a": "live"})

    on_stage(tmp_path, main)


def test_registrations_under_way_are_awaited(tmp_path: Path) -> None:
    class Hasty(Porch):
        async def on_initialize(self) -> None:
            for number in range(50):
                self.task_bucket.spawn(self.schedule(f"job {number}"))

        async def schedule(self, name: str) -> None:
            await self.scheduler.run_every(self.sweep, seconds=10, name=name)

    async def main(stage: Stage) -> None:
        stage.add_app(Hasty)
        async with started(stage):
            await until(15)
            await stage.change(reload_apps={"porch"})
            await asyncio.sleep(1)
            assert set(jobs(stage).values()) == {"live"}
            assert len(jobs(stage)) == 50

    on_stage(tmp_path, main)


def test_what_is_registered_meanwhile_stays(tmp_path: Path) -> None:
    written = threading.Event()

    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a"})
        async with started(stage):
            await until(15)
            (app,) = stage.apps.instances("porch")
            waiting = stage.database.issue(lambda _: written.wait(PATIENCE))
            stage.apps._reconcile_later(stage.apps.registry["porch"])
            await turns()
            registering = asyncio.create_task(app.scheduler.run_every(nothing, seconds=10, name="b"))
            await turns()
            written.set()
            await waiting
            job = await registering
            await until(45)
            await stage.database.flush()
            assert jobs(stage) == {"a": "live", "b": "live"}
            assert {row["job_id"] for row in rows_of(stage.path, "executions")} >= {job.db_id}

    on_stage(tmp_path, main)


def test_its_own_failure_is_a_warning_and_the_app_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a"})
        async with started(stage):
            await asyncio.sleep(1)
            await stage.executor.shutdown()
            await stage.database.shutdown()
            stage.apps._reconcile_later(stage.apps.registry["porch"])
            await asyncio.sleep(1)
            (record,) = [one for one in caplog.records if "could not be put in order" in one.getMessage()]
            assert (record.levelno, stage.statuses()) == (logging.WARNING, ["running", "running"])

    on_stage(tmp_path, main)


def test_an_app_that_stops_at_once_is_not_reconciled_with_what_it_no_longer_has(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a"})
        async with started(stage):
            await until(15)
            await stage.change(reload_apps={"porch"})
            await stage.apps.stop_app("porch")
            await asyncio.sleep(1)
            assert jobs(stage) == {"a": "live"}

    on_stage(tmp_path, main)


def test_a_stop_does_not_wait_for_it(tmp_path: Path) -> None:
    written = threading.Event()

    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a"})
        async with started(stage):
            waiting = stage.database.issue(lambda _: written.wait(PATIENCE))
            entry = stage.apps.registry["porch"]
            stage.apps._reconcile_later(entry)
            await stage.apps.stop_app("porch")
            written.set()
            assert await waiting
            assert entry.reconciling is None

    in_real_time(tmp_path, main)


class Hall(Porch):
    """Another app."""


def with_two_apps(stage: Stage) -> None:
    stage.house.config.apps.autodetect = False
    stage.add_app(Porch, {"names": "a"})
    stage.add_app(Hall, {"names": "b c"}, key="hall")


def lives(folder: Path, later: Callable[[Stage], object]) -> tuple[dict[str, str], list[Row]]:
    """What the ledger has of the hall after a second life, for which ``later`` changes the stage."""

    async def main(first: Stage) -> tuple[dict[str, str], list[Row]]:
        with_two_apps(first)
        async with started(first):
            await until(15)
        second = Stage(folder, first.clock)
        with_two_apps(second)
        later(second)
        await until(45)
        async with started(second):
            await until(60)
            report = await second.examine()
        assert report.ok
        hall = [row for row in rows_of(second.path, "executions") if row["status"] == "missed" and row["job_id"] != 1]
        return jobs(second, "hall"), hall

    return on_stage(folder, main)


def test_the_jobs_of_an_app_that_is_gone_at_a_start_are_retired_and_their_slots_missed(tmp_path: Path) -> None:
    registered, missed = lives(tmp_path, lambda stage: stage.remove_app("hall"))
    assert registered == {"b": "retired", "c": "retired"}
    assert [(row["reason"], row["tick_count"]) for row in missed] == [("down", 3), ("down", 3)]


def disable(stage: Stage) -> None:
    stage.add_app(Hall, {}, key="hall", enabled=False)


def leave_incomplete(stage: Stage) -> None:
    stage.remove_app("hall")
    stage.house.config.apps.apps["hall"] = {"filename": "hall.py"}


def find_a_file_that_cannot_be_imported(stage: Stage) -> None:
    stage.remove_app("hall")
    stage.classes.undetected[stage.folder / "hall.py"] = ImportError()


def lose_the_directory(stage: Stage) -> None:
    stage.remove_app("hall")
    stage.house.config.apps.autodetect = True


@pytest.mark.parametrize("later", [disable, leave_incomplete, find_a_file_that_cannot_be_imported, lose_the_directory])
def test_the_jobs_of_an_app_that_may_come_back_stay(tmp_path: Path, later: Callable[[Stage], object]) -> None:
    registered, _ = lives(tmp_path, later)
    assert registered == {"b": "live", "c": "live"}

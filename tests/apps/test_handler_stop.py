"""Stopping an app: its jobs first, then its hooks with everything still working, within its time."""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path
from typing import Any

import pytest

from duly.apps import App, AppConfig, AppSync
from duly.lifecycle import ResourceStatus
from tests.apps.stage import Stage, on_stage, started
from tests.executor.plant import rows_of
from tests.lifecycle.house import forever, stubborn
from tests.scheduler.yard import BEGIN, until


class Porch(App[AppConfig]):
    async def on_initialize(self) -> None:
        await self.scheduler.run_every(self.sweep, seconds=10, name="sweep")

    async def sweep(self) -> None:
        pass


def test_its_jobs_are_removed_before_its_last_hooks_and_their_rows_stay(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    class Asking(Porch):
        async def before_shutdown(self) -> None:
            seen.append(("before_shutdown", len(self.scheduler.list_jobs())))

        async def on_shutdown(self) -> None:
            seen.append(("on_shutdown", len(self.scheduler.list_jobs())))
            with pytest.raises(RuntimeError, match="has stopped"):
                await self.scheduler.run_in(self.sweep, 1)

    async def main(stage: Stage) -> None:
        stage.add_app(Asking)
        async with started(stage):
            await stage.apps.stop_app("porch")
            await until(60)
            assert await stage.slots("sweep") == []
            assert seen == [("before_shutdown", 1), ("on_shutdown", 0)]
            (row,) = rows_of(stage.path, "scheduled_jobs")
            assert (row["retired_at"], row["cancelled_at"]) == (None, None)

    on_stage(tmp_path, main)


def test_children_and_tasks_work_in_its_last_hooks(tmp_path: Path) -> None:
    seen: list[object] = []

    class Asking(App[AppConfig]):
        async def on_initialize(self) -> None:
            self.task = self.task_bucket.spawn(forever())

        async def on_shutdown(self) -> None:
            child = self.scheduler.status
            seen.extend([self.task.done(), child, await self.task_bucket.spawn(asyncio.sleep(1, "done"))])

    async def main(stage: Stage) -> None:
        stage.add_app(Asking)
        async with started(stage):
            await stage.apps.stop_app("porch")
            assert seen == [False, ResourceStatus.RUNNING, "done"]

    on_stage(tmp_path, main)


def test_a_run_in_flight_may_finish_and_nothing_more_begins(tmp_path: Path) -> None:
    ended: list[float] = []

    class Long(App[AppConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_every(self.sweep, seconds=10, name="sweep")

        async def sweep(self) -> None:
            await asyncio.sleep(5)
            ended.append((self.now() - BEGIN).total("seconds"))

    async def main(stage: Stage) -> None:
        stage.add_app(Long)
        async with started(stage):
            await until(12)
            await stage.apps.stop_app("porch")
            await until(60)
            assert ended == [15.0]
            assert await stage.slots("sweep") == [(10.0, "success")]

    on_stage(tmp_path, main)


def test_a_run_in_flight_that_schedules_fails_and_is_told_that_its_app_stops(tmp_path: Path) -> None:
    class Long(App[AppConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_in(self.sweep, 1, name="sweep")

        async def sweep(self) -> None:
            await asyncio.sleep(5)
            await self.scheduler.run_in(self.sweep, 1, name="again")

        async def on_shutdown(self) -> None:
            await asyncio.sleep(6)

    async def main(stage: Stage) -> None:
        stage.add_app(Long)
        async with started(stage):
            await until(2)
            await stage.apps.stop_app("porch")
            (row,) = await stage.rows()
            assert (row["status"], row["error_message"]) == (
                "error",
                "porch/Porch.0 is stopping or has stopped, and takes no more jobs: 'again'",
            )

    on_stage(tmp_path, main)


@pytest.mark.parametrize("hook", ["before_shutdown", "on_shutdown", "after_shutdown"])
def test_one_that_hangs_in_its_stop_is_forced_to_end_within_its_time(
    tmp_path: Path, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(self: App[Any]) -> None:
        await forever()

    hanging: type[App[Any]] = type("Hanging", (Porch,), {hook: hang, "__module__": __name__})

    async def main(stage: Stage) -> None:
        stage.add_app(hanging)
        stage.add_app(Porch, key="other")
        async with started(stage):
            await until(1)
            await stage.apps.stop_app("porch")
            assert stage.seconds() <= 11.2
            assert stage.statuses() == ["stopped", "stopped"]
            assert stage.statuses("other") == ["running", "running"]
            await until(35)
            owners = {row["id"]: row["app_key"] for row in rows_of(stage.path, "scheduled_jobs")}
            late = [row for row in await stage.rows() if row["scheduled_ts"] > BEGIN.timestamp() + 11]
            assert {owners[row["job_id"]] for row in late} == {"other"}
            assert [job.app_key for job in await stage.scheduler.get_all_jobs()] == ["other"]
            assert any(record.levelno >= logging.WARNING for record in caplog.records)

    on_stage(tmp_path, main)


def test_tasks_that_cling_are_forced_to_end(tmp_path: Path) -> None:
    cancellations: list[int] = []

    class Clinging(App[AppConfig]):
        async def on_initialize(self) -> None:
            self.task_bucket.spawn(stubborn(cancellations, swallow=2))

    async def main(stage: Stage) -> None:
        stage.add_app(Clinging)
        async with started(stage):
            await stage.apps.stop_app("porch")
            assert stage.seconds() <= 11
            assert stage.statuses() == ["stopped", "stopped"]

    on_stage(tmp_path, main)


def test_a_hook_that_raises_on_the_way_down_is_logged_and_the_rest_follows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    class Failing(Porch):
        async def before_shutdown(self) -> None:
            raise ValueError("no lamp")

        async def on_shutdown(self) -> None:
            seen.append("on_shutdown")
            raise ValueError("no lamp")

        async def after_shutdown(self) -> None:
            seen.append("after_shutdown")

    async def main(stage: Stage) -> None:
        stage.add_app(Failing)
        async with started(stage):
            await stage.apps.stop_app("porch")
            assert stage.statuses() == ["stopped", "stopped"]
            assert seen == ["on_shutdown", "after_shutdown"]
            assert sum("no lamp" in (record.exc_text or "") for record in caplog.records) == 2

    on_stage(tmp_path, main)


def test_leaked_tasks_end_with_it(tmp_path: Path) -> None:
    tasks: list[asyncio.Task[None]] = []

    class Leaking(App[AppConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_every(self.leak, seconds=10)
            tasks.append(asyncio.create_task(forever()))

        async def leak(self) -> None:
            tasks.append(asyncio.create_task(forever()))

    async def main(stage: Stage) -> None:
        stage.add_app(Leaking)
        async with started(stage):
            await until(25)
            assert len(tasks) == 3
            await stage.apps.stop_app("porch")
            assert [task.cancelled() for task in tasks] == [True, True, True]

    on_stage(tmp_path, main)


def test_a_job_that_never_returns_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    class Endless(App[AppConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_every(forever, seconds=10, timeout_disabled=True)

    async def main(stage: Stage) -> None:
        stage.add_app(Endless)
        stage.add_app(Porch, key="other")
        async with started(stage):
            await until(25)
            await stage.apps.stop_app("porch")
            assert stage.seconds() <= 26
            assert stage.statuses() == ["stopped", "stopped"]
            await until(35)
            assert len(await stage.slots("sweep")) == 3

    on_stage(tmp_path, main)


def test_when_the_handler_stops_all_apps_stop_at_once(tmp_path: Path) -> None:
    stopped: list[tuple[str, float]] = []

    class Late(App[AppConfig]):
        async def on_shutdown(self) -> None:
            await asyncio.sleep(3)
            stopped.append((self.unique_name, (self.now() - BEGIN).total("seconds")))

    async def main(stage: Stage) -> None:
        stage.add_app(Late, {}, {}, key="one")
        stage.add_app(Late, key="two")
        async with started(stage):
            pass
        assert sorted(stopped) == [("one/Porch.0", 3.0), ("one/Porch.1", 3.0), ("two/Porch.0", 3.0)]
        assert stage.apps.children == []
        assert stage.statuses("one") == ["stopped", "stopped", "stopped"]

    on_stage(tmp_path, main)


def test_when_the_handler_stops_a_start_is_given_up(tmp_path: Path) -> None:
    class Slow(App[AppConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_every(print, seconds=10)
            await forever()

    async def main(stage: Stage) -> None:
        stage.add_app(Slow, {}, {})
        async with started(stage):
            assert stage.seconds() == 19.0
            assert stage.statuses() == ["stopped", "starting", "not_started"]
            await stage.apps.shutdown()
            assert stage.seconds() == 19.0
            assert await stage.scheduler.get_all_jobs() == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    on_stage(tmp_path, main)


def test_a_start_that_is_given_up_may_end_with_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Slow(App[AppConfig]):
        async def on_initialize(self) -> None:
            try:
                await forever()
            finally:
                raise ValueError("what it needs is gone")

    async def main(stage: Stage) -> None:
        stage.add_app(Slow, {"log_level": "DEBUG"})
        async with started(stage):
            assert stage.statuses() == ["stopped", "starting"]
        gc.collect()  # an error that nobody has looked at is told when its task is collected

    with caplog.at_level(logging.DEBUG):
        on_stage(tmp_path, main)
    told = [record for record in caplog.records if "what it needs is gone" in caplog.handler.format(record)]
    assert [(record.levelname, record.name) for record in told] == [("DEBUG", "duly.porch/Porch.0")]
    assert "never retrieved" not in caplog.text


def test_many_that_hang_are_forced_at_once(tmp_path: Path) -> None:
    class Hanging(App[AppConfig]):
        async def on_shutdown(self) -> None:
            await forever()

    async def main(stage: Stage) -> None:
        for number in range(5):
            stage.add_app(Hanging, {}, {}, key=f"app{number}")
        async with started(stage):
            pass
        assert stage.seconds() < 12

    on_stage(tmp_path, main)


def test_a_sync_hook_that_blocks_is_left_behind(tmp_path: Path) -> None:
    class Blocking(AppSync[AppConfig]):
        def on_shutdown_sync(self) -> None:
            self.task_bucket.run_sync(asyncio.sleep(3600), 3600)

    async def main(stage: Stage) -> None:
        stage.add_app(Blocking)
        async with started(stage):
            await stage.apps.stop_app("porch")
            assert stage.seconds() <= 11
            assert stage.statuses() == ["stopped", "stopped"]

    on_stage(tmp_path, main)


def test_it_may_stop_itself(tmp_path: Path) -> None:
    class Suicidal(App[AppConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_in(self.end, 10)

        async def end(self) -> None:
            handler: Any = self.parent
            await handler.stop_app(self.app_key)

    async def main(stage: Stage) -> None:
        stage.add_app(Suicidal)
        async with started(stage):
            await until(20)
            assert stage.statuses() == ["stopped", "stopped"]

    on_stage(tmp_path, main)


def test_once_the_handler_stops_nothing_can_be_started(tmp_path: Path) -> None:
    refused: list[str] = []

    class Reviving(App[AppConfig]):
        async def on_shutdown(self) -> None:
            handler: Any = self.parent
            with pytest.raises(RuntimeError, match="Duly stops") as caught:
                await handler.start_app("other")
            refused.append(str(caught.value))

    async def main(stage: Stage) -> None:
        stage.add_app(Reviving)
        stage.add_app(Porch, key="other")
        async with started(stage):
            await stage.apps.stop_app("other")
        assert len(refused) == 1
        assert stage.apps.children == []

    on_stage(tmp_path, main)

"""Starting, stopping and reloading an app by hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from duly.apps import App, AppConfig, AppHandler, AppSnapshot
from duly.config import AppManifest
from duly.context import CURRENT_EXECUTION_ID
from tests.apps.stage import Classes, Stage, in_real_time, on_stage, started
from tests.lifecycle.house import PATIENCE
from tests.scheduler.yard import until


class PorchConfig(AppConfig):
    delay: int = 1
    fails: bool = False


class Porch(App[PorchConfig]):
    async def on_initialize(self) -> None:
        await self.scheduler.run_every(self.sweep, seconds=10, name=f"sweep {self.index}")
        if self.app_config.fails:
            raise ValueError("no lamp")

    async def sweep(self) -> None:
        pass


class Changed(Porch):
    pass


CALLS: dict[str, Callable[[AppHandler, str], Awaitable[AppSnapshot]]] = {
    "start": AppHandler.start_app,
    "stop": AppHandler.stop_app,
    "reload": AppHandler.reload_app,
}


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_key_is_an_error(tmp_path: Path, call: str) -> None:
    async def main(stage: Stage) -> None:
        async with started(stage):
            with pytest.raises(KeyError, match="no app 'hall' is configured"):
                await CALLS[call](stage.apps, "hall")

    on_stage(tmp_path, main)


@pytest.mark.parametrize("call", CALLS)
def test_a_disabled_app_is_refused(tmp_path: Path, call: str) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, enabled=False)
        async with started(stage):
            with pytest.raises(ValueError, match="app 'porch' is disabled: set enabled = true"):
                await CALLS[call](stage.apps, "porch")

    on_stage(tmp_path, main)


@pytest.mark.parametrize("call", CALLS)
def test_they_give_the_snapshot_of_the_app(tmp_path: Path, call: str) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            given = await CALLS[call](stage.apps, "porch")
            assert given == stage.shown()
            assert given.status == ("stopped" if call == "stop" else "running")

    on_stage(tmp_path, main)


def test_starting_a_running_app_does_nothing(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            before = stage.app()
            await stage.apps.start_app("porch")
            assert stage.app() is before

    on_stage(tmp_path, main)


def test_stopping_a_stopped_app_does_nothing(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            first = await stage.apps.stop_app("porch")
            events = len(stage.events)
            assert await stage.apps.stop_app("porch") == first
            assert len(stage.events) == events

    on_stage(tmp_path, main)


def test_a_stopped_app_starts_again_with_new_instances_and_its_jobs_go_on(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            before = stage.app()
            await until(15)
            await stage.apps.stop_app("porch")
            await until(18)
            await stage.apps.start_app("porch")
            assert stage.statuses() == ["running", "running"]
            assert stage.app() is not before
            await until(25)
            assert await stage.slots("sweep 0") == [(10.0, "success"), (20.0, "success")]

    on_stage(tmp_path, main)


def test_an_app_stopped_by_hand_stays_stopped_until_it_is_started_by_hand(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            await stage.apps.stop_app("porch")
            for reimport in (False, True):
                assert (await stage.apps.reload_app("porch", reimport=reimport)).status == "stopped"
            stage.add_app(Changed, {"delay": 2})
            await stage.change(reload_apps={"porch"})
            await stage.change(reimport_apps={"porch"})
            assert stage.statuses() == ["stopped", "stopped"]
            await stage.apps.start_app("porch")
            assert (type(stage.app()), stage.app().app_config.delay) == (Changed, 2)

    on_stage(tmp_path, main)


def test_reloading_exchanges_the_instances(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"delay": 1}, {"delay": 2})
        async with started(stage):
            before = stage.apps.instances("porch")
            await stage.apps.reload_app("porch")
            assert stage.statuses() == ["running", "running", "running"]
            assert [app.app_config.delay for app in stage.apps.instances("porch")] == [1, 2]
            assert not set(before) & set(stage.apps.children)

    on_stage(tmp_path, main)


def test_starting_an_app_of_which_some_have_failed_starts_those(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        attempts: list[int] = []

        class Moody(App[PorchConfig]):
            async def on_initialize(self) -> None:
                attempts.append(self.index)
                if attempts.count(1) == 1 and self.index == 1:
                    raise ValueError("not today")

        stage.add_app(Moody, {}, {}, {})
        async with started(stage):
            assert stage.statuses() == ["degraded", "running", "failed", "running"]
            await stage.apps.start_app("porch")
            assert stage.statuses() == ["running", "running", "running", "running"]
            assert attempts == [0, 1, 2, 1]

    on_stage(tmp_path, main)


def test_starting_a_failed_app_tries_again(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(ImportError("no module"))
        async with started(stage):
            stage.classes["porch"] = Porch
            shown = await stage.apps.start_app("porch")
            assert (shown.status, shown.error_message) == ("running", None)

    on_stage(tmp_path, main)


@pytest.mark.parametrize("reimport", [False, True])
def test_a_version_that_cannot_be_loaded_leaves_the_old_one_running(tmp_path: Path, reimport: bool) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            before = stage.app()
            stage.classes["porch"] = ImportError("no module")
            shown = await stage.apps.reload_app("porch", reimport=reimport)
            assert (shown.status, shown.reload_error) == ("running", "ImportError: no module")
            assert stage.app() is before
            stage.classes["porch"] = Changed
            shown = await stage.apps.reload_app("porch", reimport=reimport)
            assert (shown.status, shown.reload_error) == ("running", None)
            assert type(stage.app()) is Changed

    on_stage(tmp_path, main)


def test_a_new_version_that_fails_in_its_hooks_has_failed(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            stage.add_app(Porch, {"fails": True})
            await stage.change(reload_apps={"porch"})
            assert stage.statuses() == ["failed", "failed"]
            assert await stage.scheduler.get_all_jobs() == []
            stage.add_app(Porch)
            await stage.change(reload_apps={"porch"})
            assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main)


def test_an_app_that_has_stopped_by_itself_can_be_started(tmp_path: Path) -> None:
    class Tired(App[PorchConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_in(self.shutdown, 5)

    async def main(stage: Stage) -> None:
        stage.add_app(Tired)
        async with started(stage):
            before = stage.app()
            await until(6)
            assert stage.statuses() == ["stopped", "stopped"]
            await stage.apps.start_app("porch")
            assert stage.statuses() == ["running", "running"]
            assert stage.apps.children == [stage.app()]
            assert stage.app() is not before

    on_stage(tmp_path, main)


def test_calls_for_one_app_come_one_after_the_other(tmp_path: Path) -> None:
    steps: list[str] = []

    class Slow(App[PorchConfig]):
        async def on_initialize(self) -> None:
            steps.append("starts")
            await asyncio.sleep(2)
            steps.append("started")

        async def on_shutdown(self) -> None:
            steps.append("stops")
            await asyncio.sleep(2)
            steps.append("stopped")

    async def main(stage: Stage) -> None:
        stage.add_app(Slow)
        async with started(stage):
            steps.clear()
            apps = stage.apps
            await asyncio.gather(
                apps.reload_app("porch"), apps.stop_app("porch"), apps.start_app("porch"), apps.reload_app("porch")
            )
            assert steps == 3 * ["stops", "stopped", "starts", "started"]

    on_stage(tmp_path, main)


def test_calls_for_several_apps_go_side_by_side(tmp_path: Path) -> None:
    class Slow(App[PorchConfig]):
        async def on_shutdown(self) -> None:
            await asyncio.sleep(2)

    async def main(stage: Stage) -> None:
        stage.add_app(Slow, key="one")
        stage.add_app(Slow, key="two")
        async with started(stage):
            begin = stage.clock.now()
            await asyncio.gather(stage.apps.stop_app("one"), stage.apps.stop_app("two"))
            assert stage.clock.now() - begin == 2_000_000_000

    on_stage(tmp_path, main)


def test_what_was_asked_for_is_done_also_if_the_caller_gives_up(tmp_path: Path) -> None:
    class Slow(App[PorchConfig]):
        async def on_initialize(self) -> None:
            await asyncio.sleep(2)

    async def main(stage: Stage) -> None:
        stage.add_app(Slow, {}, {})
        async with started(stage):
            await stage.apps.stop_app("porch")
            call = asyncio.ensure_future(stage.apps.start_app("porch"))
            await asyncio.sleep(1)
            call.cancel()
            await asyncio.sleep(4)
            assert (call.cancelled(), stage.statuses()) == (True, ["running", "running", "running"])

    on_stage(tmp_path, main)


def test_one_started_by_hand_while_others_are_imported_is_not_started_again(tmp_path: Path) -> None:
    imported = threading.Event()
    importing = asyncio.Event()

    class Late(Classes):
        def load(self, manifest: AppManifest) -> type[App[Any]]:
            if manifest.app_key == "late":
                stage_loop[0].call_soon_threadsafe(importing.set)
                imported.wait(PATIENCE)
            return super().load(manifest)

    stage_loop: list[asyncio.AbstractEventLoop] = []

    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        stage.add_app(Porch, key="late")
        stage_loop.append(asyncio.get_running_loop())
        starting = asyncio.ensure_future(stage.start())
        await importing.wait()
        await stage.apps.start_app("porch")
        by_hand = stage.app()
        imported.set()
        await starting
        assert (stage.app(), stage.statuses("late")) == (by_hand, ["running", "running"])
        await stage.stop()

    in_real_time(tmp_path, main, classes=Late())


def test_with_a_refused_version_the_failed_instances_of_the_old_one_are_not_started_with_the_new(
    tmp_path: Path,
) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {}, {"fails": True})
        async with started(stage):
            stage.add_app(Porch, {}, {"delay": "long"})
            await stage.change(reload_apps={"porch"})
            shown = await stage.apps.start_app("porch")
            assert shown.instances[1].error_message == "ValueError: no lamp"
            assert "delay" in (shown.reload_error or "")

    on_stage(tmp_path, main)


def test_an_app_reloaded_from_a_job_of_another_belongs_to_no_execution(tmp_path: Path) -> None:
    seen: list[object] = []

    class Asking(App[PorchConfig]):
        async def on_initialize(self) -> None:
            seen.append(CURRENT_EXECUTION_ID.get())

    class Reloading(App[PorchConfig]):
        async def on_initialize(self) -> None:
            await self.scheduler.run_in(self.reload, 5)

        async def reload(self) -> None:
            handler: Any = self.parent
            await handler.reload_app("porch")

    async def main(stage: Stage) -> None:
        stage.add_app(Asking)
        stage.add_app(Reloading, key="other")
        async with started(stage):
            await until(6)
            assert seen == [None, None]

    on_stage(tmp_path, main)


def test_nothing_is_left_behind_by_many_reloads(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        def left() -> dict[str, Any]:
            return {
                "tasks": len(asyncio.all_tasks()),
                "children": len(stage.apps.children),
                "callbacks": len(stage.scheduler._callbacks),
                "jobs": len(stage.scheduler._armed),
            }

        stage.add_app(Porch, {}, {})
        async with started(stage):
            await stage.apps.reload_app("porch")
            await asyncio.sleep(1)
            first = left()
            for _ in range(30):
                await stage.apps.reload_app("porch")
            await asyncio.sleep(1)
            assert left() == first

    on_stage(tmp_path, main)

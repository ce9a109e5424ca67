"""Change sets: what is gone stops, what has changed is exchanged, what is new starts; all else runs on."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from duly.apps import App, AppConfig
from duly.events import DulyAppLoadCompletedEvent
from tests.apps.stage import Stage, on_stage, started
from tests.scheduler.yard import until


class PorchConfig(AppConfig):
    delay: int = 1


class Porch(App[PorchConfig]):
    async def on_initialize(self) -> None:
        await self.scheduler.run_every(self.sweep, seconds=10, name="sweep")

    async def sweep(self) -> None:
        pass


class Changed(Porch):
    pass


def test_an_app_that_is_gone_stops_and_is_forgotten(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        stage.add_app(Porch, key="other")
        async with started(stage):
            other = stage.app("other")
            stage.remove_app("porch")
            await stage.change(orphans={"porch"})
            assert [app.app_key for app in stage.apps.snapshot().apps] == ["other"]
            assert stage.apps.children == [other]
            assert [job.app_key for job in await stage.scheduler.get_all_jobs()] == ["other"]

    on_stage(tmp_path, main)


def test_an_app_that_is_gone_stops_though_it_was_started_by_hand_meanwhile(tmp_path: Path) -> None:
    class Slow(Porch):
        async def on_shutdown(self) -> None:
            await asyncio.sleep(5)

    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        stage.add_app(Slow, key="slow")
        async with started(stage):
            former, porch = stage.app(), stage.classes["porch"]
            for key in ("porch", "slow"):
                stage.remove_app(key)
            changing = asyncio.create_task(stage.change(orphans={"porch", "slow"}))
            await asyncio.sleep(1)
            stage.classes["porch"] = porch
            await stage.apps.start_app("porch")
            assert stage.app() is not former
            await changing
            assert stage.apps.children == []
            assert await stage.scheduler.get_all_jobs() == []

    on_stage(tmp_path, main)


def test_an_app_that_is_disabled_stops_and_is_shown_so(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            stage.add_app(Porch, enabled=False)
            await stage.change(orphans={"porch"})
            assert (stage.shown().status, stage.shown().instances) == ("disabled", ())
            assert stage.apps.children == []
            stage.add_app(Porch)
            await stage.change(new_apps={"porch"})
            assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main)


def test_a_new_app_starts(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        async with started(stage):
            stage.add_app(Porch)
            await stage.change(new_apps={"porch"})
            assert stage.statuses() == ["running", "running"]

    on_stage(tmp_path, main)


def test_changed_settings_give_new_instances_of_the_same_class(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"delay": 1})
        async with started(stage):
            stage.add_app(Porch, {"delay": 2}, {"delay": 3})
            await stage.change(reload_apps={"porch"})
            assert [app.app_config.delay for app in stage.apps.instances("porch")] == [2, 3]
            assert type(stage.app()) is Porch

    on_stage(tmp_path, main)


def test_changed_code_gives_instances_of_the_new_class(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            stage.classes["porch"] = Changed
            await stage.change(reimport_apps={"porch"})
            assert type(stage.app()) is Changed

    on_stage(tmp_path, main)


def test_other_apps_run_on_undisturbed(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        stage.add_app(Porch, key="other")
        async with started(stage):
            other = stage.app("other")
            await stage.change(reload_apps={"porch"})
            assert stage.app("other") is other

    on_stage(tmp_path, main)


def test_the_order_is_gone_then_code_then_settings_then_new(tmp_path: Path) -> None:
    seen: list[str] = []

    class Noted(App[PorchConfig]):
        async def on_initialize(self) -> None:
            seen.append(f"{self.app_key} starts")

        async def on_shutdown(self) -> None:
            seen.append(f"{self.app_key} stops")

    async def main(stage: Stage) -> None:
        for key in ("gone", "code", "settings"):
            stage.add_app(Noted, key=key)
        async with started(stage):
            seen.clear()
            stage.remove_app("gone")
            stage.add_app(Noted, key="new")
            await stage.change(new_apps={"new"}, reload_apps={"settings"}, reimport_apps={"code"}, orphans={"gone"})
            assert seen == [
                "gone stops",
                "code stops",
                "code starts",
                "settings stops",
                "settings starts",
                "new starts",
            ]

    on_stage(tmp_path, main)


@pytest.mark.parametrize("group", ["reimport_apps", "reload_apps"])
def test_a_version_that_is_refused_leaves_the_old_one_until_the_next_good_one(
    tmp_path: Path, group: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"delay": 1}, {"delay": 2})
        async with started(stage):
            before = stage.apps.instances("porch")
            stage.add_app(Porch, {"delay": 1}, {"delay": "long"})
            await stage.change(**{group: {"porch"}})
            assert stage.apps.instances("porch") == before
            shown = stage.shown()
            assert (shown.status, shown.error_message) == ("running", None)
            assert "instance 1: delay: Input should be a valid integer" in (shown.reload_error or "")
            assert [record for record in caplog.records if record.levelno == logging.ERROR]
            stage.add_app(Porch, {"delay": 3})
            await stage.change(**{group: {"porch"}})
            assert (stage.shown().reload_error, stage.app().app_config.delay) == (None, 3)

    on_stage(tmp_path, main)


def test_a_slot_that_comes_due_during_the_exchange_runs_late(tmp_path: Path) -> None:
    class Slow(Porch):
        async def on_shutdown(self) -> None:
            await asyncio.sleep(4)

    async def main(stage: Stage) -> None:
        stage.add_app(Slow)
        async with started(stage):
            await until(18)
            await stage.change(reimport_apps={"porch"})
            await until(35)
            assert await stage.slots("sweep") == [(10.0, "success"), (20.0, "success"), (30.0, "success")]
            assert (await stage.examine()).diagnoses == ()

    on_stage(tmp_path, main)


def test_each_applied_change_set_is_announced_once_it_is_done(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            assert isinstance(stage.events[-1], DulyAppLoadCompletedEvent)
            stage.events.clear()
            await stage.change(reload_apps={"porch"})
            assert [isinstance(event, DulyAppLoadCompletedEvent) for event in stage.events].index(True) == len(
                stage.events
            ) - 1

    on_stage(tmp_path, main)


def test_change_sets_come_one_after_the_other(tmp_path: Path) -> None:
    seen: list[str] = []

    class Slow(App[PorchConfig]):
        async def on_initialize(self) -> None:
            seen.append(f"{self.app_key} starts")
            await asyncio.sleep(2)
            seen.append(f"{self.app_key} started")

    async def main(stage: Stage) -> None:
        stage.add_app(Slow, key="one")
        stage.add_app(Slow, key="two")
        async with started(stage):
            seen.clear()
            await asyncio.gather(stage.change(reload_apps={"one"}), stage.change(reload_apps={"two"}))
            assert seen == ["one starts", "one started", "two starts", "two started"]

    on_stage(tmp_path, main)

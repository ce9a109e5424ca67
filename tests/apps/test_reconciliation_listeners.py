"""Stored listeners are put in order as stored jobs are, once all instances of an app run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from duly.apps import App, AppConfig
from duly.bus.subscription import Subscription
from tests.apps.stage import Stage, on_stage, started
from tests.executor.plant import rows_of
from tests.scheduler.yard import until

TOPIC = "porch.bell"


class PorchConfig(AppConfig):
    names: str = ""
    once: bool = False
    fails: bool = False


class Porch(App[PorchConfig]):
    """Listens under the names it is told."""

    async def on_initialize(self) -> None:
        config = self.app_config
        for name in config.names.split():
            await self.bus.on(topic=TOPIC, handler=self.ring, name=name, once=config.once)
        if config.fails:
            raise ValueError("no lamp")

    async def ring(self) -> None:
        pass


def listeners(stage: Stage, key: str = "porch") -> dict[str, str]:
    """The rows of an app: which are live, which retired."""
    return {
        row["name"]: "live" if row["retired_at"] is None else "retired"
        for row in rows_of(stage.path, "listeners")
        if row["app_key"] == key
    }


async def ring(stage: Stage) -> None:
    """Let all that listen run once."""
    await stage.app().bus.emit(TOPIC, None)
    await asyncio.sleep(1)
    await stage.database.flush()


async def renewed(stage: Stage, **config: Any) -> None:  # noqa: ANN401 - of the app
    """Exchange the app for one so configured, and let things settle."""
    stage.add_app(Porch, config)
    await stage.change(reload_apps={"porch"})
    await asyncio.sleep(1)


def test_listeners_that_are_gone_are_deleted_or_retired_and_live_ones_stay(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a b"})
        async with started(stage):
            await ring(stage)
            before = ids(stage)
            await renewed(stage, names="b c")
            assert listeners(stage) == {"a": "retired", "b": "live", "c": "live"}
            assert ids(stage)["b"] == before["b"]
            await renewed(stage, names="b")
            assert listeners(stage) == {"a": "retired", "b": "live"}

    on_stage(tmp_path, main)


def ids(stage: Stage) -> dict[str, int]:
    return {row["name"]: row["id"] for row in rows_of(stage.path, "listeners")}


def test_it_takes_place_across_a_restart(tmp_path: Path) -> None:
    async def first(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a b"})
        async with started(stage):
            await ring(stage)

    async def second(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "b"})
        async with started(stage):
            await asyncio.sleep(1)
            assert listeners(stage) == {"a": "retired", "b": "live"}

    on_stage(tmp_path, first)
    on_stage(tmp_path, second)


def test_a_cancelled_listener_is_retired_at_the_next_time(tmp_path: Path) -> None:
    kept: list[Subscription] = []

    class Fickle(Porch):
        async def on_initialize(self) -> None:
            kept.append(await self.bus.on(topic=TOPIC, handler=self.ring, name="a"))

    async def main(stage: Stage) -> None:
        stage.add_app(Fickle)
        async with started(stage):
            await ring(stage)
            kept[0].cancel()
            assert listeners(stage) == {"a": "live"}
            stage.apps._reconcile_later(stage.apps.registry["porch"])
            await asyncio.sleep(1)
            assert listeners(stage) == {"a": "retired"}

    on_stage(tmp_path, main)


def test_a_listener_for_once_that_has_run_keeps_its_row_until_the_next_session(tmp_path: Path) -> None:
    async def first(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a", "once": True})
        async with started(stage):
            await ring(stage)
            assert stage.bus.listeners() == []
            stage.apps._reconcile_later(stage.apps.registry["porch"])
            await asyncio.sleep(1)
            assert listeners(stage) == {"a": "live"}

    async def second(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            await asyncio.sleep(1)
            assert listeners(stage) == {}
            assert [row["listener_id"] for row in rows_of(stage.path, "executions")] == [None]

    on_stage(tmp_path, first)
    on_stage(tmp_path, second)


def test_registrations_under_way_are_awaited(tmp_path: Path) -> None:
    class Hasty(Porch):
        async def on_initialize(self) -> None:
            for number in range(50):
                self.task_bucket.spawn(self.listen(f"listener {number}"))

        async def listen(self, name: str) -> None:
            await self.bus.on(topic=TOPIC, handler=self.ring, name=name)

    async def main(stage: Stage) -> None:
        stage.add_app(Hasty)
        async with started(stage):
            await until(5)
            await stage.change(reload_apps={"porch"})
            await asyncio.sleep(1)
            assert list(listeners(stage).values()) == ["live"] * 50

    on_stage(tmp_path, main)


def test_a_failed_instance_puts_it_off(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Porch, {"names": "a"}, {"names": "b"})
        async with started(stage):
            stage.add_app(Porch, {"names": ""}, {"names": "b", "fails": True})
            await stage.change(reload_apps={"porch"})
            await asyncio.sleep(1)
            assert listeners(stage) == {"a": "live", "b": "live"}

    on_stage(tmp_path, main)


def test_the_listeners_of_an_app_that_is_gone_are_retired(tmp_path: Path) -> None:
    class Hall(Porch):
        """Another app."""

    async def first(stage: Stage) -> None:
        stage.house.config.apps.autodetect = False
        stage.add_app(Porch, {"names": "a"})
        stage.add_app(Hall, {"names": "b"}, key="hall")
        async with started(stage):
            await ring(stage)

    async def second(stage: Stage) -> None:
        stage.house.config.apps.autodetect = False
        stage.add_app(Porch, {"names": "a"})
        async with started(stage):
            await asyncio.sleep(1)
            assert listeners(stage, "hall") == {"b": "retired"}

    on_stage(tmp_path, first)
    on_stage(tmp_path, second)

"""What an app is, and which classes cannot be one."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pytest
from whenever import ZonedDateTime

from duly.apps import App, AppConfig, AppSync, InvalidInheritanceError
from duly.core.clock import current, zoned
from duly.hass.errors import HassUnavailableError, StatesNotReadyError
from duly.lifecycle import CannotOverrideFinalError, Resource, ResourceRole, WorkerPoolService
from duly.scheduler import AsyncScheduler
from tests.apps.stage import Stage, on_stage, started


class PorchConfig(AppConfig):
    delay: int = 1


class HallConfig(PorchConfig):
    pass


ConfigT = TypeVar("ConfigT", bound=PorchConfig)
AnyT = TypeVar("AnyT")
OtherT = TypeVar("OtherT", bound=AppConfig)


class Plain(App):
    pass


class Direct(App[PorchConfig]):
    pass


class Below(Direct):
    pass


class Between(App[ConfigT]):
    pass


class Filled(Between[HallConfig]):
    pass


class LeftOpen(Between[ConfigT]):
    pass


class Mixed(Generic[AnyT]):
    pass


class Second(Mixed[int], App[PorchConfig]):
    pass


class Twice(Between[OtherT], Mixed[AnyT], Generic[AnyT, OtherT]):  # type: ignore[type-var]
    pass


class FilledTwice(Twice[int, HallConfig]):
    pass


class Sync(AppSync[PorchConfig]):
    pass


CONFIG_CLASSES = {
    Plain: AppConfig,
    Direct: PorchConfig,
    Below: PorchConfig,
    Filled: HallConfig,
    LeftOpen: PorchConfig,
    Second: PorchConfig,
    FilledTwice: HallConfig,
    Sync: PorchConfig,
}


@pytest.mark.parametrize("app_class", CONFIG_CLASSES, ids=lambda app_class: app_class.__name__)
def test_the_class_of_the_configuration_is_the_type_argument(app_class: type[App[Any]]) -> None:
    assert app_class.config_class is CONFIG_CLASSES[app_class]


@pytest.mark.parametrize("argument", [int, "PorchConfig"], ids=["int", "name"])
def test_another_type_argument_is_refused(argument: Any) -> None:  # noqa: ANN401 - what a user may write
    with pytest.raises(InvalidInheritanceError, match="Wrong: the type argument of App must be a class"):

        class Wrong(App[argument]):
            pass


def test_a_base_with_an_init_of_its_own_before_app_is_refused() -> None:
    class Mixin:
        def __init__(self) -> None:
            self.lamp = "on"

    with pytest.raises(InvalidInheritanceError, match="Mixin has an __init__ of its own and stands before App"):

        class Wrong(Mixin, App[PorchConfig]):
            pass


def test_a_base_with_an_init_of_its_own_behind_app_is_not() -> None:
    class Mixin:
        def __init__(self) -> None:
            self.lamp = "on"

    class Right(App[PorchConfig], Mixin):
        pass

    assert Right.config_class is PorchConfig


def test_depends_on_is_refused() -> None:
    with pytest.raises(InvalidInheritanceError, match="Wrong sets depends_on"):

        class Wrong(App[PorchConfig]):
            depends_on: ClassVar[list[type[Resource]]] = [WorkerPoolService]


@pytest.mark.parametrize(
    "name", ["_stop", "restart", "status", "now", "_in_worker", "cache", "scheduler", "bus", "api", "states"]
)
def test_what_every_app_has_cannot_be_defined_anew(name: str) -> None:
    with pytest.raises(InvalidInheritanceError, match=f"defines {name}, which every app has already"):
        type("Wrong", (AppSync,), {name: None, "__module__": __name__})


def test_what_a_user_defines_is_free_otherwise() -> None:
    class Free(App[PorchConfig]):
        scheduler: AsyncScheduler
        delay = 3

        async def on_state(self) -> None:
            pass

        def __repr__(self) -> str:
            return "free"

    assert Free.delay == 3


@pytest.mark.parametrize(
    ("name", "hook"),
    [("initialize", "on_initialize"), ("shutdown", "on_shutdown"), ("end_intake", "before_shutdown")],
)
def test_final_methods_cannot_be_overridden(name: str, hook: str) -> None:
    with pytest.raises(CannotOverrideFinalError, match=hook):
        type("Wrong", (App,), {name: None, "__module__": __name__})


def test_it_knows_who_it_is(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Direct, {"delay": 3}, {"delay": 4, "instance_name": "back"})
        async with started(stage):
            first, second = stage.apps.instances("porch")
            assert (first.app_key, first.index, first.instance_name) == ("porch", 0, "Porch.0")
            assert (second.app_key, second.index, second.instance_name) == ("porch", 1, "back")
            assert (first.unique_name, second.unique_name) == ("porch/Porch.0", "porch/back")
            assert [app.app_config.delay for app in (first, second)] == [3, 4]
            assert type(first.app_config) is PorchConfig
            assert first.manifest is stage.house.config.apps.manifests["porch"]
            assert (first.role, first.source_tier) == (ResourceRole.APP, "app")

    on_stage(tmp_path, main)


def test_two_keys_may_share_a_class(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Direct, {"delay": 3}, key="front")
        stage.add_app(Direct, {"delay": 4}, key="back")
        async with started(stage):
            apps = [stage.app("front"), stage.app("back")]
            assert [(app.app_key, app.app_config.delay) for app in apps] == [("front", 3), ("back", 4)]
            assert [app.manifest.app_key for app in apps] == ["front", "back"]

    on_stage(tmp_path, main)


def test_its_scheduler_is_its_own_and_works_in_every_hook(tmp_path: Path) -> None:
    seen: list[str] = []

    class Porch(App[AppConfig]):
        async def before_initialize(self) -> None:
            self.scheduler.on_error(print)
            await self.look("before_initialize")

        async def on_initialize(self) -> None:
            await self.look("on_initialize")

        async def after_initialize(self) -> None:
            await self.look("after_initialize")

        async def before_shutdown(self) -> None:
            await self.look("before_shutdown")

        async def look(self, hook: str) -> None:
            await self.scheduler.run_in(print, 60, name=hook)
            seen.extend(job.name for job in self.scheduler.list_jobs()[-1:])

    async def main(stage: Stage) -> None:
        stage.add_app(Porch, key="a")
        stage.add_app(Porch, key="b")
        async with started(stage):
            a, b = stage.app("a"), stage.app("b")
            assert isinstance(a.scheduler, AsyncScheduler)
            assert (a.scheduler is not b.scheduler, a.scheduler.parent, a.scheduler.owner_id) == (True, a, "a/Porch.0")
            assert a.scheduler._error_handler is print  # set before any child could have reset it
            await stage.apps.stop_app("b")
        assert sorted(seen) == sorted(2 * ["before_initialize", "on_initialize", "after_initialize", "before_shutdown"])

    on_stage(tmp_path, main)


def test_its_bus_is_its_own_and_works_in_every_hook(tmp_path: Path) -> None:
    heard: list[str] = []

    class Porch(App[AppConfig]):
        async def before_initialize(self) -> None:
            self.bus.on_error(print)
            await self.listen("before_initialize")

        async def on_initialize(self) -> None:
            await self.listen("on_initialize")

        async def after_initialize(self) -> None:
            await self.listen("after_initialize")

        async def before_shutdown(self) -> None:
            await self.listen("before_shutdown")
            await self.bus.emit("porch.bell", "before_shutdown")
            await asyncio.sleep(1)

        async def on_shutdown(self) -> None:
            assert self.bus.get_listeners() == []
            with pytest.raises(RuntimeError):
                await self.listen("on_shutdown")
            await self.bus.emit("porch.bell", "on_shutdown")

        async def listen(self, hook: str) -> None:
            await self.bus.on(topic="porch.bell", handler=self.hear, name=hook, kwargs={"name": hook})

        async def hear(self, name: str) -> None:
            heard.append(name)

    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            app = stage.app()
            assert (app.bus.parent, app.bus.owner_id) == (app, "porch/Porch.0")
            assert app.bus._error_handler is print  # set before any child could have reset it
            await stage.apps.stop_app("porch")
            assert stage.bus.listeners() == []
        assert heard == ["before_initialize", "on_initialize", "after_initialize", "before_shutdown"]

    on_stage(tmp_path, main)


def test_its_api_and_states_are_there_in_every_hook_and_say_that_there_is_no_token(tmp_path: Path) -> None:
    said: list[str] = []

    class Porch(App[AppConfig]):
        async def before_initialize(self) -> None:
            await self.look()

        async def after_initialize(self) -> None:
            await self.look()

        async def on_shutdown(self) -> None:
            await self.look()

        async def look(self) -> None:
            with pytest.raises(HassUnavailableError) as refused:
                await self.api.turn_on("light.lamp")
            with pytest.raises(StatesNotReadyError) as missing:
                _ = self.states["light.lamp"]
            said.extend((str(refused.value), str(missing.value)))

    async def main(stage: Stage) -> None:
        stage.add_app(Porch)
        async with started(stage):
            assert stage.app().states.freshness == "never"
            assert stage.app().api.connection_state == "disabled"
        assert len(said) == 6
        assert all("`token`" in text for text in said)

    on_stage(tmp_path, main)


def test_its_clock_is_that_of_its_host(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Direct)
        async with started(stage):
            now = stage.app().now()
            assert isinstance(now, ZonedDateTime)
            assert now == zoned(current().now(), current().zone)
            await asyncio.sleep(3600)
            assert stage.app().now() == now.add(hours=1)

    on_stage(tmp_path, main)


def test_its_level_is_that_of_its_configuration_else_that_of_apps(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Direct, {"log_level": "debug"}, {})
        async with started(stage):
            first, second = stage.apps.instances("porch")
            assert [app.logger.getEffectiveLevel() for app in (first, second)] == [logging.DEBUG, logging.ERROR]
            assert first.logger.name == "duly.porch/Porch.0"

    on_stage(tmp_path, main, logging={"apps": "error"})


def test_its_tasks_end_with_it(tmp_path: Path) -> None:
    async def main(stage: Stage) -> None:
        stage.add_app(Direct)
        async with started(stage):
            task = stage.app().task_bucket.spawn(asyncio.Event().wait())
            await stage.apps.stop_app("porch")
            assert task.cancelled()

    on_stage(tmp_path, main)

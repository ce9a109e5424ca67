"""Names, roles, loggers and children of parts; what a class may not define."""

import asyncio
import logging
from typing import ClassVar

import pytest

from duly.config import DulyConfig, LoggingConfig
from duly.core.errors import DulyError
from duly.lifecycle import (
    CannotOverrideFinalError,
    FatalError,
    InvalidLifecycleTransitionError,
    Resource,
    ResourceRole,
    WorkerPoolService,
)
from tests.lifecycle.house import House, play


class Cellar(Resource):
    """A part with a level of its own."""

    log_setting: ClassVar[str] = "database_service"


class Shelf(Resource):
    """Below it."""


class Guest(Resource):
    """Stands for an app."""

    role: ClassVar[ResourceRole] = ResourceRole.APP


def test_a_part_is_named_after_its_parents() -> None:
    house = House()
    cellar = house.add_child(Cellar)
    shelf = cellar.add_child(Shelf)
    assert (house.unique_name, cellar.unique_name, shelf.unique_name) == ("Duly", "Duly.Cellar", "Duly.Cellar.Shelf")
    assert (house.owner_id, cellar.owner_id, shelf.owner_id) == ("Duly", "Duly", "Duly.Cellar")
    assert (shelf.app_key, shelf.index, shelf.parent) == ("__duly__.Shelf", 0, cellar)


def test_a_part_without_parent_is_its_own_owner() -> None:
    cellar = Cellar(House())
    assert (cellar.unique_name, cellar.owner_id, cellar.parent) == ("Cellar", "Cellar", None)


def test_roles_and_tiers() -> None:
    house = House()
    guest = house.add_child(Guest)
    parts = (house, house.worker_pool, house.add_child(Cellar), guest, guest.add_child(Shelf))
    assert [part.role.value for part in parts] == ["root", "service", "resource", "app", "resource"]
    assert [part.source_tier for part in parts] == ["framework", "framework", "framework", "app", "app"]


def test_children_are_kept_in_order_of_adding() -> None:
    house = House()
    first, second = house.add_child(Cellar), house.add_child(Shelf)
    assert house.children == [house.worker_pool, first, second]


def test_add_child_passes_keywords_on() -> None:
    assert House().add_child(WorkerPoolService, max_workers=3).max_workers == 3


def test_add_child_refuses_a_parent() -> None:
    house = House()
    with pytest.raises(ValueError, match=r"add_child\(\) of Duly sets parent itself: leave it out"):
        house.add_child(Cellar, parent=house)
    assert len(house.children) == 1


def test_the_logger_has_name_and_level_and_every_record_the_tier(caplog: pytest.LogCaptureFixture) -> None:
    house = House(DulyConfig.hermetic(logging=LoggingConfig(database_service="ERROR", log_level="WARNING")))
    cellar = house.add_child(Cellar)
    shelf = cellar.add_child(Shelf)
    assert (cellar.config_log_level, shelf.config_log_level) == ("ERROR", "WARNING")
    assert (cellar.logger.logger.name, cellar.logger.logger.level) == ("duly.Cellar", logging.ERROR)
    assert (shelf.logger.logger.name, shelf.logger.logger.level) == ("duly.Cellar.Shelf", logging.WARNING)
    cellar.logger.warning("not this")
    cellar.logger.error("but this", extra={"job": "porch"})
    [record] = caplog.records
    assert (vars(record)["source_tier"], vars(record)["job"]) == ("framework", "porch")


@pytest.mark.parametrize(("method", "hook"), [("initialize", "on_initialize"), ("shutdown", "on_shutdown")])
def test_overriding_a_final_method_names_the_hook_to_use(method: str, hook: str) -> None:
    async def own(self: Resource) -> None: ...

    with pytest.raises(CannotOverrideFinalError, match=rf"Rebel overrides {method}\(\).*override {hook}\(\) instead"):
        type("Rebel", (Resource,), {method: own})


def test_a_mixin_cannot_override_a_final_method_either() -> None:
    class Mixin:
        async def shutdown(self) -> None: ...

    with pytest.raises(CannotOverrideFinalError, match="Rebel overrides shutdown"):
        type("Rebel", (Mixin, Resource), {})


def test_a_class_may_make_more_methods_final() -> None:
    class Strict(Resource):
        final_methods: ClassVar[dict[str, str]] = {"on_initialize": "on_initialize_sync"}

    async def own(self: Resource) -> None: ...

    with pytest.raises(CannotOverrideFinalError, match="on_initialize_sync"):
        type("Rebel", (Strict,), {"on_initialize": own})


def test_the_errors_are_of_dulys_tree() -> None:
    for error in (CannotOverrideFinalError, InvalidLifecycleTransitionError, FatalError):
        assert issubclass(error, DulyError)


def test_wait_ready_waits_for_readiness() -> None:
    async def main() -> None:
        part = Resource(House())
        waiting = asyncio.create_task(part.wait_ready())
        await asyncio.sleep(0)
        assert not waiting.done()
        part.mark_ready("warm")
        await waiting
        await part.wait_ready(timeout=0)

    play(main())


def test_wait_ready_gives_up_in_time() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError, match=r"Shelf was not ready within 2\.5 s"):
            await Shelf(House()).wait_ready(timeout=2.5)

    assert play(main()) == pytest.approx(2.5)

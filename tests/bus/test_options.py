"""What every way of listening takes, and what is told and stored of a listener."""

import asyncio
import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duly.bus import Bus, BusErrorContext
from duly.bus import conditions as C  # noqa: N812 - as users import it
from duly.bus.bus import Listening
from duly.events import (
    Event,
)
from duly.lifecycle import Resource, install_task_factory
from duly.lifecycle.root import Root
from tests.bus.porch import Scene, in_scene

LAMP = "light.lamp"


def test_async_handlers_run_on_the_loop_and_sync_ones_in_a_worker_thread(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        threads: dict[str, int] = {}

        def sync(event: Event[Any]) -> None:
            threads["sync"] = threading.get_ident()
            assert event.payload.data == 1

        async def on_loop() -> None:
            threads["async"] = threading.get_ident()

        def where(_: object) -> bool:
            threads["filter"] = threading.get_ident()
            return True

        await scene.bus.on(topic="lamp", handler=sync, where=where)
        await scene.bus.on(topic="lamp", handler=on_loop)
        await scene.emit(1)
        assert threads["async"] == threads["filter"] == threading.get_ident()
        assert threads["sync"] != threading.get_ident()
        assert [row["status"] for row in await scene.hall.rows()] == ["success"] * 2

    in_scene(tmp_path, main)


def test_a_handler_takes_what_it_asks_for(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        got: list[Any] = []

        async def nothing() -> None:
            got.append("nothing")

        async def whole(event: Event[Any]) -> None:
            got.append(event.payload.data)

        async def by_keyword(*, event: Event[Any]) -> None:
            got.append(("keyword", event.payload.data))

        async def more(event: Event[Any], room: str, level: int = 3) -> None:
            got.append((event.payload.data, room, level))

        kwargs = {"room": "kitchen"}
        for handler in (nothing, whole, by_keyword):
            await scene.bus.on(topic="lamp", handler=handler)
        await scene.bus.on(topic="lamp", handler=more, kwargs=kwargs)
        kwargs["room"] = "cellar"
        await scene.emit("on")
        assert got == ["nothing", "on", ("keyword", "on"), ("on", "kitchen", 3)]

    in_scene(tmp_path, main)


def test_tasks_that_a_handler_starts_are_its_owners(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        async def handler() -> None:
            asyncio.create_task(asyncio.sleep(1000), name="waits")  # noqa: RUF006 - the bucket holds it

        install_task_factory(asyncio.get_running_loop(), scene.hall.house.task_bucket)
        await scene.bus.on(topic="lamp", handler=handler)
        await scene.emit(1)
        assert [task.get_name() for task in scene.porch.task_bucket.pending_tasks()] == ["waits"]

    in_scene(tmp_path, main)


def test_higher_priority_starts_first(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        got: list[str] = []

        async def note(name: str) -> None:
            got.append(name)

        for name, priority in (("b", 0), ("c", -1), ("a", 5), ("b2", 0)):
            await scene.bus.on(topic="lamp", handler=note, name=name, kwargs={"name": name}, priority=priority)
        await scene.emit(1)
        assert got == ["a", "b", "b2", "c"]

    in_scene(tmp_path, main)


def test_a_listener_has_the_mode_it_was_given(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        async def handler() -> None:
            await asyncio.sleep(1)

        subscription = await scene.bus.on(topic="lamp", handler=handler, mode="single")
        await scene.emit(1, 2, 3)
        stats = subscription.listener.stats
        assert (stats.started, stats.suppressed) == (1, {"single": 2})

    in_scene(tmp_path, main)


def test_a_handler_has_the_time_that_it_was_given(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        async def handler() -> None:
            await asyncio.sleep(8)

        await scene.bus.on(topic="lamp", handler=handler, name="short", timeout=5)
        await scene.bus.on(topic="lamp", handler=handler, name="long", timeout_disabled=True)
        await scene.emit(1)
        rows = await scene.hall.rows()
        assert [(row["status"], row["duration_ms"]) for row in rows] == [("timed_out", 5000), ("success", 8000)]

    in_scene(tmp_path, main)


# Handlers of errors


async def failing() -> None:
    """A handler that fails."""
    raise LookupError("no lamp")


def test_the_handler_of_errors_of_the_listener_is_told_else_that_of_the_app(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        told: list[tuple[str, BusErrorContext]] = []

        async def own(context: BusErrorContext) -> None:
            told.append(("own", context))

        def of_app(context: BusErrorContext) -> None:
            told.append(("app", context))

        first = await scene.bus.on(topic="lamp", handler=failing, name="first", on_error=own)
        await scene.bus.on(topic="lamp", handler=failing, name="second")
        await scene.emit(1)
        assert [(who, context.topic) for who, context in told] == [("own", "lamp")]
        scene.bus.on_error(of_app)
        await scene.emit(2)
        await asyncio.sleep(1)
        assert sorted(who for who, _ in told) == ["app", "own", "own"]
        context = told[0][1]
        assert isinstance(context.exception, LookupError)
        assert context.listener_name == repr(first.listener)
        assert context.event.payload.data == 1
        scene.bus.on_error(None)
        await scene.emit(3)
        await asyncio.sleep(1)
        assert len(told) == 4

    in_scene(tmp_path, main)


def test_the_handler_of_errors_of_the_app_is_gone_after_a_new_start(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        told: list[object] = []
        scene.bus.on_error(told.append)
        await scene.porch.shutdown()
        await scene.porch.initialize()
        await scene.bus.on(topic="lamp", handler=failing)
        await scene.emit(1)
        await asyncio.sleep(1)
        assert told == []

    in_scene(tmp_path, main)


def test_a_handler_of_errors_is_callable(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        with pytest.raises(TypeError, match="callable, got 5"):
            scene.bus.on_error(5)  # type: ignore[arg-type] # what is tested

    in_scene(tmp_path, main)


# The filters as text


@pytest.mark.parametrize(
    ("register", "phrases"),
    [
        (lambda scene: scene.bus.on(topic="lamp", handler=scene.told), []),
        (lambda scene: scene.bus.on_state_change(LAMP, handler=scene.told, changed_to="on"), ["changed", "'on'"]),
        (
            lambda scene: scene.bus.on_attribute_change(LAMP, "brightness", handler=scene.told, changed=C.Increased()),
            ["brightness", "increased"],
        ),
        (lambda scene: scene.bus.on_call_service(handler=scene.told, where={"entity_id": LAMP}), ["entity_id", LAMP]),
    ],
)
def test_the_filters_are_told_as_one_phrase(
    tmp_path: Path, register: Callable[[Scene], Listening], phrases: list[str]
) -> None:
    async def main(scene: Scene) -> None:
        subscription = await register(scene)
        summary = subscription.listener.summary
        assert all(phrase in summary for phrase in phrases), summary
        assert bool(summary) is bool(phrases)
        (row,) = scene.listeners()
        assert row["human_description"] == row["predicate_description"] == (summary or None)

    in_scene(tmp_path, main)


def test_what_is_stored_says_all_of_the_options(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on_state_change(
            LAMP,
            handler=functools.partial(scene.noted),
            name="watch",
            immediate=True,
            duration=5,
            priority=2,
            once=True,
        )
        (row,) = scene.listeners()
        wanted = {
            "id": subscription.db_id,
            "app_key": "porch",
            "instance_index": 0,
            "name": "watch",
            "topic": f"hass.event.state_changed.{LAMP}",
            "entity_id": LAMP,
            "once": 1,
            "immediate": 1,
            "duration": 5.0,
            "debounce": None,
            "throttle": None,
            "priority": 2,
            "mode": "queued",
            "source_tier": "app",
            "retired_at": None,
        }
        assert {name: row[name] for name in wanted} == wanted
        assert "scene.bus.on_state_change(" in row["registration_source"]
        assert "test_options.py:" in row["source_location"]

    in_scene(tmp_path, main)


def test_a_part_of_duly_listens_too(tmp_path: Path) -> None:
    class Boiler(Resource):
        """A part of Duly with a bus."""

        def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
            super().__init__(duly, parent=parent)
            self.bus = self.add_child(Bus)

    async def main(scene: Scene) -> None:
        boiler = scene.hall.house.add_child(Boiler)
        await boiler.initialize()
        subscription = await boiler.bus.on(topic="lamp", handler=scene.told)
        await scene.emit(1)
        (row,) = scene.listeners()
        assert (row["app_key"], row["source_tier"]) == ("__duly__.Boiler", "framework")
        (row,) = await scene.hall.rows()
        assert (row["listener_id"], row["source_tier"], row["status"]) == (subscription.db_id, "framework", "success")

    in_scene(tmp_path, main)

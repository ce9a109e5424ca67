"""What tells listeners apart, and what can be done with one."""

import asyncio
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duly.bus import DuplicateListenerError, Subscription
from duly.bus import conditions as C  # noqa: N812 - as users import it
from duly.bus import predicates as P  # noqa: N812 - as users import it
from duly.events import Event
from tests.bus.porch import Porch, Scene, in_scene, state
from tests.executor.plant import rows_of
from tests.lifecycle.house import turns
from tests.scheduler.yard import writer_held

LAMP = "light.lamp"


async def handler() -> None:
    """Does nothing."""


async def other() -> None:
    """Does nothing, under another name."""


def above(value: str) -> bool:
    """A condition."""
    return float(value) > 20


class Room:
    """Has methods."""

    async def lit(self) -> None:
        """A handler."""

    async def failed(self, _: object) -> None:
        """A handler of errors."""

    def meant(self, _: object) -> bool:
        """A predicate."""
        return True


# The natural key


def test_the_row_goes_by_app_instance_name_and_topic(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        made = [
            await scene.bus.on(topic="lamp", handler=handler),
            await scene.bus.on(topic="lamp.*", handler=handler),
            await scene.bus.on(topic="lamp", handler=other),
            await scene.bus.on(topic="lamp", handler=handler, name="again"),
        ]
        assert len({each.db_id for each in made}) == 4
        names = [(row["name"], row["topic"], row["handler_method"]) for row in scene.listeners()]
        assert names == [
            ("handler", "lamp", "handler"),
            ("handler", "lamp.*", "handler"),
            ("other", "lamp", "other"),
            ("again", "lamp", "handler"),
        ]
        porches = [
            scene.hall.house.add_child(Porch, app_key="porch", index=1),
            scene.hall.house.add_child(Porch, app_key="hall"),
        ]
        for porch in porches:
            await porch.initialize()
            made.append(await porch.bus.on(topic="lamp", handler=handler))
        assert len({each.db_id for each in made}) == 6

    in_scene(tmp_path, main)


def test_one_handler_on_one_entity_with_two_filters_needs_two_names(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        first = await scene.bus.on_state_change(LAMP, handler=handler, changed_to="on")
        with pytest.raises(DuplicateListenerError):
            await scene.bus.on_state_change(LAMP, handler=handler, changed_to="off")
        with pytest.raises(DuplicateListenerError):
            await scene.bus.on_attribute_change(LAMP, "brightness", handler=handler)
        second = await scene.bus.on_state_change(LAMP, handler=handler, changed_to="off", name="off")
        assert first.topic == second.topic == f"hass.event.state_changed.{LAMP}"

    in_scene(tmp_path, main)


def test_a_listener_that_is_registered_again_has_its_row_again(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        first = await scene.bus.on(topic="lamp", handler=handler, once=True)
        first.cancel()
        second = await scene.bus.on(topic="lamp", handler=handler, priority=3)
        assert second.db_id == first.db_id
        await scene.porch.shutdown()
        await scene.porch.initialize()
        third = await scene.bus.on(topic="lamp", handler=handler)
        assert third.db_id == first.db_id
        assert [row["priority"] for row in scene.listeners()] == [0]

    in_scene(tmp_path, main)


# if_exists

ROOM = Room()
SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"where": P.StateTo("on")}, {"where": P.StateTo("on")}),
    ({"where": [P.StateTo("on")]}, {"where": P.StateTo("on")}),
    ({"where": ROOM.meant}, {"where": ROOM.meant}),
    ({"kwargs": {}}, {"kwargs": None}),
    ({"on_error": ROOM.failed}, {"on_error": ROOM.failed}),
    ({"handler": ROOM.lit}, {"handler": ROOM.lit}),
    ({"changed_to": C.Comparison(">", 20)}, {"changed_to": C.Comparison(">", 20)}),
    ({"changed_to": above}, {"changed_to": above}),
    ({"changed": C.Increased}, {"changed": C.Increased()}),
    ({"debounce": 1}, {"debounce": 1.0}),
]
DIFFERENT: list[tuple[str, dict[str, Any]]] = [
    ("handler", {"handler": other}),
    ("handler", {"handler": ROOM.lit}),
    ("filters", {"where": P.StateTo("on")}),
    ("filters", {"where": lambda _: True}),
    ("filters", {"changed_to": "on"}),
    ("filters", {"changed_to": above}),
    ("filters", {"changed_from": "on"}),
    ("filters", {"changed": False}),
    ("filters", {"changed": C.Increased()}),
    ("once", {"once": True}),
    ("debounce", {"debounce": 1}),
    ("throttle", {"throttle": 1}),
    ("duration", {"duration": 1}),
    ("immediate", {"immediate": True}),
    ("timeout", {"timeout": 1}),
    ("timeout_disabled", {"timeout_disabled": True}),
    ("mode", {"mode": "single"}),
    ("priority", {"priority": 1}),
    ("kwargs", {"kwargs": {"a": 1}, "handler": lambda a=0: None}),
    ("on_error", {"on_error": print}),
]


async def listen(scene: Scene, **terms: Any) -> Subscription:  # noqa: ANN401 - of the method
    given: dict[str, Any] = {"handler": handler, "name": "watch"} | terms
    return await scene.bus.on_state_change(LAMP, **given)


@pytest.mark.parametrize(("old", "new"), SAME)
def test_skip_keeps_a_listener_that_is_configured_the_same(
    tmp_path: Path, old: dict[str, Any], new: dict[str, Any]
) -> None:
    async def main(scene: Scene) -> None:
        first = await listen(scene, **old)
        second = await listen(scene, if_exists="skip", **new)
        assert second.listener is first.listener
        assert scene.bus.get_listeners() == [first.listener]

    in_scene(tmp_path, main)


@pytest.mark.parametrize(("name", "terms"), DIFFERENT)
def test_skip_refuses_one_that_is_not_and_says_what_differs(tmp_path: Path, name: str, terms: dict[str, Any]) -> None:
    async def main(scene: Scene) -> None:
        first = await listen(scene)
        with pytest.raises(DuplicateListenerError) as caught:
            await listen(scene, if_exists="skip", **terms)
        found = re.search(r"\((.*?)\)", str(caught.value))
        assert found is not None
        assert name in found[1].split(", ")
        assert set(found[1].split(", ")) <= {name, "handler"}
        assert scene.bus.get_listeners() == [first.listener]
        row = scene.listeners()[0]
        assert (row["once"], row["priority"]) == (0, 0)

    in_scene(tmp_path, main)


def test_replace_takes_the_new_one_on_the_row_of_the_old(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        first = await scene.bus.on(topic="lamp", handler=scene.told, name="watch", debounce=1)
        await scene.emit("held")
        second = await scene.bus.on(topic="lamp", handler=scene.told, name="watch", if_exists="replace", priority=2)
        assert first.cancelled
        assert second.db_id == first.db_id
        assert scene.bus.get_listeners() == [second.listener]
        await scene.emit("new")
        await scene.until(5)
        assert [data for _, data in scene.calls] == ["new"]
        (row,) = scene.listeners()
        assert (row["priority"], row["debounce"], row["retired_at"]) == (2, None, None)

    in_scene(tmp_path, main)


def test_skip_waits_for_a_registration_that_is_under_way(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        async with writer_held(scene.hall):
            both = [asyncio.ensure_future(listen(scene, if_exists="skip")) for _ in range(2)]
            await asyncio.sleep(0)
            assert not any(each.done() for each in both)
        first, second = await asyncio.gather(*both)
        assert first.listener is second.listener
        assert isinstance(second.db_id, int)
        assert len(scene.listeners()) == 1

    in_scene(tmp_path, main)


# Registration


def test_on_return_it_has_its_row_and_gets_events_and_not_before(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        async with writer_held(scene.hall):
            making = asyncio.ensure_future(scene.bus.on(topic="lamp", handler=scene.told))
            await turns()
            await scene.emit("early")
            assert scene.bus.get_listeners() == scene.service.listeners() == []
            assert scene.bus.get_listener_db_ids() == []
            (registration,) = scene.bus.get_registrations()
        subscription = await making
        assert registration.done()
        assert scene.bus.get_registrations() == []
        assert isinstance(subscription.db_id, int)
        assert scene.bus.get_listener_db_ids() == [subscription.db_id]
        await scene.emit("late")
        assert [data for _, data in scene.calls] == ["late"]

    in_scene(tmp_path, main)


@pytest.mark.parametrize("how", ["caller", "all", "owner"])
def test_one_that_is_cancelled_while_it_is_registered_never_gets_events(tmp_path: Path, how: str) -> None:
    async def main(scene: Scene) -> None:
        async with writer_held(scene.hall):
            making = asyncio.ensure_future(
                scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True, duration=1)
            )
            await turns()
            if how == "caller":
                making.cancel()
            elif how == "all":
                scene.bus.remove_all_listeners()
            else:
                await scene.bus.end_intake()
        scene.states.sync(state(LAMP, "on"))
        await asyncio.wait({making})
        await asyncio.sleep(10)
        assert scene.service.listeners() == scene.bus.get_listeners() == []
        assert (scene.calls, scene.timers, scene.states.waiting) == ([], 0, 0)
        if how != "caller":
            assert making.result().cancelled

    in_scene(tmp_path, main)


def test_a_registration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        def fail(db: sqlite3.Connection) -> None:
            db.execute("CREATE TRIGGER no BEFORE INSERT ON raw_listeners BEGIN SELECT raise(ABORT, 'no room'); END")

        def mend(db: sqlite3.Connection) -> None:
            db.execute("DROP TRIGGER no")

        await scene.hall.database.submit(fail)
        with pytest.raises(Exception, match="no room"):
            await scene.bus.on(topic="lamp", handler=handler)
        assert scene.bus.get_listeners() == scene.service.listeners() == scene.bus.live.listed() == []
        await scene.hall.database.submit(mend)
        await scene.bus.on(topic="lamp", handler=handler)

    in_scene(tmp_path, main)


def test_the_order_of_listeners_is_that_of_registration(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        made = await asyncio.gather(*(scene.bus.on(topic=f"lamp.{number}", handler=handler) for number in range(20)))
        assert scene.bus.get_listeners() == [each.listener for each in made]
        assert scene.bus.get_listener_db_ids() == [each.db_id for each in made]

    in_scene(tmp_path, main)


def test_the_place_in_the_code_is_that_of_the_call(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await asyncio.create_task(scene.bus.on(topic="a", handler=handler))
        await asyncio.gather(scene.bus.on_homeassistant_restart(handler=handler))
        sources = [row["registration_source"] for row in scene.listeners()]
        assert sources == [
            'scene.bus.on(topic="a", handler=handler)',
            "scene.bus.on_homeassistant_restart(handler=handler)",
        ]
        assert all("test_identity.py:" in row["source_location"] for row in scene.listeners())

    in_scene(tmp_path, main)


# Handles


def test_a_subscription_says_what_it_is_of(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on(topic="lamp.*", handler=handler, name="watch")
        assert (subscription.name, subscription.topic) == ("watch", "lamp.*")
        assert subscription.listener.name == "watch"
        assert repr(subscription) == "<Subscription 'watch' on lamp.*>"
        assert subscription.db_id == scene.listeners()[0]["id"]

    in_scene(tmp_path, main)


@pytest.mark.parametrize(
    "cancel",
    [
        lambda _, subscription: subscription.cancel(),
        lambda bus, subscription: bus.remove_listener(subscription),
        lambda bus, subscription: bus.remove_listener(subscription.listener),
        lambda bus, _: bus.remove_all_listeners(),
    ],
    ids=["cancel", "remove subscription", "remove listener", "remove all"],
)
def test_no_execution_starts_after_it_is_cancelled_and_a_running_one_goes_on(
    tmp_path: Path, cancel: Callable[[Any, Subscription], None]
) -> None:
    async def main(scene: Scene) -> None:
        done: list[Any] = []

        async def slow(event: Event[Any]) -> None:
            await asyncio.sleep(1)
            done.append(event.payload.data)

        subscription = await scene.bus.on(topic="lamp", handler=slow)
        before = subscription.cancelled
        for data in (1, 2, 3):
            await scene.bus.emit("lamp", data)
        await asyncio.sleep(0.5)
        for _ in range(2):
            cancel(scene.bus, subscription)
        assert (before, subscription.cancelled) == (False, True)
        await scene.emit(4)
        assert done == [1]
        stats = subscription.listener.stats
        assert (stats.matched, stats.started, stats.discarded) == (3, 1, 2)
        assert scene.bus.get_listeners() == []
        assert [row["retired_at"] for row in scene.listeners()] == [None]

    in_scene(tmp_path, main)


@pytest.mark.parametrize("of_listener", [True, False])
def test_a_listener_of_another_owner_is_refused(tmp_path: Path, of_listener: bool) -> None:
    async def main(scene: Scene) -> None:
        neighbour = scene.hall.house.add_child(Porch, app_key="neighbour")
        await neighbour.initialize()
        subscription = await neighbour.bus.on(topic="lamp", handler=handler)
        for _ in range(2):
            with pytest.raises(ValueError, match=r"Duly\.porch"):
                scene.bus.remove_listener(subscription.listener if of_listener else subscription)
            subscription.cancel()

    in_scene(tmp_path, main)


def test_all_listeners_of_an_owner_that_stops_end(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "off"))
        made = [
            await scene.bus.on(topic="lamp", handler=scene.told, debounce=1),
            await scene.bus.on_state_change(LAMP, handler=scene.noted, duration=5),
        ]
        await scene.emit(1)
        await scene.change("on")
        assert scene.timers == 2
        await scene.porch.shutdown()
        assert all(each.cancelled for each in made)
        assert (scene.timers, scene.service.listeners()) == (0, [])
        made[0].cancel()
        with pytest.raises(RuntimeError, match="takes no more listeners"):
            await scene.bus.on(topic="lamp", handler=handler)
        await scene.hall.database.flush()
        assert [row["retired_at"] for row in rows_of(scene.hall.path, "listeners")] == [None, None]

    in_scene(tmp_path, main)


def test_listeners_of_an_owner_that_is_started_again_are_registered_anew(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        for _ in range(20):
            await scene.bus.on(topic="lamp", handler=scene.told)
            await scene.emit(1)
            await scene.porch.shutdown()
            await scene.porch.initialize()
        assert len(scene.calls) == 20
        assert len(scene.listeners()) == 1

    in_scene(tmp_path, main)

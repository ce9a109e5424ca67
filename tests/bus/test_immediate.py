"""``immediate``: a first call with the state there is."""

from pathlib import Path
from typing import Any

import pytest

from duly.bus import conditions as C  # noqa: N812 - as users import it
from duly.events import Event, RawStateChangeEvent
from tests.bus.porch import Scene, at, in_scene, iso, state
from tests.bus.test_gates import adds_up

LAMP = "light.lamp"


def test_the_handler_is_called_with_an_event_that_is_made_up(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        events: list[Event[Any]] = []

        async def handler(event: Event[Any]) -> None:
            events.append(event)

        scene.states.sync(state(LAMP, "on", brightness=3))
        await scene.until(10)
        subscription = await scene.bus.on_state_change(LAMP, handler=handler, immediate=True)
        await scene.service.idle(10)
        (event,) = events
        assert type(event) is RawStateChangeEvent
        assert event.topic == "hass.event.state_changed"
        data, payload = event.payload.data, event.payload
        assert (data.entity_id, data.old_state) == (LAMP, None)
        assert data.new_state == state(LAMP, "on", brightness=3)
        assert (payload.origin, payload.event_type) == ("LOCAL", "state_changed")
        assert payload.time_fired == at(10)
        assert payload.context.id == payload.event_id == "01J"
        (row,) = await scene.hall.rows()
        assert (row["listener_id"], row["trigger_origin"]) == (subscription.db_id, "DULY_SYNTHETIC")
        assert row["trigger_context_id"] is None
        assert adds_up(subscription)

    in_scene(tmp_path, main)


def test_the_caller_has_the_subscription_before_the_handler_is_called(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        held: list[object] = []

        async def handler() -> None:
            assert held

        scene.states.sync(state(LAMP, "on"))
        held.append(await scene.bus.on_state_change(LAMP, handler=handler, immediate=True))
        await scene.service.idle(10)
        assert [row["status"] for row in await scene.hall.rows()] == ["success"]

    in_scene(tmp_path, main)


@pytest.mark.parametrize(
    ("terms", "called"),
    [
        ({}, True),
        ({"changed_to": "on"}, True),
        ({"changed_to": "off"}, False),
        ({"changed_to": C.IsIn(["on"])}, True),
        ({"changed": False}, True),
        ({"changed": C.Increased()}, False),
        ({"where": lambda event: event.payload.data.old_state is None}, True),
        ({"where": lambda _: False}, False),
    ],
)
def test_it_is_called_if_the_filters_hold(tmp_path: Path, terms: dict[str, Any], called: bool) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True, **terms)
        await scene.service.idle(10)
        assert bool(scene.calls) is called

    in_scene(tmp_path, main)


@pytest.mark.parametrize(("attributes", "called"), [({"brightness": 3}, True), ({}, False)])
def test_an_attribute_has_changed_if_it_is_present(tmp_path: Path, attributes: dict[str, Any], called: bool) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on", **attributes))
        await scene.bus.on_attribute_change(LAMP, "brightness", handler=scene.noted, immediate=True)
        await scene.service.idle(10)
        assert bool(scene.calls) is called

    in_scene(tmp_path, main)


def test_an_entity_that_there_is_not_gives_no_call_and_no_later_one(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state("light.other", "on"))
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True)
        scene.states.sync(state(LAMP, "on"))
        await scene.service.idle(10)
        assert (scene.calls, scene.states.waiting) == ([], 0)

    in_scene(tmp_path, main)


def test_if_no_states_are_loaded_it_is_called_once_after_the_first_sync(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True)
        await scene.until(40)
        assert scene.calls == []
        scene.states.sync(state(LAMP, "on"))
        await scene.service.idle(10)
        assert scene.calls == [(40.0, "on")]
        for _ in range(2):
            scene.states.fresh = False
            scene.states.sync(state(LAMP, "off"))
        await scene.service.idle(10)
        assert (len(scene.calls), scene.states.waiting) == (1, 0)
        assert adds_up(subscription)

    in_scene(tmp_path, main)


def test_it_is_not_called_again_on_a_reconnect(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True)
        scene.states.fresh = False
        scene.states.sync(state(LAMP, "off"))
        await scene.service.idle(10)
        assert [value for _, value in scene.calls] == ["on"]

    in_scene(tmp_path, main)


def test_a_listener_that_was_cancelled_waits_for_no_sync(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True)
        assert scene.states.waiting == 1
        subscription.cancel()
        assert scene.states.waiting == 0

    in_scene(tmp_path, main)


def test_the_listeners_of_an_owner_that_stops_wait_for_no_sync(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True)
        await scene.porch.shutdown()
        assert scene.states.waiting == 0

    in_scene(tmp_path, main)


def test_real_events_follow_the_first_call(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True)
        await scene.until(1)
        await scene.change("off")
        assert scene.calls == [(0.0, "on"), (1.0, "off")]

    in_scene(tmp_path, main)


def test_it_passes_through_once(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True, once=True)
        await scene.service.idle(10)
        assert subscription.cancelled
        await scene.change("off")
        assert len(scene.calls) == 1

    in_scene(tmp_path, main)


def test_it_passes_through_debounce(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True, debounce=2)
        await scene.until(1)
        await scene.change("off")
        await scene.until(10)
        assert scene.calls == [(3.0, "off")]

    in_scene(tmp_path, main)


def test_it_passes_through_throttle(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True, throttle=2)
        await scene.until(1)
        await scene.change("off")
        assert scene.calls == [(0.0, "on")]

    in_scene(tmp_path, main)


def test_a_filter_that_raises_at_the_first_call_is_one_error(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.bus.on_state_change(
            LAMP, handler=scene.noted, immediate=True, where=lambda event: event.payload.data.old_state["state"]
        )
        await scene.service.idle(10)
        assert [row["error_type"] for row in await scene.hall.rows()] == ["TypeError"]

    in_scene(tmp_path, main)


@pytest.mark.parametrize("settings", [{"bus_excluded_domains": ("light",)}, {"bus_excluded_entities": ("*.lamp",)}])
def test_of_an_excluded_entity_there_is_no_first_call_either(tmp_path: Path, settings: dict[str, Any]) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"), state("switch.led", "on"))
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True)
        await scene.bus.on_state_change("switch.led", handler=scene.noted, immediate=True)
        await scene.service.idle(10)
        assert len(scene.calls) == 1

    in_scene(tmp_path, main, **settings)


# With a duration


@pytest.mark.parametrize(
    ("changed", "duration", "called"),
    [
        (0, 15, 15.0),  # on for 10 s already
        (0, 5, 10.0),
        (0, 10, 10.0),
        (9, 5, 14.0),
        (100, 5, 15.0),  # by a clock that is ahead: never more than the duration
    ],
)
def test_the_time_already_spent_counts(tmp_path: Path, changed: float, duration: float, called: float) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on", changed=changed))
        await scene.until(10)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", immediate=True, duration=duration)
        await scene.until(100)
        assert scene.calls == [(called, "on")]
        assert scene.timers == 0

    in_scene(tmp_path, main)


def test_of_an_attribute_the_time_counts_from_now(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on", brightness=3))
        await scene.until(10)
        await scene.bus.on_attribute_change(LAMP, "brightness", handler=scene.noted, immediate=True, duration=5)
        await scene.until(100)
        assert scene.calls == [(15.0, "on")]

    in_scene(tmp_path, main)


def test_a_state_that_does_not_tell_when_it_changed_counts_from_now(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on") | {"last_changed": "long ago", "context": None})
        await scene.until(10)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True, duration=5)
        await scene.until(100)
        assert scene.calls == [(15.0, "on")]

    in_scene(tmp_path, main)


def test_a_change_during_what_is_left_cancels_it(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.until(10)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", immediate=True, duration=15)
        await scene.until(12)
        await scene.change("off")
        await scene.until(100)
        assert scene.calls == []

    in_scene(tmp_path, main)


def test_after_the_first_sync_the_time_already_spent_counts_too(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True, duration=15)
        await scene.until(40)
        scene.states.sync(state(LAMP, "on", changed=30))
        await scene.until(100)
        assert scene.calls == [(45.0, "on")]

    in_scene(tmp_path, main)


@pytest.mark.parametrize(("changed", "calls"), [(0.0, [(60.0, "on")]), (50.0, [])])
def test_a_first_hold_that_ends_while_the_link_is_down_is_decided_by_the_last_change(
    tmp_path: Path, changed: float, calls: list[tuple[float, str]]
) -> None:
    async def main(scene: Scene) -> None:
        scene.states.sync(state(LAMP, "on"))
        await scene.until(10)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, immediate=True, duration=15)
        scene.states.fresh = False
        await scene.until(60)
        scene.states.sync(state(LAMP, "on") | {"last_changed": iso(changed)})
        await scene.service.idle(10)
        assert scene.calls == calls

    in_scene(tmp_path, main)

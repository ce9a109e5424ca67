"""``duration``: a match that has to last."""

from pathlib import Path
from typing import Any

import pytest

from duly.bus import Subscription
from duly.bus import conditions as C  # noqa: N812 - as users import it
from duly.events import Event
from tests.bus.porch import Scene, in_scene, state
from tests.bus.test_gates import adds_up

LAMP = "light.lamp"


async def begun(scene: Scene, value: str = "off", **attributes: Any) -> None:  # noqa: ANN401 - of any kind
    """Home Assistant is there, with a lamp."""
    scene.states.sync(state(LAMP, value, **attributes))


def suppressed(subscription: Subscription) -> int:
    assert adds_up(subscription)
    return subscription.listener.stats.suppressed.get("hold", 0)


def test_the_handler_is_called_when_it_has_lasted_with_the_event_that_began_it(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        events: list[Event[Any]] = []

        async def handler(event: Event[Any]) -> None:
            events.append(event)
            scene.calls.append((scene.elapsed, event.payload.data.new_state["attributes"]))

        subscription = await scene.bus.on_state_change(LAMP, handler=handler, changed_to="on", duration=5)
        await scene.until(1)
        await scene.change("on", brightness=1)
        assert subscription.listener.stats.pending == 1
        assert adds_up(subscription)
        await scene.until(2)
        await scene.change("on", brightness=2)
        await scene.until(10)
        assert scene.calls == [(6.0, {"brightness": 1})]
        assert subscription.listener.stats.started == 1
        assert scene.timers == 0

    in_scene(tmp_path, main)


def test_an_event_that_breaks_the_condition_cancels_the_hold(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", duration=5)
        await scene.change("on")
        await scene.until(4.9)
        await scene.change("off")
        assert scene.timers == 0
        await scene.until(20)
        assert scene.calls == []
        assert suppressed(subscription) == 1

    in_scene(tmp_path, main)


def test_a_hold_begins_anew_with_the_next_match(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", duration=5)
        await scene.change("on")
        await scene.until(3)
        await scene.change("off")
        await scene.until(4)
        await scene.change("on")
        await scene.until(20)
        assert scene.calls == [(9.0, "on")]

    in_scene(tmp_path, main)


def test_an_event_that_breaks_the_hold_and_matches_itself_begins_a_new_one(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene, "a")
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, duration=5)
        await scene.change("b")
        await scene.until(3)
        await scene.change("c")
        assert scene.timers == 1
        await scene.until(20)
        assert scene.calls == [(8.0, "c")]
        assert suppressed(subscription) == 1

    in_scene(tmp_path, main)


def test_further_matches_that_keep_the_hold_do_not_restart_it(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene, "18")
        subscription = await scene.bus.on_state_change(
            LAMP, handler=scene.noted, changed_to=C.Comparison(">", 20), duration=5
        )
        for second, value in ((1, "21"), (2, "22"), (5, "30")):
            await scene.until(second)
            await scene.change(value)
        await scene.until(20)
        assert scene.calls == [(6.0, "21")]
        assert suppressed(subscription) == 2

    in_scene(tmp_path, main)


def test_without_changed_to_the_value_that_began_the_hold_has_to_last(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, duration=5)
        await scene.change("on")
        await scene.until(2)
        await scene.change("on", brightness=5)
        await scene.until(20)
        assert scene.calls == [(5.0, "on")]
        assert suppressed(subscription) == 0

    in_scene(tmp_path, main)


def test_changed_and_changed_from_count_for_the_begin_alone(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_from="off", changed_to="on", duration=5)
        await scene.change("on")
        await scene.until(2)
        await scene.change("on", brightness=5)
        await scene.until(20)
        assert scene.calls == [(5.0, "on")]

    in_scene(tmp_path, main)


def test_removal_cancels_the_hold(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, duration=5)
        await scene.bus.on_state_change(
            LAMP, handler=scene.noted, duration=5, changed_to=lambda _: True, name="anything"
        )
        await scene.change("on")
        await scene.until(1)
        await scene.change(None)
        assert scene.timers == 0
        await scene.until(20)
        assert scene.calls == []

    in_scene(tmp_path, main)


@pytest.mark.parametrize("breaks", [True, False])
def test_where_has_to_hold_for_each_event_during_the_hold(tmp_path: Path, breaks: bool) -> None:
    async def main(scene: Scene) -> None:
        def bright(event: Event[Any]) -> bool:
            return bool(event.payload.data.new_state["attributes"].get("brightness", 0) > 10)

        await begun(scene)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", where=bright, duration=5)
        await scene.change("on", brightness=50)
        await scene.until(2)
        await scene.change("on", brightness=5 if breaks else 20)
        await scene.until(20)
        assert scene.calls == ([] if breaks else [(5.0, "on")])

    in_scene(tmp_path, main)


def test_each_filter_is_asked_once_per_event(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        asked: list[str] = []

        def where(event: Event[Any]) -> bool:
            asked.append(f"where {event.payload.data.new_state['state']}")
            return True

        def to(value: str) -> bool:
            asked.append(f"to {value}")
            return value != "off"

        await begun(scene)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to=to, where=where, duration=5)
        for value in ("on", "dim", "off", "on"):
            await scene.change(value)
        for value in ("on", "dim"):
            assert asked.count(f"to {value}") == asked.count(f"where {value}") == (2 if value == "on" else 1)
        assert asked.count("to off") == 1

    in_scene(tmp_path, main)


def test_other_entities_do_not_matter(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", duration=5)
        await scene.change("on")
        await scene.change("off", "light.other")
        await scene.until(20)
        assert scene.calls == [(5.0, "on")]

    in_scene(tmp_path, main)


def test_at_the_end_the_value_is_checked_against_the_states(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", duration=5)
        await scene.change("on")
        await scene.until(4)
        scene.states.put(state(LAMP, "off", changed=4), LAMP)
        await scene.until(20)
        assert scene.calls == []
        assert suppressed(subscription) == 1

    in_scene(tmp_path, main)


def test_at_the_end_where_is_not_asked(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        allowed = [True]
        await scene.bus.on_state_change(
            LAMP, handler=scene.noted, changed_to="on", where=lambda _: allowed[0], duration=5
        )
        await scene.change("on")
        allowed[0] = False
        await scene.until(20)
        assert scene.calls == [(5.0, "on")]

    in_scene(tmp_path, main)


def test_the_hold_goes_with_its_listener(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, duration=5)
        await scene.change("on")
        subscription.cancel()
        assert scene.timers == 0
        await scene.until(20)
        assert scene.calls == []
        assert subscription.listener.stats.discarded == 1
        assert adds_up(subscription)

    in_scene(tmp_path, main)


def test_attributes_can_be_held_too(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene, "on", brightness=1)
        await scene.bus.on_attribute_change(
            LAMP, "brightness", handler=scene.noted, changed_to=C.IsIn([2, 3]), duration=5
        )
        await scene.change("on", brightness=2)
        await scene.until(2)
        await scene.change("off", brightness=3)
        await scene.until(20)
        assert scene.calls == [(5.0, "on")]

    in_scene(tmp_path, main)


def test_an_attribute_that_is_missing_can_be_held(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene, "on", brightness=1)
        await scene.bus.on_attribute_change(LAMP, "brightness", handler=scene.noted, changed_to=C.Missing(), duration=5)
        await scene.change("on")
        await scene.until(20)
        assert scene.calls == [(5.0, "on")]

    in_scene(tmp_path, main)


def test_once_is_claimed_by_the_first_hold_that_lasts(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        subscription = await scene.bus.on_state_change(
            LAMP, handler=scene.noted, changed_to="on", duration=5, once=True
        )
        await scene.change("on")
        await scene.until(2)
        await scene.change("off")
        await scene.until(3)
        await scene.change("on")
        await scene.until(20)
        assert scene.calls == [(8.0, "on")]
        assert subscription.cancelled
        assert adds_up(subscription)

    in_scene(tmp_path, main)


def test_a_filter_that_raises_during_the_hold_is_one_error_and_the_hold_goes_on(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        def where(event: Event[Any]) -> bool:
            return bool(event.payload.data.new_state["attributes"]["brightness"] > 1)

        await begun(scene)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", where=where, duration=5)
        await scene.change("on", brightness=2)
        await scene.until(1)
        await scene.change("on")
        await scene.until(20)
        assert scene.calls == [(5.0, "on")]
        assert [row["status"] for row in await scene.hall.rows()] == ["error", "success"]

    in_scene(tmp_path, main)


def test_a_condition_that_raises_at_the_end_is_one_error(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        broken = [False]

        def to(value: str) -> bool:
            if broken[0]:
                raise LookupError("no such value")
            return value == "on"

        await begun(scene)
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to=to, duration=5)
        await scene.change("on")
        broken[0] = True
        await scene.until(20)
        assert scene.calls == []
        assert suppressed(subscription) == 1
        (row,) = await scene.hall.rows()
        assert (row["status"], row["error_type"], row["listener_id"]) == ("error", "LookupError", subscription.db_id)

    in_scene(tmp_path, main)


# The link is down when the time is over


@pytest.mark.parametrize(
    ("after", "calls"),
    [
        (state(LAMP, "on", changed=1), [(30.0, "on")]),
        (state(LAMP, "on", changed=0.5), [(30.0, "on")]),
        (state(LAMP, "on", changed=7), []),
        (state(LAMP, "off", changed=1), []),
        (state("light.other", "on"), []),
    ],
)
def test_it_is_decided_after_the_next_sync(
    tmp_path: Path, after: dict[str, Any], calls: list[tuple[float, str]]
) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", duration=5)
        await scene.until(1)
        await scene.change("on")
        scene.states.fresh = False
        await scene.until(29)
        assert scene.calls == []
        assert (subscription.listener.stats.pending, scene.states.waiting) == (1, 1)
        await scene.until(30)
        scene.states.sync(after)
        await scene.service.idle(10)
        assert scene.calls == calls
        assert scene.states.waiting == 0
        assert suppressed(subscription) == (0 if calls else 1)

    in_scene(tmp_path, main)


@pytest.mark.parametrize(("brightness", "calls"), [(2, [(30.0, "on")]), (3, [])])
def test_of_an_attribute_the_value_must_be_the_same_then(
    tmp_path: Path, brightness: int, calls: list[tuple[float, str]]
) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene, "on", brightness=1)
        to = C.Comparison(">", 1)
        await scene.bus.on_attribute_change(LAMP, "brightness", handler=scene.noted, changed_to=to, duration=5)
        await scene.change("on", brightness=2)
        scene.states.fresh = False
        await scene.until(30)
        scene.states.sync(state(LAMP, "on", changed=20, brightness=brightness))
        await scene.service.idle(10)
        assert scene.calls == calls

    in_scene(tmp_path, main)


def test_a_link_that_is_back_in_time_changes_nothing(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        await scene.bus.on_state_change(LAMP, handler=scene.noted, changed_to="on", duration=5)
        await scene.change("on")
        scene.states.fresh = False
        await scene.until(2)
        scene.states.sync(state(LAMP, "on", changed=2))
        await scene.until(20)
        assert scene.calls == [(5.0, "on")]

    in_scene(tmp_path, main)


def test_a_hold_that_waits_for_the_sync_goes_with_its_listener(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await begun(scene)
        subscription = await scene.bus.on_state_change(LAMP, handler=scene.noted, duration=5)
        await scene.change("on")
        scene.states.fresh = False
        await scene.until(10)
        subscription.cancel()
        assert scene.states.waiting == 0
        assert subscription.listener.stats.discarded == 1

    in_scene(tmp_path, main)

"""Whatever happens to an entity, listeners with gates are called with what a walk through the history says."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from duly.bus import Subscription
from duly.events import Event
from tests.bus.gate_model import EVERY, Call, Look, Step, arguments, expected
from tests.bus.porch import Scene, in_scene, state
from tests.bus.test_gates import adds_up

LAMP = "light.lamp"

looks = st.tuples(st.sampled_from(["on", "off", "dim"]), st.sampled_from([1, 2, None]), st.booleans())


@st.composite
def histories(draw: st.DrawFn) -> tuple[Look | None, int, list[Step]]:
    """A first state, when that had changed last, and what follows."""
    numbers = itertools.count()

    def look(value: str, level: int | None, good: bool) -> Look:
        return Look(next(numbers), value, level, good)

    first = look(*draw(looks)) if draw(st.integers(0, 9)) else None
    before = -10 * draw(st.integers(0, 12))
    steps, up, now, current, since = list[Step](), True, 0, first, before
    for _ in range(draw(st.integers(0, 14))):
        now += 10 * draw(st.integers(1, 6))
        if not up:
            kept = current is not None and draw(st.booleans())
            if not kept:
                current, since = look(*draw(looks)), now - 10 * draw(st.integers(0, 3))
            up = True
            steps.append(Step(now, "up", current, since))
        elif not draw(st.integers(0, 6)):
            up = False
            steps.append(Step(now, "down", None))
        else:
            new = look(*draw(looks)) if draw(st.integers(0, 9)) else None
            if new is not None and (current is None or current.value != new.value):
                since = now
            current = new
            kind: Literal["change", "drift"] = "drift" if not draw(st.integers(0, 5)) else "change"
            steps.append(Step(now, kind, new, since))
    return first, before, steps


ORIGIN = 200
"""The moment of registration, so that what has changed before has a time of its own."""


def raw(look: Look, since: int) -> dict[str, Any]:
    """A state as Home Assistant sends it."""
    return state(LAMP, look.value, changed=(ORIGIN + since) / 100, **attributes(look))


def attributes(look: Look) -> dict[str, Any]:
    """What a state has besides its value."""
    level = {} if look.level is None else {"level": look.level}
    return {"number": look.number, "good": look.good, **level}


async def listen(scene: Scene, name: str, calls: list[Call]) -> Subscription:
    """Register one of the listeners, which notes its calls."""

    async def handler(event: Event[Any]) -> None:
        new = event.payload.data.new_state
        number = -1 if new is None else new["attributes"]["number"]
        calls.append(Call(round(scene.elapsed * 100) - ORIGIN, number))

    terms = EVERY[name]
    if terms.of_level:
        return await scene.bus.on_attribute_change(LAMP, "level", name=name, **arguments(terms, handler))
    return await scene.bus.on_state_change(LAMP, name=name, **arguments(terms, handler))


async def take(scene: Scene, step: Step) -> None:
    """Let it happen, at its time."""
    await scene.until((ORIGIN + step.at) / 100)
    look = step.look
    if step.kind == "down":
        scene.states.fresh = False
    elif step.kind == "up":
        scene.states.sync(*([] if look is None else [raw(look, step.since)]))
    elif step.kind == "drift":
        scene.states.put(None if look is None else raw(look, step.since), LAMP)
    elif look is None:
        await scene.change(None)
    else:
        await scene.change(look.value, LAMP, **attributes(look))


@settings(deadline=None)
@given(histories())
def test_listeners_with_gates_are_called_as_the_walk_says(history: tuple[Look | None, int, list[Step]]) -> None:
    first, before, steps = history
    calls: dict[str, list[Call]] = {name: [] for name in EVERY}

    async def main(scene: Scene) -> None:
        scene.states.sync(*([] if first is None else [raw(first, before)]))
        await scene.until(ORIGIN / 100)
        made = [await listen(scene, name, calls[name]) for name in EVERY]
        await scene.service.idle(10)
        for step in steps:
            await take(scene, step)
            assert all(adds_up(each) for each in made)
        await scene.until(60)
        assert scene.timers == 0
        for each in made:
            each.cancel()
            assert adds_up(each)

    with tempfile.TemporaryDirectory() as folder:
        in_scene(Path(folder), main)
    assert calls == dict(expected(first, before, steps))

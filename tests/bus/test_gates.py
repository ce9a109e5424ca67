"""``once``, ``debounce`` and ``throttle``."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from duly.bus import Subscription
from duly.events import Event
from tests.bus.porch import Scene, in_scene


def adds_up(subscription: Subscription) -> bool:
    stats = subscription.listener.stats
    held = stats.started + stats.pending + sum(stats.suppressed.values()) + stats.dropped + stats.discarded
    return stats.matched == held


# once


def test_once_runs_for_the_first_match_and_is_removed_when_that_has_ended(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        begun, goes_on = asyncio.Event(), asyncio.Event()

        async def handler() -> None:
            begun.set()
            await goes_on.wait()

        subscription = await scene.bus.on(topic="lamp", handler=handler, once=True)
        await scene.bus.emit("lamp", 1)
        await begun.wait()
        await scene.bus.emit("lamp", 2)
        await asyncio.sleep(1)
        before = subscription.cancelled, scene.bus.get_listeners()
        goes_on.set()
        await scene.service.idle(10)
        assert (before, subscription.cancelled) == ((False, [subscription.listener]), True)
        assert scene.bus.get_listeners() == []
        assert subscription.listener.stats.suppressed == {"once": 1}
        assert adds_up(subscription)
        await scene.emit(3)
        assert len(await scene.hall.rows()) == 1

    in_scene(tmp_path, main)


@pytest.mark.parametrize("outcome", ["error", "timed_out", "cancelled"])
def test_once_is_removed_whatever_the_outcome(tmp_path: Path, outcome: str) -> None:
    async def main(scene: Scene) -> None:
        async def handler() -> None:
            if outcome == "error":
                raise LookupError("no lamp")
            if outcome == "cancelled":
                raise asyncio.CancelledError
            await asyncio.sleep(10)

        subscription = await scene.bus.on(topic="lamp", handler=handler, once=True, timeout=1)
        await scene.emit(1)
        assert subscription.cancelled
        await scene.emit(2)
        assert [row["status"] for row in await scene.hall.rows()] == [outcome]

    in_scene(tmp_path, main)


def test_a_filter_that_raises_does_not_claim_once(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        def where(event: Event[Any]) -> bool:
            return bool(event.payload.data > 1)

        subscription = await scene.bus.on(topic="lamp", handler=scene.told, where=where, once=True)
        await scene.emit("text", 1, 2, 3)
        assert [data for _, data in scene.calls] == [2]
        assert subscription.cancelled
        assert [row["status"] for row in await scene.hall.rows()] == ["error", "success"]

    in_scene(tmp_path, main)


def test_a_listener_that_has_had_its_once_may_be_registered_anew(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        first = await scene.bus.on(topic="lamp", handler=scene.told, once=True)
        await scene.emit(1)
        second = await scene.bus.on(topic="lamp", handler=scene.told, once=True)
        assert second.db_id == first.db_id
        await scene.emit(2, 3)
        assert [data for _, data in scene.calls] == [1, 2]

    in_scene(tmp_path, main)


# debounce


def test_debounce_calls_once_with_the_latest_event_when_it_has_been_quiet(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on(topic="lamp", handler=scene.told, debounce=0.5)
        for second, data in ((1.0, "a"), (1.2, "b"), (1.6, "c"), (3.0, "d")):
            await scene.until(second)
            await scene.emit(data)
        assert subscription.listener.stats.pending == 1
        assert adds_up(subscription)
        await scene.until(5)
        assert scene.calls == [(2.1, "c"), (3.5, "d")]
        assert subscription.listener.stats.suppressed == {"debounce": 2}
        assert adds_up(subscription)
        assert scene.timers == 0

    in_scene(tmp_path, main)


def test_debounce_is_called_exactly_when_the_quiet_time_is_over(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await scene.bus.on(topic="lamp", handler=scene.told, debounce=0.5)
        await scene.emit("a")
        await scene.until(0.5)
        assert scene.calls == [(0.5, "a")]

    in_scene(tmp_path, main)


def test_a_stream_with_shorter_gaps_never_fires(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        await scene.bus.on(topic="lamp", handler=scene.told, debounce=0.5)
        for tenth in range(100):
            await scene.until(tenth * 0.4)
            await scene.emit(tenth)
            assert scene.timers == 1
        assert scene.calls == []
        await scene.until(60)
        assert [data for _, data in scene.calls] == [99]

    in_scene(tmp_path, main)


def test_what_debounce_waits_for_is_filtered_on_arrival(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        allowed = ["a"]
        await scene.bus.on(
            topic="lamp", handler=scene.told, debounce=1, where=lambda event: event.payload.data in allowed
        )
        await scene.emit("a", "b")
        allowed.clear()
        await scene.until(2)
        assert scene.calls == [(1.0, "a")]

    in_scene(tmp_path, main)


def test_a_debounced_event_goes_with_its_listener(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on(topic="lamp", handler=scene.told, debounce=1)
        await scene.emit("a", "b")
        subscription.cancel()
        assert scene.timers == 0
        await scene.until(3)
        assert scene.calls == []
        stats = subscription.listener.stats
        assert (stats.matched, stats.discarded, stats.suppressed) == (2, 1, {"debounce": 1})
        assert adds_up(subscription)

    in_scene(tmp_path, main)


# throttle


def test_throttle_runs_the_first_and_then_none_for_a_time(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        subscription = await scene.bus.on(topic="lamp", handler=scene.told, throttle=1)
        for second in (1.0, 1.5, 1.999, 2.0, 2.5, 3.5):
            await scene.until(second)
            await scene.emit(second)
        assert [data for _, data in scene.calls] == [1.0, 2.0, 3.5]
        assert subscription.listener.stats.suppressed == {"throttle": 3}
        assert adds_up(subscription)
        assert scene.timers == 0

    in_scene(tmp_path, main)


def test_the_window_of_throttle_begins_with_the_match_and_not_with_the_end_of_the_run(tmp_path: Path) -> None:
    async def main(scene: Scene) -> None:
        begun: list[float] = []

        async def handler() -> None:
            begun.append(scene.elapsed)
            await asyncio.sleep(0.9)

        await scene.bus.on(topic="lamp", handler=handler, throttle=1)
        await scene.emit(1)
        await scene.until(1.0)
        await scene.emit(2)
        assert begun == [0.0, 1.0]

    in_scene(tmp_path, main)

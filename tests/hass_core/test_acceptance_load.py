"""Many events, listeners that are slow, settings that exclude, and apps that are exchanged: rows 9 and 14."""

import asyncio
from pathlib import Path
from typing import ClassVar

from duly.bus.listener import ListenerStats
from tests.faults.app_folder import soon
from tests.hass_core.home_assistant import HomeAssistant
from tests.hass_core.running_duly import Hearing, RunningDuly

MANY = 500
RELOADS = 20


class Counting(Hearing):
    """Hears every step of the counter; two more listeners are slow with the first."""

    async def on_initialize(self) -> None:
        self.slept: dict[str, list[str]] = {"queued": [], "single": []}
        await self.bus.on_state_change("counter.hits", handler=self.hear, name="each")
        await self.bus.on_state_change(
            "counter.hits", handler=self.sleep, kwargs={"heard": self.slept["queued"]}, name="queued"
        )
        await self.bus.on_state_change(
            "counter.hits", handler=self.sleep, kwargs={"heard": self.slept["single"]}, name="single", mode="single"
        )

    async def sleep(self, heard: list[str]) -> None:
        heard.append(self.states["counter.hits"].state)
        if len(heard) == 1:
            await asyncio.sleep(5)

    async def count(self) -> None:
        for _ in range(MANY):
            await self.api.call_service("counter", "increment", {"entity_id": "counter.hits"}, wait=False)

    @property
    def stats(self) -> list[ListenerStats]:
        return [listener.stats for listener in self.bus.get_listeners()]


def adds_up(stats: ListenerStats) -> bool:
    ended = stats.started + stats.pending + stats.dropped + stats.discarded
    return stats.matched == ended + sum(stats.suppressed.values())


def test_of_many_events_none_is_lost_and_who_sleeps_holds_up_nobody_else(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 9."""
    home_assistant.remote.call("counter", "reset", entity_id="counter.hits")
    with RunningDuly(tmp_path, Counting, home=home_assistant) as duly:
        duly.until_connected()
        counting = duly.app(Counting)
        duly.run(counting.count())
        soon(lambda: len(counting.heard) == MANY)
        each, queued, single = duly.ask(lambda: counting.stats)
        assert (each.started, queued.started + queued.pending) == (MANY, MANY)
        assert counting.values == [str(number) for number in range(1, MANY + 1)]
        assert duly.ask(lambda: counting.states.counter["hits"].value) == MANY
        assert home_assistant.remote.state("counter.hits") == str(MANY)
        soon(lambda: len(duly.rows("queued")) == MANY)
        each, queued, single = duly.ask(lambda: counting.stats)
        assert [each.matched, each.started, queued.started, single.matched] == [MANY] * 4
        assert single.suppressed["single"] + single.started == MANY
        assert single.suppressed["single"] > 0
        assert all(adds_up(stats) for stats in (each, queued, single))
        soon(lambda: len(duly.rows("each")) == MANY)
        soon(lambda: len(duly.rows("single")) == single.started)
        assert set(duly.rows("each")) == {"success"}
        assert duly.ask(duly.bus.snapshot).dropped_matches == 0


class Excluded(Hearing):
    async def on_initialize(self) -> None:
        await self.bus.on_state_change("input_number.level", handler=self.hear)
        await self.bus.on(topic="hass.event.*", handler=self.hear)
        await self.bus.on_state_change("input_text.note", handler=self.hear)


def test_an_excluded_domain_is_heard_by_nobody_and_its_states_are_right(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 14, exclusion."""
    remote = home_assistant.remote
    remote.call("input_number", "set_value", entity_id="input_number.level", value=7)
    with RunningDuly(tmp_path, Excluded, home=home_assistant, bus_excluded_domains=["input_number"]) as duly:
        duly.until_connected()
        excluded = duly.app(Excluded)
        remote.call("input_number", "set_value", entity_id="input_number.level", value=42)
        remote.call("input_text", "set_value", entity_id="input_text.note", value=str(tmp_path.name))
        soon(lambda: "input_text.note" in [each.event.payload.entity_id for each in excluded.heard])
        changes = [each.event for each in excluded.heard if each.event.topic.endswith("state_changed")]
        assert "input_number.level" not in {event.payload.entity_id for event in changes}
        assert excluded.states.input_number["level"].value == 42
        assert duly.ask(duly.bus.snapshot).excluded >= 1


class Reloaded(Hearing):
    """Has a listener of every kind that leaves something behind if it is not cleared away."""

    calls: ClassVar[list[str]] = []

    async def on_initialize(self) -> None:
        self.calls.clear()
        self.ids = [
            (await self.bus.on_state_change("input_select.mode", handler=self.note)).db_id,
            (await self.bus.on_state_change("input_select.*", handler=self.hear, name="glob", debounce=3600)).db_id,
            (
                await self.bus.on_state_change(
                    "input_select.mode", handler=self.hear, name="held", duration=3600, immediate=True
                )
            ).db_id,
        ]

    async def note(self) -> None:
        self.calls.append(self.instance_name)


def test_an_app_that_was_reloaded_often_hears_each_event_once_and_leaves_nothing_behind(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    """Row 14, reloading."""
    remote = home_assistant.remote
    remote.call("input_select", "select_option", entity_id="input_select.mode", option="home")

    def left() -> tuple[int, int]:
        return duly.bus.snapshot().listeners, len(duly.bus.timers)

    with RunningDuly(tmp_path, Reloaded, home=home_assistant) as duly:
        duly.until_connected()
        ids = duly.app(Reloaded).ids
        modes = ("night", "away")
        remote.call("input_select", "select_option", entity_id="input_select.mode", option="away")
        soon(lambda: Reloaded.calls)
        before = duly.ask(left)
        for number in range(RELOADS):
            duly.reload(Reloaded)
            assert duly.app(Reloaded).ids == ids
            remote.call("input_select", "select_option", entity_id="input_select.mode", option=modes[number % 2])
            soon(lambda: Reloaded.calls)
            assert len(Reloaded.calls) == 1
        assert duly.ask(left) == before
        soon(lambda: len(duly.rows("note")) == RELOADS + 1)
        assert duly.link.generation == 1

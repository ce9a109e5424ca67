"""What becomes of states that the link brings."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from duly.bus.states_reader import StatesReader
from duly.hass.errors import StatesNotReadyError
from duly.hass.freshness import Freshness, StatesSnapshot
from duly.hass.link import StatesSink
from duly.hass.no_link import DisabledLink
from duly.testing import START
from tests.hass.hand_link import Home, at_home, change, state

BEFORE, AFTER = "2025-06-01T09:59:59.999999+00:00", "2025-06-01T10:00:00.000001+00:00"


# --- sync and events -------------------------------------------------------------------------------------------------


def test_a_sync_replaces_everything_without_comparing_times() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a", "on", AFTER), state("light.gone"))
        home.lose()
        home.connect(state("light.a", "off", BEFORE), state("sun.sun"))
        assert home.held() == {"light.a": "off", "sun.sun": "on"}

    at_home(main)


@pytest.mark.parametrize(
    ("updated", "taken"),
    [
        (BEFORE, False),
        (AFTER, True),
        ("2025-06-01T10:00:00+00:00", True),
        ("2025-06-01T12:00:00+02:00", True),
        ("2025-06-01T11:59:59+02:00", False),
        ("2025-06-01T09:00:00.000001-01:00", True),
        ("no time", True),
        (None, True),
    ],
)
def test_an_event_counts_unless_it_was_updated_before_what_is_known(updated: Any, taken: bool) -> None:  # noqa: ANN401 - also what is no text
    async def main(home: Home) -> None:
        home.connect(state("light.a", "on"))
        home.tell("light.a", {**state("light.a", "off"), "last_updated": updated})
        assert home.held() == {"light.a": "off" if taken else "on"}

    at_home(main)


def test_an_event_brings_new_entities_and_takes_removed_ones_away() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        home.tell("light.b", state("light.b"))
        home.tell("light.a", None)
        home.tell("light.never_there", None)
        assert home.held() == {"light.b": "on"}
        home.tell("light.b", None)
        assert home.proxy.known.domains() == []

    at_home(main)


def test_an_entity_that_comes_again_has_no_time_to_be_compared_with() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a", "on", AFTER))
        home.tell("light.a", None)
        home.tell("light.a", state("light.a", "off", BEFORE))
        assert home.held() == {"light.a": "off"}

    at_home(main)


def test_an_event_before_the_first_sync_is_nothing() -> None:
    async def main(home: Home) -> None:
        home.tell("light.a", state("light.a"))
        assert home.proxy.raw("light.a") is None
        assert home.proxy.freshness is Freshness.NEVER

    at_home(main)


def test_a_new_state_that_does_not_say_of_which_entity_is_of_that_of_its_event() -> None:
    async def main(home: Home) -> None:
        home.connect()
        home.tell("light.a", {"state": "off"})
        assert home.states["light.a"].entity_id == "light.a"

    at_home(main)


def test_states_that_are_none_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    async def main(home: Home) -> None:
        bad: list[Any] = [{"state": "on"}, {"entity_id": "light.b"}, "light.c", {"entity_id": 3, "state": "on"}]
        bad += [{**state("light.d"), "attributes": [1]}]
        home.connect(state("light.a"), *bad)
        assert home.held() == {"light.a": "on"}

    at_home(main)
    (record,) = caplog.records
    assert record.getMessage() == "what is no state of an entity is left out: number=5"


# --- how they stand --------------------------------------------------------------------------------------------------


def test_states_are_never_fresh_stale_and_fresh_again() -> None:
    async def main(home: Home) -> None:
        seen = [home.proxy.freshness]
        home.proxy.replace_all([])
        seen.append(home.proxy.freshness)
        home.proxy.mark_fresh()
        seen.append(home.proxy.freshness)
        home.lose()
        seen.append(home.proxy.freshness)
        home.connect()
        seen.append(home.proxy.freshness)
        assert seen == ["never", "stale", "fresh", "stale", "fresh"]

    at_home(main)


def test_stale_states_are_the_last_known_ones() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        home.lose()
        assert (home.held(), home.proxy.fresh) == ({"light.a": "on"}, False)

    at_home(main)


def test_the_time_of_the_sync_is_that_of_the_clock() -> None:
    async def main(home: Home) -> None:
        seen = [home.proxy.synced_at]
        await asyncio.sleep(5)
        home.connect()
        seen.append(home.proxy.synced_at)
        await asyncio.sleep(5)
        home.lose()
        seen.append(home.proxy.synced_at)
        assert seen == [None, START.add(seconds=5), START.add(seconds=5)]

    at_home(main)


def test_a_snapshot_counts() -> None:
    async def main(home: Home) -> None:
        assert home.proxy.snapshot() == StatesSnapshot(Freshness.NEVER, None, 0, 0, 0, 0)
        home.connect(state("light.a"), state("sun.sun"))
        assert home.proxy.snapshot() == StatesSnapshot(Freshness.FRESH, START, 2, 0, 0, 0)

    at_home(main)


def test_it_keeps_states_for_the_link_and_reads_them_for_the_bus() -> None:
    async def main(home: Home) -> None:
        sink: StatesSink = home.proxy
        reader: StatesReader = home.proxy
        assert (reader.fresh, reader.raw("light.a")) == (False, None)
        home.connect(state("light.a"))
        sink.apply(change("light.a", state("light.a", "off")))
        found = reader.raw("light.a")
        assert found is not None
        assert (reader.fresh, found["state"], reader.raw("light.b")) == (True, "off", None)

    at_home(main)


def test_nobody_waits_for_states_in_order_to_start() -> None:
    async def main(home: Home) -> None:
        assert home.proxy.required is False
        assert home.proxy.is_ready()

    at_home(main)


# --- waiting and being called ----------------------------------------------------------------------------------------


def test_who_wants_to_know_is_called_after_each_sync_with_states_fresh() -> None:
    async def main(home: Home) -> None:
        calls: list[Mapping[str, object]] = []
        forget = home.proxy.on_sync(lambda: calls.append({"fresh": home.proxy.fresh, **home.held()}))
        home.connect(state("light.a", "on"))
        home.lose()
        home.connect(state("light.a", "off"))
        forget()
        forget()
        home.lose()
        home.connect()
        assert calls == [{"fresh": True, "light.a": "on"}, {"fresh": True, "light.a": "off"}]

    at_home(main)


def test_the_same_function_may_be_called_for_two() -> None:
    async def main(home: Home) -> None:
        calls: list[int] = []
        call = calls.append
        forget = home.proxy.on_sync(lambda: call(1))
        home.proxy.on_sync(lambda: call(2))
        forget()
        home.connect()
        assert calls == [2]

    at_home(main)


def test_who_is_called_may_forget_itself() -> None:
    async def main(home: Home) -> None:
        calls: list[str] = []

        def once() -> None:
            calls.append("once")
            forget()

        forget = home.proxy.on_sync(once)
        home.proxy.on_sync(lambda: calls.append("always"))
        home.connect()
        home.connect()
        assert calls == ["once", "always", "always"]

    at_home(main)


def test_waiting_for_states_ends_with_the_first_sync() -> None:
    async def main(home: Home) -> None:
        waiting = asyncio.create_task(home.proxy.wait_synced())
        await asyncio.sleep(1_000)
        assert not waiting.done()
        home.connect()
        await waiting

    at_home(main)


def test_nobody_waits_for_states_that_are_there_be_they_stale() -> None:
    async def main(home: Home) -> None:
        home.connect()
        home.lose()
        await home.proxy.wait_synced(timeout=0.001)

    at_home(main)


def test_waiting_for_states_may_have_a_limit() -> None:
    async def main(home: Home) -> None:
        with pytest.raises(TimeoutError, match=r"states were not loaded within 2\.5 s: the link is connecting, says"):
            await home.proxy.wait_synced(timeout=2.5)
        assert asyncio.get_running_loop().time() == pytest.approx(2.5, abs=0.01)

    at_home(main)


def test_without_token_nobody_waits() -> None:
    async def main(home: Home) -> None:
        with pytest.raises(StatesNotReadyError, match="no token is set"):
            await home.proxy.wait_synced()
        assert (home.proxy.freshness, home.proxy.fresh, home.proxy.raw("light.a")) == (Freshness.NEVER, False, None)

    at_home(main, link=DisabledLink())


def test_its_log_has_a_level_of_its_own() -> None:
    async def main(home: Home) -> None:
        assert home.proxy.logger.logger.level == logging.ERROR

    at_home(main, logging={"state_proxy": "ERROR"})

"""Polling: states that no event has told."""

import asyncio

import pytest

from duly.hass.errors import HassTimeoutError
from duly.hass.freshness import Freshness
from tests.hass.hand_link import Home, all_of, at_home, state
from tests.lifecycle.house import turns

LATER = "2025-06-01T10:00:01+00:00"


def test_states_are_polled_at_the_interval_while_connected() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        await asyncio.sleep(29.9)
        assert home.link.asked == []
        await asyncio.sleep(0.2)
        assert home.link.asked == [{"type": "get_states"}]
        await home.link.answer(all_of(["light.a"]))
        await asyncio.sleep(30)
        assert len(home.link.asked) == 2

    at_home(main)


def test_states_that_are_loaded_again_are_not_polled_twice() -> None:
    async def main(home: Home) -> None:
        home.connect()
        home.connect()
        await home.until_polled()

    at_home(main)


def test_the_next_poll_waits_for_the_answer_to_the_last() -> None:
    async def main(home: Home) -> None:
        home.connect()
        await home.until_polled()
        await asyncio.sleep(1_000)
        assert len(home.link.asked) == 1
        await home.link.answer([])
        await home.until_polled()

    at_home(main)


def test_nothing_is_polled_while_the_link_is_down() -> None:
    async def main(home: Home) -> None:
        await asyncio.sleep(1_000)
        home.connect()
        home.lose()
        await asyncio.sleep(1_000)
        assert home.link.asked == []
        home.connect()
        await home.until_polled()

    at_home(main)


def test_a_link_that_comes_up_once_it_has_stopped_is_not_polled() -> None:
    async def main(home: Home) -> None:
        await home.proxy.shutdown()
        home.connect(state("light.a"))
        await asyncio.sleep(1_000)
        assert (home.link.asked, home.held()) == ([], {"light.a": "on"})

    at_home(main)


def test_a_poll_under_way_ends_when_it_stops() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        await home.until_polled()
        await home.proxy.shutdown()
        assert home.proxy.task_bucket.pending_tasks() == []

    at_home(main)


def test_polling_is_switched_off_and_on_while_it_goes_on() -> None:
    async def main(home: Home) -> None:
        home.connect()
        await asyncio.sleep(100)
        assert home.link.asked == []
        home.house.config = home.house.config.model_copy(update={"disable_state_proxy_polling": False})
        await home.until_polled()

    at_home(main, disable_state_proxy_polling=True)


def test_a_new_interval_counts_from_the_next_poll_on() -> None:
    async def main(home: Home) -> None:
        home.connect()
        home.house.config = home.house.config.model_copy(update={"state_proxy_poll_interval_seconds": 5})
        await asyncio.sleep(30.1)
        await home.link.answer([])
        await asyncio.sleep(5.1)
        assert len(home.link.asked) == 2

    at_home(main)


def test_differences_are_taken_and_counted_as_drift(caplog: pytest.LogCaptureFixture) -> None:
    async def main(home: Home) -> None:
        home.connect(*all_of(["light.same", "light.other", "light.gone"]))
        await home.until_polled()
        await home.link.answer([state("light.same"), state("light.other", "off", LATER), state("light.new")])
        assert home.held() == {"light.same": "on", "light.other": "off", "light.new": "on"}
        snapshot = home.proxy.snapshot()
        assert (snapshot.drift, snapshot.polls, snapshot.failed_polls) == (3, 1, 0)

    caplog.set_level("INFO")
    at_home(main)
    assert [record.getMessage() for record in caplog.records if "poll" in record.getMessage()] == [
        "a poll found states that no event had told: entities=3"
    ]


def test_a_poll_is_no_sync() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        synced_at, calls = home.proxy.synced_at, list[int]()
        home.proxy.on_sync(lambda: calls.append(1))
        await home.until_polled()
        await home.link.answer(all_of(["light.a"], "off"))
        assert (home.proxy.synced_at, calls, home.held()) == (synced_at, [], {"light.a": "off"})

    at_home(main)


def test_an_entity_that_told_the_same_again_has_not_drifted() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        await home.until_polled()
        await home.link.answer([{**state("light.a"), "last_reported": LATER}])
        assert home.proxy.snapshot().drift == 0
        found = home.proxy.raw("light.a")
        assert found is not None
        assert found["last_reported"] == LATER

    at_home(main)


@pytest.mark.parametrize("times", [("2025-06-01T09:00:00+00:00", LATER), (LATER, "2025-06-01T09:00:00+00:00")])
def test_what_an_event_has_changed_since_the_request_stays(times: tuple[str, str]) -> None:
    polled, told = times

    async def main(home: Home) -> None:
        home.connect(state("light.a", "on", "2025-06-01T08:00:00+00:00"), state("light.b"))
        await home.until_polled()
        home.tell("light.a", state("light.a", "told", told))
        await home.link.answer([state("light.a", "polled", polled), state("light.b", "polled", LATER)])
        assert home.held() == {"light.a": "told", "light.b": "polled"}
        assert home.proxy.snapshot().drift == 1

    at_home(main)


def test_what_an_event_has_removed_since_the_request_does_not_come_back() -> None:
    async def main(home: Home) -> None:
        home.connect(*all_of(["light.a", "light.b"]))
        await home.until_polled()
        home.tell("light.a", None)
        await home.link.answer(all_of(["light.a", "light.b"]))
        assert (home.held(), home.proxy.snapshot().drift) == ({"light.b": "on"}, 0)

    at_home(main)


def test_what_an_event_has_brought_since_the_request_is_not_taken_away() -> None:
    async def main(home: Home) -> None:
        home.connect()
        await home.until_polled()
        home.tell("light.new", state("light.new"))
        await home.link.answer([])
        assert (home.held(), home.proxy.snapshot().drift) == ({"light.new": "on"}, 0)

    at_home(main)


def test_an_event_before_the_request_does_not_hold_against_the_poll() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        home.tell("light.a", state("light.a", "told"))
        await home.until_polled()
        await home.link.answer(all_of(["light.a"], "polled"))
        assert home.held() == {"light.a": "polled"}

    at_home(main)


def test_an_event_too_old_to_count_does_not_hold_against_the_poll() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a", "on", LATER))
        await home.until_polled()
        home.tell("light.a", state("light.a", "old"))
        await home.link.answer([state("light.a", "polled", LATER)])
        assert home.held() == {"light.a": "polled"}

    at_home(main)


def test_the_answer_to_a_poll_of_a_lost_connection_is_nothing() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        await home.until_polled()
        home.link._waiting[0].set_result(all_of(["light.a"], "polled"))
        home.lose()
        home.connect(state("light.a", "synced"))
        await turns()
        assert (home.held(), home.proxy.snapshot().polls) == ({"light.a": "synced"}, 0)

    at_home(main)


def test_events_after_a_lost_poll_are_forgotten_by_the_next() -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        await home.until_polled()
        home.tell("light.a", state("light.a", "told"))
        home.lose()
        home.connect(state("light.a"))
        await home.until_polled()
        await home.link.answer(all_of(["light.a"], "polled"))
        assert home.held() == {"light.a": "polled"}

    at_home(main)


def test_a_poll_that_fails_leaves_the_values_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        await home.until_polled()
        await home.link.refuse(HassTimeoutError("get_states", 15))
        assert (home.held(), home.proxy.freshness) == ({"light.a": "on"}, Freshness.FRESH)
        await home.until_polled()
        await home.link.answer({"light.a": "on"})
        await home.until_polled()
        await home.link.answer(all_of(["light.a"]))
        snapshot = home.proxy.snapshot()
        assert (home.held(), snapshot.polls, snapshot.failed_polls) == ({"light.a": "on"}, 1, 2)

    at_home(main)
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in said] == ["WARNING", "WARNING"]
    assert said[0][1] == (
        "states could not be polled, those known stay: Home Assistant did not answer get_states within 15 s: "
        "whether it was done is not known"
    )
    assert "get_states was answered with {'light.a': 'on'}, which is no list" in said[1][1]


def test_the_loss_of_the_link_during_a_poll_is_told_by_the_link_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def main(home: Home) -> None:
        home.connect(state("light.a"))
        await home.until_polled()
        home.lose()
        await turns()
        assert home.proxy.snapshot().failed_polls == 0

    at_home(main)
    assert caplog.records == []


def test_who_follows_an_entity_is_called_when_an_event_or_a_poll_has_changed_it() -> None:
    async def main(home: Home) -> None:
        seen: list[str | None] = []

        def look() -> None:
            raw = home.proxy.raw("light.a")
            seen.append(None if raw is None else raw["state"])

        stop = home.proxy.on_change("light.a", look)
        home.connect(*all_of(["light.a", "light.b"]))
        home.tell("light.a", state("light.a", "told"))
        home.tell("light.a", state("light.a", "too old", "2025-06-01T09:00:00+00:00"))
        home.tell("light.b", state("light.b", "other"))
        await home.until_polled()
        await home.link.answer(all_of(["light.a", "light.b"], "polled"))
        home.tell("light.a", None)
        stop()
        stop()
        home.tell("light.a", state("light.a"))
        assert seen == ["told", "polled", None]

    at_home(main)


def test_who_follows_an_entity_finds_all_that_a_poll_has_brought() -> None:
    async def main(home: Home) -> None:
        seen: list[dict[str, str]] = []
        home.proxy.on_change("light.a", lambda: seen.append(home.held()))
        home.connect(*all_of(["light.a", "light.b", "light.gone"]))
        await home.until_polled()
        await home.link.answer(all_of(["light.a", "light.b"], "polled"))
        assert seen == [{"light.a": "polled", "light.b": "polled"}]

    at_home(main)

"""Attempts, losses, rounds, and what is told of them: on virtual time, with real supervision."""

import asyncio
import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from duly.config import DulyConfig
from duly.core import clock as clocks
from duly.core.clock import SECOND
from duly.hass.connection_state import TRANSITIONS, ConnectionState
from duly.hass.errors import HassUnavailableError
from duly.hass.link_standing import LinkStanding
from duly.lifecycle import InvalidLifecycleTransitionError, RestartType
from duly.testing import run_virtual
from tests.hass.link_room import BEGIN, LinkRoom, in_link_room, now, supervise
from tests.hass.peer import Peer
from tests.lifecycle.house import House

_S = ConnectionState


def refusing() -> Peer:
    peer = Peer()
    peer.refuse()
    return peer


def rounded(times: list[float]) -> list[float]:
    return [round(time, 3) for time in times]


# --- attempts --------------------------------------------------------------------------------------------------------


def test_the_service_is_restarted_five_times_in_five_minutes_and_then_every_minute() -> None:
    from duly.hass.websocket import WebsocketService  # noqa: PLC0415 - only what is on the class

    spec = WebsocketService.restart_spec
    assert spec.restart_type is RestartType.TRANSIENT
    assert (spec.budget_intensity, spec.budget_period_seconds) == (5, 300)
    assert (spec.startup_timeout_seconds, spec.cooldown_seconds, spec.max_cooldown_cycles) == (60, 60, 0)


def test_attempts_follow_each_other_at_growing_distance_until_the_round_has_failed(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(1000)
        assert rounded(room.peer.attempts) == [0, 1, 3, 7, 15]
        ((service, error),) = room.house.failures
        assert service is room.link
        assert isinstance(error, HassUnavailableError)
        assert "5 attempts in a row have failed" in str(error)
        assert "last error: connection refused" in str(error)
        assert room.link.status == "failed"
        assert room.link.snapshot().failed_attempts == 5
        assert room.link.snapshot().next_attempt is None

    in_link_room(tmp_path, main, refusing())


def test_attempts_are_spread_by_chance(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(1000)
        assert rounded(room.peer.attempts) == [0, 1.5, 4, 8.5, 17]

    in_link_room(tmp_path, main, refusing(), random=lambda: 0.5)


def test_an_attempt_that_gets_no_answer_ends_after_its_time(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(20)
        assert rounded(room.peer.attempts) == [0, 6, 13]

    peer = Peer()
    peer.swallow()
    in_link_room(tmp_path, main, peer)


def test_while_it_waits_the_next_attempt_is_told(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(4)
        seen = room.link.snapshot()
        assert seen.state is _S.WAITING
        assert seen.next_attempt == seen.since + 4_000_000_000
        assert (seen.last_error, seen.generation, seen.connects) == ("connection refused", 0, 0)

    in_link_room(tmp_path, main, refusing())


# --- losses ----------------------------------------------------------------------------------------------------------


def test_after_the_loss_of_a_stable_connection_the_first_attempt_is_at_once(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        await asyncio.sleep(30)
        lost = now()
        room.peer.drop()
        room.peer.refuse()
        await asyncio.sleep(60)
        assert rounded([each - lost for each in room.peer.attempts[1:]]) == [0, 1, 3, 7, 15]

    in_link_room(tmp_path, main)


async def drop_early(room: LinkRoom, up: float = 1) -> float:
    """Let the link be up for so long; when it was lost."""
    await room.linked()
    await asyncio.sleep(up)
    room.peer.drop(reason="gone")
    return now()


def test_early_drops_are_followed_by_growing_waits_and_the_sixth_ends_the_round(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        losses = [await drop_early(room, 29.9) for _ in range(6)]
        await asyncio.sleep(1000)
        attempts = room.peer.attempts[1:]
        assert rounded([attempt - loss for attempt, loss in zip(attempts, losses, strict=False)]) == [2, 4, 8, 16, 32]
        ((_, error),) = room.house.failures
        assert "6 connections in a row were lost early" in str(error)

    in_link_room(tmp_path, main)


def test_a_stable_connection_makes_up_for_early_drops(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        losses = [await drop_early(room, up) for up in (1, 1, 30.1, 1)]
        await asyncio.sleep(20)
        assert rounded([attempt - loss for attempt, loss in zip(room.peer.attempts[1:], losses, strict=True)]) == [
            *(2, 4, 0, 2)
        ]

    in_link_room(tmp_path, main)


def test_the_round_has_failed_when_the_time_for_recovery_is_over(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        await asyncio.sleep(40)
        room.peer.drop()
        room.peer.refuse()
        await asyncio.sleep(19.999)
        assert room.house.failures == []
        await asyncio.sleep(0.002)
        ((_, error),) = room.house.failures
        assert "no stable connection within 20 s" in str(error)

    limits = {"max_recovery_seconds": 20, "connect_retry_max_attempts": 100}
    in_link_room(tmp_path, main, websocket=limits)


@pytest.mark.parametrize("stage", ["connecting", "authenticating", "syncing"])
def test_the_end_of_the_time_for_recovery_cuts_an_attempt(tmp_path: Path, stage: str) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        await asyncio.sleep(40)
        if stage == "connecting":
            room.peer.swallow()
        elif stage == "authenticating":
            room.peer.greets = False
        else:
            room.peer.silent = {"get_states"}
        room.peer.drop()
        await asyncio.sleep(2.9)
        assert room.stands() == stage
        await asyncio.sleep(0.2)
        assert room.stands() == _S.WAITING
        ((_, error),) = room.house.failures
        assert "no stable connection within 3 s" in str(error)

    in_link_room(tmp_path, main, websocket={"max_recovery_seconds": 3})


def test_the_end_of_the_time_for_recovery_cuts_no_link(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.drop()
        await asyncio.sleep(3)
        assert room.link.connected
        await asyncio.sleep(10_000)
        assert room.link.connected
        assert len(room.peer.attempts) == 2
        assert room.house.failures == []

    in_link_room(tmp_path, main, websocket={"max_recovery_seconds": 5})


def test_a_dead_peer_is_noticed_within_one_and_a_half_heartbeats_and_is_a_loss(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("*_disconnected")
        await room.linked()
        await asyncio.sleep(100)
        room.peer.stall()
        room.peer.swallow()
        await asyncio.sleep(45.001)
        assert room.stands() is _S.CONNECTING
        assert room.topics() == ["websocket_disconnected"]
        assert room.seen[0].payload.data.close_code is None
        room.peer.accept()
        room.peer.passable.set()
        await asyncio.sleep(10)
        assert room.link.connected

    in_link_room(tmp_path, main)


def test_a_loss_is_announced_once_and_a_failed_attempt_is_none(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("duly.event.websocket_*")
        await room.linked()
        await asyncio.sleep(40)
        room.peer.drop()
        room.peer.silent = {"get_states"}
        await asyncio.sleep(20)
        room.peer.drop()
        room.peer.refuse()
        await asyncio.sleep(5)
        room.peer.accept()
        room.peer.silent = set()
        await asyncio.sleep(20)
        assert room.topics() == ["websocket_connected", "websocket_disconnected", "websocket_connected"]
        assert (room.link.snapshot().connects, room.link.snapshot().losses) == (2, 1)

    in_link_room(tmp_path, main)


def test_states_are_stale_from_the_loss_until_the_next_sync(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        found: list[bool] = []
        room.watch("duly.event.websocket_*", lambda _: found.append(room.states.fresh))
        await room.linked()
        room.peer.state_changed("light.lamp", "on")
        await room.settled()
        room.peer.drop()
        await room.settled()
        assert room.states.raw("light.lamp") is not None
        await asyncio.sleep(10)
        assert found == [True, False, True]

    in_link_room(tmp_path, main)


@pytest.mark.parametrize(
    ("waits", "code", "named"),
    [
        ([0, 3], None, True),
        ([0, 3], 1000, True),
        ([0, 0.5], None, False),
        ([3, 0], None, False),
        ([3, 0, 2], None, True),
    ],
)
@pytest.mark.parametrize("offset", [0, 3600, -3600])
def test_a_loss_while_events_come_late_says_what_home_assistant_does_to_who_falls_behind(
    tmp_path: Path, waits: list[float], code: int | None, named: bool, offset: int
) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("*_disconnected")
        await room.linked()
        for wait in waits:
            event = room.peer.event_message("tick", time_fired=text_of(now() + offset))
            await asyncio.sleep(wait)
            room.peer.say(event)
            await room.settled()
        room.peer.drop(code)
        await room.settled()
        reason = room.seen[0].payload.data.reason
        assert ("Home Assistant drops who falls behind" in reason) == named

    def text_of(moment: float) -> str:
        return BEGIN.add(seconds=moment).to_fixed_offset().format_iso()

    in_link_room(tmp_path, main)


def test_others_have_their_turn_while_frames_come_thick_and_fast(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        begun = room.link.snapshot().events
        for _ in range(100):
            room.peer.event("flood")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert 0 < room.link.snapshot().events - begun < 10

    in_link_room(tmp_path, main)


# --- rounds ----------------------------------------------------------------------------------------------------------


def test_supervision_begins_one_round_after_the_other_for_ever_and_never_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(room: LinkRoom) -> None:
        fatal = supervise(room, monkeypatch)
        await asyncio.sleep(6 * 3600)
        assert fatal == []
        gaps = [later - earlier for earlier, later in pairwise(room.peer.attempts)]
        assert max(gaps) <= 65
        assert min(gaps) >= 1
        room.peer.accept()
        reachable = now()
        await room.linked()
        assert now() - reachable <= 65

    in_link_room(tmp_path, main, refusing())


@pytest.mark.parametrize("away", [3, 16, 100, 200, 333, 1000, 12_345])
def test_once_home_assistant_is_reachable_again_the_link_is_up_within_65_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: float
) -> None:
    async def main(room: LinkRoom) -> None:
        fatal = supervise(room, monkeypatch)
        await room.linked()
        await asyncio.sleep(100)
        room.peer.drop()
        room.peer.refuse()
        await asyncio.sleep(away)
        room.peer.accept()
        await room.link.wait_connected(65)
        assert fatal == []
        assert room.link.snapshot().generation == 2

    in_link_room(tmp_path, main, random=lambda: 0.999)


def test_while_supervision_has_it_rest_the_link_waits_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(room: LinkRoom) -> None:
        supervise(room, monkeypatch)
        await asyncio.sleep(200)
        assert room.link.status == "exhausted_cooling"
        assert room.stands() is _S.WAITING
        error = room.link.unavailable()
        assert "last error: connection refused, next attempt at 2025-01-01T00:0" in str(error)
        await asyncio.sleep(10)
        at = room.link.snapshot().next_attempt
        assert at is not None
        attempts = len(room.peer.attempts)
        await asyncio.sleep((at - clocks.current().now()) / SECOND - 0.001)
        assert len(room.peer.attempts) == attempts
        await asyncio.sleep(0.002)
        assert len(room.peer.attempts) == attempts + 1
        assert str(error.since) == "2025-01-01T00:00:00+00:00[UTC]"

    in_link_room(tmp_path, main, refusing())


@pytest.mark.parametrize(("away", "status"), [(16, "failed"), (200, "exhausted_cooling")])
def test_settings_that_change_while_supervision_waits_are_tried_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: float, status: str
) -> None:
    async def main(room: LinkRoom) -> None:
        fatal = supervise(room, monkeypatch)
        await asyncio.sleep(away)
        assert room.link.status == status
        room.house.config.base_url = "http://elsewhere"
        room.peer.accept()
        await room.link.relink()
        await room.settled()
        assert room.link.connected
        assert room.link.snapshot().next_attempt is None
        await asyncio.sleep(1_000)
        assert (room.link.status, room.link.snapshot().connects, fatal) == ("running", 1, [])

    in_link_room(tmp_path, main, refusing())


# --- what is told ----------------------------------------------------------------------------------------------------


def told(caplog: pytest.LogCaptureFixture, level: int, word: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == level and word in each.getMessage()]


def test_the_first_failure_is_a_warning_further_ones_are_not_and_the_recovery_tells_how_long_it_took(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(5)
        room.peer.accept()
        await room.linked()

    with caplog.at_level(logging.DEBUG, "duly.WebsocketService"):
        in_link_room(tmp_path, main, refusing(), logging={"websocket": "DEBUG"})
    assert told(caplog, logging.WARNING, "connection refused") == [
        "no link to Home Assistant: connection refused; the next attempt is in 1 s"
    ]
    assert len(told(caplog, logging.DEBUG, "connection refused")) == 2
    assert told(caplog, logging.INFO, "linked") == ["linked to Home Assistant 2025.4.4, after 7 s without"]


def test_another_cause_is_another_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(room: LinkRoom) -> None:
        for reason in ("refused", "no route", "refused", "no route"):
            room.peer.refuse(reason)
            await asyncio.sleep(3.5)

    in_link_room(tmp_path, main, refusing())
    assert len(told(caplog, logging.WARNING, "no route")) == 1


def test_a_link_that_keeps_dropping_is_told_once_and_after_a_stable_time_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        for up in (1, 1, 1, 30.1, 1):
            await drop_early(room, up)

    in_link_room(tmp_path, main)
    assert len(told(caplog, logging.WARNING, "gone")) == 2


def test_nothing_is_told_of_a_link_that_comes_up_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()

    in_link_room(tmp_path, main)
    assert [each.getMessage() for each in caplog.records if "Websocket" in each.name] == [
        "linked to Home Assistant 2025.4.4"
    ]


# --- states of the link ----------------------------------------------------------------------------------------------

ALLOWED = {
    _S.DISABLED: {_S.CONNECTING},
    _S.DISCONNECTED: {_S.DISABLED, _S.CONNECTING},
    _S.CONNECTING: {_S.AUTHENTICATING, _S.WAITING},
    _S.AUTHENTICATING: {_S.SYNCING, _S.WAITING, _S.REJECTED},
    _S.SYNCING: {_S.CONNECTED, _S.WAITING, _S.REJECTED},
    _S.CONNECTED: {_S.WAITING},
    _S.WAITING: {_S.CONNECTING},
    _S.REJECTED: {_S.CONNECTING},
}


def in_house(act: Callable[[House], None], *, strict: bool) -> None:
    async def main() -> None:
        act(House(DulyConfig.hermetic(strict_lifecycle=strict)))

    run_virtual(main())


@pytest.mark.parametrize("before", list(_S))
@pytest.mark.parametrize("after", list(_S))
def test_a_state_follows_by_the_table(before: ConnectionState, after: ConnectionState) -> None:
    allowed = after in {before, _S.DISCONNECTED, *ALLOWED[before]}
    assert (after in TRANSITIONS[before] or after is before) == allowed

    def act(house: House) -> None:
        standing = LinkStanding(house)
        standing.state = before
        if allowed:
            standing.change(after)
            assert standing.state is after
        else:
            with pytest.raises(InvalidLifecycleTransitionError, match=f"{before} to {after}"):
                standing.change(after)
            assert standing.state is before

    in_house(act, strict=True)


def test_a_change_that_the_table_does_not_know_is_a_warning_unless_strict(caplog: pytest.LogCaptureFixture) -> None:
    def act(house: House) -> None:
        standing = LinkStanding(house)
        standing.change(_S.CONNECTED)
        assert standing.state is _S.CONNECTED

    in_house(act, strict=False)
    assert "disconnected to connected" in caplog.text

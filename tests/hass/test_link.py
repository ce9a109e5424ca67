"""The course of a connection: from the opening of the socket to events in the order in which they came."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import current
from duly.events import DulyLinkEvent, Event, LinkConnectedPayload, LinkDisconnectedPayload
from duly.hass.connection_state import ConnectionState
from duly.hass.link import Link
from duly.hass.transport import Endpoint
from duly.hass.websocket import WebsocketService
from tests.hass.link_room import LinkRoom, in_link_room, now
from tests.hass.peer import VERSION, Message, Peer, PeerSocket, Refusal, raw_state

_S = ConnectionState


def link_events(room: LinkRoom) -> list[Any]:
    return [each.payload.data for each in room.seen if isinstance(each, DulyLinkEvent)]


def changes(room: LinkRoom) -> list[str]:
    """The new states in the events that were seen."""
    return [each.payload.data.new_state["state"] for each in room.seen if each.topic.endswith("state_changed")]


def test_the_service_is_a_link(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        link: Link = room.link
        assert link.state is not _S.DISABLED

    in_link_room(tmp_path, main)


def test_it_is_ready_before_home_assistant_can_be_reached(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.link.wait_ready(0)
        assert room.stands() is not _S.CONNECTED
        assert not room.link.required

    peer = Peer()
    peer.refuse()
    in_link_room(tmp_path, main, peer)


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://127.0.0.1:8123", "ws://127.0.0.1:8123/api/websocket"),
        ("https://home.example/", "wss://home.example/api/websocket"),
        ("http://home.example/behind/a/proxy", "ws://home.example/behind/a/proxy/api/websocket"),
    ],
)
def test_the_endpoint_is_the_base_url_with_another_scheme(tmp_path: Path, base_url: str, url: str) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        assert room.peer.endpoints[0].url == url

    in_link_room(tmp_path, main, base_url=base_url)


def test_time_limits_heartbeat_and_trust_are_those_of_the_settings(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        (endpoint,) = room.peer.endpoints
        assert (endpoint.connect_seconds, endpoint.total_seconds, endpoint.heartbeat_seconds) == (3, 17, 11)
        assert not endpoint.verify_ssl

    limits = {"connection_timeout_seconds": 3, "total_timeout_seconds": 17, "heartbeat_interval_seconds": 11}
    in_link_room(tmp_path, main, verify_ssl=False, websocket=limits)


def test_features_are_announced_with_id_1_and_events_subscribed_before_states_are_loaded(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        assert room.peer.sent[1:] == [
            {"id": 1, "type": "supported_features", "features": {"coalesce_messages": 1}},
            {"id": 2, "type": "subscribe_events"},
            {"id": 3, "type": "get_states"},
        ]

    in_link_room(tmp_path, main)


def test_a_home_assistant_that_knows_no_features_is_linked_all_the_same(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()

    peer = Peer()
    del peer.answers["supported_features"]
    in_link_room(tmp_path, main, peer)


def test_each_state_of_the_link_has_its_time(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    class Looking(Peer):
        link: WebsocketService

        async def open(self, endpoint: Endpoint) -> PeerSocket:
            if hasattr(self, "link"):
                seen.append(("open", self.link.state))
            return await super().open(endpoint)

        def hear(self, message: Message) -> None:
            seen.append((message["type"], self.link.state))
            super().hear(message)

    async def main(room: LinkRoom) -> None:
        peer.link = room.link
        peer.accept()
        await room.linked()
        assert seen == [
            ("open", _S.CONNECTING),
            ("auth", _S.AUTHENTICATING),
            ("supported_features", _S.SYNCING),
            ("subscribe_events", _S.SYNCING),
            ("get_states", _S.SYNCING),
        ]
        assert room.stands() == _S.CONNECTED
        assert room.link.snapshot().since == current().now() - 1000

    peer = Looking()
    peer.refuse()
    in_link_room(tmp_path, main, peer)


def test_the_first_link_is_announced_as_such_and_later_ones_are_not(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch()
        await room.linked()
        room.peer.drop(1001, "going away")
        await asyncio.sleep(60)
        await room.linked()
        assert link_events(room) == [
            LinkConnectedPayload(first=True, generation=1, ha_version=VERSION),
            LinkDisconnectedPayload(reason="going away (code 1001)", close_code=1001),
            LinkConnectedPayload(first=False, generation=2, ha_version=VERSION),
        ]

    in_link_room(tmp_path, main)


def test_states_are_fresh_before_the_link_is_announced(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        found: list[object] = []
        room.watch("*_connected", lambda _: found.append((room.link.connected, room.states.fresh)))
        await room.linked()
        assert found == [(True, True)]
        state = room.states.raw("light.lamp")
        assert state is not None
        assert state["state"] == "on"

    in_link_room(tmp_path, main, Peer(raw_state("light.lamp", "on")))


def test_events_that_come_while_states_are_loaded_are_applied_after_them_and_follow_the_announcement(
    tmp_path: Path,
) -> None:
    found: list[str] = []

    async def main(room: LinkRoom) -> None:
        peer = room.peer

        def states(_: object) -> object:
            loaded = [*map(dict, peer.states.values())]
            for state in ("a", "b", "c"):
                peer.state_changed("light.lamp", state)
            return loaded

        def look(_: Event[Any]) -> None:
            state = room.states.raw("light.lamp")
            assert state is not None
            found.append(state["state"])

        peer.answers["get_states"] = states
        room.watch("*_connected", look)
        room.watch("hass.*")
        await room.linked()
        assert room.topics() == ["websocket_connected"] + ["state_changed"] * 3
        assert changes(room) == ["a", "b", "c"]
        assert found == ["c"]

    in_link_room(tmp_path, main, Peer(raw_state("light.lamp", "before")))


@pytest.mark.parametrize(("number", "fits"), [(30, True), (31, False)])
def test_ten_times_the_buffer_is_kept_and_one_more_fails_the_attempt(tmp_path: Path, number: int, fits: bool) -> None:
    async def main(room: LinkRoom) -> None:
        peer = room.peer

        def flood(_: object) -> object:
            for index in range(number):
                peer.event("flood", {"index": index})
            peer.answers["get_states"] = lambda _: []
            return []

        peer.answers["get_states"] = flood
        room.watch("hass.event.flood")
        await room.linked()
        assert [each.payload.data["index"] for each in room.seen] == (list(range(number)) if fits else [])
        assert len(peer.attempts) == (1 if fits else 2)
        assert room.link.snapshot().failed_attempts == (0 if fits else 1)

    in_link_room(tmp_path, main, duly_event_buffer_size=3)


def test_events_are_dispatched_in_the_order_in_which_they_came_whatever_the_frames(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.*")
        await room.linked()
        peer = room.peer
        peer.state_changed("light.lamp", "1")
        peer.say([peer.change_message("light.lamp", "2"), peer.change_message("light.lamp", "3")])
        peer.say([])
        peer.say([peer.change_message("light.lamp", "4")])
        await room.settled()
        assert changes(room) == ["1", "2", "3", "4"]

    in_link_room(tmp_path, main)


def test_one_frame_may_hold_the_answer_to_the_subscription_and_the_first_events(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        peer = room.peer
        peer.silent = {"subscribe_events"}
        room.watch("hass.*")
        await room.settled()
        (command,) = peer.commands("subscribe_events")
        peer.say([peer.answer(command), peer.change_message("light.lamp", "early")])
        await room.linked()
        assert changes(room) == ["early"]

    in_link_room(tmp_path, main)


def test_a_state_is_applied_before_its_event_is_dispatched(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        found: list[bool] = []

        def compare(event: Event[Any]) -> None:
            found.append(room.states.raw("light.lamp") == event.payload.data.new_state)

        room.watch("hass.*", compare)
        await room.linked()
        for state in ("on", "off", "on"):
            room.peer.state_changed("light.lamp", state)
            await room.settled()
        assert found == [True] * 3

    in_link_room(tmp_path, main)


def test_ten_times_more_events_than_the_channel_holds_all_arrive_in_order(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.*")
        await room.linked()
        for index in range(100):
            room.peer.event("flood", {"index": index})
        await room.link.command({"type": "ping"})
        await room.settled()
        assert [each.payload.data["index"] for each in room.seen] == list(range(100))

    in_link_room(tmp_path, main, duly_event_buffer_size=10)


def test_fields_that_are_not_known_are_ignored(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.*")
        await room.linked()
        message = room.peer.change_message("light.lamp", "on", new_in_2030={"a": 1})
        message["new"], message["event"]["new"], message["event"]["data"]["new"] = 1, 2, 3
        message["event"]["context"]["new"] = 4
        room.peer.say(message)
        await room.settled()
        assert changes(room) == ["on"]

    in_link_room(tmp_path, main)


def test_an_event_that_cannot_be_understood_is_dropped_counted_and_told_once_per_type(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.*")
        await room.linked()
        for _ in range(3):
            room.peer.event("state_changed", {"entity_id": "light.lamp"})
        room.peer.event("call_service", {"domain": 5, "service": "turn_on", "service_data": {}})
        room.peer.event("odd", context=None)
        room.peer.say({"id": room.peer.subscription, "type": "event", "event": "nothing"})
        room.peer.state_changed("light.lamp", "on")
        await room.settled()
        assert changes(room) == ["on"]
        assert (room.link.snapshot().events, room.link.snapshot().bad_events) == (7, 6)

    in_link_room(tmp_path, main)
    told = [each.getMessage().split(" cannot be understood")[0] for each in caplog.records if "understood" in each.msg]
    assert told == [f"an event of type {kind}" for kind in ("state_changed", "call_service", "odd", "None")]


@pytest.mark.parametrize("frame", ["not JSON", "5", '"text"', "[1, null]", '{"type": "greeting"}', "{}", ""])
def test_a_frame_that_is_no_message_harms_nobody(tmp_path: Path, frame: str) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.*")
        await room.linked()
        room.peer.say(frame)
        room.peer.state_changed("light.lamp", "on")
        await room.settled()
        assert changes(room) == ["on"]

    in_link_room(tmp_path, main)


def test_events_of_a_subscription_that_an_app_has_made_are_no_events_of_the_bus(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.*")
        await room.linked()
        room.peer.say({**room.peer.change_message("light.lamp", "on"), "id": 99})
        await room.link.command({"type": "ping"})
        await room.settled()
        assert room.seen == []

    in_link_room(tmp_path, main)


def test_events_of_an_earlier_connection_are_not_read(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.*")
        await room.linked()
        old = room.peer.socket
        assert old is not None
        room.peer.drop()
        await asyncio.sleep(60)
        await room.linked()
        old.put('{"id": 2, "type": "event", "event": {}}')
        await asyncio.sleep(60)
        assert room.seen == []
        assert room.link.snapshot().events == 0

    in_link_room(tmp_path, main)


def test_the_end_of_the_service_closes_the_socket_and_is_no_loss(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch()
        await room.linked()
        socket = room.peer.socket
        assert socket is not None
        await room.link.shutdown()
        await room.settled()
        assert socket.closed
        assert room.stands() is _S.DISCONNECTED
        assert not room.states.fresh
        assert room.topics() == ["websocket_connected"]
        assert room.link.snapshot().losses == 0

    in_link_room(tmp_path, main)


def test_without_a_token_nothing_dials_until_one_is_set(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(1000)
        assert room.stands() is _S.DISABLED
        assert room.peer.attempts == []
        assert "token" in str(room.link.unavailable())
        room.house.config.token = room.peer.token
        await room.link.relink()
        await asyncio.sleep(1)
        assert room.link.connected

    in_link_room(tmp_path, main, token=None)


def test_a_relink_ends_the_connection_and_opens_another_where_the_settings_say(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("duly.event.websocket_*")
        await room.linked()
        first = room.peer.socket
        room.house.config.base_url = "https://elsewhere"
        await room.link.relink()
        await asyncio.sleep(1)
        assert first is not None
        assert first.closed
        assert room.link.connected
        assert [each.url for each in room.peer.endpoints][1] == "wss://elsewhere/api/websocket"
        assert room.topics() == ["websocket_connected", "websocket_disconnected", "websocket_connected"]

    in_link_room(tmp_path, main)


def peer_that_leaves_it(stage: str) -> Peer:
    """One at which a link stays ``connecting``, ``authenticating``, ``syncing`` or ``waiting`` for a while."""
    peer = Peer()
    if stage == "connecting":
        peer.swallow()
    elif stage == "authenticating":
        peer.greets = False
    elif stage == "syncing":
        peer.silent = {"get_states"}
    else:
        peer.refuse()
    return peer


STAGES = pytest.mark.parametrize("stage", ["connecting", "authenticating", "syncing", "waiting"])


@STAGES
def test_a_relink_gives_up_what_is_under_way(tmp_path: Path, stage: str) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(0.5)
        assert room.stands() == stage
        at = now()
        room.peer.accept()
        room.peer.greets = True
        room.peer.silent = set()
        await room.link.relink()
        await room.linked()
        assert now() == pytest.approx(at, abs=0.001)

    in_link_room(tmp_path, main, peer_that_leaves_it(stage))


@STAGES
def test_the_service_ends_at_once_whatever_is_under_way(tmp_path: Path, stage: str) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(0.5)
        assert room.stands() == stage
        at = now()
        await room.link.shutdown()
        assert now() == pytest.approx(at, abs=0.001)
        assert room.stands() is _S.DISCONNECTED
        assert room.peer.socket is None or room.peer.socket.closed

    in_link_room(tmp_path, main, peer_that_leaves_it(stage))


def test_waiting_for_the_link_ends_with_it_or_with_its_time(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        with pytest.raises(TimeoutError, match=r"not connected within 2 s: .*connection refused"):
            await room.link.wait_connected(2)
        room.peer.accept()
        await room.link.wait_connected(10)
        assert room.link.connected

    peer = Peer()
    peer.refuse()
    in_link_room(tmp_path, main, peer)


def test_what_home_assistant_refuses_while_states_are_loaded_fails_the_attempt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(0.5)
        assert room.stands() is _S.WAITING
        room.peer.answers["get_states"] = lambda _: []
        await room.linked()

    def refuse(_: object) -> object:
        raise Refusal("home_assistant_error", "not now")

    peer = Peer()
    peer.answers["get_states"] = refuse
    in_link_room(tmp_path, main, peer)
    assert [each.levelno for each in caplog.records if "not now" in each.getMessage()] == [logging.WARNING]


@pytest.mark.parametrize("states", [None, {}, "none"])
def test_states_that_are_none_fail_the_attempt(tmp_path: Path, states: object) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(0.5)
        assert room.stands() is _S.WAITING

    peer = Peer()
    peer.answers["get_states"] = lambda _: states
    in_link_room(tmp_path, main, peer)


@pytest.mark.parametrize("silent", ["supported_features", "subscribe_events", "get_states"])
def test_an_answer_that_does_not_come_in_time_fails_the_attempt(tmp_path: Path, silent: str) -> None:
    async def main(room: LinkRoom) -> None:
        await asyncio.sleep(14.9)
        assert room.stands() is _S.SYNCING
        await asyncio.sleep(0.2)
        assert room.stands() is _S.WAITING
        assert silent in str(room.link.snapshot().last_error)

    peer = Peer()
    peer.silent = {silent}
    in_link_room(tmp_path, main, peer)

"""Whatever the network does: no event comes twice or out of order, no call is left hanging, losses are told once."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duly.events import DulyLinkEvent, LinkConnectedPayload
from duly.hass.errors import HassError
from tests.hass.link_room import LinkRoom, in_link_room, supervise
from tests.hass.peer import Message, Peer
from tests.profiles import examples

ACTS = ("event", "event", "events", "call", "call", "send", "drop", "stall", "refuse", "swallow", "mute", "heal")
HISTORIES = st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from([0.0, 0.01, 1.0, 12.0, 50.0])), max_size=40)


class History:
    """Plays acts, and knows what must come of them."""

    def __init__(self, room: LinkRoom) -> None:
        self.room = room
        self.said = 0
        self.must_come: list[int] = []
        """Events that were sent over a link."""
        self.calls: list[asyncio.Task[Any]] = []
        self.heard: list[Sequence[Message]] = []
        """Per connection."""

    async def play(self, acts: Sequence[tuple[str, float]]) -> None:
        for act, pause in acts:
            self.do(act)
            await asyncio.sleep(pause)
            self.note()
        self.do("heal")
        await asyncio.sleep(1000)
        self.note()

    def note(self) -> None:
        """Keep what was heard on each connection."""
        sent = self.room.peer.sent
        if sent and (not self.heard or self.heard[-1] is not sent):
            self.heard.append(sent)

    def do(self, act: str) -> None:
        room, peer = self.room, self.room.peer
        if act in {"event", "events"}:
            if peer.socket is not None and peer.subscription:
                self.say(1 if act == "event" else 60)
        elif act in {"call", "send"}:
            self.calls.append(asyncio.create_task(getattr(room.link, "command" if act == "call" else act)(PING)))
        elif act in {"drop", "stall"}:
            if peer.socket is not None:
                getattr(peer, act)()
        elif act == "mute":
            peer.silent = {"ping", "get_states"}
        elif act == "heal":
            peer.accept()
            peer.silent = set()
            peer.passable.set()
        else:
            getattr(peer, act)()

    def say(self, number: int) -> None:
        numbers = range(self.said, self.said + number)
        self.said += number
        if self.room.link.connected:
            self.must_come += numbers
        self.room.peer.say([self.room.peer.event_message("tick", {"number": each}) for each in numbers])


PING = {"type": "ping"}


@settings(max_examples=max(10, examples() // 40))
@given(HISTORIES)
def test_whatever_happens(acts: list[tuple[str, float]]) -> None:
    async def main(room: LinkRoom) -> None:
        fatal = supervise(room, patch)
        room.watch()
        history = History(room)
        await history.play(acts)
        assert fatal == []
        assert room.link.connected

        came = [each.payload.data["number"] for each in room.seen if each.topic == "hass.event.tick"]
        assert came == sorted(set(came))
        assert set(history.must_come) <= set(came)

        assert all(call.done() for call in history.calls)
        assert {type(error).__mro__[1] for call in history.calls if (error := call.exception())} <= {HassError}

        ups = [isinstance(each.payload.data, LinkConnectedPayload) for each in room.seen if type(each) is DulyLinkEvent]
        assert all(now is not before for before, now in pairwise(ups))
        assert ups[:1] in ([], [True])
        assert ups[-1:] == [True]
        assert room.states.fresh

        for sent in history.heard:
            ids = [each["id"] for each in sent if each["type"] != "auth"]
            assert ids == sorted(set(ids))

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        in_link_room(Path(folder), main, Peer(), duly_event_buffer_size=20)

"""States over a link: what the peer says, in whatever frames, is what is read in the end."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from duly.events import Event
from tests.hass.link_room import LinkRoom, in_link_room
from tests.hass.peer import Peer, raw_state
from tests.profiles import examples

POLLED: dict[str, Any] = {"disable_state_proxy_polling": False, "state_proxy_poll_interval_seconds": 30}


def at(room: LinkRoom, entity_id: str) -> str | None:
    """The state that is known, as text."""
    raw = room.states.raw(entity_id)
    return None if raw is None else str(raw["state"])


async def asked(room: LinkRoom) -> int:
    """Until the next poll has asked; the id of its message."""
    before = len(room.peer.commands("get_states"))
    await asyncio.sleep(31)
    polls = room.peer.commands("get_states")
    assert len(polls) == before + 1
    return int(polls[-1]["id"])


def test_a_poll_finds_what_no_event_has_told_and_no_handler_is_called(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.event.state_changed*")
        await room.linked()
        room.peer.states = {"light.b": raw_state("light.b", "off")}
        await asked(room)
        assert (at(room, "light.a"), at(room, "light.b")) == (None, "off")
        assert (room.states.snapshot().drift, room.seen) == (2, [])

    in_link_room(tmp_path, main, Peer(raw_state("light.a", "on")), **POLLED)


def test_an_event_between_request_and_answer_stays(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.silent.add("get_states")
        answer = room.peer.answer({"id": await asked(room), "type": "get_states"})
        room.peer.state_changed("light.a", "off")
        room.peer.state_changed("light.b", None)
        room.peer.state_changed("light.c", "on")
        room.peer.say(answer)
        await room.settled()
        assert [at(room, f"light.{each}") for each in "abc"] == ["off", None, "on"]
        assert room.states.snapshot().drift == 0

    in_link_room(tmp_path, main, Peer(raw_state("light.a", "on"), raw_state("light.b", "on")), **POLLED)


def test_a_handler_finds_the_state_of_its_event_or_a_later_one_also_while_a_poll_is_under_way(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        found: list[tuple[str, str | None]] = []

        def look(event: Event[Any]) -> None:
            found.append((event.payload.data.new_state["state"], at(room, "light.a")))

        room.watch("hass.event.state_changed.light.a", look)
        await room.linked()
        room.peer.silent.add("get_states")
        answer = room.peer.answer({"id": await asked(room), "type": "get_states"})
        room.peer.say([room.peer.change_message("light.a", "1"), answer, room.peer.change_message("light.a", "2")])
        await room.settled()
        assert [told for told, _ in found] == ["1", "2"]
        assert all(read is not None and read >= told for told, read in found)

    in_link_room(tmp_path, main, Peer(raw_state("light.a", "0")), **POLLED)


def test_a_poll_without_answer_is_asked_again_after_its_time(tmp_path: Path) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.silent.add("get_states")
        await asked(room)
        await asyncio.sleep(15)
        assert room.states.snapshot().failed_polls == 1
        room.peer.silent.clear()
        await asyncio.sleep(30)
        assert (room.states.snapshot().polls, room.states.freshness) == (1, "fresh")

    in_link_room(tmp_path, main, Peer(raw_state("light.a", "on")), **POLLED)


# --- whatever comes --------------------------------------------------------------------------------------------------

ENTITIES = ("light.a", "light.b", "sun.sun")


@dataclass(frozen=True)
class Change:
    """Home Assistant changes an entity; ``None``: removes it."""

    entity_id: str
    text: str | None
    silent: bool
    """Whether no event tells."""


@dataclass(frozen=True)
class Flush:
    """What was said meanwhile comes as one frame."""


@dataclass(frozen=True)
class Pass:
    """Seconds pass."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """The connection is lost, with what was not flushed, and comes up again."""


Step: TypeAlias = Change | Flush | Pass | Drop

steps = st.one_of(
    st.builds(Change, st.sampled_from(ENTITIES), st.none() | st.sampled_from("xyz"), st.just(value=False)),
    st.builds(Flush),
    st.builds(Pass, st.sampled_from([0.1, 14.0, 31.0])),
    st.builds(Drop),
)
untold = st.builds(Change, st.sampled_from(ENTITIES), st.none() | st.sampled_from("xyz"), st.just(value=True))
histories = st.lists(steps, max_size=20) | st.lists(steps | untold, max_size=20)


class SlowPeer(Peer):
    """Keeps what it says until it is flushed: events in order with the answers to polls."""

    def __init__(self, *states: Any) -> None:  # noqa: ANN401 - as its base
        super().__init__(*states)
        self.keeps = False
        self.kept: list[object] = []

    def say(self, frame: object) -> None:
        """Keep it, or send it."""
        if self.keeps:
            self.kept.append(frame)
        else:
            super().say(frame)

    def flush(self) -> None:
        """Send what it has kept."""
        if self.kept:
            frame, self.kept = self.kept, []
            super().say(frame)


async def _carry_out(room: LinkRoom, peer: SlowPeer, step: Step) -> None:
    match step:
        case Change(entity_id, text, silent):
            message = peer.change_message(entity_id, text)
            if not silent:
                peer.say(message)
        case Flush():
            peer.flush()
        case Pass(seconds):
            await asyncio.sleep(seconds)
        case Drop():
            peer.keeps, peer.kept = False, []
            peer.drop()
            await room.linked()
            peer.keeps = True


@settings(max_examples=examples() // 50)
@given(histories)
def test_in_the_end_the_states_are_those_of_home_assistant(history: list[Step]) -> None:
    peer = SlowPeer(*(raw_state(each, "x") for each in ENTITIES[:2]))

    async def main(room: LinkRoom) -> None:
        await room.linked()
        peer.keeps = True
        for step in history:
            await _carry_out(room, peer, step)
        peer.keeps = False
        peer.flush()
        await room.settled()
        if not any(isinstance(step, Change) and step.silent for step in history):
            assert (room.states.known.copy(), room.states.snapshot().drift) == (peer.states, 0)
        await asyncio.sleep(100)
        assert room.states.known.copy() == peer.states

    with TemporaryDirectory() as folder:
        in_link_room(Path(folder), main, peer, websocket={"early_drop_stable_window_seconds": 0}, **POLLED)

"""Whatever Home Assistant sends, the link lives on, and what comes after it is understood."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hass.link_room import LinkRoom, in_link_room
from tests.hass.peer import Peer, raw_state
from tests.profiles import examples

NOW = "2025-01-01T00:00:00+00:00"
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 9),
    st.sampled_from(["", "on", "light.lamp", NOW, "state_changed", "result", "event", "pong"]),
    st.just([]),
    st.just({}),
    st.just([{"type": "event"}]),
    st.just({"state": 5}),
)


def paths(value: object, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """To everything in nested mappings."""
    if not isinstance(value, Mapping):
        return [above] if above else []
    below = [path for key, each in value.items() for path in paths(each, (*above, key))]
    return [*([above] if above else []), *below]


def put(value: dict[str, Any], path: tuple[str, ...], new: object) -> None:
    """Exchange what is at the path, or take it away if ``new`` is an ellipsis."""
    *above, last = path
    for key in above:
        found = value.get(key)
        if not isinstance(found, dict):
            return
        value = found
    if new is ...:
        value.pop(last, None)
    else:
        value[last] = copy.deepcopy(new)


EXCHANGES = st.lists(st.tuples(st.integers(0, 40), ODD | st.just(...)), min_size=1, max_size=3)


@settings(max_examples=max(10, examples() // 40))
@given(st.lists(st.tuples(st.sampled_from(["answer", "call", "change"]), EXCHANGES), max_size=20))
def test_messages_with_something_else_in_them_harm_nobody(history: list[tuple[str, list[tuple[int, object]]]]) -> None:
    async def main(room: LinkRoom) -> None:
        room.watch("hass.*")
        await room.linked()
        for kind, exchanges in history:
            message = json.loads(json.dumps(message_of(room.peer, kind)))
            for number, new in exchanges:
                there = paths(message)
                if there:
                    put(message, there[number % len(there)], new)
            room.peer.say(message)
        room.peer.event("last")
        await room.settled()
        assert room.link.connected
        assert room.link.snapshot().connects == 1
        assert [each.topic for each in room.seen][-1] == "hass.event.last"

    with TemporaryDirectory() as folder:
        in_link_room(Path(folder), main)


def message_of(peer: Peer, kind: str) -> dict[str, Any]:
    if kind == "answer":
        return {"id": 9, "type": "result", "success": True, "result": None}
    if kind == "call":
        return peer.event_message("call_service", {"domain": "a", "service": "b", "service_data": {"c": 1}})
    states = {"old_state": raw_state("light.x", "off"), "new_state": raw_state("light.x", "on", NOW)}
    return peer.event_message("state_changed", {"entity_id": "light.x", **states})


@pytest.mark.parametrize("frame", ["[" * 100_000, '{"type": "result", "id": [1]}', '{"type": {}, "id": 2}', "[[[]]]"])
def test_a_frame_like_nobody_sends_harms_nobody(tmp_path: Path, frame: str) -> None:
    async def main(room: LinkRoom) -> None:
        await room.linked()
        room.peer.say(frame)
        await room.settled()
        assert room.link.connected

    in_link_room(tmp_path, main)

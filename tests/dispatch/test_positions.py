"""Positions as text, and the keys they are in. What servers do with them: ``test_jetstream_fleet``."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from duly.core.clock import NEVER
from duly.dispatch.fleet import Position
from duly.dispatch.positions import SHARDS, read, shard_of, written

texts = st.text(max_size=20)
moments = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.just(NEVER))
positions = st.builds(
    Position,
    texts,
    st.none() | texts,
    st.none() | texts,
    moments,
    moments,
    st.lists(moments.filter(lambda moment: moment != NEVER), max_size=3).map(tuple),
    st.none() | st.integers(0, 1 << 62),
)


@given(positions)
def test_a_position_is_read_as_it_was_written(position: Position) -> None:
    assert read(json.loads(written(position))) == position


def test_what_is_as_usual_is_left_out() -> None:
    assert written(Position("every:1s", None, None, 1, 2)) == (
        '{"trigger":"every:1s","spec":null,"zone":null,"first":1,"pending":2}'
    )


def test_a_moment_that_does_not_come_is_null() -> None:
    assert json.loads(written(Position("once", None, None, NEVER, NEVER)))["pending"] is None


def test_the_key_of_an_entry_stays_the_same_for_ever() -> None:
    assert [shard_of(name) for name in ("", "nightly", "ä")] == [0, 26, 3]


def test_entries_are_spread_over_all_keys() -> None:
    counts = Counter(shard_of(f"entry {number}") for number in range(10_000))
    assert len(counts) == SHARDS
    assert max(counts.values()) < 2 * 10_000 / SHARDS

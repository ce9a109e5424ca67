"""What becomes of matches adds up, whatever happens."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from duly.bus.listener import Counts, Listener
from duly.events import Event
from tests.bus.hall import Hall, in_hall

_MODES = st.sampled_from(["queued", "single", "restart", "parallel"])
_EARS = st.lists(st.tuples(_MODES, st.sampled_from([0, 1, 3]), st.booleans()), min_size=1, max_size=4)
"""Mode, seconds that the handler takes, and whether its filter raises for every third event."""
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 8)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 2, 5])),
        st.tuples(st.just("remove"), st.integers(0, 3)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(ears=_EARS, steps=_STEPS, stop=st.booleans())
def test_matches_are_started_pending_suppressed_dropped_or_discarded_and_starts_have_rows(
    ears: list[tuple[str, int, bool]], steps: list[tuple[str, int]], stop: bool
) -> None:
    said = 0

    async def main(hall: Hall) -> None:
        nonlocal said
        listeners = [await made(hall, number, *ear) for number, ear in enumerate(ears)]
        for step, number in steps:
            if step == "say":
                for _ in range(number):
                    said += 1
                    await hall.say(said)
                    balanced(listeners)
            elif step == "wait":
                await asyncio.sleep(number)
            elif step == "remove":
                hall.bus.remove(listeners[number % len(listeners)])
            else:
                await hall.bus.restart()
            balanced(listeners)
        if stop:
            await hall.bus.shutdown()
        else:
            await hall.settle()
        balanced(listeners)
        rows = await hall.rows()
        for each in listeners:
            own = [row for row in rows if row["listener_id"] == each.db_id]
            assert each.stats.pending == 0
            assert len(own) == each.stats.started + each.stats.predicate_errors
            assert sum(row["status"] == "error" for row in own) == each.stats.predicate_errors

    with tempfile.TemporaryDirectory() as folder:
        in_hall(Path(folder), main, duly_event_buffer_size=3)


async def made(hall: Hall, number: int, mode: str, seconds: int, raises: bool) -> Listener:
    async def handler(_: Event[Any]) -> None:
        if seconds:
            await asyncio.sleep(seconds)

    def picky(event: Event[Any]) -> bool:
        if event.payload.data % 3 == 0:
            raise ValueError
        return True

    ear = hall.make(name=str(number), handler=handler, mode=mode, predicate=picky if raises else None)
    await hall.register(ear)
    hall.bus.add(ear)
    return ear


def balanced(listeners: list[Listener]) -> None:
    for each in listeners:
        counts: Counts = each.counts
        ends = sum(counts.suppressed.values()) + counts.dropped + counts.discarded
        assert counts.matched == counts.started + counts.pending + ends
        assert min(counts.started, counts.pending, counts.dropped, counts.discarded) >= 0

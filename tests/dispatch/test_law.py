"""The law of dispatching: whatever becomes of its replicas, every slot is dispatched once, or a ledger says why not."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from duly.core.clock import current
from duly.core.policy import Misfire
from duly.dispatch.inbox import Inbox
from duly.dispatch.messages import slot_text
from duly.testing import run_virtual
from tests.dispatch.troupe import Troupe, chains, goal, schedule_file, task

ENTRIES = (
    task("each-second", interval_seconds=1, misfire="run_all"),
    task("often", interval_seconds=0.7, mode="queued"),
    goal("cron", cron="* * * * * */3", misfire="skip", jitter_seconds=1),
    task("beside", interval_seconds=2.5, mode="parallel", jitter_seconds=4, misfire="run_all"),
)
LATER = (
    task("each-second", interval_seconds=2),
    task("often", interval_seconds=0.7, mode="queued", misfire="skip"),
    goal("new", cron="*/2 * * * * *"),
    task("beside", interval_seconds=2.5, enabled=False),
)

EVENTS = ("start", "stop", "kill", "steal", "away", "back", "pause", "resume", "fire", "reload", "reload_back")


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """What is logged would take most of the time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


histories = st.lists(
    st.tuples(st.sampled_from(EVENTS), st.integers(0, 2), st.floats(0.001, 20).map(lambda each: round(each, 3))),
    min_size=1,
    max_size=25,
)


@given(history=histories)
def test_every_slot_is_dispatched_once_or_a_ledger_says_why_not(history: list[tuple[str, int, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_virtual(_play(Path(folder), history))


async def _play(folder: Path, history: list[tuple[str, int, float]]) -> None:
    troupe = Troupe(folder, current(), schedule_file(folder, *ENTRIES))
    await troupe.replicas[0].start()
    for event, number, seconds in history:
        await _happen(troupe, folder, event, number)
        await asyncio.sleep(seconds)
    troupe.stream.come_back()
    await troupe.replicas[0].start()
    await asyncio.sleep(30)
    await troupe.stop()
    _assert_law(troupe)


async def _happen(troupe: Troupe, folder: Path, event: str, number: int) -> None:
    replica = troupe.replicas[number]
    match event:
        case "start" | "stop" | "kill":
            await getattr(replica, event)()
        case "steal":
            troupe.store.steal()
        case "away":
            troupe.stream.go_away()
        case "back":
            troupe.stream.come_back()
        case "reload":
            await _unless_away(troupe, schedule_file(folder, *LATER))
        case "reload_back":
            await _unless_away(troupe, schedule_file(folder, *ENTRIES))
        case _:
            await _by_hand(troupe, event, number)


async def _unless_away(troupe: Troupe, file: object) -> None:
    if troupe.stream.connected:  # a reload waits for what is in flight
        await troupe.adopt(file)  # type: ignore[arg-type] # a file of schedules


async def _by_hand(troupe: Troupe, event: str, number: int) -> None:
    if not any(each.leads for each in troupe.replicas) or not troupe.stream.connected:
        return
    dispatcher = troupe.leader.dispatcher
    assert dispatcher is not None
    assert dispatcher.term is not None
    live = list(dispatcher.term.entries.values())[number % len(dispatcher.term.entries)]
    async with asyncio.timeout(5):  # a leader that has been robbed waits for ever
        try:
            if event == "fire":
                await dispatcher.term.fire(live)
            elif event == "pause":
                await dispatcher.pause(live)
            else:
                await dispatcher.resume(live, Misfire.RUN_ALL)
        except (asyncio.CancelledError, TimeoutError):
            return


def _assert_law(troupe: Troupe) -> None:
    assert troupe.stream.stored_twice == []
    for name, of_name in chains(troupe.paths).items():
        succeeded = set()
        for chained in of_name:
            for slot, entry in chained.effective():
                if entry.status == "success":
                    assert entry.count == 1
                    succeeded.add(slot_text(slot))
                else:
                    assert entry.status in {"missed", "skipped", "cancelled"}, entry
                    assert slot_text(slot) not in troupe.dispatched(name), entry
        assert succeeded == {slot for slot in troupe.dispatched(name) if not slot.startswith("manual")}


def test_the_law_is_checked_over_a_span_in_which_something_happens(tmp_path: Path) -> None:
    async def play() -> Troupe:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, *ENTRIES))
        for each in troupe.replicas:
            await each.start()
        await asyncio.sleep(60.5)
        await troupe.stop()
        return troupe

    troupe = run_virtual(play())
    assert len(troupe.dispatched("each-second")) == 60
    assert len(troupe.dispatched("often")) == 86
    _assert_law(troupe)


def test_a_reload_that_another_leader_overtakes_keeps_nobody_from_leading_again(tmp_path: Path) -> None:
    async def play() -> Troupe:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, *ENTRIES), 2)
        first, second = troupe.replicas
        await first.start()
        await asyncio.sleep(1.5)
        await second.start()
        troupe.store.steal()
        await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            await troupe.adopt(schedule_file(tmp_path, *LATER))
        await second.stop()
        await asyncio.sleep(5)
        assert first.leads
        assert troupe.dispatched("new")
        await troupe.stop()
        return troupe

    _assert_law(run_virtual(play()))


def test_what_is_asked_of_a_leader_that_is_none_any_more_is_refused(tmp_path: Path) -> None:
    async def play() -> None:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, *ENTRIES), 2)
        first, second = troupe.replicas
        for action in ("fire", "pause", "resume"):
            await first.start()
            await asyncio.sleep(1.5)
            await second.start()
            troupe.store.steal()
            await asyncio.sleep(0.1)
            assert first.dispatcher is not None
            async with asyncio.timeout(10):
                answer = await Inbox(first.dispatcher).answer({"action": action, "name": "each-second"})
            assert answer is not None
            assert "another replica" in answer["error"] or "not lead" in answer["error"], action
            await troupe.stop()

    run_virtual(play())


def test_what_was_published_as_all_died_is_not_published_again_though_the_stream_has_forgotten_it(
    tmp_path: Path,
) -> None:
    async def play() -> Troupe:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, *ENTRIES), 1)
        (replica,) = troupe.replicas
        for _ in range(3):
            await replica.start()
            before = len(troupe.stream.messages)
            while len(troupe.stream.messages) == before:  # noqa: ASYNC110 - the stream announces nothing
                await asyncio.sleep(0.0001)
            await replica.kill()
            await asyncio.sleep(30)
        await replica.start()
        await asyncio.sleep(5)
        await troupe.stop()
        return troupe

    troupe = run_virtual(play())
    assert troupe.stream.taken_twice > 0
    _assert_law(troupe)

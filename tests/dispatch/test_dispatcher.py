"""The dispatcher on virtual time, with a fleet in memory: entries that come, go, and end."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from duly.core.clock import NEVER, SECOND, current
from duly.core.policy import Misfire
from duly.dispatch.dispatcher import Dispatcher
from duly.dispatch.fleet import Position
from duly.ledger.errors import DatabaseFileError
from duly.ledger.jobs import CHAIN_ENDED
from duly.testing import run_virtual
from tests.dispatch.troupe import Troupe, chains, schedule_file, task

OVER = task("campaign", cron="0 8 * * *", end="2001-12-31")
TICK = task("tick", interval_seconds=10)
SLOW = "tests.dispatch.expansions.rooms_of_a_loop"
"""It takes a second."""


def dispatcher_of(troupe: Troupe) -> Dispatcher:
    dispatcher = troupe.leader.dispatcher
    assert dispatcher is not None
    return dispatcher


def test_an_entry_that_was_over_before_it_began_disturbs_no_other_and_has_no_slot(tmp_path: Path) -> None:
    async def play() -> Troupe:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, OVER, TICK), size=2)
        await troupe.replicas[0].start()
        await asyncio.sleep(25)
        assert troupe.store.positions["campaign"].pending == NEVER
        await troupe.replicas[1].start()
        await troupe.replicas[0].stop()
        await asyncio.sleep(10)
        await troupe.stop()
        return troupe

    troupe = run_virtual(play())
    assert len(troupe.dispatched("tick")) == 3
    assert not troupe.dispatched("campaign")
    [campaign] = chains(troupe.paths)["campaign"]
    assert (campaign.first, campaign.entries) == (CHAIN_ENDED, [])


def test_a_reload_may_bring_an_entry_that_is_over(tmp_path: Path) -> None:
    async def play() -> Troupe:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, TICK), size=1)
        await troupe.replicas[0].start()
        await asyncio.sleep(5)
        await troupe.adopt(schedule_file(tmp_path, TICK, OVER))
        await asyncio.sleep(20)
        await troupe.adopt(schedule_file(tmp_path, TICK))
        await asyncio.sleep(10)
        await troupe.stop()
        return troupe

    troupe = run_virtual(play())
    assert len(troupe.dispatched("tick")) == 3
    assert list(troupe.store.positions) == ["tick"]


@pytest.mark.parametrize("later", [(), (task("a", interval_seconds=1800),)])
def test_a_run_by_hand_that_outlives_its_schedule_does_not_bring_it_back(
    tmp_path: Path, later: tuple[dict[str, object], ...]
) -> None:
    async def play() -> None:
        first = task("a", interval_seconds=3600, expand_from=SLOW)
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, first), size=1)
        await troupe.replicas[0].start()
        await asyncio.sleep(1)
        term = dispatcher_of(troupe).term
        assert term is not None
        firing = asyncio.create_task(term.fire(term.entries["a"]))
        await asyncio.sleep(0.1)
        await troupe.adopt(schedule_file(tmp_path, *later))
        after_reload = dict(troupe.store.positions)
        assert (await firing).error is None
        await asyncio.sleep(1)
        assert troupe.store.positions == after_reload
        await troupe.stop()

    run_virtual(play())


@pytest.mark.parametrize("how", ["reload", "takeover"])
def test_a_paused_entry_stays_paused_when_its_schedule_changes(tmp_path: Path, how: str) -> None:
    async def play() -> Troupe:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, TICK), size=2)
        await troupe.replicas[0].start()
        await asyncio.sleep(15)
        await _pause(troupe)
        changed = schedule_file(tmp_path, task("tick", interval_seconds=7))
        if how == "reload":
            await troupe.adopt(changed)
        else:
            troupe.file = changed
            await troupe.replicas[1].start()
            await troupe.replicas[0].stop()
        await asyncio.sleep(30)
        assert len(troupe.dispatched("tick")) == 1
        await _resume(troupe)
        await asyncio.sleep(8)
        await troupe.stop()
        return troupe

    assert len(run_virtual(play()).dispatched("tick")) == 2


def test_pausing_twice_does_not_change_since_when(tmp_path: Path) -> None:
    async def play() -> None:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, TICK), size=1)
        await troupe.replicas[0].start()
        await asyncio.sleep(1)
        await _pause(troupe)
        since = troupe.store.positions["tick"].paused_at
        await asyncio.sleep(20)
        await _pause(troupe)
        assert troupe.store.positions["tick"].paused_at == since
        await troupe.stop()

    run_virtual(play())


def test_an_added_entry_does_not_wait_for_one_that_ends(tmp_path: Path) -> None:
    async def play() -> None:
        slow = task("slow", interval_seconds=5, expand_from=SLOW)
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, slow), size=1)
        await troupe.replicas[0].start()
        await asyncio.sleep(5.1)
        reloading = asyncio.create_task(troupe.adopt(schedule_file(tmp_path, task("quick", interval_seconds=0.2))))
        await asyncio.sleep(0.5)
        assert not reloading.done()
        assert troupe.dispatched("quick")
        await reloading
        await troupe.stop()

    run_virtual(play())


def test_a_reload_that_fails_half_way_keeps_the_old_schedules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> Troupe:
        troupe = Troupe(tmp_path, current(), schedule_file(tmp_path, TICK, task("old", interval_seconds=10)), size=1)
        await troupe.replicas[0].start()
        await asyncio.sleep(15)
        dispatcher = dispatcher_of(troupe)
        with monkeypatch.context() as patch:
            patch.setattr(dispatcher, "_begin", _locked)
            with pytest.raises(DatabaseFileError):
                await dispatcher.adopt(schedule_file(tmp_path, task("new", interval_seconds=10)))
        await asyncio.sleep(20)
        assert set(troupe.store.positions) == {"tick", "old"}
        await dispatcher.adopt(schedule_file(tmp_path, task("new", interval_seconds=10)))
        await asyncio.sleep(15)
        await troupe.stop()
        return troupe

    troupe = run_virtual(play())
    assert [len(troupe.dispatched(name)) for name in ("tick", "old", "new")] == [3, 3, 1]


async def _locked(*_: object) -> None:
    raise DatabaseFileError("the file is locked")


async def _pause(troupe: Troupe) -> None:
    dispatcher = dispatcher_of(troupe)
    assert dispatcher.term is not None
    await dispatcher.pause(dispatcher.term.entries["tick"])


async def _resume(troupe: Troupe) -> None:
    dispatcher = dispatcher_of(troupe)
    assert dispatcher.term is not None
    await dispatcher.resume(dispatcher.term.entries["tick"], Misfire.SKIP)


def troupe_with_a_leftover(folder: Path) -> Troupe:
    """One replica, that will lead; of its entry a slot is open under another schedule, and the stream is away."""
    troupe = Troupe(folder, current(), schedule_file(folder, TICK), size=1)
    now = current().now()
    troupe.store.positions["tick"] = Position("every:7s", None, None, now - 7 * SECOND, now, (now - 7 * SECOND,))
    troupe.stream.go_away()
    return troupe


def test_a_leader_that_still_finishes_what_another_left_open_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    async def play() -> None:
        troupe = troupe_with_a_leftover(tmp_path)
        before = dict(troupe.store.positions)
        await troupe.replicas[0].start()
        await asyncio.sleep(3)
        assert troupe.store.fence == 1
        assert not troupe.replicas[0].leads
        async with asyncio.timeout(1):
            await troupe.replicas[0].stop()
        assert troupe.store.positions == before
        troupe.stream.come_back()
        await troupe.replicas[0].start()
        await asyncio.sleep(1)
        assert len(troupe.dispatched("tick")) == 1
        await troupe.stop()

    run_virtual(play())


def test_a_leader_that_still_finishes_what_another_left_open_notices_that_it_does_not_lead(tmp_path: Path) -> None:
    async def play() -> None:
        troupe = troupe_with_a_leftover(tmp_path)
        replica = troupe.replicas[0]
        await replica.start()
        await asyncio.sleep(3)
        lost = replica.fleet.led
        assert lost is not None
        with capture_logs() as logs:
            lost.lose()
            await asyncio.sleep(1)
        assert [each["fence"] for each in logs if each["event"] == "scheduler.leader_lost"] == [lost.fence]
        assert troupe.store.fence == lost.fence + 1
        troupe.stream.come_back()
        await asyncio.sleep(1)
        assert replica.leads
        assert len(troupe.dispatched("tick")) == 1
        await troupe.stop()

    run_virtual(play())

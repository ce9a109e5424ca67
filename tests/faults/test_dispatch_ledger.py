"""The ledger cannot be written: nothing is published without an account, and who cannot account for slots leaves."""

import resource
from pathlib import Path

from duly.cli import run
from duly.core.clock import SECOND, SystemClock
from tests.dispatch.troupe import task
from tests.faults.dispatch_account import tally
from tests.faults.dispatch_fleet import DispatchFleet, Stopwatch
from tests.faults.processes import Child
from tests.faults.test_dispatch_under_fire import assert_once

WANTED = [task(f"entry-{number:02}", interval_seconds=1, misfire="run_all", mode="queued") for number in range(20)]


def test_a_leader_whose_ledger_is_locked_waits_and_loses_nothing(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], WANTED) as fleet:
        fleet.start("a")
        fleet.until_more(20)
        with Child("file_lock.py", fleet.ledger("a")) as lock:
            assert lock.hear() == "locked"
            locked = SystemClock().now()
            Stopwatch().until(3)
            unlocked = SystemClock().now()
            lock.tell("enough")
            lock.end()
        fleet.until_more(80)
        end = SystemClock().now()
        fleet.stop()
        found = assert_once(fleet, WANTED, end - 2 * SECOND)
        late = [each for each in fleet.stored() if locked + SECOND // 2 < each.at < unlocked]
    assert late == [], "published without an account"
    assert set(found.outcomes) <= {"success", "skipped overlap"}


def limit(fleet: DispatchFleet, name: str, size: int = resource.RLIM_INFINITY) -> None:
    """Let no file of a process grow beyond so many bytes, as on a full disk."""
    resource.prlimit(fleet[name].pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def fill_disk(fleet: DispatchFleet, name: str) -> None:
    """Leave no room for the ledger of a replica."""
    path = fleet.ledger(name)
    limit(fleet, name, path.with_name(f"{path.name}-wal").stat().st_size)


def test_a_leader_whose_disk_is_full_for_a_while_loses_nothing(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], WANTED) as fleet:
        fleet.start("a")
        fleet.until_more(60)
        fill_disk(fleet, "a")
        fleet["a"].until("records could not be written, attempt 1/3")
        limit(fleet, "a")
        fleet.until_more(80)
        end = SystemClock().now()
        fleet.stop()
        found = assert_once(fleet, WANTED, end - 2 * SECOND)
    assert set(found.outcomes) <= {"success", "skipped overlap"}


def test_a_leader_whose_disk_stays_full_ends_and_another_one_takes_over(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], WANTED) as fleet:
        fleet.start("a")
        fleet.until_more(60)
        fleet.start("b")
        fleet["b"].until("scheduler.standing_by")
        fill_disk(fleet, "a")
        assert fleet["a"].end() == 1
        assert "the ledger cannot be written" in fleet["a"].err
        assert "Traceback" not in fleet["a"].err
        fleet.kill("a")
        assert fleet.leader() == "b"
        fleet.until_more(80)
        fleet.start("a")
        fleet["a"].until("scheduler.standing_by")
        end = SystemClock().now()
        fleet.stop()
        found = tally(fleet.ledgers, fleet.stored(), {})
        assert min(found.last.values()) > end - 3 * SECOND
        assert run(["doctor", *map(str, fleet.ledgers)]) == 0
    assert set(found.outcomes) <= {"success", "skipped overlap"}

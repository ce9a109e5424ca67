"""Exactly once under fire: replicas are killed and stopped, and robbed of their server.

Every slot is published once, or not at all, and a ledger says why.
"""

from pathlib import Path
from statistics import median

from duly.cli import run
from duly.core.clock import SECOND, SystemClock
from duly.dispatch.server import NatsServer
from tests.dispatch.troupe import goal, task
from tests.faults.dispatch_account import Tally, tally
from tests.faults.dispatch_fleet import ITEMS, DispatchFleet, Stopwatch, slowness, stopped

MISFIRES = ("run_once", "run_all", "skip")
TAKEOVER_SECONDS = 5.0
REPLICAS = ("a", "b", "c")


def entries(number: int) -> list[dict[str, object]]:
    """So many schedules of one second, of all kinds."""
    return [_entry(index) for index in range(number)]


def _entry(index: int) -> dict[str, object]:
    name = f"entry-{index:03}"
    more: dict[str, object] = {"misfire": MISFIRES[index % 3]}
    more |= {"cron": "* * * * * *"} if index % 5 == 0 else {"interval_seconds": 1}
    if index % 7 == 0:
        more["mode"] = ("queued", "parallel")[index % 2]
    if index % 11 == 0:
        more["expand_from"] = "tests.faults.dispatch_fleet.three_items"
    return goal(name, **more) if index % 4 == 0 else task(name, **more)


def copies(of: list[dict[str, object]]) -> dict[str, int]:
    """How many messages a slot has of those that are expanded."""
    return {str(each["name"]): ITEMS for each in of if "expand_from" in each}


def assert_once(fleet: DispatchFleet, wanted: list[dict[str, object]], until: int) -> Tally:
    """Of every slot up to then: by an account of our own, and by ``duly doctor``."""
    found = tally(fleet.ledgers, fleet.stored(), copies(wanted))
    assert set(found.last) == {each["name"] for each in wanted}
    assert min(found.last.values()) >= until - SECOND, "a chain that has ended early"
    assert run(["doctor", *map(str, fleet.ledgers)]) == 0, "see what it prints"
    return found


def test_every_slot_is_published_once_though_leaders_and_the_server_are_killed(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    wanted = entries(200)
    killed: list[int] = []
    with DispatchFleet(tmp_path, [nats_server.url], wanted) as fleet:
        fleet.start(*REPLICAS)
        fleet.leader()
        watch = Stopwatch()
        for number in range(1, 13):
            watch.until(5 * number)
            name = fleet.leader()
            fleet.until_more()
            if number == 4:
                restart(nats_server)
            fleet.kill(name)
            if number == 8:
                watch.until(5 * number + 1.5)
                restart(nats_server)
            elif number != 4:
                killed.append(SystemClock().now())
            fleet.start(name)
        fleet.leader()
        end = SystemClock().now()
        fleet.until_more(200)
        fleet.stop()
        found = assert_once(fleet, wanted, end)
        times = [message.at for message in fleet.stored()]
    assert found.outcomes["success"] > found.outcomes["missed down"] > 0
    gaps = [min(at for at in times if at > moment + SECOND // 10) - moment for moment in killed]
    assert median(gaps) < TAKEOVER_SECONDS * SECOND, "the machine may have other work, too"


def restart(server: NatsServer) -> None:
    """Kill it, and start it again where it was."""
    server.kill()
    server.start()


def test_a_leader_that_is_stopped_for_longer_than_its_lease_publishes_nothing_new(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    wanted = entries(100)
    with DispatchFleet(tmp_path, [nats_server.url], wanted) as fleet:
        fleet.start(*REPLICAS)
        for _ in range(3):
            name = fleet.leader()
            fleet.until_more(100)
            with stopped(fleet[name]):
                assert fleet.leader() != name, "another one answers"
                fleet.until_more(100)
        end = SystemClock().now()
        fleet.until_more(200)
        fleet.stop()
        found = assert_once(fleet, wanted, end)
        assert len(fleet.events("scheduler.leader_lost")) == 3
    assert found.outcomes["success"] > 0
    assert found.outcomes["missed down"] > 0


def test_nothing_is_late_by_more_than_a_second_when_a_busy_leader_is_asked_to_stop(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    wanted = entries(100)
    with DispatchFleet(tmp_path, [nats_server.url], wanted) as fleet:
        fleet.start(*REPLICAS)
        for name in set(REPLICAS) - {fleet.leader()}:
            fleet[name].until("scheduler.standing_by")
        fleet.until_more(100)
        for _ in range(4):
            name = fleet.leader()
            fleet.stop(name)
            fleet.start(name)
            fleet[name].until("scheduler.standing_by")
            fleet.until_more(100)
        end = SystemClock().now()
        fleet.until_more(200)
        fleet.stop()
        found = assert_once(fleet, wanted, end)
        latest = max(message.late for message in fleet.stored())
    assert set(found.outcomes) <= {"success", "missed down", "skipped overlap"}
    assert latest < slowness()

"""Servers come and go: what is due meanwhile goes through its policy, and afterwards all is as before."""

import asyncio
from pathlib import Path

from duly.cli import run
from duly.core.clock import SECOND, SystemClock
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.server import NatsServer
from tests.dispatch.conftest import NatsCluster
from tests.dispatch.troupe import chains, task
from tests.faults.dispatch_account import NAME, tally
from tests.faults.dispatch_fleet import DispatchFleet, Stopwatch
from tests.faults.test_dispatch_under_fire import assert_once, entries

AWAY_SECONDS = 4


def test_what_comes_due_while_the_server_is_away_goes_through_its_policy(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    wanted = [task(policy, interval_seconds=1, misfire=policy) for policy in ("skip", "run_once", "run_all")]
    with DispatchFleet(tmp_path, [nats_server.url], wanted) as fleet:
        fleet.start("a", "b")
        name = fleet.leader()
        fleet.until_more(3)
        nats_server.kill()
        went = SystemClock().now()
        Stopwatch().until(AWAY_SECONDS)
        came = SystemClock().now()
        nats_server.start()
        fleet.until_more(6)
        assert fleet.leader() == name, "nobody could take over"
        end = SystemClock().now()
        fleet.stop()
        assert_once(fleet, wanted, end - 2 * SECOND)
        late = {
            policy: [row.status for slot, row in one.effective() if went < slot < came]
            for policy, (one,) in chains(fleet.ledgers).items()
        }
    assert len(late["skip"]) >= AWAY_SECONDS - 1
    assert late["run_all"].count("missed") == 0
    assert late["run_once"].count("success") <= 2, "the last, and the one that was in flight"
    assert late["run_once"].count("missed") >= AWAY_SECONDS - 2
    assert late["skip"].count("missed") >= AWAY_SECONDS - 2


def test_inbox_control_and_standby_survive_a_restart_of_the_server(tmp_path: Path, nats_server: NatsServer) -> None:
    wanted = [task("each-second", interval_seconds=1)]
    with DispatchFleet(tmp_path, [nats_server.url], wanted) as fleet:
        fleet.start("a", "b")
        name = fleet.leader()
        for _ in range(3):
            nats_server.kill()
            nats_server.start()
            fleet.until_more()
        wanted = [*wanted, task("later", interval_seconds=1)]
        fleet.write(wanted)
        fleet.reload()
        fleet[name].until("scheduler.config_reloaded")
        assert [each["name"] for each in fleet.ask({"action": "list"})["entries"]] == ["each-second", "later"]
        fleet.kill(name)
        assert fleet.leader() != name
        fleet.until_more(4)
        end = SystemClock().now()
        fleet.stop()
        assert_once(fleet, wanted, end - 2 * SECOND)


def test_a_cluster_that_loses_the_node_that_leads_loses_no_slot(tmp_path: Path, nats_cluster: NatsCluster) -> None:
    wanted = entries(50)
    with DispatchFleet(tmp_path, nats_cluster.urls, wanted, stream={"replicas": 3}) as fleet:
        fleet.start("a", "b", "c")
        fleet.leader()
        fleet.until_more(50)
        for stream in (fleet.subjects.stream, f"KV_{fleet.subjects.bucket(NAME)}"):
            node = _leader_of(stream, nats_cluster)
            nats_cluster.kill(node)
            fleet.until_more(100)
            nats_cluster.start(node)
            fleet.until_more(50)
        name = fleet.leader()
        fleet.kill(name)
        fleet.leader()
        fleet.until_more(100)
        end = SystemClock().now()
        fleet.stop()
        assert_once(fleet, wanted, end - 2 * SECOND)


def _leader_of(stream: str, cluster: NatsCluster) -> int:
    """The number of the node that leads a stream."""

    async def ask() -> int:
        bus = NatsBus(cluster.urls)
        await bus.connect()
        try:
            info = await bus.jetstream.stream_info(stream)
            assert info.cluster is not None
            assert info.cluster.leader is not None
            return int(info.cluster.leader.removeprefix("n"))
        finally:
            await bus.close()

    return asyncio.run(ask())


def test_what_was_in_flight_when_all_died_is_published_once_though_the_stream_has_forgotten_its_ids(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    wanted = [task(f"entry-{number:02}", interval_seconds=1, misfire="run_all") for number in range(50)]
    with DispatchFleet(tmp_path, [nats_server.url], wanted, stream={"duplicate_window_seconds": 10}) as fleet:
        fleet.start("a")
        fleet.until_more(50)
        fleet.on_bus(lambda bus: _first_message(bus, fleet.subjects.tasks))
        fleet.kill("a")
        Stopwatch().until(11)
        fleet.start("b")
        fleet.until_more(600)
        fleet.stop()
        found = tally(fleet.ledgers, fleet.stored(), {})
        assert run(["doctor", *map(str, fleet.ledgers)]) == 0
    assert found.outcomes["success"] >= 600


async def _first_message(bus: NatsBus, subject: str) -> None:
    async for _ in await bus.subscribe(subject):
        return


def test_a_stream_in_memory_that_went_with_its_server_is_made_again(tmp_path: Path, nats_server: NatsServer) -> None:
    wanted = [task("each-second", interval_seconds=1, misfire="run_all")]
    with DispatchFleet(tmp_path, [nats_server.url], wanted, stream={"storage": "memory"}) as fleet:
        fleet.start("a", "b")
        fleet.until_more(2)
        nats_server.kill()
        nats_server.start()
        fleet.until_more(3)
        fleet.stop()
        assert run(["doctor", *map(str, fleet.ledgers)]) == 0
        assert fleet.events("scheduler.dispatch_error") == []


def test_what_a_leader_leaves_that_is_stopped_while_the_server_is_away_is_published_by_the_next(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    wanted = [
        task(f"entry-{number:02}", interval_seconds=0.5, misfire="run_all", mode="queued") for number in range(50)
    ]
    with DispatchFleet(tmp_path, [nats_server.url], wanted) as fleet:
        fleet.start("a", "b")
        name = fleet.leader()
        fleet.until_more(50)
        fleet.on_bus(lambda bus: _first_message(bus, fleet.subjects.tasks))
        nats_server.kill()
        fleet.stop(name)
        nats_server.start()
        assert fleet.leader() != name
        fleet.until_more(200)
        end = SystemClock().now()
        fleet.stop()
        found = assert_once(fleet, wanted, end - 2 * SECOND)
    assert set(found.outcomes) <= {"success", "skipped overlap", "interrupted"}

"""SIGTERM ends a scheduler at once; what cannot run at all says why."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from duly.dispatch.server import NatsServer
from tests.dispatch.conftest import free_ports
from tests.dispatch.troupe import task
from tests.duly_process import DulyProcess
from tests.faults.dispatch_fleet import DispatchFleet, Stopwatch, slowness

IDLE = [task("yearly", cron="0 0 1 1 *")]
ATTEMPTS = 3
"""Of which one has to be in time."""


def seconds_to_end(process: DulyProcess) -> float:
    """From SIGTERM to its end, with code 0."""
    watch = Stopwatch()
    process.send(signal.SIGTERM)
    assert process.end() == 0, process.said
    return watch.seconds


def within_a_second(attempt: Callable[[], float]) -> bool:
    """Whether one of some attempts took no longer, or would not have on a machine without other work."""
    return any(attempt() < slowness() for _ in range(ATTEMPTS))


def test_an_idle_leader_ends_within_a_second(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], IDLE) as fleet:

        def attempt() -> float:
            fleet.start("a")
            fleet.leader()
            return seconds_to_end(fleet["a"])

        assert within_a_second(attempt)


def test_a_standby_ends_within_a_second(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], IDLE) as fleet:
        fleet.start("a")
        fleet.leader()

        def attempt() -> float:
            fleet.start("b")
            fleet["b"].until("scheduler.standing_by")
            return seconds_to_end(fleet["b"])

        assert within_a_second(attempt)
        assert fleet.leader() == "a"


@pytest.mark.parametrize("who", ["a", "b"], ids=["leader", "standby"])
def test_while_the_server_is_away_it_ends_within_a_second(who: str, tmp_path: Path, nats_server: NatsServer) -> None:
    with DispatchFleet(tmp_path, [nats_server.url], IDLE) as fleet:

        def attempt() -> float:
            nats_server.start()
            fleet.start("a")
            fleet["a"].until("scheduler.leader_acquired")
            fleet.start("b")
            fleet["b"].until("scheduler.standing_by")
            nats_server.kill()
            fleet[who].until("bus.disconnected")
            seconds = seconds_to_end(fleet[who])
            fleet.kill("a")
            fleet.kill("b")
            return seconds

        assert within_a_second(attempt)


def test_a_busy_leader_hands_over_at_once_and_nothing_is_lost(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], [task("often", interval_seconds=0.1)]) as fleet:
        fleet.start("a")
        fleet.until_more(5)
        fleet.start("b")
        fleet["b"].until("scheduler.standing_by")
        assert seconds_to_end(fleet["a"]) < 2 * slowness()
        assert fleet.leader() == "b"


def test_a_server_that_does_not_answer_is_named_after_a_few_seconds(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with DispatchFleet(tmp_path, [f"nats://127.0.0.1:{port}"], IDLE) as fleet:
        fleet.start("a")
        watch = Stopwatch()
        assert fleet["a"].end() == 1
        assert watch.seconds < 15
        assert f"no NATS server answers at nats://127.0.0.1:{port}" in fleet["a"].err
        assert "Traceback" not in fleet["a"].said


def test_a_second_replica_with_the_same_ledger_is_refused(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], IDLE) as fleet:
        fleet.start("a")
        fleet.leader()
        with DulyProcess(
            ["dispatch", "--config", str(fleet.config), "--nats-url", nats_url, "--ledger", str(fleet.ledger("a"))],
            folder=tmp_path,
            prints=tmp_path / "prints",
        ) as second:
            assert second.end() == 1
            assert f"in use by process {fleet['a'].pid}" in second.err or str(fleet["a"].pid) in second.err, second.err
            assert "Traceback" not in second.said
        assert fleet.leader() == "a"


def test_a_second_scheduler_without_jetstream_is_refused(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], [task("often", interval_seconds=0.1)], delivery="core") as fleet:
        fleet.start("a")
        fleet.leader()
        fleet.start("b")
        assert fleet["b"].end() == 1
        assert f"pid {fleet['a'].pid}" in fleet["b"].err
        assert "Traceback" not in fleet["b"].said
        assert fleet.leader() == "a"

"""The wall clock of a scheduler is stepped an hour, forward or back: no slot is lost, none is published twice."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from duly.cli import run
from tests.dispatch.troupe import task
from tests.faults.dispatch_account import tally
from tests.faults.dispatch_fleet import DispatchFleet, Stopwatch
from tests.faults.processes import Child

HOUR = 3600
WANTED = [
    *(task(policy, interval_seconds=1, misfire=policy) for policy in ("skip", "run_once")),
    task("all", interval_seconds=60, misfire="run_all", mode="parallel"),
    task("cron", cron="* * * * * *", misfire="skip"),
]


@contextmanager
def stepped(fleet: DispatchFleet) -> Iterator[Child]:
    """A replica whose clock can be stepped; stopped at the end."""
    command = ["dispatch", "--config", fleet.config, "--nats-url", fleet.urls[0], "--ledger", fleet.ledger("a")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with Child("stepped_duly.py", *command, log=fleet.folder / "log", env=environment) as process:
        yield process
        os.kill(process.pid, signal.SIGTERM)
        assert process.end() == 0


def step(process: Child, seconds: float) -> None:
    process.tell(str(seconds))
    assert process.hear() == "stepped"


@pytest.mark.parametrize("steps", [(HOUR,), (-HOUR, HOUR), (HOUR, -HOUR)], ids=str)
def test_a_step_of_the_clock_loses_no_slot_and_publishes_none_twice(
    steps: tuple[int, ...], tmp_path: Path, nats_url: str
) -> None:
    with DispatchFleet(tmp_path, [nats_url], WANTED) as fleet, stepped(fleet) as process:
        fleet.until_more(6)
        for seconds in steps:
            step(process, seconds)
            assert fleet.ask({"action": "fire", "name": "all"})["ok"], "and wakes it"
            if seconds > 0:
                fleet.until_more(6)
            else:
                Stopwatch().until(2)
    found = tally(fleet.ledgers, fleet.stored(), {})
    assert found.outcomes["success"] >= 12
    assert run(["doctor", *map(str, fleet.ledgers)]) == 0
    if steps == (HOUR,):
        assert found.outcomes["missed suspended"] >= 3 * (HOUR - 5)


def test_a_replica_with_another_clock_goes_on_where_the_first_was(tmp_path: Path, nats_url: str) -> None:
    with DispatchFleet(tmp_path, [nats_url], WANTED) as fleet:
        fleet.start("b")
        fleet.until_more(6)
        with stepped(fleet) as process:
            step(process, 300)
            fleet["b"].until("scheduler.leader_acquired")
            fleet.kill("b")
            fleet.until_more(6)
            fleet.start("b")
            fleet["b"].until("scheduler.standing_by")
        assert fleet.leader() == "b", "whose clock is behind"
        fleet.stop()
    tally(fleet.ledgers, fleet.stored(), {})
    assert run(["doctor", *map(str, fleet.ledgers)]) == 0

"""The wall clock is stepped an hour, while the program runs and while it does not: no slot is lost, none runs twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duly import Scheduler
from duly.core.policy import MisfireName, ModeName
from duly.testing import World
from duly.triggers import Cron, Every
from tests.embedded.filed import discrepancies, outcomes, rows_of
from tests.embedded.waiting import Calls

HOUR = 3_600
MODES: tuple[ModeName, ...] = ("single", "queued", "restart", "parallel")
MISFIRES: tuple[MisfireName, ...] = ("run_once", "run_all", "skip")

steps = pytest.mark.parametrize("step", [HOUR, -HOUR])


class Program:
    """One with jobs of all kinds, on a file and a clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.world = World()
        self.calls = Calls()

    def begin(self) -> Scheduler:
        """Start it."""
        scheduler = self.world.scheduler(history=self.path)
        for mode in MODES:
            for misfire in MISFIRES:
                for name, trigger in (("every", Every(seconds=7)), ("cron", Cron("*/5 * * * *"))):
                    scheduler.schedule(self.calls, f"{name}-{mode}-{misfire}", trigger, mode=mode, misfire=misfire)
        return scheduler

    def slots_run(self) -> list[tuple[int, float]]:
        """Job and slot of every run."""
        rows = rows_of(self.path, "job_id, scheduled_ts, status")
        return [(job, slot) for job, slot, status in rows if status == "success"]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path / "jobs.db")
    yield program
    stopped_at = program.world.clock.now()
    program.world.close()
    program.world.assert_ledger_adds_up()
    assert discrepancies(program.path, closed_at=stopped_at) == []
    ran = program.slots_run()
    assert len(ran) == len(set(ran)) == len(program.calls)
    assert "started" not in outcomes(program.path)


@steps
def test_a_step_while_jobs_run_loses_no_slot_and_runs_none_twice(step: float, program: Program) -> None:
    program.begin()
    program.world.advance(1_000)
    program.world.step_clock(step)
    program.world.advance(2 * HOUR)


def test_a_step_back_and_forth_while_jobs_run_leaves_every_slot_with_one_outcome(program: Program) -> None:
    program.begin()
    for step in (-HOUR, HOUR, HOUR, -HOUR):
        program.world.advance(100)
        program.world.step_clock(step)
    program.world.advance(2 * HOUR)


@steps
@pytest.mark.parametrize("killed", [False, True])
def test_a_step_while_the_program_is_down_loses_no_slot_and_runs_none_twice(
    killed: bool, step: float, program: Program
) -> None:
    scheduler = program.begin()
    program.world.advance(1_000)
    if killed:
        program.world.kill(scheduler)
    else:
        scheduler.stop()
    program.world.step_clock(step)
    program.begin()
    program.world.advance(2 * HOUR)


@steps
def test_a_step_just_before_a_kill_loses_no_slot_and_runs_none_twice(step: float, program: Program) -> None:
    scheduler = program.begin()
    program.world.advance(1_000)
    program.world.step_clock(step)
    program.world.kill(scheduler)
    program.world.clock.elapse(60)
    program.begin()
    program.world.advance(2 * HOUR)


def test_slots_that_a_step_forward_leaps_over_are_missed_for_that_reason(program: Program) -> None:
    program.begin()
    program.world.advance(1_000)
    program.world.step_clock(HOUR)
    reasons = {reason for status, reason in rows_of(program.path, "status, reason") if status == "missed"}
    assert reasons <= {"suspended"}


def test_after_a_step_back_nothing_is_due_until_the_clock_has_caught_up(program: Program) -> None:
    program.begin()
    program.world.advance(1_000)
    before = len(program.calls)
    program.world.step_clock(-HOUR)
    program.world.advance(HOUR - 10)
    assert len(program.calls) == before
    program.world.advance(100)
    assert len(program.calls) > before

"""The wall clock is stepped an hour, forward or back, while apps run or do not: no slot is lost, none runs twice."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from duly.testing import AppHarness
from tests.embedded.filed import discrepancies, outcomes, rows_of
from tests.faults.app_folder import AppFolder, let_pass, soon
from tests.faults.apps.modal import Modal
from tests.faults.processes import Child

HOUR = 3600

steps = pytest.mark.parametrize("step", [HOUR, -HOUR])


# --- on virtual time -------------------------------------------------------------------------------------------------


@contextmanager
def modal() -> Iterator[AppHarness[Modal]]:
    """An app with jobs of all kinds; at the end every slot must have one outcome, and every run one slot."""

    class Counting(Modal):
        """Begins to count anew."""

    app_class: type[Modal] = Counting
    with AppHarness(app_class) as h:
        yield h
        h.advance(hours=2)
        h.stop()
        assert discrepancies(h.ledger.path) == []
        assert app_class.calls == outcomes(h.ledger.path)["success"] == _slots_run(h.ledger.path) > 0


def _slots_run(path: Path) -> int:
    rows = rows_of(path, "schedule_id, scheduled_ts, status")
    return len({(schedule, slot) for schedule, slot, status in rows if status == "success"})


@steps
def test_a_step_while_apps_run_loses_no_slot_and_runs_none_twice(step: float) -> None:
    with modal() as h:
        h.advance(1_000)
        h.step_clock(step)


def test_a_step_back_and_forth_while_apps_run_leaves_every_slot_with_one_outcome() -> None:
    with modal() as h:
        for step in (-HOUR, HOUR, HOUR, -HOUR):
            h.advance(100)
            h.step_clock(step)


@steps
@pytest.mark.parametrize("end", [AppHarness.stop, AppHarness.crash], ids=["stopped", "killed"])
def test_a_step_while_the_process_is_down_loses_no_slot_and_runs_none_twice(
    end: Callable[[AppHarness[Modal]], None], step: float
) -> None:
    with modal() as h:
        h.advance(1_000)
        end(h)
        h.step_clock(step)
        h.restart(after=60)


@steps
def test_a_step_just_before_a_kill_loses_no_slot_and_runs_none_twice(step: float) -> None:
    with modal() as h:
        h.advance(1_000)
        h.step_clock(step)
        h.crash()
        h.restart(after=60)


# --- in a process ----------------------------------------------------------------------------------------------------


@contextmanager
def stepped(folder: AppFolder) -> Iterator[Child]:
    """A process of ours whose clock can be stepped; stopped at the end."""
    log, environment = folder.folder / "log", os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with Child("stepped_duly.py", "-c", folder.toml, "run", log=log, env=environment) as process:
        soon(lambda: " is running; apps: " in log.read_text("utf-8"))
        yield process
        os.kill(process.pid, signal.SIGTERM)
        assert process.end() == 0


def step_clock(process: Child, seconds: float) -> None:
    """Set its clock."""
    process.tell(str(seconds))
    assert process.hear() == "stepped"


def assert_no_slot_ran_twice(folder: AppFolder) -> None:
    """Its own count is that of the ledger, which adds up."""
    assert folder.outcomes["success"] == _slots_run(folder.ledger) == folder.calls["steady"]
    folder.assert_adds_up()


def test_slots_that_a_step_forward_leaps_over_are_missed_for_that_reason(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "steady", settings="[scheduler]\nmax_delay_seconds = 1")
    with stepped(folder) as process:
        folder.until_ran("steady", 2)
        step_clock(process, HOUR)
        folder.until_more("steady", 2)
    leapt = [ticks for reason, ticks in folder.rows("steady", "reason, tick_count") if reason == "suspended"]
    assert HOUR - 5 < sum(leapt) <= HOUR
    assert_no_slot_ran_twice(folder)


def test_after_a_step_back_nothing_is_due_until_the_clock_has_caught_up(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "steady", settings="[scheduler]\nmax_delay_seconds = 1")
    with stepped(folder) as process:
        folder.until_ran("steady", 2)
        step_clock(process, -HOUR)
        before = folder.calls["steady"]
        let_pass(3)
        assert folder.calls["steady"] <= before + 1, "one may have been under way"
        step_clock(process, HOUR)
        folder.until_more("steady", 2)
    assert_no_slot_ran_twice(folder)

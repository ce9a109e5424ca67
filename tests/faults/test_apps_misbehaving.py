"""Apps that misbehave in every way beside one that does not: it keeps its times, and the process ends in time."""

import statistics
from pathlib import Path

import pytest

from duly.core.clock import SECOND, SystemClock
from tests.faults.app_folder import STALLED, AppFolder
from tests.runtime.ground import Process

BAD = ("hanging", "leaking", "raising", "stuck", "unending")
BUDGETS = "[lifecycle]\napp_shutdown_timeout_seconds = {}\ntotal_shutdown_timeout_seconds = {}"
LATE = 0.5
"""Seconds that half of the slots of a job may be late, on a machine under load."""
AFTERWARDS = 10.0
"""Seconds beyond the limit within which the process must have ended."""


def stopped(process: Process) -> tuple[int, float]:
    """Its exit code, and the seconds that the stop took."""
    clock = SystemClock()
    begin = clock.monotonic()
    return process.stop(), (clock.monotonic() - begin) / SECOND


def said(process: Process, level: str, *words: str) -> bool:
    """Whether it has logged something on this level with all the words."""
    return any(each["level"] == level and all(word in str(each) for word in words) for each in process.events)


def lateness(folder: AppFolder, job: str) -> float:
    """By how many seconds half of the slots of a job were late."""
    rows: list[tuple[float, str]] = folder.rows(job, "execution_start_ts - scheduled_ts, status")
    return statistics.median(late for late, status in rows if status == "success")


def test_apps_that_misbehave_take_no_time_from_the_others_and_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "steady", *BAD, settings=BUDGETS.format(1, 20))
    with folder.process() as process:
        assert "apps: 5 running, 0 degraded, 1 failed, 0 blocked" in process.up().said
        folder.until_ran("steady", 6)
        code, seconds = stopped(process)
    assert (code, seconds < 20 + AFTERWARDS) == (0, True)
    assert lateness(folder, "steady") < LATE
    assert len(folder.unrun("steady")) <= STALLED
    folder.assert_noted("steady")
    folder.assert_adds_up()
    assert (folder.sessions, folder.lost) == (["success"], 0)
    assert folder.rows("of a failed start") == []
    assert said(process, "error", "instance failed: app=apps.raising.Raising/Raising.0", "RuntimeError: no lamp")
    assert said(process, "error", "ended with an error", "RuntimeError: nobody waits for this")
    assert said(process, "error", "was forced to end", "Hanging.0")
    assert said(process, "error", "stuck.py", "in wait")


def test_an_app_that_blocks_the_event_loop_is_told_with_its_stack_and_the_slots_of_others_are_accounted_for(
    tmp_path: Path,
) -> None:
    folder = AppFolder(tmp_path, "steady", "blocking")
    with folder.process() as process:
        process.up()
        folder.until_ran("block")
        folder.until_more("steady", 2)
        assert process.stop() == 0
    assert said(
        process, "warning", "the event loop is blocked for 1 s or more by app apps.blocking.Blocking", "in block"
    )
    assert ("missed", "stalled") in folder.unrun("steady")
    folder.assert_noted("steady")
    folder.assert_adds_up()


@pytest.mark.parametrize("bad", ["hanging", "clinging"])
def test_a_stop_that_is_cut_short_by_its_limit_says_what_goes_on_and_has_code_1(tmp_path: Path, bad: str) -> None:
    folder = AppFolder(tmp_path, "steady", bad, settings=BUDGETS.format(60, 2))
    with folder.process() as process:
        process.up()
        folder.until_ran("steady", 2)
        code, seconds = stopped(process)
    assert (code, seconds < 2 + AFTERWARDS) == (1, True)
    assert said(process, "error", "was forced to end", f"{bad.title()}.0")
    folder.assert_adds_up()
    assert (folder.sessions, folder.lost) == (["success"], 0)

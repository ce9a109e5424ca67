"""Hourly jobs keep their phase, however often the process or the app begins anew within the hour."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from whenever import ZonedDateTime

from duly.testing import AppHarness
from tests.embedded.filed import rows_of
from tests.faults.app_folder import AppFolder
from tests.faults.apps.hourly import Hourly

TIMES = 50
BEGIN = ZonedDateTime(2025, 1, 1, tz="UTC")


class SameHourly(Hourly):
    """Another version of the same."""


def stop(h: AppHarness[Hourly]) -> None:
    h.restart(after=30)


def crash(h: AppHarness[Hourly]) -> None:
    h.crash()
    h.restart(after=30)


def replace(h: AppHarness[Hourly]) -> None:
    h.replace(SameHourly)
    h.advance(30)


def reload(h: AppHarness[Hourly]) -> None:
    h.reload({"any": h.app.now().format_iso()})
    h.advance(30)


@pytest.mark.parametrize("begin_anew", [stop, crash, replace, reload], ids=lambda each: each.__name__)
def test_hourly_jobs_keep_their_phase_through_fifty_restarts_within_the_hour(
    begin_anew: Callable[[AppHarness[Hourly]], None],
) -> None:
    with AppHarness(Hourly, start=BEGIN) as h:
        due = h.app.due
        assert due["every"] == due["own"] == BEGIN.add(hours=1)
        for _ in range(TIMES):
            begin_anew(h)
            h.advance(30)
            now = h.app.now()
            expected = {name: time if time > now else time.add(hours=1) for name, time in due.items()}
            assert {job.name: job.next_run for job in h.scheduler.list_jobs()} == expected
        h.advance_to(BEGIN.add(minutes=119))
        for name, time in due.items():
            h.ledger.assert_ran_at(name, [each for each in (time, time.add(hours=1)) if each < h.app.now()])
        jobs = len(due)
        assert rows_of(h.ledger.path, "count(*), count(DISTINCT job_id), count(ended_at)", "schedules") == [
            (jobs, jobs, 0)
        ]


def test_hourly_jobs_of_a_process_keep_their_phase_through_stops_and_kills(tmp_path: Path) -> None:
    folder = AppFolder(tmp_path, "hourly")
    lives = []
    for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        with folder.process() as process:
            process.up().stop(end)
            due = [each["event"] for each in process.events if each["event"].startswith(("due: every ", "due: own "))]
        schedules = rows_of(folder.ledger, "id, job_id, trigger_id, first_ts, ended_at", "schedules")
        lives.append((due, schedules))
    assert list(map(len, lives[0])) == [2, 4]
    assert lives == lives[:1] * 5
    assert folder.rows("every") == folder.rows("own") == []

"""The ledger in a file: what the history shows of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from duly import Execution, Scheduler
from duly.triggers import Every
from tests.embedded.lives import BEGIN, Lives
from tests.embedded.waiting import Calls, Failing


def test_the_history_is_that_of_the_file_newest_first(lives: Lives) -> None:
    def live() -> Scheduler:
        scheduler = lives.begin()
        scheduler.schedule(Calls(), "good", Every(seconds=10))
        scheduler.schedule(Failing(ValueError("no milk")), "bad", Every(seconds=15), retries=1, retry_delay=1)
        lives.world.advance(32)
        scheduler.stop()
        return scheduler

    live()
    scheduler = live()
    assert [line.scheduled_at for line in scheduler.history("job_good")] == [
        BEGIN + timedelta(seconds=slot) for slot in (60, 50, 40, 30, 20, 10)
    ]
    assert [line.attempt_number for line in scheduler.history("job_bad")] == [2, 1] * 4
    assert [line.error_message for line in scheduler.history(status="error", limit=2)] == ["no milk"] * 2
    assert scheduler.history("job_unknown") == []


def test_the_history_tells_of_a_file_what_it_tells_of_memory(lives: Lives) -> None:
    schedulers = [lives.begin(), lives.world.scheduler()]
    for scheduler in schedulers:
        scheduler.schedule(lambda: lives.world.clock.work(25), "slow", Every(seconds=10), mode="queued")
        scheduler.schedule(Failing(ValueError("no milk")), "bad", Every(seconds=15), retries=1, retry_delay=1)
    lives.world.advance(62)
    lives.world.suspend(100)
    lives.world.advance(2)
    for scheduler in schedulers:
        scheduler.cancel("job_slow")
    told, known = (sorted(scheduler.history(), key=_place) for scheduler in schedulers)
    assert [replace(line, error_traceback=None) for line in told] == [
        replace(line, error_traceback=None) for line in known
    ]
    assert [line.error_traceback is None for line in told] == [line.error_traceback is None for line in known]


def _place(line: Execution) -> tuple[datetime, str, int]:
    return line.scheduled_at or line.started_at, line.name, line.attempt_number


def test_the_history_of_a_running_scheduler_has_what_was_recorded_so_far(lives: Lives) -> None:
    scheduler = lives.begin()
    job_id = scheduler.schedule(Calls(), "job", Every(seconds=10))
    for number in range(3):
        lives.world.advance(10)
        assert len(scheduler.history(job_id)) == number + 1


def test_there_is_no_history_before_the_first_start(tmp_path: Path) -> None:
    assert Scheduler(history=tmp_path / "jobs.db").history() == []


def test_more_lines_than_a_page_holds_are_read_page_by_page(lives: Lives) -> None:
    scheduler = lives.begin()
    scheduler.schedule(Calls(), "job", Every(seconds=1))
    lives.world.advance(2_500)
    assert len(scheduler.history(limit=2_400)) == 2_400
    assert len({line.scheduled_at for line in scheduler.history("job_job", limit=10_000)}) == 2_500

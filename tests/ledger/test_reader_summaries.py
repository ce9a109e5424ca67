"""How a job is doing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import SECOND
from duly.ledger import summaries
from duly.ledger.summaries import JobSummary, Mark, Spread
from tests.ledger.ledger_file import at
from tests.ledger.written import Written, reader_of, written


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        yield file


def summary(file: Written, **options: Any) -> JobSummary:  # noqa: ANN401 - options of any type, passed on
    with reader_of(file) as reader:
        return reader.read(summaries.summary, 1, **options)


def test_a_job_that_never_ran_has_nothing_to_show(file: Written) -> None:
    file.job()
    assert summary(file) == JobSummary(0, None, None, None, (), 0, {}, {}, None, None, None)


def test_slots_are_counted_by_outcome_and_by_reason(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.slots(schedule, [30], "error")
    file.row(schedule, 40, "missed", to=80, count=5, reason="down")
    file.row(schedule, 90, "skipped", reason="overlap")
    found = summary(file)
    assert found.ticks == {"success": 2, "error": 1, "missed": 5, "skipped": 1}
    assert found.reasons == {"down": 5, "overlap": 1}
    assert found.executions == 5
    assert found.since == at(10)


def test_the_success_rate_is_that_of_what_ran_to_its_end(file: Written) -> None:
    schedule = file.job()
    for slot, status in enumerate(["success", "error", "timed_out", "success", "cancelled", "interrupted"], start=1):
        file.row(schedule, slot * 10, status)
    file.row(schedule, 70, "missed", reason="down")
    file.row(schedule, 80, "skipped", reason="paused")
    file.row(schedule, 90, "started")
    assert summary(file).success_rate == 0.5


def test_a_slot_that_succeeds_at_its_second_attempt_is_a_success(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, "error", start=10)
    file.row(schedule, 10, "success", start=12, attempt_number=2)
    found = summary(file)
    assert found.success_rate == 1
    assert found.ticks == {"success": 1}


def test_a_run_by_hand_counts_in_the_rate_and_is_no_slot(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10])
    file.row(schedule, None, "error", start=15)
    found = summary(file)
    assert found.success_rate == 0.5
    assert found.ticks == {"success": 1}
    assert found.last == Mark(at(15), "error")


def test_what_runs_is_not_the_last_outcome(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, "error")
    file.row(schedule, 20, "started")
    found = summary(file)
    assert found.last == Mark(at(10), "error")
    assert found.running == 1
    assert found.recent == (Mark(at(20), "started"), Mark(at(10), "error"))


def test_the_last_success_is_when_it_ended(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, start=11)
    file.row(schedule, 20, "error")
    assert summary(file).last_success == at(12)


def test_the_strip_shows_the_newest_first_and_no_more_than_asked_for(file: Written) -> None:
    file.slots(file.job(), [10, 20, 30])
    assert [mark.at for mark in summary(file, strip=2).recent] == [at(30), at(20)]


def test_durations_and_lags_are_those_of_runs(file: Written) -> None:
    schedule = file.job()
    for number in range(1, 21):
        file.row(schedule, number * 10, start=number * 10 + number / 10, duration=number * SECOND)
    file.row(schedule, 210, "missed", reason="down")
    file.row(schedule, 220, "started", start=229)
    found = summary(file)
    assert found.duration == Spread(10 * SECOND, 19 * SECOND)
    assert found.lag == Spread(SECOND, round(1.9 * SECOND))


def test_the_wait_for_a_retry_is_no_lag(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, "error", start=11)
    file.row(schedule, 10, "success", start=1000, attempt_number=2)
    assert summary(file).lag == Spread(SECOND, SECOND)


def test_only_the_newest_are_looked_at_over_all_schedules(file: Written) -> None:
    file.slots(file.job(), [10, 20], "error")
    file.slots(file.job(first=30), [30, 40])
    found = summary(file, newest=3)
    assert found.ticks == {"success": 2, "error": 1}
    assert found.since == at(20)


def test_a_window_leaves_out_what_lies_outside(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20, 30, 40])
    file.row(schedule, None, start=45)
    assert summary(file, since=at(20), until=at(40)).ticks == {"success": 2}
    assert summary(file, since=at(20), until=at(40)).executions == 2


def test_many_jobs_are_summed_up_in_one_call(file: Written) -> None:
    file.slots(file.job("one"), [10])
    file.slots(file.job("two"), [10], "error")
    with reader_of(file) as reader:
        found = reader.read(summaries.summaries, [1, 2])
    assert {job_id: each.success_rate for job_id, each in found.items()} == {1: 1, 2: 0}

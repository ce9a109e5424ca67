"""What a job shows of itself: statuses, snapshots, lists."""

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from duly import Job, JobStatus, OnceTrigger, Scheduler, at, every
from duly.core.outcomes import Outcome
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, Calls, Failing, Gate, ShiftedClock, eventually, job_of


def ended(scheduler: Scheduler, job_id: str) -> Job:
    """The job, once nothing more is due."""
    eventually(lambda: job_of(scheduler, job_id).next_run is None and scheduler.health().in_flight == 0)
    return job_of(scheduler, job_id)


def test_a_job_that_waits_for_its_run_is_pending(scheduler: Scheduler) -> None:
    assert job_of(scheduler, scheduler.schedule(Calls(), trigger=LATER)).status is JobStatus.PENDING


def test_a_job_that_runs_is_running(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate)
    gate.wait_entered()
    assert job_of(scheduler, job_id).status is JobStatus.RUNNING
    gate.open()


def test_a_one_shot_that_succeeded_is_completed(scheduler: Scheduler) -> None:
    job = ended(scheduler, scheduler.schedule(Calls("value")))
    assert (job.status, job.result, job.run_count, job.error) == (JobStatus.COMPLETED, "value", 1, None)
    assert job.last_outcome is Outcome.SUCCESS


def test_a_one_shot_that_failed_is_failed(scheduler: Scheduler) -> None:
    job = ended(scheduler, scheduler.schedule(Failing(KeyError("lost"))))
    assert (job.status, job.run_count, job.error) == (JobStatus.FAILED, 0, "'lost'")
    assert job.last_outcome is Outcome.ERROR


def test_a_one_shot_that_was_missed_is_failed(scheduler: Scheduler) -> None:
    past = OnceTrigger(datetime(2020, 1, 1, tzinfo=UTC))
    job = ended(scheduler, scheduler.schedule(Calls(), trigger=past, misfire="skip"))
    assert (job.status, job.missed) == (JobStatus.FAILED, 1)


def test_a_cancelled_job_is_cancelled(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.cancel(job_id)
    assert job_of(scheduler, job_id).status is JobStatus.CANCELLED


def test_a_paused_job_is_paused(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.pause(job_id)
    assert job_of(scheduler, job_id).status is JobStatus.PAUSED


def test_a_recurring_job_is_pending_between_its_runs_however_they_ended(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    job_id = scheduler.schedule(Failing(ValueError("bad")), trigger=every(hours=1))
    clock.step(3600)
    scheduler.start()
    eventually(lambda: job_of(scheduler, job_id).last_outcome is Outcome.ERROR)
    assert job_of(scheduler, job_id).status is JobStatus.PENDING


def test_the_filter_failed_finds_a_recurring_job_while_its_last_run_failed(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Failing(ValueError("bad"), times=1), trigger=every(hours=1))
    with pytest.raises(ValueError, match="bad"):
        scheduler.run_now(job_id)
    assert [job.id for job in scheduler.list_jobs(JobStatus.FAILED)] == [job_id]
    assert [job.id for job in scheduler.list_jobs(JobStatus.PENDING)] == [job_id]
    assert scheduler.list_jobs(JobStatus.COMPLETED) == []
    scheduler.run_now(job_id)
    assert scheduler.list_jobs(JobStatus.FAILED) == []
    assert [job.id for job in scheduler.list_jobs(JobStatus.COMPLETED)] == [job_id]


def test_the_filter_takes_the_text_of_a_status_and_refuses_an_unknown_one(scheduler: Scheduler) -> None:
    scheduler.schedule(Calls(), name="later", trigger=LATER)
    assert [job.name for job in scheduler.list_jobs("pending")] == ["later"]  # type: ignore[arg-type] # text, on purpose
    with pytest.raises(ValueError, match="'done'"):
        scheduler.list_jobs("done")  # type: ignore[arg-type] # unknown, on purpose


def test_jobs_are_listed_by_group(scheduler: Scheduler) -> None:
    scheduler.schedule(Calls(), name="in", trigger=LATER, group="red")
    scheduler.schedule(Calls(), name="out", trigger=LATER)
    assert [job.name for job in scheduler.list_jobs(group="red")] == ["in"]
    assert scheduler.list_jobs(group="blue") == []


def test_jobs_are_listed_by_their_next_run_and_those_without_one_last(scheduler: Scheduler) -> None:
    scheduler.schedule(Calls(), name="third", trigger=every(hours=3))
    scheduler.cancel(scheduler.schedule(Calls(), name="never", trigger=every(minutes=1)))
    scheduler.schedule(Calls(), name="first", trigger=every(hours=1))
    scheduler.schedule(Calls(), name="second", trigger=every(hours=2))
    assert [job.name for job in scheduler.list_jobs()] == ["first", "second", "third", "never"]


def test_a_snapshot_cannot_be_changed(scheduler: Scheduler) -> None:
    job = job_of(scheduler, scheduler.schedule(Calls(), trigger=LATER, kwargs={"size": 1}))
    with pytest.raises(FrozenInstanceError):
        job.name = "other"  # type: ignore[misc] # frozen is the point
    with pytest.raises(TypeError):
        job.kwargs["size"] = 2  # type: ignore[index] # as above
    with pytest.raises(TypeError):
        job.outcomes[Outcome.SUCCESS] = 2  # type: ignore[index] # as above


def test_a_snapshot_stays_as_it_was_taken(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=every(hours=1))
    before = job_of(scheduler, job_id)
    scheduler.run_now(job_id)
    assert (before.run_count, before.last_run, dict(before.outcomes)) == (0, None, {})
    assert job_of(scheduler, job_id).run_count == 1


def test_a_job_keeps_its_arguments_when_the_callers_change(scheduler: Scheduler) -> None:
    args: list[Any] = [1]
    kwargs: dict[str, Any] = {"size": 1}
    calls = Calls()
    job_id = scheduler.schedule(calls, trigger=LATER, args=args, kwargs=kwargs)
    args.append(2)
    kwargs["colour"] = "red"
    scheduler.run_now(job_id)
    assert calls.made == [((1,), {"size": 1})]


def test_a_snapshot_has_every_field_of_a_job() -> None:
    promised = {"id", "name", "func", "args", "kwargs", "trigger", "status", "created_at", "last_run", "next_run"}
    promised |= {"run_count", "max_runs", "result", "error", "attempts", "last_outcome", "last_duration_ms"}
    promised |= {"traceback", "skipped", "missed"}
    assert promised <= {field.name for field in fields(Job)}


def test_a_snapshot_tells_what_was_scheduled(scheduler: Scheduler) -> None:
    calls = Calls()
    job_id = scheduler.schedule(calls, "report", LATER, (1, 2), {"size": 3}, 4, group="red")
    job = job_of(scheduler, job_id)
    assert (job.id, job.name, job.func, job.trigger, job.args) == (job_id, "report", calls, LATER, (1, 2))
    assert (dict(job.kwargs), job.max_runs, job.group) == ({"size": 3}, 4, "red")


def test_a_new_job_has_nothing_to_tell_of_runs(scheduler: Scheduler) -> None:
    job = job_of(scheduler, scheduler.schedule(Calls(), trigger=LATER))
    assert (job.last_run, job.result, job.error, job.traceback, job.last_outcome) == (None,) * 5
    assert (job.run_count, job.attempts, job.skipped, job.missed, job.last_duration_ms) == (0, 0, 0, 0, None)


def test_times_are_in_the_zone_of_the_scheduler(make: Make) -> None:
    scheduler = make(timezone="Asia/Tokyo")
    job_id = scheduler.schedule(Calls(), trigger=every(hours=1))
    scheduler.run_now(job_id)
    job = job_of(scheduler, job_id)
    assert job.next_run is not None
    assert job.last_run is not None
    for time in (job.created_at, job.next_run, job.last_run, *scheduler.next_runs(job_id)):
        assert time.utcoffset() == timedelta(hours=9)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", ZoneInfo("Asia/Tokyo")])
def test_naive_times_are_taken_in_the_zone_of_the_scheduler(make: Make, zone: str | ZoneInfo) -> None:
    scheduler = make(timezone=zone)
    job = job_of(scheduler, scheduler.schedule(Calls(), trigger=at(datetime(2190, 1, 1, 12))))  # noqa: DTZ001 - naive
    assert job.next_run == datetime(2190, 1, 1, 12, tzinfo=ZoneInfo("Asia/Tokyo"))


def test_the_times_of_a_job_follow_its_clock(make: Make) -> None:
    clock = ShiftedClock("UTC")
    scheduler = make(clock=clock)
    before = clock.now()
    job = job_of(scheduler, scheduler.schedule(Calls(), trigger=every(hours=1)))
    assert job.created_at >= datetime.fromtimestamp(before // 1_000 / 1e6, UTC) - timedelta(microseconds=1)
    assert job.next_run == job.created_at + timedelta(hours=1)


def test_a_success_clears_the_error_and_a_failure_keeps_the_result(scheduler: Scheduler) -> None:
    calls = Failing(ValueError("bad"), times=1)
    calls.result = "good"
    job_id = scheduler.schedule(calls, trigger=LATER)
    with pytest.raises(ValueError, match="bad"):
        scheduler.run_now(job_id)
    failed = job_of(scheduler, job_id)
    assert failed.error == "bad"
    assert failed.traceback is not None
    assert "ValueError: bad" in failed.traceback
    scheduler.run_now(job_id)
    good = job_of(scheduler, job_id)
    assert (good.error, good.traceback) == (None, None)


def test_a_failure_leaves_the_last_result(scheduler: Scheduler) -> None:
    answers: list[int] = [7]
    job_id = scheduler.schedule(answers.pop, "pop", LATER)
    scheduler.run_now(job_id)
    with pytest.raises(IndexError):
        scheduler.run_now(job_id)
    job = job_of(scheduler, job_id)
    assert (job.result, job.error, job.attempts, job.run_count) == (7, "pop from empty list", 2, 1)


def test_a_run_leaves_its_beginning_and_its_duration(scheduler: Scheduler) -> None:
    job = ended(scheduler, scheduler.schedule(Calls()))
    assert job.last_run is not None
    assert job.last_run >= job.created_at
    assert job.last_duration_ms is not None
    assert 0 <= job.last_duration_ms < 10_000


def test_the_slots_of_a_job_are_counted_by_outcome(scheduler: Scheduler) -> None:
    job = ended(scheduler, scheduler.schedule(Calls()))
    assert dict(job.outcomes) == {Outcome.SUCCESS: 1}


def test_an_unknown_job_is_none(scheduler: Scheduler) -> None:
    assert scheduler.get_job("job_unknown") is None


def test_of_ended_jobs_the_last_thousand_are_kept(make: Make) -> None:
    scheduler = make()
    for number in range(1_005):
        scheduler.cancel(scheduler.schedule(Calls(), f"{number}", LATER))
    assert len(scheduler.list_jobs()) == 1_000
    assert scheduler.get_job("job_4") is None
    assert scheduler.get_job("job_5") is not None


def test_the_moment_of_scheduling_is_the_anchor_of_an_interval(make: Make) -> None:
    scheduler = make()
    job = job_of(scheduler, scheduler.schedule(Calls(), trigger=every(0.25)))
    assert job.next_run == job.created_at + timedelta(seconds=0.25)
    assert scheduler.next_runs(job.id, 3)[2] == job.created_at + timedelta(seconds=0.75)


def test_the_statuses_are_these() -> None:
    assert set(JobStatus.__members__) == {"PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "PAUSED"}

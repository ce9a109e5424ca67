"""``history``, ``account`` and ``next_runs``: what was, whether it adds up, and what is to come."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import pytest

from duly import IntervalTrigger, Scheduler, cron, every
from duly.core.decisions import Cause
from duly.core.outcomes import Outcome, Reason
from tests.embedded.conftest import Make
from tests.embedded.waiting import LATER, Calls, Failing, Gate, ShiftedClock, eventually, job_of

MINUTE = 60


def test_an_execution_tells_what_ran_and_how_it_ended(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), "report")
    eventually(lambda: scheduler.history(job_id))
    (line,) = scheduler.history(job_id)
    assert (line.job_id, line.name, line.status, line.reason) == (job_id, "report", Outcome.SUCCESS, None)
    assert (line.attempt_number, line.tick_count, line.cause) == (1, 1, Cause.DUE)
    assert (line.error_type, line.error_message, line.error_traceback) == (None, None, None)
    assert line.scheduled_at is not None
    assert line.scheduled_at <= line.started_at
    assert line.duration_ms >= 0


def test_slots_that_did_not_run_have_their_nominal_time_and_no_duration(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE), misfire="skip")
    clock.step(3 * MINUTE + 30)
    scheduler.start()
    eventually(lambda: job_of(scheduler, job_id).missed == 3)
    oldest = scheduler.history(job_id)[-1]
    assert (oldest.started_at, oldest.duration_ms, oldest.cause) == (oldest.scheduled_at, 0, None)


def test_an_execution_cannot_be_changed(scheduler: Scheduler) -> None:
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.run_now(job_id)
    with pytest.raises(FrozenInstanceError):
        scheduler.history()[0].name = "other"  # type: ignore[misc] # frozen is the point


def test_history_is_newest_first_and_of_all_jobs(make: Make) -> None:
    scheduler = make()
    ids = [scheduler.schedule(Calls(), f"{number}", LATER) for number in range(3)]
    for job_id in ids:
        scheduler.run_now(job_id)
    assert [line.job_id for line in scheduler.history()] == ids[::-1]


def test_history_gives_one_job_if_asked(make: Make) -> None:
    scheduler = make()
    ids = [scheduler.schedule(Calls(), f"{number}", LATER) for number in range(3)]
    for job_id in ids * 2:
        scheduler.run_now(job_id)
    assert [line.job_id for line in scheduler.history(ids[1])] == [ids[1]] * 2
    assert scheduler.history("job_unknown") == []


def test_history_gives_one_outcome_if_asked(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Failing(ValueError("bad"), times=1), trigger=LATER)
    with pytest.raises(ValueError, match="bad"):
        scheduler.run_now(job_id)
    scheduler.run_now(job_id)
    for status in ("error", Outcome.ERROR):
        assert [line.status for line in scheduler.history(status=status)] == [Outcome.ERROR]
    assert scheduler.history(status=Outcome.MISSED) == []


def test_an_unknown_outcome_is_refused(make: Make) -> None:
    with pytest.raises(ValueError, match=r"status.*'success'.*got 'failed'"):
        make().history(status="failed")


def test_history_gives_a_hundred_unless_told_otherwise(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    for _ in range(150):
        scheduler.run_now(job_id)
    assert [len(scheduler.history(job_id)), len(scheduler.history(limit=7)), len(scheduler.history(limit=500))] == [
        100,
        7,
        150,
    ]


def test_a_thousand_executions_are_kept_and_the_counts_stay_exact(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    scheduler.start()
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE))
    for _ in range(550):
        scheduler.run_now(job_id)
        scheduler.pause(job_id)
        clock.step(MINUTE)
        scheduler.resume(job_id)
    job = job_of(scheduler, job_id)
    assert len(scheduler.history(limit=5_000)) == 1_000
    assert (job.run_count, job.attempts, job.skipped) == (550, 550, 550)
    assert scheduler.account(job_id).recorded == 550


def test_the_account_counts_slots_anew_from_the_trigger(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE))
    clock.step(100 * MINUTE + 1)
    scheduler.start()
    eventually(lambda: job_of(scheduler, job_id).run_count)
    account = scheduler.account(job_id)
    assert (account.expected, account.recorded, account.in_flight, account.adds_up) == (100, 100, 0, True)
    assert dict(account.outcomes) == {Outcome.SUCCESS: 1, Outcome.MISSED: 99}


def test_the_account_counts_what_is_in_flight(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate)
    gate.wait_entered()
    account = scheduler.account(job_id)
    assert (account.expected, account.recorded, account.in_flight, account.adds_up) == (1, 0, 1, True)
    gate.open()


def test_the_account_does_not_count_runs_by_hand(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=every(hours=1))
    scheduler.run_now(job_id)
    account = scheduler.account(job_id)
    assert (account.expected, account.recorded, account.adds_up) == (0, 0, True)


def test_the_account_of_an_unknown_job_is_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="Job not found: 'job_unknown'"):
        make().account("job_unknown")


def test_the_account_of_a_long_life_adds_up(scheduler: Scheduler) -> None:
    gate = Gate()
    gate.open()
    job_id = scheduler.schedule(gate, trigger=every(0.002))
    for _ in range(20):
        gate.wait_entered(gate.entries + 1)
        scheduler.pause(job_id)
        scheduler.resume(job_id, "run_once")
        assert scheduler.account(job_id).adds_up
    scheduler.stop()
    assert scheduler.account(job_id).adds_up
    assert scheduler.account(job_id).in_flight == 0


def test_next_runs_looks_ahead(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE))
    first, *rest = scheduler.next_runs(job_id)
    assert first == job_of(scheduler, job_id).next_run
    assert rest == [first + number * timedelta(minutes=1) for number in range(1, 10)]
    assert len(scheduler.next_runs(job_id, 3)) == 3
    assert scheduler.next_runs(job_id, 0) == []


def test_next_runs_has_no_side_effects(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=cron("*/7 * * * *"))
    before = job_of(scheduler, job_id)
    assert scheduler.next_runs(job_id, 100) == scheduler.next_runs(job_id, 100)
    assert job_of(scheduler, job_id) == before
    assert scheduler.history() == []


def test_next_runs_ends_with_the_schedule(make: Make) -> None:
    scheduler = make(timezone="UTC")
    start = datetime(2190, 1, 1, tzinfo=UTC)
    trigger = IntervalTrigger(minutes=1, start_time=start, end_time=start + timedelta(seconds=150))
    assert len(scheduler.next_runs(scheduler.schedule(Calls(), trigger=trigger))) == 3


def test_next_runs_of_a_paused_job_are_those_after_a_resume(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE))
    before = scheduler.next_runs(job_id)
    scheduler.pause(job_id)
    assert scheduler.next_runs(job_id) == before


def test_next_runs_of_a_late_job_are_in_the_future(make: Make) -> None:
    clock = ShiftedClock()
    scheduler = make(clock=clock)
    job_id = scheduler.schedule(Calls(), trigger=every(MINUTE))
    first = scheduler.next_runs(job_id, 1)[0]
    clock.step(10 * MINUTE + 1)
    assert scheduler.next_runs(job_id, 1) == [first + timedelta(minutes=10)]


def test_a_job_that_has_ended_has_no_next_runs(make: Make) -> None:
    scheduler = make()
    job_id = scheduler.schedule(Calls(), trigger=LATER)
    scheduler.cancel(job_id)
    assert scheduler.next_runs(job_id) == []


def test_next_runs_of_an_unknown_job_are_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="Job not found: 'job_unknown'"):
        make().next_runs("job_unknown")


def test_reasons_of_slots_that_did_not_run_are_told(scheduler: Scheduler) -> None:
    gate = Gate()
    job_id = scheduler.schedule(gate, trigger=every(0.002))
    gate.wait_entered()
    seen = scheduler.next_runs(job_id, 3)[-1]
    eventually(lambda: scheduler.next_runs(job_id, 1)[0] > seen)
    gate.open()
    eventually(lambda: job_of(scheduler, job_id).skipped)
    assert scheduler.history(job_id, status="skipped")[0].reason is Reason.OVERLAP

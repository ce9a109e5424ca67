"""Pause and resume."""

import pytest

from duly.core.decisions import Cause
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire, Mode, Policy
from tests.core.chains import Calendar
from tests.core.driven import Driven, ns


def paused(policy: Policy = Policy(), now: float = 1) -> Driven:  # noqa: B008 - immutable
    job = Driven(policy)
    assert job.pause(now) == []
    return job


def test_a_paused_job_starts_nothing_and_needs_no_wakeup() -> None:
    job = paused()
    assert job.tick(35) == []
    assert job.wakeup is None


def test_resume_skips_in_one_row_what_passed() -> None:
    job = paused()
    assert job.resume(35) == ["skipped paused 10-30 (3)"]
    assert job.tick(40) == ["start 40"]


def test_resume_runs_the_oldest_if_told_so() -> None:
    assert paused().resume(35, Misfire.RUN_ONCE) == ["start 10", "skipped paused 20-30 (2)"]


def test_resume_runs_the_newest_in_turn_if_told_so() -> None:
    job = paused(Policy(max_catch_up=2))
    assert job.resume(45, Misfire.RUN_ALL) == ["skipped paused 10-20 (2)", "start 30", "wait 40"]
    assert job.run(30).cause is Cause.CATCH_UP


@pytest.mark.parametrize("catch_up", Misfire)
def test_resume_before_anything_passed_decides_nothing(catch_up: Misfire) -> None:
    job = paused()
    assert job.resume(9, catch_up) == []
    assert job.tick(10) == ["start 10"]


def test_resume_leaves_a_slot_that_is_yet_to_fire() -> None:
    job = paused(Policy(jitter=ns(8)))
    assert job.resume(10.001) == []
    assert job.tick(18) == ["start 10"]


def test_pausing_twice_and_resuming_twice_change_nothing() -> None:
    job = paused()
    assert job.pause(15) == []
    assert job.resume(15) == ["skipped paused 10"]
    assert job.resume(25) == []
    assert job.tick(25) == ["start 20"]


def test_what_was_due_before_the_pause_is_started_still() -> None:
    job = Driven()
    assert job.pause(12) == ["start 10"]


def test_what_is_due_at_the_very_moment_of_the_pause_is_started_still() -> None:
    assert Driven().pause(10) == ["start 10"]


def test_what_is_due_at_the_very_moment_of_resume_was_due_while_paused() -> None:
    assert paused().resume(10) == ["skipped paused 10"]


def test_what_is_due_at_the_very_moment_of_a_run_by_hand_was_due_before() -> None:
    assert paused().run_now(10) == ["skipped paused 10", "start by hand"]
    assert Driven().run_now(10) == ["start 10", "start by hand"]


@pytest.mark.parametrize("why", [Reason.STALLED, Reason.SUSPENDED])
def test_what_was_missed_before_the_pause_is_missed_for_the_given_reason(why: Reason) -> None:
    assert Driven().pause(25, why) == ["start 10", f"missed {why} 20"]


def test_busy_wins_over_paused() -> None:
    job = Driven()
    job.tick(10)
    job.pause(12)
    assert job.end(10, 35) == ["skipped overlap 20-30 (2)"]
    assert job.resume(45) == ["skipped paused 40"]


def test_resume_while_busy_leaves_the_account_to_the_end_of_the_run() -> None:
    job = Driven()
    job.tick(10)
    job.pause(12)
    assert job.resume(25, Misfire.RUN_ALL) == []
    assert job.end(10, 35) == ["skipped overlap 20-30 (2)"]
    assert job.tick(40) == ["start 40"]


def test_a_paused_job_in_another_mode_accounts_for_what_passed_at_resume_though_it_is_busy() -> None:
    job = Driven(Policy(Mode.PARALLEL))
    job.tick(10)
    job.pause(12)
    assert job.end(10, 25) == []
    assert job.resume(35) == ["skipped paused 20-30 (2)"]


def test_waiting_slots_keep_their_place_while_paused() -> None:
    job = Driven(Policy(Mode.QUEUED))
    job.tick(10)
    job.tick(20)
    job.pause(21)
    assert job.end(10, 22) == []
    assert job.resume(35) == ["skipped paused 30", "start 20"]


def test_a_retry_goes_on_while_paused() -> None:
    job = Driven(Policy(retries=1))
    job.tick(10)
    job.end(10, 11, Outcome.ERROR)
    job.pause(11.5)
    assert job.tick(12) == ["start 10 #2"]


def test_paused_slots_are_accounted_for_before_a_run_by_hand() -> None:
    job = paused()
    assert job.run_now(25) == ["skipped paused 10-20 (2)", "start by hand"]
    assert job.end(None, 31) == ["skipped overlap 30"]


def test_removing_a_paused_job_accounts_for_what_passed() -> None:
    assert paused().remove(25) == ["skipped paused 10-20 (2)"]


def test_a_job_whose_last_slot_passes_while_it_is_paused_is_done_at_resume() -> None:
    job = Driven(chain=Calendar([ns(10)]))
    job.pause(1)
    assert job.resume(15) == ["skipped paused 10", "done"]


def test_pausing_or_resuming_a_job_that_is_gone_does_nothing() -> None:
    job = Driven()
    job.remove(1)
    assert job.pause(2) == job.resume(3) == []


def test_a_job_added_while_paused_stays_paused() -> None:
    job = paused()
    job.engine.lift(job.job)
    job.add(15, pending=10)
    assert job.tick(25) == []
    assert job.resume(25) == ["skipped paused 10-20 (2)"]

"""What becomes of a slot that comes due while its job is busy, in each mode."""

from duly.core.decisions import Cause
from duly.core.outcomes import Outcome
from duly.core.policy import Mode, Policy
from tests.core.chains import Steps
from tests.core.driven import Driven, ns

RESTART, QUEUED, PARALLEL = (Policy(mode) for mode in (Mode.RESTART, Mode.QUEUED, Mode.PARALLEL))


def running(policy: Policy = Policy()) -> Driven:  # noqa: B008 - immutable
    """A job every 10 seconds whose first run has begun."""
    job = Driven(policy)
    assert job.tick(10) == ["start 10"]
    return job


def test_single_is_not_woken_while_it_is_busy() -> None:
    assert running().wakeup is None


def test_single_skips_in_one_row_what_passed_during_the_run() -> None:
    job = running()
    assert job.tick(35) == []
    assert job.end(10, 45) == ["skipped overlap 20-40 (3)"]
    assert job.tick(50) == ["start 50"]


def test_single_skips_a_slot_at_the_very_moment_at_which_the_run_ends() -> None:
    assert running().end(10, 20) == ["skipped overlap 20"]


def test_single_leaves_a_slot_that_fires_only_after_the_run_has_ended() -> None:
    job = Driven(Policy(jitter=ns(8)))
    job.tick(18)
    fire_at = job.job.fire_at / ns(1)
    assert fire_at > 20
    assert job.end(10, fire_at - 0.001) == []
    assert job.tick(fire_at) == ["start 20"]


def test_single_skips_what_is_behind_a_slot_that_fired_during_the_run_even_if_it_would_fire_later() -> None:
    job = Driven(Policy(jitter=ns(60)), Steps(1))
    job.tick(61)
    end = job.job.fire_at / ns(1)
    assert int(end) > 62
    assert job.end(1, end) == [f"skipped overlap 62-{int(end)} ({int(end) - 61})"]


def test_queued_lets_slots_wait_and_starts_them_one_after_the_other() -> None:
    job = running(QUEUED)
    assert job.tick(20) == ["wait 20"]
    assert job.tick(30) == ["wait 30"]
    assert job.end(10, 35) == ["start 20"]
    assert job.end(20, 36) == ["start 30"]
    assert job.end(30, 37) == []


def test_queued_skips_what_finds_no_room_to_wait() -> None:
    job = running(Policy(Mode.QUEUED, max_waiting=2))
    assert [job.tick(now) for now in (20, 30, 40)] == [["wait 20"], ["wait 30"], ["skipped overlap 40"]]


def test_queued_has_room_for_ten_by_default() -> None:
    job = running(QUEUED)
    words = [job.tick(now) for now in range(20, 130, 10)]
    assert words[9:] == [["wait 110"], ["skipped overlap 120"]]


def test_a_slot_that_waited_measures_its_lateness_from_its_turn() -> None:
    job = running(QUEUED)
    job.tick(20)
    job.end(10, 33)
    run = job.run(20)
    assert (run.cause, run.fire_at) == (Cause.WAITED, ns(33))


def test_parallel_starts_beside() -> None:
    job = running(PARALLEL)
    assert job.tick(20) == ["start 20"]
    assert job.end(20, 21) == job.end(10, 22) == []


def test_restart_cancels_and_starts_once_the_old_run_has_ended() -> None:
    job = running(RESTART)
    assert job.tick(20) == ["cancel 10 by force", "wait 20"]
    assert job.end(10, 21, Outcome.CANCELLED) == ["start 20"]


def test_restart_lets_only_the_newest_wait_and_cancels_once() -> None:
    job = running(RESTART)
    job.tick(20)
    assert job.tick(30) == ["skipped overlap 20", "wait 30"]
    assert job.end(10, 31) == ["start 30"]


def test_restart_starts_at_once_when_nothing_is_in_flight() -> None:
    job = running(RESTART)
    job.end(10, 11)
    assert job.tick(20) == ["start 20"]


def test_restart_takes_the_place_of_a_run_between_two_attempts() -> None:
    job = running(Policy(Mode.RESTART, retries=1, retry_delay=ns(60)))
    job.end(10, 11, Outcome.ERROR)
    assert job.tick(20) == ["cancelled 10", "start 20"]
    assert job.wakeup == 30


def test_restart_does_not_try_again_what_it_has_cancelled() -> None:
    job = running(Policy(Mode.RESTART, retries=1))
    job.tick(20)
    assert job.end(10, 21, Outcome.ERROR) == ["start 20"]


def test_a_run_by_hand_makes_its_job_busy() -> None:
    job = Driven()
    assert job.run_now(5) == ["start by hand"]
    assert job.tick(10) == []
    assert job.end(None, 12) == ["skipped overlap 10"]


def test_a_run_by_hand_that_ends_before_the_slot_changes_nothing() -> None:
    job = Driven()
    job.run_now(5)
    assert job.end(None, 9) == []
    assert (job.pending, job.wakeup) == (10, 10)
    assert job.tick(10) == ["start 10"]


def test_a_run_by_hand_may_run_beside_a_scheduled_one() -> None:
    job = running()
    assert job.run_now(11) == ["start by hand"]
    assert job.end(10, 15) == []
    assert job.end(None, 25) == ["skipped overlap 20"]


def test_what_was_due_before_a_run_by_hand_is_started_first() -> None:
    assert Driven().run_now(12) == ["start 10", "start by hand"]


def test_a_run_by_hand_keeps_queued_slots_waiting() -> None:
    job = Driven(QUEUED)
    job.run_now(5)
    assert job.tick(10) == ["wait 10"]
    assert job.end(None, 11) == ["start 10"]


def test_a_run_by_hand_is_cancelled_by_restart() -> None:
    job = Driven(RESTART)
    job.run_now(5)
    assert job.tick(10) == ["cancel by hand by force", "wait 10"]


def test_settling_again_changes_nothing() -> None:
    job = running()
    run = job.run(10)
    job.end(10, 12)
    assert job.engine.settle(run, Outcome.ERROR, ns(13)) == []
    assert job.job.successes == 1

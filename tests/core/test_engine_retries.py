"""Further attempts after a failure."""

import pytest

from duly.core.decisions import Cause
from duly.core.outcomes import Outcome
from duly.core.policy import Mode, Policy
from tests.core.driven import Driven, ns

TWICE = Policy(retries=2)


def failed(policy: Policy = TWICE) -> Driven:
    """A job whose first run has failed at second 11; it is tried again at 12."""
    job = Driven(policy)
    job.tick(10)
    assert job.end(10, 11, Outcome.ERROR) == []
    return job


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.TIMED_OUT])
def test_a_run_that_fails_or_times_out_is_tried_again(outcome: Outcome) -> None:
    job = Driven(TWICE)
    job.tick(10)
    run = job.run(10)
    job.end(10, 11, outcome)
    assert not run.final
    assert job.wakeup == 12
    assert job.tick(12) == ["start 10 #2"]
    assert job.run(10).cause is Cause.RETRY


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.INTERRUPTED, Outcome.SUCCESS])
def test_no_other_end_is_tried_again(outcome: Outcome) -> None:
    job = Driven(TWICE)
    job.tick(10)
    run = job.run(10)
    job.end(10, 11, outcome)
    assert run.final
    assert job.tick(15) == []


def test_the_delay_grows_by_the_backoff() -> None:
    job = failed()
    job.tick(12)
    job.end(10, 13, Outcome.ERROR)
    assert job.wakeup == 15


def test_the_last_attempt_is_final() -> None:
    job = failed(Policy(retries=1))
    job.tick(12)
    run = job.run(10)
    assert job.end(10, 13, Outcome.ERROR) == []
    assert run.final
    assert job.wakeup == 20


def test_a_slot_is_in_flight_between_two_attempts() -> None:
    job = failed(Policy(retries=1, retry_delay=ns(15)))
    assert job.tick(20) == []
    assert job.tick(26) == ["start 10 #2"]
    assert job.end(10, 31) == ["skipped overlap 20-30 (2)"]


def test_the_wait_is_at_most_an_hour() -> None:
    policy = Policy(retry_delay=ns(60), retry_backoff=10)
    assert [policy.delay_before_retry(number) for number in (1, 2, 3, 1_000)] == [ns(60), ns(600), ns(3_600), ns(3_600)]


def test_the_wait_is_elapsed_time_and_moves_with_the_clock() -> None:
    job = failed()
    job.step(1_000)
    assert job.tick(1_011.9) == []
    assert job.tick(1_012) == ["start 10 #2"]


def test_a_step_back_moves_it_too() -> None:
    job = failed()
    job.step(-100)
    assert job.tick(-88) == ["start 10 #2"]


def test_the_lateness_of_a_retry_is_measured_from_its_own_time() -> None:
    job = failed()
    job.tick(19)
    assert job.run(10).fire_at == ns(12)


def test_a_job_that_leaves_between_two_attempts_closes_the_slot() -> None:
    job = failed()
    assert job.remove(11.5) == ["cancelled 10"]
    assert job.wakeup is None


def test_a_run_of_a_removed_job_is_not_tried_again() -> None:
    job = Driven(TWICE)
    job.tick(10)
    run = job.run(10)
    job.remove(11)
    assert job.engine.settle(run, Outcome.ERROR, ns(12)) == []
    assert run.final


def test_attempts_that_have_begun_leave_nothing_behind_in_the_timer() -> None:
    job = failed()
    job.tick(12)
    assert list(job.engine._timer) == [job.job]


def test_a_run_by_hand_is_not_tried_again() -> None:
    job = Driven(TWICE)
    job.run_now(5)
    assert job.end(None, 6, Outcome.ERROR) == []
    assert not job.job.active


def test_queued_slots_wait_for_the_last_attempt() -> None:
    job = failed(Policy(Mode.QUEUED, retries=1, retry_delay=ns(15)))
    assert job.tick(20) == ["wait 20"]
    job.tick(26)
    assert job.end(10, 27) == ["start 20"]

"""What becomes of slots that are found late, together: misfire, coalescing, long gaps."""

import pytest

from duly.core.decisions import Cause
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire, Mode, Policy
from tests.core.chains import Calendar, Steps, Uncounted
from tests.core.driven import Driven, ns

SKIP, RUN_ONCE, RUN_ALL = (Policy(misfire=misfire) for misfire in Misfire)
YEARS = 3 * 365 * 86_400


@pytest.mark.parametrize("mode", Mode)
def test_run_once_runs_the_oldest_however_late_and_misses_the_others(mode: Mode) -> None:
    assert Driven(Policy(mode)).tick(10_035) == ["start 10", "missed stalled 20-10030 (1002)"]


def test_skip_runs_a_slot_that_is_within_the_grace() -> None:
    assert Driven(SKIP).tick(15) == ["start 10"]


def test_skip_misses_a_slot_that_is_beyond_the_grace() -> None:
    assert Driven(SKIP).tick(15.1) == ["missed stalled 10"]


def test_skip_runs_the_newest_if_only_that_is_within_the_grace() -> None:
    assert Driven(SKIP).tick(42) == ["missed stalled 10", "missed stalled 20-30 (2)", "start 40"]


def test_skip_misses_all_if_the_newest_is_beyond_the_grace_too() -> None:
    assert Driven(SKIP).tick(46) == ["missed stalled 10", "missed stalled 20-40 (3)"]


def test_skip_leaves_the_newest_if_its_jitter_has_not_passed() -> None:
    job = Driven(Policy(misfire=Misfire.SKIP, jitter=ns(8)))
    assert job.tick(40.001) == ["missed stalled 10", "missed stalled 20-30 (2)"]
    assert job.pending == 40
    assert job.wakeup == Driven(Policy(jitter=ns(8)), Steps(10, start=ns(40))).wakeup


def test_run_all_runs_all_in_turn() -> None:
    job = Driven(RUN_ALL)
    assert job.tick(35) == ["start 10", "wait 20", "wait 30"]
    assert job.end(10, 36) == ["start 20"]
    assert job.end(20, 37) == ["start 30"]
    assert job.end(30, 38) == []
    assert job.tick(40) == ["start 40"]


def test_run_all_runs_the_newest_and_misses_the_rest() -> None:
    job = Driven(Policy(misfire=Misfire.RUN_ALL, max_catch_up=2))
    assert job.tick(55) == ["missed stalled 10", "missed stalled 20-30 (2)", "start 40", "wait 50"]


def test_run_all_of_one_late_slot_is_a_run_like_any_other() -> None:
    job = Driven(RUN_ALL)
    assert job.tick(19) == ["start 10"]
    assert job.run(10).cause is Cause.DUE


def test_run_all_takes_its_turns_in_mode_parallel_too() -> None:
    job = Driven(Policy(Mode.PARALLEL, Misfire.RUN_ALL))
    assert job.tick(25) == ["start 10", "wait 20"]
    assert job.tick(30) == ["start 30"]
    assert job.end(30, 31) == []
    assert job.end(10, 32) == ["start 20"]


def test_run_all_in_mode_parallel_keeps_the_turn_until_the_last_attempt_has_ended() -> None:
    chain = Calendar([ns(10), ns(20), ns(30)])
    job = Driven(Policy(Mode.PARALLEL, Misfire.RUN_ALL, retries=1, retry_delay=ns(60)), chain)
    job.tick(25)
    job.tick(30)
    assert job.end(10, 31, Outcome.ERROR) == []
    assert job.end(30, 32) == []
    assert job.tick(91) == ["start 10 #2"]
    assert job.end(10, 92) == ["start 20"]


def test_run_all_waits_behind_what_is_in_flight() -> None:
    job = Driven(Policy(Mode.QUEUED, Misfire.RUN_ALL))
    job.tick(10)
    assert job.tick(35) == ["wait 20", "wait 30"]


def test_run_all_runs_nothing_that_passed_while_the_oldest_waited_for_its_jitter() -> None:
    job = Driven(Policy(misfire=Misfire.RUN_ALL, jitter=ns(50)), Steps(1))
    fire_at = int(job.wakeup or 0)
    assert fire_at > 2
    decisions = job.tick(fire_at + 2)
    overtaken = f"skipped overlap 2-{fire_at} ({fire_at - 1})"
    assert decisions == ["start 1", overtaken, f"wait {fire_at + 1}", f"wait {fire_at + 2}"]


@pytest.mark.parametrize("why", [Reason.STALLED, Reason.SUSPENDED])
def test_the_reason_is_that_of_the_driver(why: Reason) -> None:
    assert Driven().tick(25, why) == ["start 10", f"missed {why} 20"]


def test_what_was_late_when_the_job_was_added_is_missed_because_of_that() -> None:
    job = Driven(now=-100)
    job.engine.lift(job.job)
    assert job.add(40, pending=10) == []
    assert job.tick(45, Reason.STALLED) == ["start 10", "missed down 20-40 (3)"]
    job.end(10, 46)
    assert job.tick(65)[1] == "missed stalled 60"


def test_the_reason_of_a_late_start_does_not_outlive_what_was_late() -> None:
    job = Driven()
    job.pause(1)
    job.engine.lift(job.job)
    job.add(35, pending=10)
    job.resume(36)
    assert job.tick(55) == ["start 40", "missed stalled 50"]


@pytest.mark.parametrize("misfire", Misfire)
def test_a_gap_of_years_of_seconds_costs_a_few_questions_to_the_trigger(misfire: Misfire) -> None:
    chain = Steps(1)
    job = Driven(Policy(misfire=misfire), chain)
    job.tick(YEARS)
    assert job.pending == YEARS + 1
    assert chain.calls < 400


def test_run_all_runs_the_newest_hundred_after_a_gap_of_years() -> None:
    job = Driven(RUN_ALL, Steps(1))
    decisions = job.tick(YEARS)
    assert decisions[:2] == ["missed stalled 1", f"missed stalled 2-{YEARS - 100} ({YEARS - 101})"]
    assert decisions[2] == f"start {YEARS - 99}"
    assert decisions[3:] == [f"wait {slot}" for slot in range(YEARS - 98, YEARS + 1)]


@pytest.mark.parametrize("misfire", Misfire)
def test_a_trigger_that_cannot_count_answers_for_its_pending_slot_only(misfire: Misfire) -> None:
    chain = Steps(10)
    job = Driven(Policy(misfire=misfire, grace=ns(1_000)), Uncounted(chain))
    assert job.tick(95) == ["start 10"]
    assert job.end(10, 125) == ["skipped overlap 100"]
    assert (job.pending, chain.calls) == (130, 2)

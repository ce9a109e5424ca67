"""How a job ends: by itself, removed, closed, after its last run, or because its trigger failed."""

import pytest

from duly.core.engine import Engine
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire, Mode, Policy
from tests.core.chains import Calendar, Single, Steps, Uncounted
from tests.core.driven import Driven, ns

TWO_SLOTS = [ns(10), ns(20)]


def test_a_job_is_done_when_its_last_run_has_ended() -> None:
    job = Driven(chain=Single(ns(10)))
    assert job.tick(10) == ["start 10"]
    assert job.end(10, 11) == ["done"]
    assert job.job.gone


def test_a_job_is_done_when_its_last_slot_was_missed() -> None:
    assert Driven(Policy(misfire=Misfire.SKIP), Single(ns(10))).tick(60) == ["missed stalled 10", "done"]


def test_a_job_is_done_when_its_last_slot_was_skipped() -> None:
    job = Driven(chain=Calendar(TWO_SLOTS))
    job.tick(10)
    assert job.end(10, 25) == ["skipped overlap 20", "done"]


@pytest.mark.parametrize("mode", [Mode.QUEUED, Mode.PARALLEL, Mode.RESTART])
def test_a_job_is_not_done_while_something_is_in_flight(mode: Mode) -> None:
    job = Driven(Policy(mode), Calendar(TWO_SLOTS))
    job.tick(10)
    job.tick(20)
    assert "done" not in job.end(10, 21)
    assert job.end(20, 22) == ["done"]


def test_a_job_that_waits_for_its_last_retry_is_not_done() -> None:
    job = Driven(Policy(retries=1), Single(ns(10)))
    job.tick(10)
    assert job.end(10, 11, Outcome.ERROR) == []
    job.tick(12)
    assert job.end(10, 13, Outcome.ERROR) == ["done"]


# max_runs


def test_a_job_ends_after_max_runs_successes() -> None:
    job = Driven(Policy(max_runs=2))
    job.tick(10)
    assert job.end(10, 11) == []
    job.tick(20)
    assert job.end(20, 35) == ["skipped overlap 30", "done"]
    assert job.wakeup is None


def test_failures_do_not_count_towards_max_runs() -> None:
    job = Driven(Policy(max_runs=1))
    job.tick(10)
    job.end(10, 11, Outcome.ERROR)
    job.tick(20)
    assert job.end(20, 21) == ["done"]


def test_no_more_runs_are_in_flight_than_may_succeed() -> None:
    job = Driven(Policy(Mode.PARALLEL, max_runs=1))
    job.tick(10)
    assert job.tick(20) == ["skipped overlap 20"]
    assert job.end(10, 21, Outcome.ERROR) == []
    assert job.tick(30) == ["start 30"]


def test_waiting_slots_are_skipped_when_max_runs_is_reached() -> None:
    job = Driven(Policy(Mode.QUEUED, max_runs=1))
    job.tick(10)
    job.tick(20)
    assert job.end(10, 21) == ["skipped overlap 20", "done"]


def test_a_run_by_hand_counts_towards_max_runs() -> None:
    job = Driven(Policy(max_runs=1))
    job.run_now(5)
    assert job.end(None, 6) == ["done"]


def test_paused_slots_stay_paused_slots_when_max_runs_is_reached() -> None:
    job = Driven(Policy(Mode.PARALLEL, max_runs=1))
    job.tick(10)
    job.pause(11)
    assert job.end(10, 25) == ["skipped paused 20", "done"]


# remove


def test_removing_an_idle_job_decides_nothing() -> None:
    job = Driven()
    assert job.remove(9) == []
    assert (job.job.gone, job.wakeup) == (True, None)


def test_removing_twice_does_nothing() -> None:
    job = Driven()
    job.remove(9)
    assert job.remove(15) == []


def test_a_slot_that_is_due_when_its_job_is_removed_is_cancelled() -> None:
    assert Driven().remove(12) == ["cancelled 10"]


@pytest.mark.parametrize("why", [Reason.STALLED, Reason.SUSPENDED])
def test_what_it_overtook_is_missed(why: Reason) -> None:
    assert Driven().remove(35, why) == ["cancelled 10", f"missed {why} 20-30 (2)"]


def test_what_passed_while_it_waited_for_its_jitter_is_skipped() -> None:
    job = Driven(Policy(jitter=ns(50)), Steps(1))
    assert (job.wakeup or 0) > 3
    assert job.remove(3) == ["cancelled 1", "skipped overlap 2-3 (2)"]


def test_what_was_late_when_added_is_missed_because_of_that() -> None:
    job = Driven()
    job.engine.lift(job.job)
    job.add(35, pending=10)
    assert job.remove(36) == ["cancelled 10", "missed down 20-30 (2)"]


def test_what_passed_while_busy_is_skipped_when_a_single_job_is_removed() -> None:
    job = Driven()
    job.tick(10)
    assert job.remove(25) == ["skipped overlap 20", "cancel 10"]


def test_waiting_slots_are_cancelled_when_their_job_is_removed() -> None:
    job = Driven(Policy(Mode.QUEUED))
    job.tick(10)
    job.tick(20)
    assert job.remove(21) == ["cancelled 20", "cancel 10"]


def test_a_run_goes_on_after_its_job_was_removed_and_nothing_follows() -> None:
    job = Driven(Policy(Mode.QUEUED))
    job.tick(10)
    run = job.run(10)
    job.remove(11)
    assert job.engine.settle(run, Outcome.SUCCESS, ns(15)) == []
    assert run.final
    assert job.job.successes == 1
    assert job.tick(100) == []


# close


def test_close_decides_everything_up_to_now_of_every_job() -> None:
    engine = Engine()
    idle, due = Driven(engine=engine, chain=Steps(60)), Driven(engine=engine, key="due")
    assert due._words(engine.close(ns(15))) == ["cancelled 10"]
    assert idle.job.gone
    assert engine.next_wakeup() is None
    assert engine.close(ns(20)) == []


# triggers that fail


def test_a_trigger_that_raises_ends_the_chain_and_not_the_run() -> None:
    job = Driven(chain=Uncounted(Steps(10), fails_behind=ns(15)))
    assert job.tick(10) == ["failed LookupError", "start 10"]
    assert job.end(10, 11) == ["done"]


def test_a_trigger_that_raises_disturbs_no_other_job() -> None:
    engine = Engine()
    Driven(engine=engine, chain=Uncounted(Steps(10), fails_behind=ns(15)))
    other = Driven(engine=engine, key="other")
    assert other.tick(10) == ["failed LookupError", "start 10", "start 10"]


def test_what_a_trigger_raises_when_its_job_is_added_propagates_and_adds_nothing() -> None:
    engine = Engine()
    with pytest.raises(LookupError, match="no first run"):
        Driven(engine=engine, chain=_NoFirst(10))
    assert engine.next_wakeup() is None
    assert engine.close(ns(20)) == []


def test_a_trigger_that_fails_to_count_accounts_for_its_pending_slot() -> None:
    job = Driven(chain=_NoCount(10))
    assert job.tick(45) == ["start 10", "failed LookupError", "missed stalled 20"]
    assert job.end(10, 46) == ["done"]


@pytest.mark.parametrize("given", [5, 12])
def test_a_time_that_is_not_later_than_now_is_replaced_by_one_second_from_now(given: int) -> None:
    job = Driven(chain=Uncounted(_Lagging(given)))
    assert job.tick(12) == [f"lagged {12 - given}", "start 10"]
    assert job.pending == 13


class _NoFirst(Steps):
    def first(self, now: int) -> int:
        raise LookupError("no first run")


class _NoCount(Steps):
    def count(self, previous: int, until: int) -> tuple[int, int]:
        raise LookupError("cannot count")


class _Lagging(Steps):
    """Always gives the same moment as the next."""

    def __init__(self, given: int) -> None:
        super().__init__(10)
        self.given = ns(given)

    def next(self, previous: int, now: int) -> int:
        return self.given

"""Going on with an old chain: after a crash, a stop, or while taken out."""

from duly.core.decisions import Arming
from duly.core.engine import Engine
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Misfire, Mode, Policy
from tests.core.chains import Calendar, Steps
from tests.core.driven import Driven, ns


def continued(policy: Policy, pending: float, now: float) -> Driven:
    """What a host does after a crash: a new engine, and the first slot behind the highest in the ledger."""
    job = Driven(policy)
    job.engine.lift(job.job)
    job.add(now, pending=pending)
    return job


def test_down_time_goes_through_the_misfire_policy() -> None:
    assert continued(Policy(misfire=Misfire.SKIP), 30, 63).tick(63) == [
        "missed down 30",
        "missed down 40-50 (2)",
        "start 60",
    ]


def test_the_chain_goes_on_at_the_given_slot_and_not_at_the_first_run_of_its_trigger() -> None:
    assert continued(Policy(), 30, 25).wakeup == 30


def test_the_reason_for_the_down_time_may_be_given() -> None:
    job = Driven()
    job.engine.lift(job.job)
    job.add(35, pending=10, why=Reason.SUSPENDED)
    assert job.tick(36) == ["start 10", "missed suspended 20-30 (2)"]


def test_the_chain_begins_behind_the_last_slot_in_the_ledger() -> None:
    engine = Engine()
    job = Arming("job", Steps(10), Policy())
    engine.add(job, 0, after=ns(25))
    assert job.pending == ns(30)


def test_a_chain_that_begins_later_than_the_ledger_ends_is_left_alone() -> None:
    engine = Engine()
    job = Arming("job", Steps(10), Policy())
    engine.add(job, 0, after=ns(5))
    assert job.pending == ns(10)


def test_nothing_is_left_of_a_chain_that_lies_in_the_ledger_wholly() -> None:
    engine = Engine()
    job = Arming("job", Calendar([ns(10)]), Policy())
    assert len(engine.add(job, 0, after=ns(10))) == 1
    assert job.gone


def test_a_job_taken_out_undecided_goes_on_where_it_was() -> None:
    job = Driven()
    job.engine.lift(job.job)
    assert (job.wakeup, job.job.gone, job.tick(25)) == (None, True, [])
    job.add(26, pending=job.pending)
    assert job.tick(26) == ["start 10", "missed down 20"]


def test_a_run_from_before_a_stop_still_blocks_its_job_when_that_is_added_anew() -> None:
    job = Driven()
    job.tick(10)
    assert job.engine.close(ns(12)) != []
    job.add(15, pending=20)
    assert job.tick(20) == []
    assert job.end(10, 25) == ["skipped overlap 20"]
    assert job.tick(30) == ["start 30"]


def test_its_end_leaves_a_newer_run_alone() -> None:
    job = Driven(Policy(Mode.PARALLEL))
    job.tick(10)
    job.engine.close(ns(12))
    job.add(15, pending=20)
    job.tick(20)
    assert job.end(10, 25, Outcome.ERROR) == []
    assert [run.slot for run in job.job.active] == [ns(20)]

"""What a tick makes of slots that are due, one by one."""

from duly.core.decisions import Cause, Run
from duly.core.engine import Engine
from duly.core.policy import Misfire, Mode, Policy
from tests.core.chains import Calendar, Single, Steps
from tests.core.driven import Driven, ns


def test_a_slot_starts_when_it_is_due_and_not_before() -> None:
    job = Driven()
    assert job.tick(9.9) == []
    assert job.tick(10) == ["start 10"]


def test_a_run_knows_slot_attempt_and_cause() -> None:
    engine = Driven(Policy(jitter=ns(5)))
    run = engine.engine.tick(ns(15))[0]
    assert isinstance(run, Run)
    assert (run.slot, run.attempt, run.cause) == (ns(10), 1, Cause.DUE)
    assert ns(10) <= run.fire_at <= ns(15)


def test_the_next_wakeup_is_the_earliest_slot_of_all_jobs() -> None:
    engine = Engine()
    Driven(engine=engine)
    Driven(engine=engine, chain=Steps(7), key="other")
    assert engine.next_wakeup() == ns(7)


def test_an_empty_engine_needs_no_wakeup() -> None:
    assert Engine().next_wakeup() is None


def test_jobs_are_decided_in_the_order_in_which_they_are_due() -> None:
    engine = Engine()
    late, early = Driven(engine=engine), Driven(engine=engine, chain=Steps(7), key="early")
    runs = [run for run in engine.tick(ns(13)) if isinstance(run, Run)]
    assert [run.job for run in runs] == [early.job, late.job]


def test_a_slow_job_does_not_keep_another_from_its_slot() -> None:
    engine = Engine()
    slow, other = Driven(engine=engine), Driven(engine=engine, key="other")
    slow.tick(10)
    other.end(10, 11)
    assert other.tick(20) == ["start 20"]


def test_a_bounded_tick_stops_behind_the_job_that_reaches_the_bound() -> None:
    engine = Engine()
    for number in range(5):
        Driven(engine=engine, key=str(number))
    assert len(engine.tick(ns(10), limit=2)) == 2
    assert engine.next_wakeup() == ns(10)
    assert len(engine.tick(ns(10))) == 3


def test_a_bounded_tick_decides_a_job_wholly() -> None:
    assert len(Driven(Policy(Mode.PARALLEL, Misfire.RUN_ALL)).tick(100, limit=1)) == 10


def test_the_grid_hangs_on_slots_and_not_on_when_runs_began_or_ended() -> None:
    job = Driven()
    job.tick(13)
    job.end(10, 14)
    assert job.tick(20) == ["start 20"]


def test_a_clock_set_back_repeats_no_slot() -> None:
    job = Driven()
    job.tick(10)
    job.end(10, 11)
    job.step(-8)
    assert job.tick(3) == job.tick(19) == []
    assert job.tick(20) == ["start 20"]


def test_a_chain_that_begins_in_the_past_starts_at_once() -> None:
    assert Driven(chain=Single(ns(5)), now=60).tick(60) == ["start 5"]


def test_a_chain_without_elements_is_done_when_it_is_added() -> None:
    job = Driven(chain=Calendar([]))
    assert job.added == ["done"]
    assert job.job.gone
    assert job.wakeup is None


def test_jitter_delays_the_start_and_leaves_the_slots() -> None:
    job = Driven(Policy(jitter=ns(8)))
    fire_at = job.wakeup
    assert fire_at is not None
    assert 10 < fire_at <= 18
    assert job.tick(fire_at - 0.001) == []
    assert job.tick(fire_at) == ["start 10"]
    job.end(10, fire_at)
    assert job.pending == 20


def test_jitter_of_a_slot_is_the_same_in_every_engine_and_differs_between_jobs_and_slots() -> None:
    one, same, other = (Driven(Policy(jitter=ns(8)), key=key) for key in ("job", "job", "other"))
    assert one.wakeup == same.wakeup
    assert one.wakeup != other.wakeup
    one.tick(18)
    one.end(10, 19)
    assert one.job.fire_at - one.job.pending != same.job.fire_at - same.job.pending


def test_slots_that_pass_while_one_waits_for_its_jitter_are_skipped() -> None:
    job = Driven(Policy(Mode.PARALLEL, jitter=ns(60)), Steps(1))
    fire_at = job.wakeup
    assert fire_at is not None
    decisions = job.tick(fire_at)
    assert decisions[0] == "start 1"
    assert decisions[1].startswith("skipped overlap 2-")
    assert len(decisions) == 2

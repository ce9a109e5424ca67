"""The world keeps to its script, and to the law."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duly.core.clock import SECOND
from duly.core.decisions import Run
from duly.core.outcomes import Outcome
from duly.core.policy import Misfire, Mode, Policy
from duly.core.trigger import TriggerProtocol
from duly.testing import START, Row, VirtualClock, World
from duly.testing.strategies import Operation, durations, histories, outcomes, policies, triggers
from duly.triggers import Daily, Every, Once
from tests.profiles import examples

EVERY_10 = Every(seconds=10)


def told(world: World) -> list[str]:
    """The ledger in words and seconds."""
    return [_words(world, row) for row in world.rows]


def _words(world: World, row: Row) -> str:
    slots = "by hand" if row.first is None or row.last is None else f"{world.seconds(row.first):g}"
    if row.last is not None and row.last != row.first:
        slots += f"-{world.seconds(row.last):g} ({row.count})"
    took = "" if row.start is None or row.end is None else f" {world.seconds(row.start):g}..{world.seconds(row.end):g}"
    return " ".join(filter(None, (row.outcome, row.reason, slots))) + took


# Scripts


def test_runs_take_no_time_and_succeed_unless_told_otherwise(world: World) -> None:
    world.add("job", EVERY_10)
    world.advance(25)
    assert told(world) == ["success 10 10..10", "success 20 20..20"]


def test_runs_take_their_time_and_end_as_told(world: World) -> None:
    world.add("job", EVERY_10, takes=3, ends="error")
    world.advance(12.9)
    assert told(world) == []
    world.advance(0.1)
    assert told(world) == ["error 10 10..13"]


def test_the_last_of_a_sequence_holds_for_all_further_runs(world: World) -> None:
    world.add("job", EVERY_10, takes=[1, 2], ends=["error", "timed_out", "success"])
    world.advance(45)
    assert told(world) == ["error 10 10..11", "timed_out 20 20..22", "success 30 30..32", "success 40 40..42"]


def test_a_callable_is_asked_with_each_run(world: World) -> None:
    def takes(run: Run) -> float:
        return 2 if run.attempt == 1 else 1

    def ends(run: Run) -> Outcome:
        return Outcome.ERROR if run.attempt == 1 else Outcome.SUCCESS

    world.add("job", EVERY_10, takes=takes, ends=ends, policy=Policy(retries=1))
    world.advance(15)
    assert told(world) == ["error 10 10..12", "success 10 13..14"]
    assert [(row.count, row.attempt) for row in world.rows] == [(0, 1), (1, 2)]


def test_a_run_that_can_be_stopped_ends_when_it_is_cancelled(world: World) -> None:
    world.add("job", EVERY_10, takes=15, policy=Policy(Mode.RESTART))
    world.advance(22)
    assert told(world) == ["cancelled 10 10..20"]


def test_a_run_that_cannot_be_stopped_ends_first(world: World) -> None:
    world.add("job", EVERY_10, takes=15, policy=Policy(Mode.RESTART), stoppable=False)
    world.advance(26)
    assert told(world) == ["success 10 10..25"]


def test_two_jobs_of_one_name_are_refused(world: World) -> None:
    world.add("job", EVERY_10)
    with pytest.raises(ValueError, match="a job 'job' is there already; remove it first"):
        world.add("job", EVERY_10)


def test_an_unknown_job_is_refused_by_naming_those_that_are_there(world: World) -> None:
    world.add("job", EVERY_10)
    with pytest.raises(ValueError, match=r"no job 'jobs'; there are \['job'\]"):
        world.pause("jobs")


# What happens


def test_a_slot_that_has_passed_already_starts_at_once(world: World) -> None:
    world.add("job", Once(START.subtract(seconds=5)))
    assert told(world) == ["success -5 0..0"]


def test_a_paused_job_catches_up_as_told(world: World) -> None:
    world.add("job", EVERY_10)
    world.pause("job")
    world.advance(35)
    world.resume("job", "run_once")
    assert told(world) == ["skipped paused 20-30 (2)", "success 10 35..35"]


def test_a_run_by_hand_settles_no_slot(world: World) -> None:
    world.add("job", EVERY_10, takes=7)
    world.advance(5)
    world.run_now("job")
    world.advance(10)
    assert told(world) == ["success by hand 5..12", "skipped overlap 10"]


def test_a_run_of_a_removed_job_goes_on_to_its_end(world: World) -> None:
    world.add("job", EVERY_10, takes=7)
    world.advance(12)
    world.remove("job")
    world.advance(30)
    assert told(world) == ["success 10 10..17"]
    assert world.keys == ()


def test_a_removed_job_may_be_added_again_behind_its_slots(world: World) -> None:
    world.add("job", EVERY_10)
    world.advance(20)
    world.remove("job")
    world.step_clock(-15)
    world.add("job", EVERY_10)
    world.advance(30)
    assert told(world) == ["success 10 10..10", "success 20 20..20", "success 25 25..25", "success 35 35..35"]


def test_a_crash_interrupts_what_runs_and_misses_what_waits(world: World) -> None:
    world.add("job", EVERY_10, takes=25, policy=Policy(Mode.QUEUED))
    world.advance(22)
    world.run_now("job")
    world.crash(down=20)
    assert told(world)[:3] == ["interrupted by hand 22..22", "interrupted 10", "missed down 20"]
    assert told(world)[3:] == ["missed down 40"]
    world.advance(25)
    assert told(world)[4:] == ["success 30 42..67"]


def test_a_crash_interrupts_what_waits_for_a_retry(world: World) -> None:
    world.add("job", EVERY_10, ends="error", policy=Policy(retries=1))
    world.advance(10.5)
    world.crash()
    assert told(world) == ["error 10 10..10", "interrupted 10"]


def test_a_crash_ends_what_has_run_often_enough(world: World) -> None:
    world.add("job", EVERY_10, takes=15, policy=Policy(Mode.PARALLEL, max_runs=2))
    world.add("last", Once(START.add(seconds=5)))
    world.advance(30)
    world.crash(down=20)
    assert list(world.keys) == ["job"]
    world.advance(40)
    assert list(world.keys) == []


def test_a_crash_forgets_a_pause(world: World) -> None:
    world.add("job", EVERY_10)
    world.pause("job")
    world.crash(down=15)
    assert told(world) == ["success 10 15..15"]


def test_asleep_a_run_does_not_get_on(world: World) -> None:
    world.add("job", EVERY_10, takes=5)
    world.advance(12)
    world.suspend(100)
    assert told(world) == []
    world.advance(3)
    assert told(world) == ["success 10 10..115", "skipped overlap 20-110 (10)"]


def test_an_idle_job_misses_slots_in_its_sleep(world: World) -> None:
    world.add("job", EVERY_10)
    world.suspend(35)
    assert told(world) == ["missed suspended 20-30 (2)", "success 10 35..35"]


def test_in_a_stall_runs_end_late_as_well(world: World) -> None:
    world.add("job", EVERY_10, takes=2)
    world.advance(10)
    world.stall(25)
    assert told(world) == ["success 10 10..35", "skipped overlap 20-30 (2)"]


def test_a_clock_set_forward_misses_slots_and_one_set_back_repeats_none(world: World) -> None:
    world.add("job", EVERY_10)
    world.step_clock(25)
    world.step_clock(-20)
    world.advance(25)
    assert told(world) == ["missed suspended 20", "success 10 25..25", "success 30 30..30"]


def test_close_lets_what_runs_go_on_to_its_end(world: World) -> None:
    world.add("job", EVERY_10, takes=1_000)
    world.advance(10)
    world.close()
    assert told(world) == ["success 10 10..1010"]
    assert world.keys == ()


def test_wall_clock_times_are_meant_in_the_zone_of_the_clock() -> None:
    world = World(VirtualClock(START.to_tz("Asia/Kolkata")))
    world.add("job", Daily("07:00"))
    world.advance(86_400)
    assert [world.clock.time(row.first).format_iso() for row in world.rows] == [
        "2025-01-01T07:00:00+05:30[Asia/Kolkata]"
    ]


# The law


def test_what_does_not_add_up_is_named_by_job_and_slot() -> None:
    world = World()
    world.add("job", EVERY_10)
    world.advance(25)
    next(iter(world._host._jobs)).rows.pop(0)
    with pytest.raises(AssertionError) as raised:
        world.assert_ledger_adds_up()
    assert str(raised.value) == "the ledger does not add up\n  job: missing: 2025-01-01T00:00:10+00:00[UTC]"


@settings(max_examples=examples() // 4)
@given(
    st.lists(st.tuples(triggers(START, longest=60), policies(), durations(), outcomes(), st.booleans()), max_size=3),
    histories(("0", "1", "2")),
)
def test_every_slot_ends_in_exactly_one_outcome_whatever_happens_to_the_world(
    jobs: list[tuple[TriggerProtocol, Policy, list[float], list[Outcome], bool]], history: list[Operation]
) -> None:
    world = World()
    for number, (trigger, policy, takes, ends, stoppable) in enumerate(jobs):
        world.add(str(number), trigger, policy=policy, takes=takes, ends=ends, stoppable=stoppable)
    for operation in history:
        operation(world)
        world.assert_ledger_adds_up()
    world.close()
    world.assert_ledger_adds_up()


def test_the_ledger_of_years_is_checked_at_once(world: World) -> None:
    world.add("job", EVERY_10, policy=Policy(misfire=Misfire.RUN_ALL))
    world.suspend(10 * 365 * 86_400)
    assert sum(row.count for row in world.rows) == 365 * 86_400
    assert all(row.end is None or row.end % SECOND == 0 for row in world.rows)

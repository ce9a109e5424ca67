"""What the strategies draw can be used."""

from hypothesis import find, given
from whenever import TimeDelta, ZonedDateTime

from duly.core.policy import Mode, Policy
from duly.core.trigger import TriggerProtocol
from duly.testing import START, World
from duly.testing.strategies import ZONES, Operation, cron_expressions, histories, moments, policies, triggers, zones
from duly.triggers import Cron, Daily, Once


@given(cron_expressions())
def test_every_cron_expression_can_match(expression: str) -> None:
    assert Cron(expression).first_run_time(START) is not None


@given(triggers(START))
def test_every_trigger_has_a_run_to_come(trigger: TriggerProtocol) -> None:
    first = trigger.first_run_time(START)
    assert first is not None
    assert first > START


@given(moments(range(2020, 2023)))
def test_moments_lie_in_the_zones_and_about_the_years_asked_for(moment: ZonedDateTime) -> None:
    assert moment.tz_id in ZONES
    assert 2019 <= moment.year <= 2023


def test_some_moments_lie_close_to_a_clock_change() -> None:
    def close(moment: ZonedDateTime) -> bool:
        change = moment.prev_transition()
        return change is not None and moment - change < TimeDelta(hours=1)

    find(moments(), close)


def test_every_mode_is_drawn() -> None:
    for mode in Mode:
        find(policies(), lambda policy: policy.mode is mode)  # noqa: B023 - called within the loop


@given(zones(), policies())
def test_zones_and_policies_are_what_they_say(zone: str, policy: Policy) -> None:
    assert START.to_tz(zone).tz_id == zone
    assert policy.max_waiting >= 1


@given(histories(["job"]))
def test_a_history_can_be_played_on_a_world_without_its_jobs(history: list[Operation]) -> None:
    world = World()
    for operation in history:
        operation(world)
    assert world.rows == ()


def test_an_operation_on_a_job_that_has_ended_does_nothing(world: World) -> None:
    world.add("job", Once(START.add(seconds=1)))
    world.advance(2)
    Operation("pause", ("job",))(world)
    assert world.keys == ()


def test_a_daily_trigger_is_drawn() -> None:
    assert isinstance(find(triggers(START), lambda trigger: isinstance(trigger, Daily)), Daily)

"""The trigger law, for every built-in: ``next(p, n)`` is the first element of the chain later than both."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.core.clock import SECOND, nanoseconds, zoned
from duly.core.trigger import ProtocolChain, TriggerProtocol, chain_of
from duly.embedded.triggers import CronTrigger, IntervalTrigger, OnceTrigger, at, cron, every
from duly.triggers import After, Cron, Daily, Dst, Every, Once
from duly.triggers.builtin import BuiltInTrigger
from tests.triggers.draws import ZONES, walk, walk_until
from tests.triggers.draws import at as moment_of

BEGIN = moment_of("2025-03-29T11:11:11+01:00[Europe/Berlin]")
RECURRING: list[TriggerProtocol] = [
    Every(7),
    Every(hours=24),
    Every(90, start=zoned(BEGIN - 100 * SECOND, "UTC")),
    Every(90, start=zoned(BEGIN + 100 * SECOND + 1, "UTC")),
    Daily("02:30"),
    Daily("00:00", timezone="Asia/Beirut"),
    Cron("*/20 * * * *"),
    Cron("*/7 1-3 * * *"),
    Cron("30 2 * * *", dst=Dst("after_gap", "both")),
    Cron("0 0 L * 5#2", timezone="Australia/Lord_Howe"),
    Cron("H H * * *").bind("job"),
    Cron("*/5 * * * * */20"),
    every(seconds=0.25),
    every(days=1),
    IntervalTrigger(
        minutes=7,
        start_time=zoned(BEGIN + 5 * SECOND, "UTC").to_stdlib(),
        end_time=zoned(BEGIN + 10_000 * SECOND, "UTC").to_stdlib(),
    ),
    cron("*/10 2 * * *"),
    CronTrigger(hour="1-3", minute="30", timezone="America/Santiago"),
]
SINGLE: list[TriggerProtocol] = [
    After(90),
    Once(zoned(BEGIN + SECOND, "UTC")),
    OnceTrigger(zoned(BEGIN, "UTC").to_stdlib()),
    at(zoned(BEGIN + 5 * SECOND, "UTC").to_stdlib()),
]
ALL = [*RECURRING, *SINGLE]
ZONE = st.sampled_from(ZONES)


def moments() -> st.SearchStrategy[int]:
    return st.integers(BEGIN - 3 * 86_400 * SECOND, BEGIN + 40 * 86_400 * SECOND)


@pytest.mark.parametrize("trigger", RECURRING, ids=repr)
@given(zone=ZONE, begin=moments(), index=st.integers(0, 30), ahead=st.integers(-SECOND, 10**15))
def test_next_is_the_first_element_of_the_chain_later_than_both(
    trigger: TriggerProtocol, zone: str, begin: int, index: int, ahead: int
) -> None:
    chain = chain_of(trigger, zone)
    first = chain.first(begin)
    if first is None:
        return
    elements = [first, *walk(chain, first, 40)]
    previous = elements[min(index, len(elements) - 1)]
    now = min(previous + ahead, elements[-1] - 1)
    expected = next((e for e in elements if e > max(previous, now)), None)
    assert chain.next(previous, now) == expected


@pytest.mark.parametrize("trigger", RECURRING, ids=repr)
@given(zone=ZONE, begin=moments(), index=st.integers(0, 30), steps=st.integers(0, 30), beyond=st.integers(0, SECOND))
def test_count_is_what_enumeration_gives(
    trigger: TriggerProtocol, zone: str, begin: int, index: int, steps: int, beyond: int
) -> None:
    chain = chain_of(trigger, zone)
    assert chain.count is not None
    first = chain.first(begin)
    if first is None:
        return
    elements = [first, *walk(chain, first, 40)]
    previous = elements[min(index, len(elements) - 1)]
    until = min(elements[min(index + steps, len(elements) - 1)] + beyond, elements[-1])
    passed = [e for e in elements if previous < e <= until]
    assert chain.count(previous, until) == (len(passed), passed[-1] if passed else previous)


@pytest.mark.parametrize("trigger", RECURRING, ids=repr)
@given(zone=ZONE, begin=moments())
def test_previous_is_the_inverse_of_next(trigger: TriggerProtocol, zone: str, begin: int) -> None:
    assert isinstance(trigger, BuiltInTrigger)
    chain = trigger.chain(zone)
    first = chain.first(begin)
    if first is None:
        return
    for earlier, later in pairwise([first, *walk(chain, first, 10)]):
        assert chain.previous(later) == earlier


@pytest.mark.parametrize("trigger", RECURRING, ids=repr)
@given(begin=moments())
def test_a_recurring_trigger_is_never_due_at_once(trigger: TriggerProtocol, begin: int) -> None:
    first = chain_of(trigger, "Europe/Berlin").first(begin)
    assert first is None or first > begin


@pytest.mark.parametrize("trigger", SINGLE, ids=repr)
@given(begin=moments(), now=moments())
def test_nothing_follows_a_single_run(trigger: TriggerProtocol, begin: int, now: int) -> None:
    chain = chain_of(trigger, "Europe/Berlin")
    first = chain.first(begin)
    assert first is not None
    assert chain.next(first, now) is None
    assert chain.count is not None
    assert chain.count(first, now) == (0, first)


@pytest.mark.parametrize("trigger", ALL, ids=repr)
@given(zone=ZONE, begin=moments(), ahead=st.integers(0, 10**14))
def test_the_methods_for_people_say_what_the_chain_says(
    trigger: TriggerProtocol, zone: str, begin: int, ahead: int
) -> None:
    chain, asked = chain_of(trigger, zone), ProtocolChain(trigger, zone)
    assert asked.first(begin) == chain.first(begin)
    assert asked.next(begin, begin + ahead) == chain.next(begin, begin + ahead)


@pytest.mark.parametrize("trigger", ALL, ids=repr)
@given(zone=ZONE, begin=moments())
def test_asking_twice_gives_the_same_answer(trigger: TriggerProtocol, zone: str, begin: int) -> None:
    chain = chain_of(trigger, zone)
    answers = [chain.first(begin), chain.next(begin, begin + SECOND)]
    walk(chain, begin + 10**16, 3)
    assert [chain.first(begin), chain.next(begin, begin + SECOND)] == answers


@pytest.mark.parametrize("trigger", RECURRING, ids=repr)
def test_count_of_people_is_the_count_of_the_chain(trigger: TriggerProtocol) -> None:
    assert isinstance(trigger, BuiltInTrigger)
    begin = zoned(BEGIN, "Europe/Berlin")
    end = begin.add(hours=30)
    chain = chain_of(trigger, "Europe/Berlin")
    first = chain.first(BEGIN)
    assert first is not None
    elements = [e for e in (first, *walk_until(chain, first, nanoseconds(end))) if e <= nanoseconds(end)]
    assert trigger.count(begin, end) == len(elements)

"""``CronWindow``: the law of triggers between two moments, against the chain that it narrows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.core.clock import SECOND
from duly.triggers import Cron
from duly.triggers.builtin import HORIZON
from duly.triggers.spec import chain_from_spec, spec_of_chain
from duly.triggers.ticks import CronChain
from duly.triggers.window import CronWindow
from tests.triggers.draws import ZONES, at, expressions, walk, walk_until

NOON = at("2025-03-29T12:00:00+01:00[Europe/Berlin]")
HOUR = 3600 * SECOND


@st.composite
def narrowed(draw: st.DrawFn) -> tuple[CronChain, CronWindow]:
    """A chain, and a window of it that often begins and ends at a tick."""
    try:
        chain = Cron(draw(expressions()), timezone=draw(st.sampled_from(ZONES))).chain(None)
    except ValueError:
        chain = Cron("30 2 * * *", timezone="Europe/Berlin").chain(None)
    begin = NOON + draw(st.integers(-(10**15), 10**16))
    ticks = walk(chain, begin, 12)
    edges = st.one_of(st.sampled_from([begin, *ticks]), st.integers(begin, begin + 10**16))
    start, end = sorted((draw(edges), draw(edges)))
    return chain, CronWindow(chain, draw(st.sampled_from([start, None])), end)


def inside(window: CronWindow, tick: int | None) -> int | None:
    if tick is None or tick > window.end or (window.start is not None and tick < window.start):
        return None
    return tick


@given(drawn=narrowed(), previous=st.integers(-(10**16), 10**16), ahead=st.integers(-(10**14), 10**15))
def test_next_is_the_first_tick_of_the_chain_that_is_later_than_both_and_inside(
    drawn: tuple[CronChain, CronWindow], previous: int, ahead: int
) -> None:
    chain, window = drawn
    previous += NOON
    after = max(previous, previous + ahead, (window.start or 0) - 1)
    assert window.next(previous, previous + ahead) == inside(window, chain.next(after, after))
    assert window.first(previous) == window.next(previous, previous)


@given(drawn=narrowed(), before=st.integers(-(10**15), 10**16))
def test_previous_is_the_last_tick_of_the_chain_that_is_earlier_and_inside(
    drawn: tuple[CronChain, CronWindow], before: int
) -> None:
    chain, window = drawn
    before += NOON
    assert window.previous(before) == inside(window, chain.previous(min(before, window.end + 1)))


@given(drawn=narrowed(), after=st.integers(-(10**13), 10**14), ahead=st.integers(-SECOND, 10**14))
def test_count_is_what_a_walk_counts(drawn: tuple[CronChain, CronWindow], after: int, ahead: int) -> None:
    _, window = drawn
    begin = (window.start or NOON) + after
    ticks = walk_until(window, begin, begin + ahead)
    assert window.count(begin, begin + ahead) == (len(ticks), ticks[-1] if ticks else begin)
    assert window.between(begin, begin + ahead) == len(ticks)


def test_both_ends_are_inside() -> None:
    window = CronWindow(Cron("0 * * * *", timezone="UTC").chain(None), NOON, NOON + 2 * HOUR)
    assert walk(window, NOON - 5 * HOUR, 9) == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    narrower = CronWindow(window, NOON + 1, NOON + 2 * HOUR - 1)
    assert walk(narrower, NOON - 5 * HOUR, 9) == [NOON + HOUR]


def test_a_change_of_clocks_inside_is_as_in_the_chain() -> None:
    chain = Cron("30 2 * * *", timezone="Europe/Berlin").chain(None)
    window = CronWindow(chain, NOON, NOON + 48 * HOUR)
    assert walk(window, NOON - 100 * HOUR, 9) == walk(chain, NOON, 2)


@given(drawn=narrowed())
def test_it_is_rebuilt_from_its_spec(drawn: tuple[CronChain, CronWindow]) -> None:
    _, window = drawn
    text = spec_of_chain(window)
    assert text is not None
    rebuilt = chain_from_spec(text)
    assert isinstance(rebuilt, CronWindow)
    assert (rebuilt.start, rebuilt.end, spec_of_chain(rebuilt)) == (window.start, window.end, text)
    assert rebuilt.next(NOON, NOON) == window.next(NOON, NOON)


def test_its_spec_has_the_bounds_beside_those_of_the_chain() -> None:
    chain = Cron("30 2 * * *", timezone="Europe/Berlin").chain(None)
    whole, window = (json.loads(spec_of_chain(each) or "") for each in (chain, CronWindow(chain, NOON)))
    assert window == {**whole, "chain": "cron_window", "start": NOON, "end": HORIZON}


@pytest.mark.parametrize("part", ["start", "end"])
def test_a_damaged_bound_is_refused(part: str) -> None:
    text = spec_of_chain(CronWindow(Cron("* * * * *", timezone="UTC").chain(None), NOON))
    with pytest.raises(ValueError, match=f"'{part}' must be nanoseconds since 1970, got 'x'"):
        chain_from_spec(json.dumps({**json.loads(text or ""), part: "x"}))

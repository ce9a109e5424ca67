"""Cron arithmetic against a slow second implementation, and against two libraries where they agree."""

import re
from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from croniter import CroniterBadDateError, croniter
from cronsim import CronSim, CronSimError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from duly.core.clock import SECOND
from duly.triggers import Cron, Dst
from duly.triggers.ticks import Gap
from duly.triggers.zones import Overlap
from tests.triggers.draws import (
    DAY,
    YEARS,
    ZONES,
    expressions,
    in_nanoseconds,
    numbers,
    transitions,
    walk_back,
    walk_until,
    windows,
)
from tests.triggers.oracle import Oracle

NEAR = 26 * 3600
"""Seconds before and after a change that are looked at: more than the day that Apia skipped."""

QUIET = 6 * 3600
"""The same for a moment that no change is near."""

EXAMPLES_A_YEAR = max(3, settings().max_examples // 16)
"""Schedules that are tried in every year of every zone."""

A_TO_A_STEPPED = re.compile(r"\b(\d+)-\1/")
"""``3-3/n``, which both libraries take for ``3-59/n``; to us a range is what it says."""


def rules() -> st.SearchStrategy[tuple[Gap, Overlap, bool]]:
    """``gap``, ``overlap`` and ``day_or``, the defaults more often than each of the others."""
    gaps: list[Gap] = ["shift", "shift", "after_gap", "skip"]
    overlaps: list[Overlap] = ["first", "first", "second", "both"]
    return st.tuples(st.sampled_from(gaps), st.sampled_from(overlaps), st.booleans())


def sparse_first() -> st.SearchStrategy[str]:
    """Any five fields; the first example, which is the simplest, is not every minute, the slowest there is."""
    drawn = expressions(seconds=False)
    return st.one_of(st.just("30 2 * * *"), drawn, drawn, drawn, drawn)


def valid(expression: str, **options: object) -> Cron:
    try:
        return Cron(expression, **options)  # type: ignore[arg-type]  # drawn options are of the right types
    except ValueError:
        assume(False)
        raise


@given(data=st.data(), zone=st.sampled_from(ZONES), expression=expressions())
def test_a_chain_produces_exactly_the_ticks_of_the_oracle(data: st.DataObject, zone: str, expression: str) -> None:
    trigger = valid(expression)
    after, until = data.draw(windows(zone))
    expected = in_nanoseconds(Oracle(expression, zone).ticks(after, until))
    assert walk_until(trigger.chain(zone), after * SECOND, until * SECOND) == expected


@given(data=st.data(), zone=st.sampled_from(ZONES), expression=expressions(seconds=False))
def test_next_previous_and_count_answer_alike_from_any_moment(data: st.DataObject, zone: str, expression: str) -> None:
    chain = valid(expression).chain(zone)
    after, until = data.draw(windows(zone))
    ticks = in_nanoseconds(Oracle(expression, zone).ticks(after, until))
    moment = data.draw(st.integers(after * SECOND, until * SECOND))
    later, earlier = [t for t in ticks if t > moment], [t for t in ticks if t < moment]
    assert not later or chain.next(moment, after * SECOND) == later[0]
    assert not earlier or chain.previous(moment) == earlier[-1]
    assert chain.count(moment, until * SECOND) == (len(later), later[-1] if later else moment)


def windows_of(zone: str, year: int) -> list[tuple[int, int]]:
    """(after, until) in seconds: one around each change of the offset, and one in which clocks do not change."""
    changes = transitions(zone, year)
    start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    quiet = next(
        day
        for day in range(start + year % 300 * DAY, start + 500 * DAY, DAY)
        if all(abs(day - change) > 4 * DAY for near in (year, year + 1) for change in transitions(zone, near))
    )
    return [*((change - NEAR, change + NEAR) for change in changes), (quiet - QUIET, quiet + QUIET)]


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=EXAMPLES_A_YEAR)
@given(expression=sparse_first(), second=st.sampled_from(["", "", "", " 7,58"]), rule=rules())
def test_every_change_of_every_year_is_crossed_as_the_oracle_says(
    zone: str, year: int, expression: str, second: str, rule: tuple[Gap, Overlap, bool]
) -> None:
    gap, overlap, day_or = rule
    expression += second
    chain = valid(expression, dst=Dst(gap, overlap), day_or=day_or).chain(zone)
    oracle = Oracle(expression, zone, gap=gap, overlap=overlap, day_or=day_or)
    for after, until in windows_of(zone, year):
        expected = in_nanoseconds(oracle.ticks(after, until))
        assert walk_until(chain, after * SECOND, until * SECOND) == expected
        assert walk_back(chain, until * SECOND + 1, after * SECOND) == expected[::-1]
        assert chain.between(after * SECOND, until * SECOND) == len(expected)


def on_the_day(local: datetime) -> tuple[str, str, str]:
    """Schedules with ticks on the day of ``local`` and then for a week, or for a year, none."""
    day = f"{local.day} {local.month} *"
    return f"*/10 * * {local.month} {local.isoweekday()}", f"*/10 {local.hour} {day}", f"30 * {day}"


@pytest.mark.parametrize("overlap", ["first", "second", "both"])
@pytest.mark.parametrize("zone", ZONES)
def test_ticks_on_the_day_of_a_change_alone_are_found_from_any_moment_near_it(zone: str, overlap: Overlap) -> None:
    for change, away in product((change for year in YEARS for change in transitions(zone, year)), (-1, 0)):
        for expression in on_the_day(datetime.fromtimestamp(change + away, ZoneInfo(zone))):
            chain = Cron(expression, dst=Dst(overlap=overlap)).chain(zone)
            ticks = in_nanoseconds(Oracle(expression, zone, overlap=overlap).ticks(change - NEAR, change + NEAR))
            for moment in range((change - 7200) * SECOND, (change + 7201) * SECOND, 900 * SECOND):
                earlier, later = [t for t in ticks if t < moment], [t for t in ticks if t > moment]
                assert not later or chain.next(moment, moment) == later[0]
                assert not earlier or chain.previous(moment) == earlier[-1]


def test_the_years_that_are_crossed_include_the_day_that_apia_skipped() -> None:
    skipped = int(datetime(2011, 12, 30, 10, tzinfo=UTC).timestamp())
    assert (skipped - NEAR, skipped + NEAR) in windows_of("Pacific/Apia", 2011)


@pytest.mark.parametrize(
    ("expression", "gap"),
    [*product(("30 2 * * *", "0 12 * * *", "*/30 * * * *", "0 0-22 30 12 *"), ("shift", "after_gap"))],
)
def test_the_day_that_apia_skipped_is_crossed_as_the_oracle_says(expression: str, gap: str) -> None:
    (change,) = [c for c in transitions("Pacific/Apia", 2011) if datetime.fromtimestamp(c, UTC).month == 12]
    after, until = change - 2 * DAY, change + 3 * DAY
    expected = in_nanoseconds(Oracle(expression, "Pacific/Apia", gap=gap).ticks(after, until))
    chain = Cron(expression, dst=Dst(gap)).chain("Pacific/Apia")  # type: ignore[arg-type]  # one of the words
    assert walk_until(chain, after * SECOND, until * SECOND) == expected
    assert chain.between(after * SECOND, until * SECOND) == len(expected)


@pytest.mark.parametrize("away", [-1800, 3 * 3600])
@pytest.mark.parametrize("zone", ZONES)
def test_a_yearly_tick_near_a_change_is_found_from_years_away(zone: str, away: int) -> None:
    for change in (change for year in YEARS for change in transitions(zone, year)):
        local = datetime.fromtimestamp(change + away, ZoneInfo(zone))
        chain = Cron(f"{local.minute} {local.hour} {local.day} {local.month} *").chain(zone)
        tick, years = (change + away) * SECOND, 800 * DAY * SECOND
        assert tick in walk_until(chain, tick - years, tick)
        later = tick + years
        while (earlier := chain.previous(later)) is not None and earlier >= tick:
            later = earlier
        assert later == tick


def day_fields() -> st.SearchStrategy[tuple[str, str, str]]:
    return st.tuples(
        st.one_of(st.sampled_from(["*", "L", "1", "13", "1-7", "*/2"]), numbers(1, 28)),
        st.one_of(st.just("*"), numbers(1, 12)),
        st.one_of(st.sampled_from(["*", "1-5", "5#3", "0", "7", "mon-fri"]), numbers(0, 6)),
    )


@given(data=st.data(), zone=st.sampled_from(ZONES), minute=numbers(0, 59), hour=numbers(0, 23), days=day_fields())
def test_where_cronsim_and_croniter_agree_and_no_change_is_near_we_agree_with_them(
    data: st.DataObject, zone: str, minute: str, hour: str, days: tuple[str, str, str]
) -> None:
    expression = " ".join((minute, hour, *days))
    assume(not A_TO_A_STEPPED.search(expression))
    start = datetime.fromtimestamp(data.draw(windows(zone))[0], ZoneInfo(zone))
    try:
        theirs = next(CronSim(expression, start))
        other = croniter(expression, start).get_next(datetime)
    except (CronSimError, CroniterBadDateError, ValueError, StopIteration):
        assume(False)
        raise
    near = [c for m in (start, theirs) for y in (m.year - 1, m.year, m.year + 1) for c in transitions(zone, y)]
    assume(theirs == other)
    assume(not any(start.timestamp() - 2 * DAY < change < theirs.timestamp() + 2 * DAY for change in near))
    found = Cron(expression).chain(zone).first(int(start.timestamp()) * SECOND)
    assert found == int(theirs.timestamp()) * SECOND

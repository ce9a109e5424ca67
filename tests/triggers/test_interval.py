"""``Every``: a grid of elapsed time in whole seconds."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import ZonedDateTime

from duly.core.clock import SECOND, nanoseconds
from duly.core.trigger import TriggerProtocol
from duly.triggers import Every
from duly.triggers.interval import Grid

NOON = ZonedDateTime.parse_iso("2025-01-01T12:00:00+01:00[Europe/Berlin]")


def test_it_takes_seconds_minutes_hours_in_this_order() -> None:
    assert Every(1, 2, 3).interval_seconds == 1 + 2 * 60 + 3 * 3600


@pytest.mark.parametrize(("parts", "seconds"), [({"minutes": 0.5}, 30), ({"hours": 1.1}, 3960), ({"minutes": 1.1}, 66)])
def test_parts_may_be_fractional_if_the_sum_is_whole(parts: dict[str, float], seconds: float) -> None:
    assert Every(minutes=parts.get("minutes", 0), hours=parts.get("hours", 0)).interval_seconds == seconds


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), -float("inf")])
def test_an_interval_that_is_not_positive_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=rf"^Every trigger interval must be positive, got {seconds} seconds$"):
        Every(seconds=seconds)


@pytest.mark.parametrize("seconds", [0.5, 1.25, 1e-12])
def test_an_interval_that_is_not_whole_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=rf"^Every trigger interval must be a whole number of seconds, got {seconds}"):
        Every(seconds=seconds)


@pytest.mark.parametrize("seconds", [1e300, 10**400, 7_258_118_400, float("inf")])
def test_an_interval_that_never_comes_round_is_refused(seconds: float) -> None:
    with pytest.raises(
        ValueError, match=f"interval must be at most 230 years .*, got {re.escape(str(seconds))} seconds"
    ):
        Every(seconds=seconds)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"seconds": "5"}, "Every 'seconds' must be a number, got '5'"),
        ({"minutes": "5"}, "Every 'minutes' must be a number, got '5'"),
        ({"seconds": 1, "hours": None}, "Every 'hours' must be a number, got None"),
        ({"seconds": timedelta(1)}, "Every 'seconds' must be a number, got datetime.timedelta(days=1)"),
        (
            {"seconds": 1, "start": datetime(2025, 1, 1, tzinfo=UTC)},
            "Every 'start' must be a ZonedDateTime, got datetime.datetime(",
        ),
    ],
)
def test_an_argument_of_the_wrong_type_is_named_with_its_value(parts: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=re.escape(problem)):
        Every(**parts)


@pytest.mark.parametrize("year", [1899, 2200])
def test_a_start_outside_the_years_of_schedules_is_refused(year: int) -> None:
    with pytest.raises(ValueError, match=rf"^Every 'start' must lie in the years 1900 to 2199, got {year}"):
        Every(60, start=ZonedDateTime(year, 6, 1, tz="UTC"))


def test_label_detail_type_and_id() -> None:
    trigger = Every(minutes=90)
    assert (trigger.trigger_label(), trigger.trigger_detail(), trigger.trigger_db_type()) == (
        "every",
        "5400s",
        "interval",
    )
    assert trigger.trigger_id() == "every:5400"
    assert isinstance(trigger, TriggerProtocol)


def test_the_start_is_no_part_of_the_id() -> None:
    assert Every(60, start=NOON).trigger_id() == Every(60).trigger_id()


def test_without_start_the_first_run_is_one_interval_from_now_rounded() -> None:
    assert Every(10).first_run_time(NOON.add(milliseconds=700)) == NOON.add(seconds=11)


def test_a_start_to_come_is_the_first_run() -> None:
    assert Every(10, start=NOON.add(seconds=3)).first_run_time(NOON) == NOON.add(seconds=3)


def test_a_start_that_rounds_to_now_is_not_run_now() -> None:
    assert Every(10, start=NOON.add(milliseconds=300)).first_run_time(NOON) == NOON.add(seconds=10)


def test_a_start_that_is_now_counts_as_past_also_where_rounding_would_put_it_ahead() -> None:
    start = NOON.add(milliseconds=600)
    assert Every(10, start=start).first_run_time(start) == NOON.add(seconds=11)


@pytest.mark.parametrize(("passed", "expected"), [(0, 10), (1, 10), (9, 10), (10, 20), (11, 20), (1000, 1010)])
def test_after_its_start_the_first_run_is_the_next_on_the_grid(passed: int, expected: int) -> None:
    assert Every(10, start=NOON).first_run_time(NOON.add(seconds=passed)) == NOON.add(seconds=expected)


@pytest.mark.parametrize(("now", "expected"), [(-100, 10), (0, 10), (9, 10), (10, 20), (3599, 3600)])
def test_the_next_run_is_on_the_grid_of_the_previous_and_later_than_both(now: int, expected: int) -> None:
    assert Every(10).next_run_time(NOON, NOON.add(seconds=now)) == NOON.add(seconds=expected)


@pytest.mark.parametrize(
    ("anchor_ms", "now_ms", "expected_ms"),
    [
        (0, 0, 10_000),
        (400, 10_100, 20_000),
        (600, 10_100, 11_000),
        (500, 0, 10_000),
        (1500, 0, 12_000),
        (300, 10_000, 20_000),
    ],
)
def test_advance_past_is_later_than_now_also_after_rounding(anchor_ms: int, now_ms: int, expected_ms: int) -> None:
    found = Every(10).advance_past(NOON.add(milliseconds=anchor_ms), NOON.add(milliseconds=now_ms))
    assert found == NOON.add(milliseconds=expected_ms)


def test_advancing_past_the_year_2199_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("no slot of every:3600")):
        Every(hours=1).advance_past(NOON, ZonedDateTime.parse_iso("2199-12-31T23:30:00+00:00[UTC]"))


def test_a_day_of_elapsed_time_shifts_on_the_wall_clock_when_clocks_change() -> None:
    before = ZonedDateTime.parse_iso("2025-03-29T12:00:00+01:00[Europe/Berlin]")
    assert str(Every(hours=24).next_run_time(before, before)) == "2025-03-30T13:00:00+02:00[Europe/Berlin]"


def test_count_and_previous_follow_the_start() -> None:
    trigger = Every(10, start=NOON)
    assert trigger.count(NOON.add(seconds=-5), NOON.add(seconds=30)) == 4
    assert trigger.count(NOON, NOON.add(seconds=30)) == 3
    assert trigger.previous(NOON.add(seconds=30)) == NOON.add(seconds=20)
    assert trigger.previous(NOON) is None


def test_without_start_count_and_previous_hang_on_the_argument() -> None:
    assert Every(10).count(NOON, NOON.add(seconds=39)) == 3
    assert Every(10).previous(NOON) == NOON.add(seconds=-10)


@given(
    start=st.integers(0, 20 * SECOND),
    step=st.integers(1, 7).map(lambda seconds: seconds * SECOND),
    moments=st.tuples(st.integers(0, 60 * SECOND), st.integers(0, 60 * SECOND)).map(sorted),
)
def test_count_and_previous_agree_with_the_rounded_slots_one_by_one(start: int, step: int, moments: list[int]) -> None:
    after, until = moments
    anchor = NOON.add(nanoseconds=start)
    slots = {anchor.add(nanoseconds=n * step).round("second") for n in range(100)}
    trigger = Every(step / SECOND, start=anchor)
    low, high = NOON.add(nanoseconds=after), NOON.add(nanoseconds=until)
    assert trigger.count(low, high) == len({slot for slot in slots if low < slot <= high})
    earlier = [slot for slot in slots if slot < high]
    assert trigger.previous(high) == (max(earlier) if earlier else None)


@given(step=st.integers(1, 10**12), start=st.none() | st.integers(0, 10**12), now=st.integers(0, 10**13))
def test_a_slot_costs_the_same_however_many_have_passed(step: int, start: int | None, now: int) -> None:
    grid = Grid(step, start)
    first = grid.first(now)
    assert first is not None
    assert first > now
    assert grid.next(first, now + 10**15) == first + -(-(now + 10**15 + 1 - first) // step) * step


def test_the_grid_ends_before_the_year_2200() -> None:
    late = nanoseconds(ZonedDateTime.parse_iso("2199-12-31T23:00:00+00:00[UTC]"))
    assert Every(hours=2).chain(None).next(late, late) is None
    assert Every(hours=2, start=NOON).chain(None).count(late, late + 10**18) == (0, late)

"""``Once`` and ``After``: triggers of one run."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from whenever import TimeDelta, ZonedDateTime

from duly.core import clock
from duly.core.clock import nanoseconds
from duly.core.trigger import TriggerProtocol
from duly.triggers import After, Once
from tests.triggers.draws import FrozenClock

NOON = ZonedDateTime.parse_iso("2025-08-18T12:00:00-05:00[America/Chicago]")


@pytest.fixture(autouse=True)
def noon_in_chicago() -> Iterator[None]:
    token = clock.use(FrozenClock(nanoseconds(NOON)))
    yield
    clock.restore(token)


def at_time(text: str) -> Iterator[None]:
    token = clock.use(FrozenClock(nanoseconds(ZonedDateTime.parse_iso(text))))
    yield
    clock.restore(token)


def iso(moment: ZonedDateTime | None) -> str:
    assert moment is not None
    return moment.format_iso()


def test_a_time_to_come_is_today() -> None:
    assert iso(Once("17:30").first_run_time(NOON)) == "2025-08-18T17:30:00-05:00[America/Chicago]"
    assert Once("17:30").warning is None


@pytest.mark.parametrize("at", ["11:59", "12:00", "7:5"])
def test_a_time_that_has_passed_is_tomorrow_and_warns(at: str) -> None:
    trigger = Once(at)
    assert iso(trigger.first_run_time(NOON)).startswith("2025-08-19T")
    assert trigger.warning is not None
    assert "deferred" in trigger.warning


@pytest.mark.parametrize("at", ["11:59", "12:00"])
def test_a_time_that_has_passed_may_be_an_error(at: str) -> None:
    with pytest.raises(ValueError, match="constructed after the target time"):
        Once(at, if_past="error")


def test_an_absolute_time_to_come_is_kept_as_it_is() -> None:
    target = NOON.add(milliseconds=1500)
    trigger = Once(target)
    assert trigger.first_run_time(NOON) == target
    assert trigger.warning is None


def test_the_chain_holds_the_target_rounded() -> None:
    assert Once(NOON.add(milliseconds=1600)).chain(None).first(0) == nanoseconds(NOON.add(seconds=2))


def test_an_absolute_time_that_has_passed_runs_at_once_and_warns() -> None:
    trigger = Once(NOON.add(hours=-1))
    assert trigger.first_run_time(NOON) == NOON.add(hours=-1)
    assert trigger.warning is not None
    assert "cannot be deferred" in trigger.warning


def test_an_absolute_time_that_has_passed_may_be_an_error() -> None:
    with pytest.raises(ValueError, match="is in the past"):
        Once(NOON, if_past="error")


def test_any_other_if_past_is_refused() -> None:
    with pytest.raises(ValueError, match="if_past"):
        Once("17:30", if_past="never")  # type: ignore[arg-type]  # refusing is the point


@pytest.mark.parametrize("at", [None, 7, 7.5, TimeDelta(hours=1)])
def test_any_other_type_of_at_is_refused(at: object) -> None:
    with pytest.raises(TypeError, match=re.escape(f"'at' must be 'HH:MM' or a ZonedDateTime, got {at!r}")):
        Once(at)  # type: ignore[arg-type]  # refusing is the point


@pytest.mark.parametrize("at", ["7", "07:00:00", "x:y", ""])
def test_other_text_is_refused(at: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Once 'at' must be 'HH:MM', got {at!r}")):
        Once(at)


def test_a_time_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("Once 'at' time out of range: '25:00'")):
        Once("25:00")


def test_the_target_is_fixed_at_construction() -> None:
    trigger = Once("17:30")
    assert trigger.first_run_time(NOON.add(days=30)) == trigger.first_run_time(NOON)
    assert trigger.next_run_time(NOON, NOON) is None


@pytest.mark.parametrize(
    ("now", "at", "expected"),
    [
        ("2025-03-09T00:00:00-06:00[America/Chicago]", "02:30", "2025-03-09T03:30:00-05:00[America/Chicago]"),
        ("2025-03-08T12:00:00-06:00[America/Chicago]", "02:30", "2025-03-09T03:30:00-05:00[America/Chicago]"),
        ("2025-11-02T00:00:00-05:00[America/Chicago]", "01:30", "2025-11-02T01:30:00-05:00[America/Chicago]"),
        ("2025-11-02T01:30:00-05:00[America/Chicago]", "01:30", "2025-11-03T01:30:00-06:00[America/Chicago]"),
        ("2025-11-01T12:00:00-05:00[America/Chicago]", "07:00", "2025-11-02T07:00:00-06:00[America/Chicago]"),
    ],
)
def test_a_wall_clock_target_is_compatible_with_dst(now: str, at: str, expected: str) -> None:
    for _ in at_time(now):
        assert iso(Once(at).first_run_time(NOON)) == expected


def test_once_names_itself() -> None:
    trigger = Once("17:30")
    assert (trigger.trigger_label(), trigger.trigger_detail(), trigger.trigger_db_type()) == ("once", "17:30", "once")
    assert trigger.trigger_id() == "once:2025-08-18T17:30:00-05:00[America/Chicago]"
    assert Once(NOON.add(hours=1)).trigger_detail() == "2025-08-18T13:00:00-05:00[America/Chicago]"
    assert Once("17:30", "error").trigger_id().endswith("[America/Chicago];if_past=error")
    assert isinstance(trigger, TriggerProtocol)


def test_once_counts_and_looks_back_to_its_one_run() -> None:
    trigger, target = Once("17:30"), NOON.add(hours=5, minutes=30)
    assert trigger.count(NOON, target) == 1
    assert trigger.count(target, target.add(days=1)) == 0
    assert trigger.previous(target) is None
    assert trigger.previous(target.add(seconds=1)) == target


@pytest.mark.parametrize(
    ("trigger", "milliseconds"),
    [
        (After(90), 90_000),
        (After(seconds=1, minutes=2), 121_000),
        (After(timedelta=TimeDelta(hours=1)), 3_600_000),
        (After(seconds=5, timedelta=TimeDelta(minutes=1)), 60_000),
        (After(1.6), 2_000),
        (After(0.2), 0),
    ],
)
def test_after_runs_once_a_delay_from_now_rounded(trigger: After, milliseconds: int) -> None:
    assert trigger.first_run_time(NOON) == NOON.add(milliseconds=milliseconds)
    assert trigger.next_run_time(NOON, NOON) is None


@pytest.mark.parametrize("delay", [0, -1, float("nan"), 1e-12])
def test_a_delay_that_is_not_positive_is_refused(delay: float) -> None:
    with pytest.raises(ValueError, match=f"^After trigger delay must be positive, got {delay} seconds$"):
        After(delay)


@pytest.mark.parametrize("delay", [float("inf"), 1e300, 10**400])
def test_a_delay_that_never_ends_is_refused(delay: float) -> None:
    with pytest.raises(ValueError, match=f"delay must be at most 230 years .*, got {re.escape(str(delay))} seconds"):
        After(delay)


def test_a_timedelta_that_never_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="delay must be at most 230 years"):
        After(timedelta=TimeDelta(hours=300 * 366 * 24))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"seconds": "5"}, "After 'seconds' must be a number, got '5'"),
        ({"minutes": None}, "After 'minutes' must be a number, got None"),
        ({"timedelta": timedelta(1)}, "After 'timedelta' must be a whenever.TimeDelta, got datetime.timedelta(days=1)"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named_with_its_value(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=re.escape(problem)):
        After(**arguments)


@pytest.mark.parametrize("year", [1, 1899, 2200, 9999])
def test_a_moment_outside_the_years_of_schedules_is_refused(year: int) -> None:
    with pytest.raises(ValueError, match=rf"^Once 'at' must lie in the years 1900 to 2199, got {year:04}"):
        Once(ZonedDateTime(year, 6, 1, tz="UTC"))


def test_a_timedelta_that_is_not_positive_is_refused_whatever_the_seconds() -> None:
    with pytest.raises(ValueError, match=r"^After trigger delay must be positive, got PT0S$"):
        After(seconds=5, timedelta=TimeDelta(seconds=0))


def test_a_delay_is_elapsed_time() -> None:
    before = ZonedDateTime.parse_iso("2025-03-08T12:00:00-06:00[America/Chicago]")
    assert iso(After(86_400).first_run_time(before)) == "2025-03-09T13:00:00-05:00[America/Chicago]"


@pytest.mark.parametrize(("seconds", "detail", "identity"), [(90, "90s", "after:90"), (2.5, "2s", "after:2.5")])
def test_after_names_itself(seconds: float, detail: str, identity: str) -> None:
    trigger = After(seconds)
    assert (trigger.trigger_label(), trigger.trigger_detail(), trigger.trigger_id()) == ("after", detail, identity)
    assert trigger.trigger_db_type() == "after"
    assert isinstance(trigger, TriggerProtocol)


def test_after_counts_from_the_moment_of_asking() -> None:
    assert After(90).count(NOON, NOON.add(seconds=90)) == 1
    assert After(90).count(NOON, NOON.add(seconds=89)) == 0
    assert After(90).previous(NOON) is None

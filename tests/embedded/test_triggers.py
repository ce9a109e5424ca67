"""The embedded family: ``datetime`` in, ``datetime`` with a zone out."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import ZonedDateTime

from duly import Scheduler
from duly.core import clock
from duly.core.clock import SECOND, nanoseconds, zoned
from duly.core.trigger import ProtocolChain, TriggerProtocol, chain_of
from duly.embedded.triggers import (
    CronTrigger,
    IntervalTrigger,
    OnceTrigger,
    Trigger,
    TriggerType,
    at,
    cron,
    every,
)
from duly.testing import VirtualClock
from tests.triggers.draws import FrozenClock, walk
from tests.triggers.draws import at as moment

BERLIN = ZoneInfo("Europe/Berlin")
TOKYO = ZoneInfo("Asia/Tokyo")
FIRST, LAST = datetime.min, datetime.max  # noqa: DTZ901 - naive is the point
NOON = datetime(2025, 1, 1, 12, tzinfo=BERLIN)
NOW = nanoseconds(ZonedDateTime.parse_iso("2025-01-01T12:00:00+01:00[Europe/Berlin]"))


@pytest.fixture(autouse=True)
def noon_in_berlin() -> Iterator[None]:
    token = clock.use(FrozenClock(NOW, "Europe/Berlin"))
    yield
    clock.restore(token)


ALL = [every(hours=1), OnceTrigger(NOON + timedelta(hours=1)), cron("0 * * * *")]


@pytest.mark.parametrize("trigger", ALL, ids=repr)
def test_every_trigger_is_of_both_families(trigger: Trigger) -> None:
    assert isinstance(trigger, Trigger)
    assert isinstance(trigger, TriggerProtocol)


@pytest.mark.parametrize("trigger", ALL, ids=repr)
def test_the_next_run_is_strictly_after_and_by_default_after_now(trigger: Trigger) -> None:
    assert trigger.get_next_run() == NOON + timedelta(hours=1)
    assert trigger.get_next_run(NOON) == NOON + timedelta(hours=1)
    assert trigger.get_next_run(NOON + timedelta(hours=1)) != NOON + timedelta(hours=1)


@pytest.mark.parametrize("trigger", ALL, ids=repr)
@pytest.mark.parametrize("zone", [TOKYO, UTC, timezone(timedelta(hours=5, minutes=30))])
def test_an_aware_time_keeps_its_zone(trigger: Trigger, zone: ZoneInfo | timezone) -> None:
    found = trigger.get_next_run(NOON.astimezone(zone))
    assert found is not None
    assert found.tzinfo is zone


@pytest.mark.parametrize("trigger", ALL, ids=repr)
def test_a_naive_time_is_taken_in_the_zone_of_the_clock(trigger: Trigger) -> None:
    found = trigger.get_next_run(datetime(2025, 1, 1, 12))  # noqa: DTZ001 - naive is the point
    assert found == NOON + timedelta(hours=1)
    assert found.tzinfo == BERLIN


@pytest.mark.parametrize(
    ("trigger", "kind", "label", "stored", "identity"),
    [
        (every(minutes=90), TriggerType.INTERVAL, "every", "interval", "every:5400"),
        (every(0.25), TriggerType.INTERVAL, "every", "interval", "every:0.25"),
        (
            IntervalTrigger(60, start_time=NOON, end_time=datetime(2025, 1, 2)),  # noqa: DTZ001 - naive is the point
            TriggerType.INTERVAL,
            "every",
            "interval",
            "every:60;start=2025-01-01T12:00:00+01:00[Europe/Berlin];end=2025-01-02T00:00:00",
        ),
        (OnceTrigger(NOON), TriggerType.ONCE, "once", "once", "once:2025-01-01T12:00:00+01:00[Europe/Berlin]"),
        (OnceTrigger(NOON.astimezone(UTC)), TriggerType.ONCE, "once", "once", "once:2025-01-01T11:00:00+00:00"),
        (cron("0  7 * * *"), TriggerType.CRON, "cron", "cron", "cron:0 7 * * *"),
        (CronTrigger(hour="7", timezone="UTC"), TriggerType.CRON, "cron", "cron", "cron:* 7 * * *;timezone=UTC"),
    ],
)
def test_type_label_and_id(trigger: Trigger, kind: TriggerType, label: str, stored: str, identity: str) -> None:
    assert trigger.get_type() is kind
    assert (trigger.trigger_label(), trigger.trigger_db_type(), trigger.trigger_id()) == (label, stored, identity)


# --- once


def test_a_past_moment_has_no_next_run() -> None:
    assert OnceTrigger(NOON).get_next_run(NOON) is None


def test_a_past_moment_is_still_the_first_slot_so_that_misfire_decides() -> None:
    past = NOON - timedelta(days=1)
    assert OnceTrigger(past).chain("UTC").first(NOW) == NOW - 86_400 * SECOND
    assert OnceTrigger(past).first_run_time(zoned(NOW, "UTC")) == zoned(NOW - 86_400 * SECOND, "UTC")


def test_a_naive_moment_is_taken_in_the_zone_of_the_scheduler() -> None:
    trigger = OnceTrigger(datetime(2025, 1, 1, 20))  # noqa: DTZ001 - naive is the point
    assert trigger.chain("Asia/Tokyo").first(0) == NOW
    assert trigger.chain("Europe/Berlin").first(0) == NOW + 8 * 3600 * SECOND


def test_what_is_no_datetime_is_refused() -> None:
    with pytest.raises(TypeError, match=r"run_at must be a datetime, got 17\.0"):
        OnceTrigger(17.0)  # type: ignore[arg-type]  # refusing is the point


@pytest.mark.parametrize("outside", [FIRST, LAST, FIRST.replace(tzinfo=UTC), datetime(1899, 12, 31, tzinfo=UTC)])
def test_a_moment_outside_the_years_of_schedules_is_refused(outside: datetime) -> None:
    with pytest.raises(ValueError, match=re.escape(f"run_at must lie in the years 1900 to 2199, got {outside}")):
        OnceTrigger(outside)


@pytest.mark.parametrize("moment", [datetime.fromtimestamp(0, UTC), datetime(1900, 1, 1), datetime(2199, 12, 31, 23)])  # noqa: DTZ001 - naive ones too
def test_the_epoch_and_every_moment_of_these_years_is_legal(moment: datetime) -> None:
    assert OnceTrigger(moment).run_at is moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13:00", datetime(2025, 1, 1, 13, tzinfo=BERLIN)),
        ("12:00:01", datetime(2025, 1, 1, 12, 0, 1, tzinfo=BERLIN)),
        ("12:00", datetime(2025, 1, 2, 12, tzinfo=BERLIN)),
        ("7:5", datetime(2025, 1, 2, 7, 5, tzinfo=BERLIN)),
    ],
)
def test_at_is_today_or_tomorrow_if_that_has_passed(text: str, expected: datetime) -> None:
    assert at(text).run_at == expected


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ("2025-03-30T00:00:00+01:00[Europe/Berlin]", "02:30", "2025-03-30T03:30:00+02:00"),
        ("2025-03-29T12:00:00+01:00[Europe/Berlin]", "02:30:15", "2025-03-30T03:30:15+02:00"),
        ("2025-10-26T00:00:00+02:00[Europe/Berlin]", "02:30", "2025-10-26T02:30:00+02:00"),
        ("2025-10-26T02:30:00+02:00[Europe/Berlin]", "02:30", "2025-10-27T02:30:00+01:00"),
    ],
)
def test_at_is_safe_when_clocks_change(now: str, text: str, expected: str) -> None:
    token = clock.use(FrozenClock(nanoseconds(ZonedDateTime.parse_iso(now)), "Europe/Berlin"))
    assert at(text).run_at.isoformat() == expected
    clock.restore(token)


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("Asia/Tokyo", "2025-01-01T12:00:00+01:00[Europe/Berlin]", "2025-01-02T07:30:00+09:00[Asia/Tokyo]"),
        ("Asia/Tokyo", "2025-01-02T07:29:59+09:00[Asia/Tokyo]", "2025-01-02T07:30:00+09:00[Asia/Tokyo]"),
        ("Asia/Tokyo", "2025-01-02T07:30:00+09:00[Asia/Tokyo]", "2025-01-03T07:30:00+09:00[Asia/Tokyo]"),
        ("America/New_York", "2025-01-01T12:00:00+01:00[Europe/Berlin]", "2025-01-01T07:30:00-05:00[America/New_York]"),
    ],
)
def test_at_is_wall_clock_time_of_the_scheduler_seen_from_the_moment_of_scheduling(
    zone: str, now: str, expected: str
) -> None:
    chain = at("07:30").chain(zone)
    slot = chain.first(moment(now))
    assert slot == moment(expected)
    assert chain.next(slot, slot) is None


def test_at_in_a_scheduler_is_safe_when_clocks_change() -> None:
    chain = at("02:30").chain("America/New_York")
    gap = moment("2025-03-09T00:00:00-05:00[America/New_York]")
    repeat = moment("2025-11-02T00:00:00-04:00[America/New_York]")
    assert chain.first(gap) == moment("2025-03-09T03:30:00-04:00[America/New_York]")
    assert at("01:30").chain("America/New_York").first(repeat) == repeat + 5400 * SECOND


def test_a_scheduler_runs_at_in_its_own_zone() -> None:
    scheduler = Scheduler(clock=VirtualClock(zoned(NOW, "Europe/Berlin")), timezone="Asia/Tokyo")
    job = scheduler.get_job(scheduler.schedule(print, trigger=at("07:30")))
    assert job is not None
    assert job.next_run == datetime(2025, 1, 2, 7, 30, tzinfo=TOKYO)


def test_at_has_the_same_id_in_every_host_on_every_day() -> None:
    first = at("7:30")
    token = clock.use(FrozenClock(NOW + 40 * 3600 * SECOND, "Asia/Tokyo"))
    assert (first.trigger_id(), first.trigger_detail()) == (at("07:30:00").trigger_id(), "07:30:00")
    clock.restore(token)
    assert first.trigger_id() == "once:07:30:00"


def test_outside_a_scheduler_at_is_one_moment() -> None:
    trigger = at("13:00")
    assert trigger.get_next_run(NOON) == NOON + timedelta(hours=1)
    assert trigger.get_next_run(NOON.astimezone(TOKYO)) == NOON + timedelta(hours=1)
    assert trigger.get_next_run(NOON + timedelta(hours=1)) is None


def test_at_counts_from_the_moment_of_asking() -> None:
    chain = at("13:00").chain("Europe/Berlin")
    assert chain.between(NOW, NOW + 3600 * SECOND) == 1
    assert chain.between(NOW, NOW + 3599 * SECOND) == 0
    assert chain.count(NOW, NOW + 3600 * SECOND) == (0, NOW)
    assert chain.previous(NOW) is None


def test_at_takes_a_datetime() -> None:
    assert at(NOON).run_at is NOON


@pytest.mark.parametrize("text", ["", "7", "24:00", "12:60", "12:00:60", "1:2:3:4", "x:y", "012:00", "12:00 ", "-1:00"])
def test_at_shows_what_it_takes(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"at() takes 'HH:MM', 'HH:MM:SS' or a datetime, got {text!r}")):
        at(text)


# --- interval


def test_the_parts_of_an_interval_add_up() -> None:
    assert every(1, 2, 3, 4).interval_seconds == 1 + 120 + 3 * 3600 + 4 * 86_400


@pytest.mark.parametrize("seconds", [0, -1, 0.0009, float("nan"), float("inf")])
def test_an_interval_below_a_millisecond_or_endless_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"interval must be finite and at least 0.001 seconds, got"):
        every(seconds)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"seconds": "5"}, "interval 'seconds' must be a number, got '5'"),
        ({"days": "5"}, "interval 'days' must be a number, got '5'"),
        ({"seconds": "1", "minutes": "1", "hours": "1", "days": "1"}, "interval 'seconds' must be a number, got '1'"),
        ({"minutes": timedelta(minutes=1)}, "interval 'minutes' must be a number, got datetime.timedelta(seconds=60)"),
        ({"seconds": 1, "start_time": "2025"}, "start_time must be a datetime, got '2025'"),
        ({"seconds": 1, "end_time": 7}, "end_time must be a datetime, got 7"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named_with_its_value(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=re.escape(problem)):
        IntervalTrigger(**arguments)


@pytest.mark.parametrize("name", ["start_time", "end_time"])
def test_a_bound_outside_the_years_of_schedules_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must lie in the years 1900 to 2199, got 9999"):
        IntervalTrigger(1, **{name: LAST})  # type: ignore[arg-type]  # either bound


def test_a_millisecond_is_allowed_and_nothing_is_rounded() -> None:
    assert every(0.001).chain(None).first(NOW + 1) == NOW + 1_000_001


def test_without_start_time_the_next_run_is_one_interval_on() -> None:
    assert every(days=1).get_next_run(NOON + timedelta(microseconds=1)) == NOON + timedelta(days=1, microseconds=1)


def test_before_the_start_time_the_first_slot_is_the_start_time() -> None:
    start = NOON + timedelta(milliseconds=1500)
    assert IntervalTrigger(10, start_time=start).get_next_run(NOON) == start


@pytest.mark.parametrize(("passed", "expected"), [(0, 10), (9, 10), (10, 20), (25, 30)])
def test_after_the_start_time_slots_are_on_its_grid(passed: int, expected: int) -> None:
    trigger = IntervalTrigger(10, start_time=NOON)
    assert trigger.get_next_run(NOON + timedelta(seconds=passed)) == NOON + timedelta(seconds=expected)


def test_the_end_time_is_inclusive() -> None:
    trigger = IntervalTrigger(10, start_time=NOON, end_time=NOON + timedelta(seconds=20))
    assert trigger.get_next_run(NOON + timedelta(seconds=10)) == NOON + timedelta(seconds=20)
    assert trigger.get_next_run(NOON + timedelta(seconds=20)) is None


def test_the_end_time_applies_to_the_first_slot_too() -> None:
    trigger = IntervalTrigger(10, end_time=NOON + timedelta(seconds=9))
    assert trigger.chain(None).first(NOW) is None
    assert trigger.get_next_run(NOON) is None


def test_a_start_time_equal_to_the_end_time_is_one_slot() -> None:
    trigger = IntervalTrigger(10, start_time=NOON, end_time=NOON)
    assert walk(trigger.chain(None), NOW - 1, 5) == []
    assert trigger.chain(None).first(NOW - 1) == NOW


def test_a_start_time_after_the_end_time_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be later than end_time"):
        IntervalTrigger(10, start_time=NOON, end_time=NOON - timedelta(microseconds=1))


def test_naive_bounds_are_taken_in_the_zone_of_the_scheduler() -> None:
    trigger = IntervalTrigger(10, start_time=datetime(2025, 1, 1, 20))  # noqa: DTZ001 - naive is the point
    assert trigger.chain("Asia/Tokyo").first(NOW - 1) == NOW


def test_naive_bounds_may_turn_out_to_be_reversed_when_scheduled() -> None:
    trigger = IntervalTrigger(
        10,
        start_time=datetime(2025, 1, 1, 12),  # noqa: DTZ001 - naive is the point
        end_time=NOON + timedelta(hours=1),
    )
    with pytest.raises(ValueError, match="must not be later than end_time"):
        trigger.chain("America/New_York")


@given(st.integers(1, 10**6), st.integers(0, 10**9))
def test_the_grid_never_drifts(milliseconds: int, late: int) -> None:
    chain = every(milliseconds / 1000).chain(None)
    first = chain.first(NOW)
    assert first is not None
    following = chain.next(first, first + late)
    assert following is not None
    assert (following - first) % (milliseconds * 1_000_000) == 0


def test_triggers_without_bounds_share_their_grid() -> None:
    assert every(minutes=1).chain("UTC") is every(60).chain(None)


# --- cron


@pytest.mark.parametrize("expression", ["", "* * * *", "* * * * * *", "@daily"])
def test_a_cron_trigger_has_exactly_five_fields(expression: str) -> None:
    with pytest.raises(ValueError, match=r"^Invalid cron expression: .* fields instead of 5"):
        cron(expression)


@pytest.mark.parametrize(
    ("make", "expression", "cause"),
    [
        (lambda: CronTrigger(minute="60"), "60 * * * *", "minute '60': 60 is not within 0-59"),
        (lambda: CronTrigger(hour="24"), "* 24 * * *", "hour '24': 24 is not within 0-23"),
        (lambda: CronTrigger(day_of_month="0"), "* * 0 * *", "day_of_month '0': 0 is not within 1-31"),
        (lambda: CronTrigger(month="foo"), "* * * foo *", "month 'FOO': 'FOO' is not a number"),
        (lambda: CronTrigger(day_of_week="5-1"), "* * * * 5-1", "day_of_week '5-1': the range 5-1 runs backwards"),
        (lambda: CronTrigger(minute="H/90"), "H/90 * * * *", "minute 'H/90': H/90 does not fit into 0-59"),
        (lambda: cron("x * * * *"), "x * * * *", "minute 'X': 'X' is not a number"),
    ],
)
def test_an_error_names_expression_field_and_value(
    make: Callable[[], CronTrigger], expression: str, cause: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'Invalid cron expression: {expression!r}: {cause}')}$"):
        make()


@pytest.mark.parametrize("hour", ["", "1 2", " 1"])
def test_a_field_is_one_text_without_white_space(hour: str) -> None:
    with pytest.raises(ValueError, match=f"Invalid cron expression: hour {hour!r} must be one field without white"):
        CronTrigger(hour=hour)


@pytest.mark.parametrize("hour", [7, None, ["7"]])
def test_a_field_that_is_no_text_is_refused(hour: Any) -> None:  # noqa: ANN401 - refusing is the point
    with pytest.raises(TypeError, match=re.escape(f"hour must be a string, got {hour!r}")):
        CronTrigger(hour=hour)


def test_an_expression_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="cron expression must be a string, got None"):
        cron(None)  # type: ignore[arg-type]  # refusing is the point


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("UTC")])
def test_utc_of_the_standard_library_is_a_zone(zone: tzinfo) -> None:
    assert CronTrigger(hour="7", timezone=zone).trigger_id() == "cron:* 7 * * *;timezone=UTC"


def test_an_expression_that_can_never_fire_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Invalid cron expression: '0 0 30 2 \*': no such day exists"):
        cron("0 0 30 2 *")


def test_fields_have_the_order_of_the_expression() -> None:
    assert CronTrigger("1", "2", "3", "4", "5").trigger_id() == "cron:1 2 3 4 5"


def test_wall_clock_times_are_those_of_the_zone_asked_in() -> None:
    trigger = cron("0 9 * * *")
    fixed = timezone(timedelta(hours=5, minutes=30))
    assert trigger.get_next_run(NOON) == datetime(2025, 1, 2, 9, tzinfo=BERLIN)
    assert trigger.get_next_run(NOON.astimezone(TOKYO)) == datetime(2025, 1, 2, 9, tzinfo=TOKYO)
    assert trigger.get_next_run(NOON.astimezone(UTC)) == datetime(2025, 1, 2, 9, tzinfo=UTC)
    assert trigger.get_next_run(NOON.astimezone(fixed)) == datetime(2025, 1, 2, 9, tzinfo=fixed)


def test_a_timezone_of_its_own_overrides_the_zone_asked_in() -> None:
    found = cron("0 9 * * *", timezone="Asia/Tokyo").get_next_run(NOON)
    assert found == datetime(2025, 1, 2, 9, tzinfo=TOKYO)
    assert found.tzinfo is BERLIN


def test_half_past_two_runs_once_a_day_when_clocks_change() -> None:
    moments = [datetime(2025, 3, 29, 12, tzinfo=BERLIN)]
    for _ in range(2):
        following = cron("30 2 * * *").get_next_run(moments[-1])
        assert following is not None
        moments.append(following)
    assert [moment.isoformat() for moment in moments[1:]] == ["2025-03-30T03:30:00+02:00", "2025-03-31T02:30:00+02:00"]


def test_h_is_bound_to_the_name_of_the_job() -> None:
    trigger = cron("H H * * *")
    assert isinstance(trigger.bind("a"), CronTrigger)
    assert trigger.bind("a").get_next_run(NOON) != trigger.bind("b").get_next_run(NOON)


# --- a trigger of one's own


class Doubling(Trigger):
    """Twice as far from the year 2025 each time."""

    def get_next_run(self, from_time: datetime | None = None) -> datetime | None:
        start = datetime(2025, 1, 1, tzinfo=UTC)
        return start + 2 * ((from_time or start) - start) + timedelta(seconds=1)

    def get_type(self) -> TriggerType:
        return TriggerType.INTERVAL


def test_a_trigger_of_ones_own_needs_two_methods_only() -> None:
    trigger = Doubling()
    chain = chain_of(trigger, "UTC")
    start = nanoseconds(ZonedDateTime.parse_iso("2025-01-01T00:00:00+00:00[UTC]"))
    assert isinstance(trigger, TriggerProtocol)
    assert isinstance(chain, ProtocolChain)
    assert [(moment - start) // SECOND for moment in walk(chain, start, 4)] == [1, 3, 7, 15]
    assert (trigger.trigger_label(), trigger.trigger_detail(), trigger.trigger_db_type()) == (
        "Doubling",
        None,
        "custom",
    )
    assert trigger.trigger_id() == f"custom:{__name__}.Doubling"

"""What ``Cron`` and ``Daily`` say of themselves, and what they return."""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from whenever import ZonedDateTime

from duly.core.trigger import TriggerProtocol
from duly.triggers import Cron, Daily, Dst

NOON = ZonedDateTime.parse_iso("2025-01-01T12:00:00.5+01:00[Europe/Berlin]")


@pytest.mark.parametrize(
    ("trigger", "label", "detail", "identity"),
    [
        (Cron("0 7 * * *"), "cron", "0 7 * * *", "cron:0 7 * * *"),
        (Daily("07:00"), "daily", "07:00", "cron:0 7 * * *"),
        (Daily("7:5"), "daily", "7:5", "cron:5 7 * * *"),
        (Daily("07:00", timezone="Europe/Berlin"), "daily", "07:00", "cron:0 7 * * *;timezone=Europe/Berlin"),
        (
            Cron("@daily", timezone="UTC", dst=Dst("skip"), day_or=False, hash_id="x"),
            "cron",
            "@daily",
            "cron:@daily;timezone=UTC;dst=skip/first;day_or=False;hash_id=x",
        ),
    ],
)
def test_label_detail_type_and_id(trigger: Cron, label: str, detail: str, identity: str) -> None:
    assert (trigger.trigger_label(), trigger.trigger_detail(), trigger.trigger_id()) == (label, detail, identity)
    assert trigger.trigger_db_type() == "cron"


@pytest.mark.parametrize("at", ["7", "7:", ":5", "7:5:0", "a:b", "07:000", "-7:00", "\uff17:00", " 7:00", ""])
def test_daily_refuses_what_is_not_two_parts_of_digits(at: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Daily 'at' must be 'HH:MM', got {at!r}")):
        Daily(at)


@pytest.mark.parametrize("at", ["24:00", "07:60", "99:99"])
def test_daily_refuses_times_out_of_range(at: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Daily 'at' time out of range: {at!r}")):
        Daily(at)


@pytest.mark.parametrize(
    ("zone", "name"), [(UTC, "UTC"), (ZoneInfo("Asia/Tokyo"), "Asia/Tokyo"), (ZoneInfo("UTC"), "UTC")]
)
def test_a_zone_may_be_one_of_the_standard_library(zone: tzinfo, name: str) -> None:
    assert Cron("0 7 * * *", timezone=zone).trigger_id() == f"cron:0 7 * * *;timezone={name}"
    assert Daily("07:00", timezone=zone).timezone == name


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=2)), 2, b"UTC"])
def test_a_zone_without_a_name_is_refused(zone: Any) -> None:  # noqa: ANN401 - refusing is the point
    with pytest.raises(
        TypeError, match=re.escape(f"timezone must be an IANA name such as 'Europe/Berlin', got {zone!r}")
    ):
        Cron("0 7 * * *", timezone=zone)


@pytest.mark.parametrize("expression", [None, 5, b"* * * * *"])
def test_an_expression_that_is_no_text_is_refused_with_its_value(expression: Any) -> None:  # noqa: ANN401 - as above
    with pytest.raises(TypeError, match=re.escape(f"cron expression must be a string, got {expression!r}")):
        Cron(expression)


@pytest.mark.parametrize(
    ("expression", "keeps"),
    [("* * * * *", True), ("5 0-23 * * *", True), ("0 0-22 * * *", False), ("30 2 * * *", False), ("@hourly", True)],
)
def test_the_cadence_is_kept_if_all_hours_match(expression: str, keeps: bool) -> None:
    assert Cron(expression).keeps_cadence is keeps


def test_an_unknown_zone_is_refused_at_construction() -> None:
    with pytest.raises(ValueError, match="Europe/Atlantis"):
        Cron("* * * * *", timezone="Europe/Atlantis")


def test_it_is_evaluated_in_the_zone_of_the_argument() -> None:
    assert str(Cron("0 7 * * *").first_run_time(NOON)) == "2025-01-02T07:00:00+01:00[Europe/Berlin]"


def test_a_zone_of_its_own_overrides_that_of_the_argument() -> None:
    found = Cron("0 7 * * *", timezone="Asia/Tokyo").first_run_time(NOON)
    assert str(found) == "2025-01-01T23:00:00+01:00[Europe/Berlin]"


def test_next_run_time_uses_the_zone_of_the_previous_run() -> None:
    found = Cron("0 7 * * *").next_run_time(NOON, NOON.to_tz("Asia/Tokyo"))
    assert str(found) == "2025-01-02T07:00:00+01:00[Europe/Berlin]"


def test_results_are_strictly_later_than_the_current_time() -> None:
    seven = ZonedDateTime.parse_iso("2025-01-01T07:00:00+01:00[Europe/Berlin]")
    assert Cron("0 7 * * *").first_run_time(seven) == seven.add(days=1)


def test_a_clock_set_back_never_repeats_a_tick() -> None:
    previous = ZonedDateTime.parse_iso("2025-01-01T13:00:00+01:00[Europe/Berlin]")
    assert Cron("0 * * * *").next_run_time(previous, NOON.add(hours=-3)) == previous.add(hours=1)


def test_missed_ticks_are_skipped() -> None:
    found = Cron("* * * * *").next_run_time(NOON.add(days=-9000), NOON)
    assert str(found) == "2025-01-01T12:01:00+01:00[Europe/Berlin]"


def test_previous_is_the_last_tick_before_a_time() -> None:
    assert str(Cron("0 7 * * *").previous(NOON)) == "2025-01-01T07:00:00+01:00[Europe/Berlin]"
    seven = ZonedDateTime.parse_iso("2025-01-01T07:00:00+01:00[Europe/Berlin]")
    assert Cron("0 7 * * *").previous(seven) == seven.add(days=-1)


def test_count_tells_how_many_ticks_lie_between_two_times() -> None:
    assert Cron("*/15 * * * *").count(NOON, NOON.add(hours=1)) == 4


@pytest.mark.parametrize("trigger", [Cron("* * * * *"), Daily("07:00")])
def test_it_satisfies_the_protocol(trigger: Cron) -> None:
    assert isinstance(trigger, TriggerProtocol)


def test_it_shows_its_id() -> None:
    assert repr(Daily("07:00")) == "<Daily cron:0 7 * * *>"

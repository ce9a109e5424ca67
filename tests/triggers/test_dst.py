"""Cron and Daily on the days when clocks change, as chains that cross the change from the day before."""

import re
import zoneinfo
from itertools import pairwise

import pytest
from whenever import reset_system_tz

from duly.core.clock import SECOND
from duly.triggers import Cron, Daily, Dst
from duly.triggers.zones import segments
from tests.triggers.draws import ZONES, at, shown, walk

CHICAGO = "America/Chicago"
MINUTE = 60 * SECOND


def chained(trigger: Cron, zone: str, start: str, number: int) -> list[str]:
    return shown(walk(trigger.chain(zone), at(f"{start}[{zone}]"), number), zone)


@pytest.mark.parametrize(
    ("trigger", "start", "expected"),
    [
        (Daily("02:30"), "2025-03-07T12:00-06:00", ["03-08T02:30-06", "03-09T03:30-05", "03-10T02:30-05"]),
        (Daily("03:30"), "2025-03-07T12:00-06:00", ["03-08T03:30-06", "03-09T03:30-05", "03-10T03:30-05"]),
        (Daily("07:00"), "2025-03-07T12:00-06:00", ["03-08T07:00-06", "03-09T07:00-05", "03-10T07:00-05"]),
        (Daily("07:00"), "2025-10-31T12:00-05:00", ["11-01T07:00-05", "11-02T07:00-06", "11-03T07:00-06"]),
        (Daily("00:30"), "2025-10-31T12:00-05:00", ["11-01T00:30-05", "11-02T00:30-05", "11-03T00:30-06"]),
        (Daily("01:30"), "2025-10-31T12:00-05:00", ["11-01T01:30-05", "11-02T01:30-05", "11-03T01:30-06"]),
    ],
)
def test_daily_runs_once_a_day_across_the_changes_in_chicago(trigger: Cron, start: str, expected: list[str]) -> None:
    assert chained(trigger, CHICAGO, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        ("*/15 * * * *", "2025-03-07T12:00-06:00", ["03-09T01:45-06", "03-09T03:00-05", "03-09T03:15-05"]),
        (
            "*/15 * * * *",
            "2025-10-31T12:00-05:00",
            [
                "11-02T01:45-05",
                "11-02T01:00-06",
                "11-02T01:15-06",
                "11-02T01:30-06",
                "11-02T01:45-06",
                "11-02T02:00-06",
            ],
        ),
        ("30 * * * *", "2025-03-07T12:00-06:00", ["03-09T01:30-06", "03-09T03:30-05"]),
        ("30 * * * *", "2025-10-31T12:00-05:00", ["11-02T01:30-05", "11-02T01:30-06", "11-02T02:30-06"]),
    ],
)
def test_an_hourly_cadence_does_not_change_in_chicago(expression: str, start: str, expected: list[str]) -> None:
    found = chained(Cron(expression), CHICAGO, start, 400)
    first = found.index(expected[0])
    assert found[first : first + len(expected)] == expected


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        ("Europe/Berlin", "2025-03-28T12:00+01:00", ["03-29T02:30+01", "03-30T03:30+02", "03-31T02:30+02"]),
        ("Europe/Berlin", "2025-10-24T12:00+02:00", ["10-25T02:30+02", "10-26T02:30+02", "10-27T02:30+01"]),
        ("America/New_York", "2025-03-07T12:00-05:00", ["03-08T02:30-05", "03-09T03:30-04", "03-10T02:30-04"]),
        ("Australia/Lord_Howe", "2025-10-03T12:00+10:30", ["10-04T02:30+10", "10-05T02:30+11", "10-06T02:30+11"]),
        ("UTC", "2025-03-28T12:00+00:00", ["03-29T02:30+00", "03-30T02:30+00", "03-31T02:30+00"]),
    ],
)
def test_half_past_two_runs_every_day_across_the_change(zone: str, start: str, expected: list[str]) -> None:
    assert chained(Daily("02:30"), zone, start, 3) == expected


@pytest.mark.parametrize(
    ("zone", "at_", "start", "expected"),
    [
        ("Europe/Dublin", "01:30", "2025-03-28T12:00+00:00", ["03-29T01:30+00", "03-30T02:30+01", "03-31T01:30+01"]),
        ("Europe/Dublin", "01:30", "2025-10-24T12:00+01:00", ["10-25T01:30+01", "10-26T01:30+01", "10-27T01:30+00"]),
        ("America/New_York", "01:30", "2025-10-31T12:00-04:00", ["11-01T01:30-04", "11-02T01:30-04", "11-03T01:30-05"]),
        ("America/Havana", "00:30", "2025-03-07T12:00-05:00", ["03-08T00:30-05", "03-09T01:30-04", "03-10T00:30-04"]),
        (
            "Africa/Casablanca",
            "02:30",
            "2025-02-21T12:00+01:00",
            ["02-22T02:30+01", "02-23T02:30+01", "02-24T02:30+00"],
        ),
    ],
)
def test_a_wall_clock_time_within_the_change_runs_once_a_day(
    zone: str, at_: str, start: str, expected: list[str]
) -> None:
    assert chained(Daily(at_), zone, start, 3) == expected


@pytest.mark.parametrize(
    ("zone", "days", "start", "expected"),
    [
        ("Europe/Berlin", "26 10 *", "2025-10-25T12:00+02:00", ["10-26T02:45+02", "10-26T02:45+01", "10-26T03:45+01"]),
        ("Europe/Berlin", "* 10 0#4", "2025-10-25T12:00+02:00", ["10-26T02:45+02", "10-26T02:45+01", "10-26T03:45+01"]),
        ("America/New_York", "2 11 *", "2025-11-01T12:00-04:00", ["11-02T01:45-04", "11-02T01:45-05"]),
        ("Australia/Lord_Howe", "6 4 *", "2025-04-05T12:00+11:00", ["04-06T01:45+11", "04-06T01:45+10"]),
        ("Europe/Dublin", "* 10 0L", "2025-10-25T12:00+01:00", ["10-26T01:45+01", "10-26T01:45+00"]),
        ("UTC", "26 10 *", "2025-10-25T12:00+00:00", ["10-26T01:45+00", "10-26T02:45+00"]),
        ("Asia/Beirut", "* 10 6", "2016-10-28T12:00+03:00", ["10-29T23:45+03", "10-29T23:45+02", "10-07T00:45+03"]),
        ("Asia/Beirut", "29 10 *", "2016-10-28T12:00+03:00", ["10-29T23:45+03", "10-29T23:45+02", "10-29T00:45+02"]),
        ("Asia/Beirut", "30 10 *", "2016-10-29T12:00+03:00", ["10-30T00:45+02", "10-30T01:45+02"]),
        ("America/Santiago", "5 4 *", "2025-04-04T12:00-03:00", ["04-05T23:45-03", "04-05T23:45-04", "04-05T00:45-04"]),
        ("Asia/Beirut", "29 3 *", "2025-03-28T12:00+02:00", ["03-29T22:45+02", "03-29T23:45+02", "03-29T01:45+03"]),
        ("Asia/Beirut", "30 3 *", "2025-03-29T12:00+02:00", ["03-30T01:45+03", "03-30T02:45+03"]),
        ("Asia/Beirut", "* 3 0L", "2025-03-29T12:00+02:00", ["03-30T01:45+03", "03-30T02:45+03"]),
        ("America/Santiago", "7 9 *", "2025-09-06T12:00-04:00", ["09-07T01:45-03", "09-07T02:45-03"]),
    ],
)
def test_a_cadence_of_one_day_does_not_change_where_clocks_do_on_that_day(
    zone: str, days: str, start: str, expected: list[str]
) -> None:
    found = chained(Cron(f"45 * {days}"), zone, start, 30)
    first = found.index(expected[0])
    assert found[first : first + len(expected)] == expected


def test_a_time_that_midnight_repeats_is_found_from_within_both_passes_though_a_year_follows() -> None:
    chain = Cron("30 * 29 10 *").chain("Asia/Beirut")
    first, second = at("2016-10-29T23:30+03:00[Asia/Beirut]"), at("2016-10-29T23:30+02:00[Asia/Beirut]")
    assert [chain.next(first + away * MINUTE, 0) for away in (-1, 0, 29, 59)] == [first, second, second, second]
    assert [chain.previous(second + away * MINUTE) for away in (-29, 0, 1)] == [first, first, second]
    assert chain.between(first - 1, second) == 2


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2025-10-03T12:00+10:30", ["10-04T02:15+10", "10-05T02:45+11", "10-06T02:15+11"]),
        ("2025-04-04T12:00+11:00", ["04-05T02:15+11", "04-06T02:15+10", "04-07T02:15+10"]),
    ],
)
def test_lord_howe_changes_by_half_an_hour(start: str, expected: list[str]) -> None:
    assert chained(Daily("02:15"), "Australia/Lord_Howe", start, 3) == expected


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        ("Asia/Beirut", "2025-03-28T12:00+02:00", ["03-29T00:00+02", "03-30T01:00+03", "03-31T00:00+03"]),
        ("America/Santiago", "2025-09-05T12:00-04:00", ["09-06T00:00-04", "09-07T01:00-03", "09-08T00:00-03"]),
        ("Africa/Cairo", "2025-04-23T12:00+02:00", ["04-24T00:00+02", "04-25T01:00+03", "04-26T00:00+03"]),
    ],
)
def test_midnight_that_does_not_exist_runs_at_one(zone: str, start: str, expected: list[str]) -> None:
    assert chained(Daily("00:00"), zone, start, 3) == expected


def test_the_day_that_apia_skipped_runs_a_day_later_and_once() -> None:
    found = chained(Daily("09:00"), "Pacific/Apia", "2011-12-28T12:00-10:00", 4)
    assert found == ["12-29T09:00-10", "12-31T09:00+14", "01-01T09:00+14", "01-02T09:00+14"]


def test_changes_that_leave_the_offset_alone_are_no_changes() -> None:
    found = segments("Europe/London", "first").all
    assert all(segment.offset != segment.before for segment in found[1:])


@pytest.mark.parametrize("zone", sorted(zoneinfo.available_timezones() - {"localtime", "Factory"}))
def test_no_zone_changes_again_within_the_hours_that_a_change_moves(zone: str) -> None:
    for segment, following in pairwise(segments(zone, "first").all):
        moved = abs(segment.offset - segment.before) + abs(following.offset - following.before)
        assert following.start - segment.start > moved


def test_a_zone_of_the_system_without_a_name_has_its_changes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        reset_system_tz()
        found = walk(Daily("02:30").chain(None), at("2025-03-29T00:00+01:00[Europe/Berlin]"), 3)
    reset_system_tz()
    assert shown(found, "Europe/Berlin") == ["03-29T02:30+01", "03-30T03:30+02", "03-31T02:30+02"]


def test_ticks_that_coincide_by_the_shift_run_once() -> None:
    found = chained(Cron("30 2,3 * * *"), "Europe/Berlin", "2025-03-29T12:00+01:00", 3)
    assert found == ["03-30T03:30+02", "03-31T02:30+02", "03-31T03:30+02"]


def test_other_ticks_of_such_a_day_run_at_their_time_exactly_once() -> None:
    found = chained(Cron("0,30 1-4 * * *"), "Europe/Berlin", "2025-10-25T12:00+02:00", 8)
    assert [text[6:11] for text in found] == ["01:00", "01:30", "02:00", "02:30", "03:00", "03:30", "04:00", "04:30"]


@pytest.mark.parametrize(
    ("gap", "expected"),
    [("shift", "03-30T03:30+02"), ("after_gap", "03-30T03:00+02"), ("skip", "03-31T02:30+02")],
)
def test_the_gap_word_says_where_a_missing_time_goes(gap: str, expected: str) -> None:
    trigger = Daily("02:30", dst=Dst(gap))  # type: ignore[arg-type]  # one of the words
    assert chained(trigger, "Europe/Berlin", "2025-03-29T12:00+01:00", 1) == [expected]


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("first", ["10-26T02:30+02", "10-27T02:30+01"]),
        ("second", ["10-26T02:30+01", "10-27T02:30+01"]),
        ("both", ["10-26T02:30+02", "10-26T02:30+01", "10-27T02:30+01"]),
    ],
)
def test_the_overlap_word_says_which_occurrence_runs(overlap: str, expected: list[str]) -> None:
    trigger = Daily("02:30", dst=Dst(overlap=overlap))  # type: ignore[arg-type]  # one of the words
    assert chained(trigger, "Europe/Berlin", "2025-10-25T12:00+02:00", len(expected)) == expected


def test_a_word_that_is_no_default_is_meant_literally_by_a_cadence_too() -> None:
    second = chained(Cron("0 * * * *", dst=Dst(overlap="second")), "Europe/Berlin", "2025-10-26T01:00+02:00", 2)
    assert second == ["10-26T02:00+01", "10-26T03:00+01"]
    after_gap = chained(Cron("30 * * * *", dst=Dst("after_gap")), "Europe/Berlin", "2025-03-30T01:30+01:00", 2)
    assert after_gap == ["03-30T03:00+02", "03-30T03:30+02"]


@pytest.mark.parametrize("words", [{"gap": "later"}, {"overlap": "none"}])
def test_other_words_are_refused(words: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"got {next(iter(words.values()))!r}")):
        Dst(**words)  # type: ignore[arg-type]  # refusing is the point


@pytest.mark.parametrize("zone", ZONES)
def test_chains_go_on_until_2199_and_end_there(zone: str) -> None:
    chain = Cron("0 12 * * *").chain(zone)
    assert chain.first(at("2199-12-29T00:00+00:00[UTC]")) is not None
    assert chain.first(at("2200-01-02T00:00+00:00[UTC]")) is None


def test_before_1970_there_is_nothing_to_look_back_to() -> None:
    assert Cron("0 12 1 * *").chain("UTC").previous(10 * SECOND) is None


def test_an_offset_with_seconds_is_crossed() -> None:
    found = walk(Cron("0 0 * * *").chain("Africa/Monrovia"), at("1972-01-05T12:00+00:00[UTC]"), 3)
    assert shown(found, "UTC") == ["01-06T00:44+00", "01-07T00:44+00", "01-08T00:00+00"]

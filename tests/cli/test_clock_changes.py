import pytest

from duly.cli.dst_words import change_text, lines
from duly.cli.schedule import read_schedule
from duly.cli.times import read_moment
from duly.triggers import Cron, Dst
from duly.triggers.clock_changes import ClockChange, clock_changes, touched

GAPS = {
    "America/New_York": "2025-03-09",
    "Europe/Berlin": "2025-03-30",
    "Europe/Dublin": "2025-03-30",
    "Australia/Lord_Howe": "2025-10-05",
    "Asia/Beirut": "2025-03-30",
    "America/Santiago": "2025-09-07",
    "Pacific/Apia": "2011-12-29",
}
REPEATS = {
    "America/New_York": "2025-11-02",
    "Europe/Berlin": "2025-10-26",
    "Europe/Dublin": "2025-10-26",
    "Australia/Lord_Howe": "2025-04-06",
    "Asia/Beirut": "2025-10-25",
    "America/Santiago": "2025-04-05",
}


def change_of(zone: str, day: str) -> ClockChange:
    start = read_moment(day, zone) - 1
    (change,) = clock_changes(zone, start, start + 48 * 3600 * 10**9)
    return change


def at_gap(expression: str, zone: str) -> list[tuple[str, str]]:
    return lines(read_schedule([expression]).chain(zone), change_of(zone, GAPS[zone]))


def at_repeat(expression: str, zone: str) -> list[tuple[str, str]]:
    return lines(read_schedule([expression]).chain(zone), change_of(zone, REPEATS[zone]))


@pytest.mark.parametrize(
    ("zone", "time", "runs_at"),
    [
        ("America/New_York", "02:30", "03:30"),
        ("Europe/Berlin", "02:30", "03:30"),
        ("Europe/Dublin", "01:30", "02:30"),
        ("Australia/Lord_Howe", "02:10", "02:40"),
        ("Asia/Beirut", "00:15", "01:15"),
        ("America/Santiago", "00:00", "01:00"),
    ],
)
def test_a_time_in_the_gap_runs_later_by_the_length_of_the_gap(zone: str, time: str, runs_at: str) -> None:
    assert at_gap(time, zone) == [(time, f"does not exist: runs at {runs_at}")]


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        ("America/New_York", "01:30"),
        ("Europe/Berlin", "02:30"),
        ("Europe/Dublin", "01:30"),
        ("Australia/Lord_Howe", "01:45"),
        ("Asia/Beirut", "23:30"),
        ("America/Santiago", "23:00"),
    ],
)
def test_a_time_of_day_that_occurs_twice_runs_in_the_first_pass(zone: str, time: str) -> None:
    assert at_repeat(time, zone) == [(time, "occurs twice: runs once, in the first pass")]


def test_a_time_outside_the_change_is_not_touched() -> None:
    assert at_gap("03:00", "Europe/Berlin") == [("", "no tick from 02:00 to 03:00: nothing changes")]
    assert at_repeat("03:00", "Europe/Berlin") == [("", "no tick from 02:00 to 03:00: nothing changes")]


def test_a_cron_of_all_hours_keeps_its_cadence() -> None:
    missing = ("02:00 … 02:45 (4 ticks)", "do not exist: no run, the cadence goes on")
    twice = ("02:00 … 02:45 (4 ticks)", "occur twice: run in both passes, the cadence goes on")
    assert at_gap("*/15 * * * *", "Europe/Berlin") == [missing]
    assert at_repeat("*/15 * * * *", "Europe/Berlin") == [twice]
    assert at_gap("5 * * * *", "Australia/Lord_Howe") == [("02:05", "does not exist: no run, the cadence goes on")]


def test_a_cron_of_all_hours_but_one_does_not_keep_its_cadence() -> None:
    assert at_gap("30 0-22 * * *", "Europe/Berlin") == [("02:30", "does not exist: runs once, with 03:30")]


def test_ticks_of_the_gap_that_coincide_with_others_run_once() -> None:
    assert at_gap("30 2,3 * * *", "Europe/Berlin") == [("02:30", "does not exist: runs once, with 03:30")]
    assert at_gap("0,30 1-5 * * *", "Europe/Berlin") == [
        ("02:00 … 02:30 (2 ticks)", "do not exist: run once, with those 1 h later")
    ]


def test_ticks_that_fare_alike_are_told_together() -> None:
    assert at_gap("*/20 2 * * *", "Europe/Berlin") == [("02:00 … 02:40 (3 ticks)", "do not exist: run 1 h later")]
    groups = at_gap("10,40 2,3 * * *", "Australia/Lord_Howe")
    assert groups == [("02:10", "does not exist: runs once, with 02:40")]


@pytest.mark.parametrize(
    ("dst", "effect"),
    [
        (Dst(gap="skip"), "does not exist: no run"),
        (Dst(gap="after_gap"), "does not exist: runs once, at the end of the gap"),
    ],
    ids=["skip", "after_gap"],
)
def test_another_rule_for_gaps_is_told(dst: Dst, effect: str) -> None:
    chain = Cron("30 2,3 * * *", dst=dst).chain("Europe/Berlin")
    assert lines(chain, change_of("Europe/Berlin", GAPS["Europe/Berlin"])) == [("02:30", effect)]


def test_a_day_that_does_not_exist_is_told_with_its_date() -> None:
    assert change_text(change_of("Pacific/Apia", GAPS["Pacific/Apia"])) == "2011-12-30 00:00 → 2011-12-31 00:00"
    assert at_gap("0 7 30 12 *", "Pacific/Apia") == [("2011-12-30 07:00", "does not exist: runs at 2011-12-31 07:00")]


def test_an_interval_shifts_on_the_wall_clock_unless_it_divides_the_change() -> None:
    assert at_gap("24h", "Europe/Berlin") == [("", "from here on 1 h later on the wall clock")]
    assert at_repeat("24h", "Europe/Berlin") == [("", "from here on 1 h earlier on the wall clock")]
    assert at_gap("15m", "Europe/Berlin") == [("", "same times on the wall clock: 1 h is a multiple of the interval")]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_a_zone_without_clock_changes_has_none(zone: str) -> None:
    assert clock_changes(zone, read_moment("2025-01-01", zone), read_moment("2035-01-01", zone)) == []


@pytest.mark.parametrize("zone", REPEATS)
def test_every_tick_of_the_repeated_time_is_accounted_for(zone: str) -> None:
    change = change_of(zone, REPEATS[zone])
    groups = touched(read_schedule(["* * * * *"]).chain(zone), change)
    assert sum(group.count for group in groups) == -change.shift // (60 * 10**9)

import json
from typing import Any

import pytest

from duly.cli import run
from duly.core import clock
from duly.core.clock import SECOND
from tests.triggers.draws import FrozenClock

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("no_settings")


def answer(capsys: Capture, *arguments: str) -> dict[str, Any]:
    """What ``duly next … --json`` writes."""
    assert run(["next", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return found


def times(capsys: Capture, *arguments: str) -> list[tuple[str, str | None]]:
    return [(time["time"], time["note"]) for time in answer(capsys, *arguments)["times"]]


def problems(capsys: Capture, *arguments: str) -> list[str]:
    """What ``duly next`` writes to standard error when it refuses its arguments."""
    assert run(["next", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_a_time_moved_by_a_gap_says_so(capsys: Capture) -> None:
    found = times(capsys, "30 2 * * *", "--timezone", "America/Chicago", "--from", "2025-03-08", "-n", "3")
    assert found == [
        ("2025-03-08T02:30:00-06:00", None),
        ("2025-03-09T03:30:00-05:00", "moved forward by the gap of 1 h: 02:30 does not exist"),
        ("2025-03-10T02:30:00-05:00", None),
    ]


def test_a_time_that_occurs_twice_and_runs_once_says_so(capsys: Capture) -> None:
    found = times(capsys, "01:30", "--timezone", "America/Chicago", "--from", "2025-11-01", "-n", "3")
    assert found == [
        ("2025-11-01T01:30:00-05:00", None),
        ("2025-11-02T01:30:00-05:00", "first of two passes, runs once"),
        ("2025-11-03T01:30:00-06:00", "first after clocks went back 1 h"),
    ]


def test_a_cron_of_all_hours_shows_both_passes(capsys: Capture) -> None:
    found = times(capsys, "30 * * * *", "--timezone", "America/Chicago", "--from", "2025-11-02 01:00", "-n", "3")
    assert found == [
        ("2025-11-02T01:30:00-05:00", "first of two passes"),
        ("2025-11-02T01:30:00-06:00", "second of two passes"),
        ("2025-11-02T02:30:00-06:00", None),
    ]


def test_an_interval_counts_elapsed_time_from_where_it_begins(capsys: Capture) -> None:
    found = times(capsys, "every", "12h", "--timezone", "Europe/Berlin", "--from", "2025-03-29 07:00", "-n", "3")
    assert found == [
        ("2025-03-29T19:00:00+01:00", None),
        ("2025-03-30T08:00:00+02:00", "first after clocks went forward 1 h"),
        ("2025-03-30T20:00:00+02:00", None),
    ]


def test_a_regular_tick_soon_after_a_gap_is_not_called_moved(capsys: Capture) -> None:
    found = times(capsys, "30 2,3 * * *", "--timezone", "Europe/Berlin", "--from", "2025-03-30", "-n", "1")
    assert found == [("2025-03-30T03:30:00+02:00", "first after clocks went forward 1 h")]


def test_an_interval_soon_after_a_gap_is_not_called_moved(capsys: Capture) -> None:
    found = times(capsys, "30m", "--timezone", "Europe/Berlin", "--from", "2025-03-30 01:45", "-n", "1")
    assert found == [("2025-03-30T03:15:00+02:00", "first after clocks went forward 1 h")]


def test_utc_changes_how_times_are_shown_and_not_when_they_are(capsys: Capture) -> None:
    found = times(capsys, "30 2 * * *", "--timezone", "America/Chicago", "--from", "2025-03-08", "-n", "1", "--utc")
    assert found == [("2025-03-08T08:30:00+00:00", None)]


@pytest.mark.parametrize("fraction", [1, 499_999_999, 500_000_001, 999_999_999])
def test_the_waiting_time_is_in_whole_seconds_whatever_the_moment_of_asking(fraction: int, capsys: Capture) -> None:
    token = clock.use(FrozenClock(1_750_000_000 * SECOND + fraction))
    assert run(["next", "15m", "-n", "1"]) == 0
    clock.restore(token)
    assert " 15 min " in capsys.readouterr().out


def test_a_fraction_of_from_is_rounded(capsys: Capture) -> None:
    found = answer(capsys, "15m", "--timezone", "UTC", "--from", "2025-01-01T00:00:00.7Z", "-n", "1")
    assert (found["from"], found["times"][0]["time"]) == ("2025-01-01T00:00:01+00:00", "2025-01-01T00:15:01+00:00")


def test_ten_times_are_shown_unless_told_otherwise(capsys: Capture) -> None:
    assert len(times(capsys, "@hourly")) == 10


def test_near_the_year_2200_the_times_before_it_are_shown(capsys: Capture) -> None:
    arguments = ("@yearly", "--timezone", "UTC", "--from", "2198-06-01")
    assert times(capsys, *arguments) == [("2199-01-01T00:00:00+00:00", None)]
    assert run(["next", "@yearly", "--timezone", "UTC", "--from", "2199-06-01"]) == 0
    assert "no time before the year 2200" in capsys.readouterr().out


def test_the_dst_report_lists_each_clock_change_of_the_period(capsys: Capture) -> None:
    arguments = ("30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2025-01-01", "--dst-report", "1y")
    assert answer(capsys, *arguments)["dst_report"] == [
        {
            "time": "2025-03-30T03:00:00+02:00",
            "shift_seconds": 3600,
            "ticks": [
                {"first": "2025-03-30T02:30:00", "last": "2025-03-30T02:30:00", "count": 1, "effect": "moved"},
            ],
            "summary": "02:30 does not exist: runs at 03:30",
        },
        {
            "time": "2025-10-26T02:00:00+01:00",
            "shift_seconds": -3600,
            "ticks": [
                {"first": "2025-10-26T02:30:00", "last": "2025-10-26T02:30:00", "count": 1, "effect": "first"},
            ],
            "summary": "02:30 occurs twice: runs once, in the first pass",
        },
    ]


def test_a_zone_without_clock_changes_says_so_in_the_report(capsys: Capture) -> None:
    assert answer(capsys, "@daily", "--timezone", "Asia/Kolkata", "--dst-report", "2y")["dst_report"] == []
    assert run(["next", "@daily", "--timezone", "Asia/Kolkata", "--dst-report", "2y"]) == 0
    assert "no clock change in Asia/Kolkata in this period" in capsys.readouterr().out


def test_the_table_shows_what_the_json_holds(capsys: Capture) -> None:
    arguments = ["next", "30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2025-03-29", "-n", "2"]
    assert run([*arguments, "--dst-report", "1y"]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip(" ─")]
    assert rows == [
        "at 02:30 every day · Europe/Berlin",
        "Time Day Offset In Clock change",
        "2025-03-29 02:30 Sat +01:00 2 h 30 min",
        "2025-03-30 03:30 Sun +02:00 1 d 2 h moved forward by the gap of 1 h: 02:30 does not exist",
        "Clocks go By Ticks What happens",
        "2025-03-30 02:00 → 03:00 forward 1 h 02:30 does not exist: runs at 03:30",
        "2025-10-26 03:00 → 02:00 back 1 h 02:30 occurs twice: runs once, in the first pass",
    ]


def test_all_wrong_arguments_are_told_at_once(capsys: Capture) -> None:
    found = problems(capsys, "backup", "--timezone", "Mars/Base", "--from", "yesterday", "--dst-report", "soon")
    assert [line.split(":")[1].partition(" (")[0] for line in found] == [
        " no time zone 'Mars/Base'",
        " 'backup' is neither a file nor a schedule",
        " cannot read the time 'yesterday'",
        " cannot read the period 'soon'",
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["15m", "-n", "0"], "-n"),
        (["15m", "-n", "1001"], "-n"),
        (["15m", "-n", "many"], "-n"),
        (["15m", "--colour"], "--colour"),
        ([], "give a schedule: a cron expression"),
        (["@reboot"], "unknown macro '@reboot', known: @hourly"),
        (["0.5s"], "got 0.5 seconds"),
        (["@daily", "--dst-report", "9999y"], "the period '9999y' is too long: it must end before the year 2200"),
        (["[red]"], "'[red]' is neither a file nor a schedule"),
    ],
)
def test_a_wrong_argument_is_named(capsys: Capture, arguments: list[str], problem: str) -> None:
    (line,) = problems(capsys, *arguments)
    assert line.startswith("error: ")
    assert problem in line

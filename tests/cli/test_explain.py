import json

import pytest

from duly.cli import run
from duly.core import clock
from duly.core.clock import SECOND
from duly.triggers.builtin import HORIZON
from tests.triggers.draws import FrozenClock

Capture = pytest.CaptureFixture[str]


def test_a_schedule_is_said_in_words(capsys: Capture) -> None:
    assert run(["explain", "30 2 * * 1-5", "--timezone", "Europe/Berlin", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["explanation"] == "at 02:30 on Monday to Friday"
    assert found["trigger_id"] == "cron:30 2 * * 1-5"
    assert found["timezone"] == "Europe/Berlin"
    assert found["last"] < found["next"]
    assert abs(found["next_clock_change"]["shift_seconds"]) == 3600


def test_the_text_names_the_zone_the_times_and_the_next_clock_change(capsys: Capture) -> None:
    assert run(["explain", "daily", "02:30", "--timezone", "Europe/Berlin"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "at 02:30 every day"
    assert [line.split("  ")[0] for line in lines[1:]] == ["Time zone", "Last", "Next", "Clock change", ""]
    assert lines[-1].split()[0] == "02:30"


def test_an_interval_has_no_last_time_for_it_begins_now(capsys: Capture) -> None:
    assert run(["explain", "15m", "--timezone", "UTC"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "every 15 min of elapsed time"
    assert [line.split("  ")[0] for line in lines[1:]] == ["Time zone", "Next", "Clock change"]
    assert lines[-1].split("  ")[1].strip() == "none within a year"


def test_utc_changes_how_times_are_shown_and_not_when_they_are(capsys: Capture) -> None:
    assert run(["explain", "09:00", "--timezone", "Asia/Tokyo", "--utc", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["timezone"], found["next"][10:], found["last"][10:]) == (
        "Asia/Tokyo",
        "T00:00:00+00:00",
        "T00:00:00+00:00",
    )


def test_near_the_year_2200_there_may_be_no_next_time(capsys: Capture) -> None:
    token = clock.use(FrozenClock(HORIZON - 3600 * SECOND, "UTC"))
    assert run(["explain", "12:00", "--timezone", "UTC"]) == 0
    clock.restore(token)
    assert "none before the year 2200" in capsys.readouterr().out


def test_all_wrong_arguments_are_told_at_once(capsys: Capture) -> None:
    assert run(["explain", "backup", "--timezone", "Mars/Base"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[1] for line in err.splitlines()] == [
        " no time zone 'Mars/Base'",
        " 'backup' is not a schedule",
    ]

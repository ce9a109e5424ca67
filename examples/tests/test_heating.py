"""What the heating schedule does through a week, a change of clocks, and a power cut."""

from pathlib import Path
from typing import Any

import pytest

from duly.apps import AppConfigurationError
from duly.testing import AppHarness
from examples.apps.heating import Heating


def week(folder: Path) -> dict[str, Any]:
    """Warm from half past six on weekdays, from eight at the weekend, cool at night."""
    return {
        "setpoint": folder / "setpoint.txt",
        "week": [
            {"at": "06:30", "celsius": 20.5, "days": "mon-fri"},
            {"at": "08:00", "celsius": 21.0, "days": "sat,sun"},
            {"at": "22:00", "celsius": 17.0},
        ],
    }


def setpoint(folder: Path) -> float:
    """What the thermostat would be told."""
    return float((folder / "setpoint.txt").read_text("utf-8"))


def test_a_start_in_the_middle_of_the_day_sets_what_the_week_says_for_now(tmp_path: Path) -> None:
    with AppHarness(Heating, week(tmp_path), start="2025-03-05T12:00"):
        assert setpoint(tmp_path) == 20.5


def test_a_start_early_on_monday_still_has_the_night_of_sunday(tmp_path: Path) -> None:
    with AppHarness(Heating, week(tmp_path), start="2025-03-10T05:00"):
        assert setpoint(tmp_path) == 17.0


def test_the_temperature_follows_the_week(tmp_path: Path) -> None:
    seen = []
    with AppHarness(Heating, week(tmp_path), start="2025-03-07T05:00") as h:  # a Friday
        for _ in range(5):
            h.advance(hours=9)
            seen.append(setpoint(tmp_path))
    assert seen == [20.5, 17.0, 21.0, 21.0, 17.0]


def test_what_was_missed_in_a_power_cut_is_made_up_for(tmp_path: Path) -> None:
    with AppHarness(Heating, week(tmp_path), start="2025-03-05T21:00") as h:
        h.crash()
        h.restart(after=8 * 3600)
        assert setpoint(tmp_path) == 17.0
        h.advance(hours=3)
        assert setpoint(tmp_path) == 20.5


def test_half_past_six_is_half_past_six_also_when_the_clocks_change(tmp_path: Path) -> None:
    with AppHarness(Heating, week(tmp_path), start="2025-10-24T12:00", timezone="Europe/Berlin") as h:
        h.advance(days=4)
        h.ledger.assert_ran_at(
            "change 0", ["2025-10-27T06:30+01:00[Europe/Berlin]", "2025-10-28T06:30+01:00[Europe/Berlin]"]
        )


def test_a_day_that_does_not_exist_is_refused_before_anything_starts(tmp_path: Path) -> None:
    config = {**week(tmp_path), "week": [{"at": "06:30"}]}
    with pytest.raises(AppConfigurationError, match="celsius"), AppHarness(Heating, config):
        pass

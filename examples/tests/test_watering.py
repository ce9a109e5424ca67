"""What the valves do: above all, that they close."""

from pathlib import Path
from typing import Any

from duly.testing import AppHarness
from examples.apps.watering import Watering


def bed(folder: Path) -> dict[str, Any]:
    """Five minutes at six."""
    return {"valve": folder / "valve.txt", "schedule": "0 6 * * *", "seconds": 300}


def valve(folder: Path) -> str:
    """How it stands."""
    return (folder / "valve.txt").read_text("utf-8").strip()


def test_it_opens_at_six_and_closes_after_its_time(tmp_path: Path) -> None:
    with AppHarness(Watering, bed(tmp_path), start="2025-06-01T05:59") as h:
        assert valve(tmp_path) == "closed"
        h.advance(minutes=2)
        assert valve(tmp_path) == "open"
        h.advance(minutes=5)
        assert valve(tmp_path) == "closed"


def test_a_stop_while_it_waters_closes_it(tmp_path: Path) -> None:
    with AppHarness(Watering, bed(tmp_path), start="2025-06-01T05:59") as h:
        h.advance(minutes=2)
        h.stop()
        assert valve(tmp_path) == "closed"


def test_a_start_after_a_crash_while_it_watered_closes_it(tmp_path: Path) -> None:
    with AppHarness(Watering, bed(tmp_path), start="2025-06-01T05:59") as h:
        h.advance(minutes=2)
        h.crash()
        assert valve(tmp_path) == "open"
        h.restart(after=3600)
        assert valve(tmp_path) == "closed"


def test_what_was_missed_is_not_watered_at_noon(tmp_path: Path) -> None:
    with AppHarness(Watering, bed(tmp_path), start="2025-06-01T05:00") as h:
        h.crash()
        h.restart(after=7 * 3600)
        h.advance(minutes=1)
        assert valve(tmp_path) == "closed"
        h.ledger.assert_outcomes("open", {"missed": 1})


def test_three_beds_are_three_instances(tmp_path: Path) -> None:
    with AppHarness(Watering, bed(tmp_path), start="2025-06-01T05:59", instances=3) as h:
        h.advance(minutes=2)
        assert [app.index for app in h.apps] == [0, 1, 2]
        h.ledger.assert_outcomes("open", {"success": 3})

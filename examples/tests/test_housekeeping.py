"""What the report, the log cleaner and the watch over the disk do."""

import os
from pathlib import Path

from whenever import ZonedDateTime

from duly.testing import AppHarness
from examples.apps.disk_watch import DiskWatch
from examples.apps.log_cleaner import LogCleaner
from examples.apps.weekday_report import WeekdayReport


def test_a_report_is_written_on_weekdays(tmp_path: Path) -> None:
    config = {"folder": tmp_path, "disks": [tmp_path]}
    with AppHarness(WeekdayReport, config, start="2025-03-07T00:00") as h:  # a Friday
        h.advance(days=5)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["2025-03-07", "2025-03-10", "2025-03-11"]


def test_a_machine_that_was_off_at_seven_writes_the_report_when_it_is_back(tmp_path: Path) -> None:
    with AppHarness(WeekdayReport, {"folder": tmp_path}, start="2025-03-04T06:00") as h:
        h.suspend(hours=5)
        assert (tmp_path / "2025-03-04.txt").exists()


def test_the_report_says_how_old_the_newest_backup_is(tmp_path: Path) -> None:
    archive = tmp_path / "home.tar.gz"
    archive.touch()
    made = ZonedDateTime.parse_iso("2025-03-04T01:00+00:00[UTC]").timestamp()
    os.utime(archive, (made, made))
    config = {"folder": tmp_path / "reports", "backups": tmp_path}
    with AppHarness(WeekdayReport, config, start="2025-03-04T06:00") as h:
        h.advance(hours=2)
    assert "newest backup: 6.0 hours old" in (tmp_path / "reports" / "2025-03-04.txt").read_text("utf-8")


def test_logs_are_packed_after_a_week_and_deleted_after_three_months(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("hello", encoding="utf-8")
    written = ZonedDateTime.parse_iso("2025-03-01T00:00+00:00[UTC]").timestamp()
    os.utime(log, (written, written))
    with AppHarness(LogCleaner, {"folder": tmp_path}, start="2025-03-01T12:00") as h:
        h.advance(days=6)
        assert [path.name for path in tmp_path.iterdir()] == ["app.log"]
        h.advance(days=2)
        assert [path.name for path in tmp_path.iterdir()] == ["app.log.gz"]
        h.advance(days=90)
        assert list(tmp_path.iterdir()) == []


def test_the_disk_is_looked_at_every_quarter_of_an_hour(tmp_path: Path) -> None:
    with AppHarness(DiskWatch, {"disk": tmp_path}) as h:
        h.advance(hours=1)
        h.ledger.assert_outcomes("look", {"success": 4})


def test_a_full_disk_is_told_of_once(tmp_path: Path) -> None:
    with AppHarness(DiskWatch, {"disk": tmp_path, "least_free_percent": 101}) as h:
        h.advance(hours=2)
        assert h.run(h.app.cache.get("short")) is True

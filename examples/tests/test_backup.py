"""What the backup does, on virtual time: a night passes in milliseconds."""

from pathlib import Path
from typing import Any

from duly.testing import AppHarness
from examples.apps.backup import Backup


def settings(folder: Path, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - settings of the app
    """Where this test's files are."""
    (folder / "home").mkdir(exist_ok=True)
    (folder / "home" / "letter.txt").write_text("dear diary", encoding="utf-8")
    return {"source": folder / "home", "target": folder / "backups", "sign_of_life": folder / "alive", **more}


def test_the_night_leaves_an_archive_and_a_sign_of_life(tmp_path: Path) -> None:
    with AppHarness(Backup, settings(tmp_path), start="2025-03-01T20:00") as h:
        h.advance(hours=12)
        h.ledger.assert_ran_at("backup", ["2025-03-02T02:30"])
        assert [path.name for path in (tmp_path / "backups").iterdir()] == ["home-2025-03-02T023000.tar.gz"]
        assert (tmp_path / "alive").exists()


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    with AppHarness(Backup, settings(tmp_path, keep=3), start="2025-03-01T20:00") as h:
        h.advance(days=10)
        names = sorted(path.name for path in (tmp_path / "backups").iterdir())
        assert names == [f"home-2025-03-{day}T023000.tar.gz" for day in ("09", "10", "11")]


def test_a_failure_is_tried_again_until_it_works(tmp_path: Path) -> None:
    config = settings(tmp_path, source=tmp_path / "disk")
    with AppHarness(Backup, config, start="2025-03-01T02:29", raise_errors=False) as h:
        h.advance(minutes=1, seconds=15)  # the disk is away at half past two, and ten seconds later
        (tmp_path / "disk").mkdir()
        h.advance(minutes=5)
        h.ledger.assert_outcomes("backup", {"success": 1})
        assert [row.attempt for row in h.ledger.rows("backup")] == [1, 2, 3]


def test_a_night_without_any_success_leaves_no_sign_of_life(tmp_path: Path) -> None:
    config = settings(tmp_path, source=tmp_path / "disk")
    with AppHarness(Backup, config, start="2025-03-01T20:00", raise_errors=False) as h:
        h.advance(hours=12)
        h.ledger.assert_outcomes("backup", {"error": 1})
        assert not (tmp_path / "alive").exists()


def test_the_hour_that_is_missing_in_spring_is_not_a_night_without_backup(tmp_path: Path) -> None:
    with AppHarness(Backup, settings(tmp_path), start="2025-03-29T20:00", timezone="Europe/Berlin") as h:
        h.advance(hours=12)
        h.ledger.assert_ran_at("backup", ["2025-03-30T03:30"])

"""The file cannot grow any more, as on a full disk: jobs go on, what is lost is counted, the file stays valid."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.embedded.filed import discrepancies, rows_of
from tests.faults.processes import Child
from tests.faults.test_files import ledger

LIMIT = 300_000
DROPPED = "status, dropped_overflow + dropped_exhausted + dropped_shutdown"


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as db:
        (found,) = db.execute("PRAGMA integrity_check").fetchone()
        return str(found)


def lost_by(path: Path, when: str, log: Path) -> int:
    """Run a program to its end that has no room on its disk until then; give how many records it lost."""
    with Child("limited_program.py", path, LIMIT, when, log=log) as child:
        lost, rest = child.hear(60).split(" ", 1)
        assert child.end() == 0
    assert rest == "0 ()"
    assert integrity(path) == "ok"
    return int(lost)


def test_a_program_goes_on_and_ends_though_its_disk_stays_full_and_says_what_is_lost(tmp_path: Path) -> None:
    path, log = tmp_path / "jobs.db", tmp_path / "log"
    lost = lost_by(path, "never", log)
    totals = re.findall(r"records are lost: counter=shutdown lost=\d+ total=(\d+): .*(?:full|I/O)", log.read_text())
    assert int(totals[-1]) == lost > 0
    assert discrepancies(path) == []


def test_nothing_is_lost_if_there_is_room_again_soon(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    assert lost_by(path, "soon", tmp_path / "log") == 0
    assert rows_of(path, DROPPED, "sessions") == [("success", 0)]
    assert "started" not in rows_of(path, "status")
    assert discrepancies(path) == []


def test_what_was_lost_is_in_the_row_of_the_session_once_there_is_room_again(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    lost = lost_by(path, "late", tmp_path / "log")
    assert rows_of(path, DROPPED, "sessions") == [("success", lost)]
    assert lost > 0


def test_the_start_after_a_full_disk_goes_on_with_the_file(tmp_path: Path) -> None:
    path, log = tmp_path / "jobs.db", tmp_path / "log"
    lost_by(path, "never", log)
    with Child("counted_program.py", path, log=log) as child:
        assert child.hear() == "1"
    assert len(rows_of(path, "status", "sessions")) == 2
    assert discrepancies(path) == []


@pytest.mark.parametrize("limit", [0, 20_000])
def test_a_new_file_on_a_full_disk_is_refused(limit: int, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with Child("limited_program.py", path, limit, "never") as child:
        said = child.hear()
    assert str(path) in said
    assert "make room on" in said


def test_a_ledger_on_a_full_disk_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    ledger(path)
    before = path.read_bytes()
    with Child("limited_program.py", path, 10, "never") as child:
        said = child.hear()
    assert str(path) in said
    assert "make room on" in said
    assert path.read_bytes() == before

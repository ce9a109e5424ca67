"""Prune, backup, export and numbers of a file, also while a process has it open."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from duly.ledger.backup import backup
from duly.ledger.connections import open_reader
from duly.ledger.doctor import examine
from duly.ledger.errors import DatabaseFileError
from duly.ledger.export import Table, export
from duly.ledger.file_info import file_info
from duly.ledger.prune import Pruned, prune
from duly.testing import VirtualClock
from tests.ledger.ledger_file import LedgerFile, at


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LedgerFile]:
    """Open for writing the whole time."""
    file = LedgerFile(tmp_path / "jobs.db")
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.row(schedule, 30, "error", error_type="ValueError", error_message="no\nmilk")
    file.log(15, "moin, Grüße")
    yield file
    file.db.close()


def exported(file: LedgerFile, table: Table) -> list[dict[str, Any]]:
    return [json.loads(line) for line in "".join(export(file.path, table, "jsonl")).splitlines()]


# Prune


def test_prune_deletes_what_is_old_and_says_what_and_how_far_the_data_reach_back(file: LedgerFile) -> None:
    pruned = prune(file.path, at(25))
    assert (pruned.executions, pruned.logs, pruned.registrations) == (2, 1, 0)
    assert pruned.reaches_back_to == at(30)
    assert file.starts() == [30]
    assert examine(file.path, clock=VirtualClock()).ok


def test_prune_of_a_file_without_old_rows_deletes_nothing(file: LedgerFile) -> None:
    pruned = prune(file.path, at(0))
    assert (pruned.executions, pruned.logs, pruned.registrations, pruned.reaches_back_to) == (0, 0, 0, at(10))


def test_prune_gives_the_room_back(file: LedgerFile) -> None:
    for number in range(100):
        file.log(number, "x" * 4000)
    file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = file.path.stat().st_size
    told: list[tuple[str, int, int]] = []
    pruned = prune(file.path, at(1000), progress=lambda *what: told.append(what))
    assert file.path.stat().st_size == size - pruned.bytes_freed < size - 300_000
    assert {what for what, _, _ in told} == {"deleting", "giving room back"}
    assert all(0 <= done <= total for _, done, total in told)


def test_prune_deletes_registrations_that_nothing_refers_to(file: LedgerFile) -> None:
    file.repository.retire_job(file.db, file.job_id(file.job("old")), at(10))
    assert prune(file.path, at(1000)).registrations == 1
    assert file.db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_prune_waits_no_longer_than_a_statement_for_a_file_that_is_locked(
    file: LedgerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duly.ledger.connections.BUSY_SECONDS", 0.01)
    file.db.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        prune(file.path, at(25))
    file.db.execute("ROLLBACK")
    assert isinstance(prune(file.path, at(25)), Pruned)


# Backup


def test_a_backup_has_what_is_committed_while_a_process_writes(file: LedgerFile, tmp_path: Path) -> None:
    file.db.execute("BEGIN IMMEDIATE")
    file.log(99)
    target = tmp_path / "copy.db"
    assert backup(file.path, target) == target.stat().st_size
    file.db.execute("ROLLBACK")
    copy = open_reader(target)
    assert copy.execute("SELECT count(*) FROM executions").fetchone() == (3,)
    assert copy.execute("SELECT count(*) FROM log_records").fetchone() == (1,)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()


def test_a_backup_tells_its_progress(file: LedgerFile, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    backup(file.path, tmp_path / "copy.db", progress=lambda *what: told.append(what))
    what, done, total = told[-1]
    assert (what, done) == ("copying", total)


def test_a_backup_never_replaces_a_file(file: LedgerFile, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(DatabaseFileError, match=r"copy\.db exists"):
        backup(file.path, target)
    assert target.read_text() == "mine"


def test_a_backup_to_where_nothing_can_be_made_says_so(file: LedgerFile, tmp_path: Path) -> None:
    with pytest.raises(DatabaseFileError, match=r"cannot make .*: No such file or directory: give a path"):
        backup(file.path, tmp_path / "nowhere" / "copy.db")


def test_a_backup_that_fails_leaves_nothing(file: LedgerFile, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        backup(file.path, tmp_path / "copy.db", progress=fail)
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []


# Export


def test_executions_are_exported_in_the_columns_of_their_view(file: LedgerFile) -> None:
    rows = exported(file, "executions")
    names = [name for name, *_ in file.db.execute("SELECT * FROM executions").description]
    assert [list(row) for row in rows] == [names] * 3
    assert [(row["status"], row["error_message"]) for row in rows] == [
        ("success", None),
        ("success", None),
        ("error", "no\nmilk"),
    ]


def test_jobs_and_log_records_are_exported(file: LedgerFile) -> None:
    assert [row["job_name"] for row in exported(file, "jobs")] == ["backup"]
    assert [row["message"] for row in exported(file, "logs")] == ["moin, Grüße"]


def test_csv_has_a_line_of_names_and_keeps_lines_within_a_field(file: LedgerFile) -> None:
    names, *rows = csv.reader(StringIO("".join(export(file.path, "executions", "csv"))))
    assert [row[names.index("error_message")] for row in rows] == ["", "", "no\nmilk"]


def test_an_export_of_nothing_is_the_line_of_names(file: LedgerFile) -> None:
    file.db.execute("DELETE FROM raw_log_records")
    assert exported(file, "logs") == []
    assert "".join(export(file.path, "logs", "csv")).startswith("id,session_id,")


def test_an_export_comes_in_parts_and_tells_its_progress(file: LedgerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duly.ledger.export._ROWS", 2)
    told: list[tuple[str, int, int]] = []
    parts = list(export(file.path, "executions", "jsonl", progress=lambda *what: told.append(what)))
    assert [part.count('"id"') for part in parts] == [2, 1]
    assert told == [("exporting", 2, 3), ("exporting", 3, 3)]


# Numbers


def test_a_file_is_described_in_numbers(file: LedgerFile) -> None:
    info = file_info(file.path)
    assert dict(info.executions) == {"success": 2, "error": 1}
    assert (info.logs, info.jobs, info.listeners, info.schedules, info.sessions) == (1, 1, 0, 1, 1)
    assert (info.extent.reaches_back_to, info.newest, info.writer) == (at(10), at(30), None)
    assert info.last_session is not None
    assert info.last_session.status == "running"


def test_an_empty_ledger_has_numbers_too(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path / "empty.db")
    file.db.close()
    info = file_info(file.path)
    assert (dict(info.executions), info.newest, info.extent.reaches_back_to) == ({}, None, None)

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from duly.cli.db_info import bytes_text
from tests.cli.ledger_kit import Capture, answered, answered_json, refused, small_ledger


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the working directory."""
    monkeypatch.chdir(tmp_path)
    small_ledger(tmp_path / "jobs.db")
    return Path("jobs.db")


# info


def test_info_says_what_is_in_the_file(file: Path, capsys: Capture) -> None:
    lines = [" ".join(line.split()) for line in answered(capsys, "db", "info", file, "--utc").splitlines()]
    assert "Executions 8: 5 success, 1 error, 1 skipped, 1 missed" in lines
    assert "Jobs 2, schedules 2, listeners 0" in lines
    assert "Reaches back to 2025-01-01 00:00:05 Wed +00:00" in lines


def test_info_as_json(file: Path, capsys: Capture) -> None:
    found = answered_json(capsys, "db", "info", file, "--utc")
    assert found["executions"] == {"success": 5, "error": 1, "skipped": 1, "missed": 1}
    assert (found["reaches_back_to"], found["floors"]) == ("2025-01-01T00:00:05+00:00", {})
    assert (found["last_session"]["status"], found["writer"]) == ("success", None)


def test_bytes_are_shown_in_the_unit_that_fits() -> None:
    assert [bytes_text(size) for size in (0, 999, 4096, 120_930_304, 5 * 10**15)] == [
        "0 B", "999 B", "4.1 kB", "120.9 MB", "5000.0 TB",
    ]  # fmt: skip


# backup


def test_a_backup_is_a_ledger_like_the_file(file: Path, capsys: Capture) -> None:
    assert answered(capsys, "db", "backup", file, "copy.db").startswith("copied jobs.db to copy.db: ")
    assert (
        answered_json(capsys, "history", "copy.db")["executions"]
        == (answered_json(capsys, "history", file)["executions"])
    )


def test_a_backup_never_replaces_a_file(file: Path, capsys: Capture) -> None:
    Path("copy.db").write_text("mine")
    (line,) = refused(capsys, "db", "backup", file, "copy.db")
    assert line == "error: copy.db exists: give the path of a new file"
    assert Path("copy.db").read_text() == "mine"


def test_a_backup_to_where_nothing_can_be_made_is_exit_code_1(file: Path, capsys: Capture) -> None:
    (line,) = refused(capsys, "db", "backup", file, "nowhere/copy.db", code=1)
    assert line.startswith("error: cannot make nowhere/copy.db: No such file or directory")


# prune


def test_prune_says_what_it_deleted_and_how_far_the_data_reach_back(file: Path, capsys: Capture) -> None:
    out = answered(capsys, "db", "prune", file, "--older-than", "30d")
    assert out.startswith("deleted 8 executions, 1 log record, 3 registrations; ")
    assert out.endswith("; nothing is left\n")
    assert answered_json(capsys, "db", "info", file)["executions"] == {}
    assert answered_json(capsys, "doctor", file)["ok"] is True


def test_prune_of_what_is_young_deletes_nothing(file: Path, capsys: Capture) -> None:
    out = answered(capsys, "db", "prune", file, "--older-than", "36500d", "--utc")
    assert out == (
        "deleted 0 executions, 0 log records, 0 registrations; 0 B given back; "
        "the data reach back to 2025-01-01 00:00:05 Wed +00:00\n"
    )


@pytest.mark.parametrize("age", ["soon", "0d"])
def test_prune_needs_an_age(age: str, file: Path, capsys: Capture) -> None:
    assert refused(capsys, "db", "prune", file)
    (line,) = refused(capsys, "db", "prune", file, "--older-than", age)
    assert line == f"error: cannot read the age {age!r}: write it as 30d or 12h, more than nothing"


def test_prune_of_a_file_that_stays_locked_is_one_line(
    file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duly.ledger.connections.BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (line,) = refused(capsys, "db", "prune", file, "--older-than", "30d", code=1)
    assert line == (
        "error: cannot use jobs.db: database is locked: another process has it locked: try again, or end that process"
    )


# export


def test_an_export_goes_to_standard_output(file: Path, capsys: Capture) -> None:
    rows = [json.loads(line) for line in answered(capsys, "db", "export", file).splitlines()]
    assert [row["status"] for row in rows[:3]] == ["success", "success", "missed"]


def test_an_export_goes_to_a_new_file(file: Path, capsys: Capture) -> None:
    arguments = ("db", "export", file, "--format", "csv", "--table", "jobs", "--output", "jobs.csv")
    assert answered(capsys, *arguments) == ""
    with Path("jobs.csv").open(encoding="utf-8") as written:
        assert [row["job_name"] for row in csv.DictReader(written)] == ["backup", "water"]
    assert refused(capsys, *arguments, code=1) == ["error: jobs.csv exists: give the path of a new file"]


def test_an_export_of_a_file_that_is_no_ledger_makes_no_file(file: Path, capsys: Capture) -> None:
    Path("other.db").write_text("hello " * 200)
    refused(capsys, "db", "export", "other.db", "--output", "out.jsonl", code=1)
    assert not Path("out.jsonl").exists()


@pytest.mark.parametrize("command", [("info",), ("backup", "copy.db"), ("prune", "--older-than", "1d"), ("export",)])
def test_a_file_that_is_not_there_is_exit_code_2(command: tuple[str, ...], file: Path, capsys: Capture) -> None:
    name, *rest = command
    (line,) = refused(capsys, "db", name, "nothing.db", *rest)
    assert line == "error: there is no ledger at nothing.db: give the path of an existing file"

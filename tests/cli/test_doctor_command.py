from pathlib import Path

import pytest

from duly.cli import run
from tests.cli.ledger_kit import Capture, answered, answered_json, refused, small_ledger
from tests.ledger.ledger_file import LedgerFile


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return small_ledger(tmp_path / "jobs.db")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Without its slot 20."""
    ledger = LedgerFile(tmp_path / "broken.db")
    ledger.slots(ledger.job(), [10, 30])
    ledger.slots(ledger.job("water"), [10, 20])
    ledger.db.close()
    return ledger.path


def test_a_ledger_that_adds_up_is_exit_code_0_and_says_what_was_checked(file: Path, capsys: Capture) -> None:
    out = answered(capsys, "doctor", file)
    assert out.splitlines()[0].endswith("jobs.db: adds up")
    assert "checked: 2 jobs, 2 schedules, 9 slots expected, 9 recorded (0 open)" in out


def test_a_slot_that_is_missing_is_named_and_exit_code_1(broken: Path, capsys: Capture) -> None:
    assert run(["doctor", str(broken)]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "broken.db: 1 thing off" in out
    assert "backup: missing: 2025-01-01T00:00:20+00:00[UTC]" in out


def test_json_has_the_same(broken: Path, capsys: Capture) -> None:
    assert run(["doctor", str(broken), "--json", "--utc"]) == 1
    out = capsys.readouterr().out
    assert '"trouble": "missing"' in out
    assert '"first": "2025-01-01T00:00:20+00:00"' in out


def test_several_files_are_off_if_one_is(file: Path, broken: Path, capsys: Capture) -> None:
    assert answered_json(capsys, "doctor", file, file)["ok"] is True
    assert run(["doctor", str(file), str(broken)]) == 1


def test_only_the_jobs_asked_for_are_checked(broken: Path, capsys: Capture) -> None:
    assert answered_json(capsys, "doctor", broken, "--job", "water")["files"][0]["jobs"] == 1


def test_only_the_time_asked_for_is_checked(broken: Path, capsys: Capture) -> None:
    assert answered_json(capsys, "doctor", broken, "--since", "2025-01-01T00:00:21Z")["ok"] is True
    assert answered_json(capsys, "doctor", broken, "--until", "2025-01-01T00:00:20Z")["ok"] is True


def test_wrong_arguments_are_exit_code_2_all_at_once(file: Path, capsys: Capture) -> None:
    assert refused(capsys, "doctor") == ["error: give the file of a ledger, such as jobs.db"]
    lines = refused(capsys, "doctor", "nothing.db", file, "--since", "soon", "--until", "1h")
    assert [line.split(":")[1].strip() for line in lines] == ["there is no ledger at nothing.db", "cannot read 'soon'"]
    (line,) = refused(capsys, "doctor", file, "--since", "1h", "--until", "2h")
    assert line == "error: --since must be before --until, got '1h' and '2h'"


def test_jobs_that_are_not_known_are_exit_code_2(file: Path, capsys: Capture) -> None:
    assert len(refused(capsys, "doctor", file, "--job", "x", "--job", "backup", "--job", "y")) == 2


def test_a_file_that_is_no_ledger_is_exit_code_1(tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "other.db"
    other.write_text("hello " * 200)
    (line,) = refused(capsys, "doctor", other, code=1)
    assert "file is not a database" in line

from collections.abc import Iterator
from pathlib import Path

import pytest

from duly.cli import run
from tests.cli.ledger_kit import Capture, answered, answered_json, refused
from tests.ledger.ledger_file import at
from tests.ledger.replicas import Replica, replicas


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[Replica]]:
    """Two files of a scheduler that has ended, and one of a replica that never led."""
    with replicas(tmp_path, 3) as files:
        one, other, _ = files
        one.lead(1, None)
        first = one.part(1)
        one.slots(first, [10, 20, 30])
        other.lead(2, 1, start=25)
        second = other.part(2, 30)
        other.slots(second, [30, 40])
        other.repository.end_schedule(other.db, second, at(45))
        other.repository.end_leadership(other.db, 2, at(45))
        yield files


def test_the_files_of_all_replicas_are_added_up(files: list[Replica], capsys: Capture) -> None:
    one, other, third = (file.path for file in files)
    assert answered(capsys, "doctor", one, other, third).splitlines() == [
        f"{one}: adds up",
        "  checked: the file, lost records; what replicas share: see below",
        f"{other}: adds up",
        "  checked: the file, lost records; what replicas share: see below",
        f"{third}: adds up",
        "  checked: 0 jobs, 0 schedules, 0 slots expected, 0 recorded (0 open); the file, lost records",
        "2 files together: adds up",
        "  checked: 2 leaderships, 1 job, 1 schedule, 4 slots expected, 4 recorded (0 open), 1 superseded",
    ]


def test_the_file_of_one_replica_is_checked_as_far_as_it_goes(files: list[Replica], capsys: Capture) -> None:
    other = files[1].path
    *_, title, checked, note = answered(capsys, "doctor", other).splitlines()
    assert title == f"{other} by itself: adds up"
    assert checked.endswith(": 1 leadership, 1 job, 1 schedule, 4 slots expected, 2 recorded (0 open), 0 superseded")
    assert "leadership 1 is in none of these files, nor are 2 slots: the files of all replicas belong together" in note


def test_a_slot_that_is_in_no_file_is_off(files: list[Replica], capsys: Capture) -> None:
    files[0].db.execute("DELETE FROM raw_executions WHERE scheduled_ts = ?", (at(20),))
    assert run(["doctor", *(str(file.path) for file in files)]) == 1
    out, _ = capsys.readouterr()
    assert "2 files together: 1 thing off" in out
    assert "  off:     scheduler-orders.fetch: missing: 2025-01-01T00:00:20+00:00[UTC]" in out


def test_the_sum_is_there_as_json(files: list[Replica], capsys: Capture) -> None:
    one, other, _ = (file.path for file in files)
    found = answered_json(capsys, "doctor", one, other)
    assert found["ok"] is True
    assert [file["shared"] for file in found["files"]] == [1, 1]
    assert found["together"] == {
        "files": [str(one), str(other)],
        "ok": True,
        "leaderships": 2,
        "absent": [],
        "superseded": 1,
        "jobs": 1,
        "schedules": 1,
        "unaccounted": 0,
        "expected": 4,
        "recorded": 4,
        "open": 0,
        "due": 0,
        "diagnoses": [],
        "more": 0,
        "notes": [],
    }


def test_a_job_need_not_be_known_to_all_replicas(files: list[Replica], capsys: Capture) -> None:
    paths = [file.path for file in files]
    assert answered_json(capsys, "doctor", *paths, "--job", "fetch")["together"]["expected"] == 4
    (error,) = refused(capsys, "doctor", *paths, "--job", "fetsch")
    assert error.endswith("did you mean 'fetch'?")


def test_the_facts_of_a_file_name_the_last_leadership(files: list[Replica], capsys: Capture) -> None:
    lines = answered(capsys, "db", "info", files[1].path, "--utc").splitlines()
    assert "Leaderships" in "".join(lines)
    assert answered_json(capsys, "db", "info", files[1].path)["leaderships"] == 1


def test_each_coming_slot_is_told_once(files: list[Replica], capsys: Capture) -> None:
    files[0].lead(3, 2, start=50)
    files[0].part(3, 50)
    times = answered_json(capsys, "next", files[0].path, "-n", "5", "--from", "2025-01-01T00:00:45Z")["times"]
    assert len({each["time"] for each in times}) == 5

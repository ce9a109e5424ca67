"""What the doctor finds in a ledger, what it calls right, and what it says about both."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from duly.core.clock import zoned
from duly.ledger import doctor
from duly.ledger.diagnosis import LISTED, Report, Trouble
from duly.ledger.errors import DatabaseFileError
from duly.ledger.lock import FileLock
from duly.testing import VirtualClock
from tests.ledger.ledger_file import at
from tests.ledger.written import Written, seconds, written


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        yield file


def examined(file: Written, *, now: float = 60, **options: Any) -> Report:  # noqa: ANN401 - options of any type, passed on
    return doctor.examine(file.path, clock=VirtualClock(zoned(at(now), "UTC")), **options)


def troubles(report: Report) -> list[tuple[str, float | None, float | None, int]]:
    return [(each.trouble.value, seconds(each.first), seconds(each.last), each.count) for each in report.diagnoses]


# Slots


def test_a_ledger_that_adds_up_is_ok(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.row(schedule, 30, "missed", to=50, count=3, reason="down")
    file.slots(schedule, [60])
    file.slots(file.job("other"), [10, 20], "error")
    report = examined(file)
    assert report.ok
    assert (report.jobs, report.schedules, report.expected, report.recorded) == (2, 2, 8, 8)


def test_an_empty_ledger_is_ok(file: Written) -> None:
    report = examined(file)
    assert report.ok
    assert report.notes == ()


def test_a_slot_without_a_row_is_named_in_the_zone_of_its_schedule(file: Written) -> None:
    schedule = file.job(app_key="porch", zone="Europe/Berlin")
    file.slots(schedule, [10, 30])
    (diagnosis,) = examined(file).diagnoses
    assert diagnosis.line == "porch.backup: missing: 2025-01-01T01:00:20+01:00[Europe/Berlin]"
    assert (diagnosis.job_id, diagnosis.schedule_id) == (file.job_id(schedule), schedule)


def test_a_gap_is_one_diagnosis_that_counts(file: Written) -> None:
    file.slots(file.job(), [10, 50])
    report = examined(file)
    assert not report.ok
    assert troubles(report) == [("missing", 20, 40, 3)]
    assert (report.expected, report.recorded) == (5, 2)


def test_slots_that_two_rows_hold_are_found(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20, 40])
    file.row(schedule, 30, "missed", to=50, count=3, reason="down")
    report = examined(file)
    assert troubles(report) == [("twice", 40, 40, 1)]
    assert (report.expected, report.recorded) == (4, 5)


def test_a_row_that_counts_wrong_is_found(file: Written) -> None:
    file.row(file.job(), 10, "missed", to=40, count=3, reason="down")
    assert troubles(examined(file)) == [("miscounted", 10, 40, 4)]


def test_a_schedule_that_ended_must_have_all_slots_up_to_its_end(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.closed_chain(schedule, 45)
    assert troubles(examined(file)) == [("missing", 30, 40, 2)]


def test_attempts_that_another_followed_and_runs_by_hand_are_no_slots(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, "error", start=10)
    file.row(schedule, 10, "success", start=12, attempt_number=2)
    file.row(schedule, None, start=15)
    report = examined(file)
    assert report.ok
    assert report.recorded == 1


def test_a_window_leaves_out_what_lies_outside(file: Written) -> None:
    file.slots(file.job(), [10, 30, 50, 60])
    assert troubles(examined(file, since=at(30), until=at(60))) == [("missing", 40, 40, 1)]


def test_only_the_jobs_asked_for_are_checked(file: Written) -> None:
    file.slots(file.job("one"), [10, 30])
    file.slots(file.job("two"), [10, 40])
    report = examined(file, job_ids=[2])
    assert report.jobs == 1
    assert [each.job for each in report.diagnoses] == ["two"]


def test_below_the_floor_nothing_is_checked_and_the_report_says_so(file: Written) -> None:
    file.slots(file.job(), [40, 50, 60])
    file.db.execute("INSERT INTO raw_meta VALUES ('floor_app', ?)", (str(at(30) + 1),))
    report = examined(file)
    assert report.ok
    assert report.notes == (
        "executions of tier app up to 2025-01-01T00:00:30+00:00[UTC] may have been deleted: they are not checked",
    )


def test_of_a_trigger_of_a_user_only_doubles_are_found_and_the_report_says_so(file: Written) -> None:
    schedule = file.job()
    file.db.execute("UPDATE raw_schedules SET trigger_spec = NULL")
    file.slots(schedule, [10, 90])
    report = examined(file)
    assert report.ok
    assert (report.unaccounted, report.expected, report.recorded) == (1, 0, 0)
    assert report.notes == ("only the program knows the slots of backup: there, only slots that occur twice are found",)


def test_many_triggers_of_users_are_named_up_to_five(file: Written) -> None:
    for number in range(7):
        file.job(f"job {number}")
    file.db.execute("UPDATE raw_schedules SET trigger_spec = NULL")
    (note,) = examined(file).notes
    assert "of job 0, job 1, job 2, job 3, job 4, and more: there" in note


def test_a_trigger_that_cannot_be_rebuilt_is_found(file: Written) -> None:
    file.slots(file.job(), [10, 30])
    file.db.execute("""UPDATE raw_schedules SET trigger_spec = '{"chain": "moon"}'""")
    (diagnosis,) = examined(file).diagnoses
    assert diagnosis.trouble is Trouble.UNREADABLE
    assert diagnosis.line.startswith("backup: no trigger can be rebuilt from ")


def test_no_more_than_a_thousand_diagnoses_are_kept_the_others_are_counted(file: Written) -> None:
    schedule = file.job()
    file.db.execute("BEGIN")
    file.slots(schedule, range(10, 10 + 20 * 1004, 20))
    file.db.execute("COMMIT")
    report = examined(file)
    assert len(report.diagnoses) == LISTED
    assert report.more == 3


# What runs, and what is still to be decided


def test_what_runs_is_open_while_its_process_lives(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.slots(schedule, [60], "started")
    file.row(schedule, 30, "missed", to=50, count=3, reason="stalled")
    with FileLock(file.path):
        report = examined(file)
    assert report.ok
    assert (report.writer, report.open, report.abandoned) == (os.getpid(), 1, 0)
    assert report.notes == ()


def test_what_ran_when_the_process_died_is_no_loss(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20, 30, 40, 50, 60], "started")
    report = examined(file)
    assert report.ok
    assert (report.writer, report.open, report.abandoned) == (None, 6, 6)
    assert report.notes == ("6 executions ran when the process died: the next start calls them interrupted",)


def test_what_ran_in_a_session_that_has_ended_is_not_running(file: Written) -> None:
    file.slots(file.job(), [10, 20, 30, 40, 50, 60], "started")
    file.ended(55)
    with FileLock(file.path):
        assert examined(file).abandoned == 6


def test_slots_that_passed_since_the_process_ended_are_no_loss(file: Written) -> None:
    file.slots(file.job(), [10, 20])
    file.ended(25)
    report = examined(file, now=55)
    assert report.ok
    assert (report.expected, report.recorded, report.due) == (2, 2, 3)
    assert report.notes == ("3 slots passed since the process ended: the next start decides about them",)


def test_slots_that_pass_while_their_job_runs_are_decided_by_the_process(file: Written) -> None:
    file.slots(file.job(), [10], "started")
    with FileLock(file.path):
        report = examined(file, now=25)
    assert report.ok
    assert report.notes == (f"1 slot just passed: process {os.getpid()} decides about it",)


def test_slots_of_a_paused_job_are_settled_when_it_is_resumed(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10])
    file.repository.pause_job(file.db, file.job_id(schedule), at(15), "ada")
    report = examined(file, now=45)
    assert report.ok
    assert report.notes == ("3 slots of paused jobs passed: they are settled when the jobs are resumed",)


@pytest.mark.parametrize("state", ["cancelled", "retired"])
def test_of_a_job_that_is_no_more_nothing_is_due(file: Written, state: str) -> None:
    schedule = file.job()
    file.slots(schedule, [10])
    end = file.repository.cancel_job if state == "cancelled" else file.repository.retire_job
    end(file.db, file.job_id(schedule), at(15))
    assert examined(file).due == 0


def test_what_is_due_does_not_belong_to_a_window_that_has_passed(file: Written) -> None:
    file.slots(file.job(), [10])
    assert examined(file, now=45, until=at(45)).due == 0


# The file


def test_lost_records_are_found_and_explained(file: Written) -> None:
    file.ended(50, (3, 0, 1))
    (diagnosis,) = examined(file).diagnoses
    assert diagnosis.trouble is Trouble.LOST
    assert diagnosis.line == (
        "session 1 has lost 4 records: 3 because there was no room for them, 1 because the final flush failed"
    )


def test_a_reference_to_nothing_is_found(file: Written) -> None:
    file.db.execute("PRAGMA foreign_keys = OFF")
    file.row(None, None, start=10, session_id=77)
    (diagnosis,) = examined(file).diagnoses
    assert diagnosis.trouble is Trouble.DANGLING
    assert diagnosis.line == "rows of raw_executions that refer to a row of raw_sessions that does not exist: 1"


def test_an_index_that_does_not_fit_its_table_is_found_by_the_deep_check_only(file: Written) -> None:
    file.slots(file.job(), [10, 20], "error")
    file.db.execute("PRAGMA writable_schema = ON")
    file.db.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, 'status <> 1', 'status <> 2') WHERE name = 'executions_to_look_at'"
    )
    assert [kind for kind, *_ in troubles(examined(file))] == ["damaged"]
    assert examined(file, deep=False).ok


def damage(file: Written, index: str) -> None:
    """Overwrite the first page of an index."""
    (page,) = file.db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (index,)).fetchone()
    (size,) = file.db.execute("PRAGMA page_size").fetchone()
    file.db.close()
    with closing(file.path.open("r+b")) as raw:
        raw.seek((page - 1) * size)
        raw.write(b"\xff" * size)


def test_a_damaged_page_is_found_and_the_rest_is_checked(file: Written) -> None:
    file.slots(file.job(), [10, 30])
    damage(file, "executions_of_listener")
    kinds = [kind for kind, *_ in troubles(examined(file, deep=False))]
    assert kinds[0] == "damaged"
    assert kinds[-1] == "missing"


def test_a_file_whose_slots_cannot_be_read_is_damaged(file: Written) -> None:
    file.slots(file.job(), [10, 20])
    damage(file, "executions_by_slot")
    report = examined(file)
    assert report.diagnoses[-1].line == "the file cannot be read: database disk image is malformed"


def test_it_changes_nothing(file: Written) -> None:
    file.slots(file.job(), [10, 20], "started")
    before = list(file.db.iterdump())
    examined(file)
    assert list(file.db.iterdump()) == before


def test_it_tells_how_far_it_is(file: Written) -> None:
    file.job("one")
    file.job("two")
    told: list[tuple[str, int, int]] = []
    examined(file, progress=lambda *step: told.append(step))
    assert told == [
        ("examining the file", 0, 1),
        ("examining the file", 1, 1),
        ("checking the slots of jobs", 0, 2),
        ("checking the slots of jobs", 1, 2),
        ("checking the slots of jobs", 2, 2),
    ]


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFileError, match="there is no ledger"):
        doctor.examine(tmp_path / "none.db", clock=VirtualClock())

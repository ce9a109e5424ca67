"""One process at a time writes to a file: others are told who does, forked children let it be, anybody may read."""

import os
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from duly import Scheduler, every
from duly.ledger.errors import DatabaseFileError
from tests.embedded.conftest import Make
from tests.embedded.filed import discrepancies, outcomes, rows_of
from tests.embedded.waiting import LATER, Calls, eventually
from tests.faults.processes import Child


def contents(folder: Path) -> dict[str, str]:
    """The files of a folder, each with a digest; that with the index of the log is memory, and left out."""
    return {
        each.name: sha256(each.read_bytes()).hexdigest() for each in folder.iterdir() if not each.name.endswith("-shm")
    }


def test_a_file_that_another_process_uses_is_refused_with_its_pid_before_anything_is_changed(
    make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "jobs.db"
    with Child("idle_program.py", path) as other:
        assert other.hear() == "started"
        before = contents(tmp_path)
        scheduler = make(history=path)
        scheduler.schedule(Calls(), "mine", every(0.05))
        with pytest.raises(DatabaseFileError, match=rf"{path} is in use by the process with pid {other.pid}: stop"):
            scheduler.start()
        assert contents(tmp_path) == before
        assert scheduler.health().running is False
        assert rows_of(path, "status", "sessions") == ["running"]


def test_a_file_that_another_scheduler_of_the_process_uses_is_refused_with_its_pid(make: Make, tmp_path: Path) -> None:
    first, second = make(history=tmp_path / "jobs.db"), make(history=tmp_path / "." / "jobs.db")
    first.start()
    for _ in range(2):
        with pytest.raises(DatabaseFileError, match=rf"is in use by the process with pid {os.getpid()}: stop"):
            second.start()
    first.stop()
    second.start()
    with pytest.raises(DatabaseFileError, match="is in use"):
        first.start()


def test_a_file_under_another_name_is_refused_too(make: Make, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "jobs.db")
    make(history=tmp_path / "jobs.db").start()
    with pytest.raises(DatabaseFileError, match="is in use"):
        make(history=link).start()


def test_a_scheduler_that_was_refused_may_start_once_the_other_was_killed(make: Make, tmp_path: Path) -> None:
    path, calls = tmp_path / "jobs.db", Calls()
    scheduler = make(history=path)
    scheduler.schedule(calls, "job", every(0.05))
    with Child("idle_program.py", path) as other:
        assert other.hear() == "started"
        with pytest.raises(DatabaseFileError, match="is in use"):
            scheduler.start()
    scheduler.start()
    calls.wait(3)
    scheduler.stop()
    assert rows_of(path, "status", "sessions") == ["unknown", "success"]
    assert discrepancies(path) == []


def test_only_one_of_many_processes_that_start_at_once_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    children = [Child("idle_program.py", path) for _ in range(4)]
    try:
        said = [child.hear(30) for child in children]
    finally:
        for child in children:
            child.kill()
    assert sorted(word.partition(":")[0] for word in said) == ["refused", "refused", "refused", "started"]
    winner = children[said.index("started")].pid
    assert [word for word in said if word != "started" and f"pid {winner}:" not in word] == []


def test_a_forked_child_writes_nothing_runs_nothing_and_cannot_start_on_the_file(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with Child("forking_program.py", path) as program:
        told = [program.hear(30) for _ in range(4)]
        parent = program.pid
        assert program.end() == 0
    assert told == [
        "child: running False, unwritten 0, its jobs ran 0 times",
        f"child: {path} is in use by the process with pid {parent}: stop that one, or choose another file for this one",
        "child ended with 0",
        "the parent went on",
    ]
    assert rows_of(path, "status, pid", "sessions") == [("success", parent)]
    assert rows_of(path, "job_name", "scheduled_jobs") == ["job"]
    assert discrepancies(path) == []


def test_a_forked_child_may_start_once_its_parent_has_stopped(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with Child("outliving_program.py", path) as program:
        child = int(program.hear())
        assert program.end() == 0
        assert program.hear() == "the child ran"
        assert program.hear() == ""
    parent = program.pid
    assert rows_of(path, "status, pid", "sessions") == [("success", parent), ("success", child)]
    assert discrepancies(path) == []


def test_the_file_can_be_read_while_it_is_written(make: Make, tmp_path: Path) -> None:
    path, calls = tmp_path / "jobs.db", Calls()
    scheduler = make(history=path)
    scheduler.schedule(calls, "job", every(0.005))
    scheduler.start()
    counted = 0
    with closing(sqlite3.connect(path, timeout=0)) as db:
        for _ in range(50):
            calls.wait_for_more(1)
            (now,) = db.execute("SELECT count(*) FROM executions").fetchone()
            assert counted <= now
            counted = now
        (last,) = db.execute("SELECT max(id) FROM executions").fetchone()
        eventually(lambda: db.execute("SELECT max(id) FROM executions").fetchone()[0] > last)
    scheduler.stop()
    assert (scheduler.health().lost, outcomes(path)["success"]) == (0, len(calls))


def test_a_reader_that_stays_in_its_transaction_holds_nobody_up(make: Make, tmp_path: Path) -> None:
    path, calls = tmp_path / "jobs.db", Calls()
    scheduler = make(history=path)
    scheduler.schedule(calls, "job", every(0.005))
    scheduler.start()
    calls.wait(3)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN")
        before = db.execute("SELECT count(*) FROM executions").fetchone()
        calls.wait_for_more(20)
        scheduler.stop()
        assert db.execute("SELECT count(*) FROM executions").fetchone() == before
    assert outcomes(path)["success"] == len(calls)


def test_a_row_is_in_the_file_soon_after_its_run_without_anything_else_happening(make: Make, tmp_path: Path) -> None:
    path, calls = tmp_path / "jobs.db", Calls()
    scheduler: Scheduler = make(history=path)
    job = scheduler.schedule(calls, "job", LATER)
    scheduler.start()
    scheduler.run_now(job)
    eventually(lambda: rows_of(path, "status") == ["success"], seconds=2)
    scheduler.schedule(calls, "another")
    eventually(lambda: rows_of(path, "status") == ["success", "success"], seconds=2)
    assert len(calls) == 2


def test_the_lock_file_is_not_taken_for_the_lock(make: Make, tmp_path: Path) -> None:
    (tmp_path / "jobs.db.lock").write_text("1", "ascii")
    scheduler = make(history=tmp_path / "jobs.db")
    scheduler.start()
    assert (tmp_path / "jobs.db.lock").read_text("ascii") == str(os.getpid())

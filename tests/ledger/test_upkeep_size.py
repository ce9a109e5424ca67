"""The size failsafe: what goes first, and what the disk gets back."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from duly.ledger.connections import open_reader
from duly.ledger.statements import statements
from duly.ledger.upkeep import Shedding, give_back, truncate_wal, used_bytes, wal_bytes
from tests.ledger.ledger_file import LedgerFile


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LedgerFile]:
    file = LedgerFile(tmp_path / "jobs.db")
    yield file
    file.db.close()


def test_successes_of_the_framework_go_first(file: LedgerFile) -> None:
    app, framework = file.job(), file.job("beat", tier="framework")
    file.slots(app, [10, 20])
    file.slots(framework, [10], "error", tier="framework")
    file.slots(framework, [20, 30], tier="framework")
    shedding = Shedding()
    assert shedding.shed(file.db, 1) == 1
    assert shedding.shed(file.db, 1) == 1
    assert file.starts() == [10, 20, 10]
    assert (file.floor("framework"), file.floor("app")) == (30, None)


def test_then_executions_and_log_records_go_together_by_age(file: LedgerFile) -> None:
    file.slots(file.job(), [10, 20, 30])
    for time in (5, 15, 25, 35):
        file.log(time)
    shedding = Shedding()
    assert shedding.shed(file.db, 3) == 3
    assert (file.starts(), file.logs()) == ([20, 30], [25, 35])
    assert (shedding.executions, shedding.logs) == (1, 2)
    assert file.floor() == 10


def test_one_batch_goes_on_where_the_successes_of_the_framework_end(file: LedgerFile) -> None:
    file.slots(file.job(), [10, 20])
    file.slots(file.job("beat", tier="framework"), [30], tier="framework")
    assert Shedding().shed(file.db, 2) == 2
    assert file.starts() == [20]


def test_when_all_has_gone_there_is_nothing_to_shed(file: LedgerFile) -> None:
    file.slots(file.job(), [10], "started")
    file.log(10)
    shedding = Shedding()
    assert [shedding.shed(file.db, 5) for _ in range(2)] == [1, 0]
    assert file.starts() == [10]


def test_rows_that_have_to_stay_are_not_in_the_way(file: LedgerFile) -> None:
    for name in ("a", "b", "c"):
        schedule = file.job(name)
        file.db.execute("UPDATE raw_schedules SET trigger_spec = NULL WHERE id = ?", (schedule,))
        file.slots(schedule, [10])
    file.slots(file.job(), [20, 30])
    assert Shedding().shed(file.db, 2) == 2
    assert file.starts() == [10, 10, 10]


def test_a_row_and_a_log_record_of_one_moment_are_both_shed(file: LedgerFile) -> None:
    file.slots(file.job(), [10])
    file.log(10)
    assert Shedding().shed(file.db, 2) == 2


def test_pages_in_use_and_the_write_ahead_log_are_counted(file: LedgerFile) -> None:
    (pages,), (size,) = (file.db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    assert wal_bytes(file.db) > 0
    assert used_bytes(file.db) == pages * size + wal_bytes(file.db)
    file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert used_bytes(file.db) == pages * size


def test_deleted_rows_leave_pages_that_are_given_back(file: LedgerFile) -> None:
    for number in range(50):
        file.log(number, "x" * 4000)
    used = used_bytes(file.db) - wal_bytes(file.db)
    Shedding().shed(file.db, 50)
    assert used_bytes(file.db) - wal_bytes(file.db) < used - 40 * 4000
    (before,) = file.db.execute("PRAGMA page_count").fetchone()
    file.db.execute("BEGIN IMMEDIATE")
    assert give_back(file.db, 10) == 10
    file.db.execute("COMMIT")
    assert file.db.execute("PRAGMA page_count").fetchone() == (before - 10,)
    given = give_back(file.db, 1000)
    assert give_back(file.db, 1000) == 0
    assert file.db.execute("PRAGMA page_count").fetchone() == (before - 10 - given,)


def truncated(path: Path) -> bool:
    """Whether the write-ahead log could be emptied on another connection."""
    with closing(open_reader(path)) as db:
        return truncate_wal(db)


def test_the_write_ahead_log_is_emptied_while_a_process_has_the_file_open(file: LedgerFile) -> None:
    file.log(10)
    assert wal_bytes(file.db) > 0
    assert truncated(file.path)
    assert wal_bytes(file.db) == 0
    assert file.logs() == [10]


def test_a_write_ahead_log_that_is_in_use_is_left(file: LedgerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duly.ledger.connections.BUSY_SECONDS", 0.01)
    file.db.execute("BEGIN IMMEDIATE")
    file.log(10)
    assert not truncated(file.path)
    file.db.execute("COMMIT")


@pytest.mark.parametrize(
    ("statement", "values", "way"),
    [
        ("oldest_executions", {"after": 5, "limit": 9}, "USING INTEGER PRIMARY KEY (rowid>?)"),
        ("has_slot_after", (1, 2), "INDEX executions_by_slot (schedule_id=? AND scheduled_ts>?)"),
        ("oldest_logs", (9,), "USING COVERING INDEX log_records_by_time"),
        ("delete_old_logs", {"older_than": 1, "limit": 9}, "USING COVERING INDEX log_records_by_time (timestamp<?)"),
        ("old_listeners", {"older_than": 1, "limit": 9}, "INDEX executions_of_listener (listener_id=?)"),
        ("old_jobs", {"older_than": 1, "limit": 9}, "INDEX executions_beside_slots (job_id=?)"),
        ("old_jobs", {"older_than": 1, "limit": 9}, "INDEX executions_by_slot (schedule_id=?"),
        ("old_schedules", {"older_than": 1, "limit": 9}, "INDEX executions_by_slot (schedule_id=?"),
    ],
)
def test_rows_are_found_by_an_index(
    file: LedgerFile,
    statement: str,
    values: Any,  # noqa: ANN401 - parameters as sqlite3 takes them
    way: str,
) -> None:
    plan = file.db.execute("EXPLAIN QUERY PLAN " + statements("upkeep")[statement], values).fetchall()
    assert any(way in step for *_, step in plan), plan

"""The writer thread: group commit, results, flushes, its end, and that it sleeps when there is nothing to do."""

import logging
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duly.core.clock import SECOND, Clock, SystemClock
from duly.ledger.connections import open_writer
from duly.ledger.record_queue import RecordQueue
from duly.ledger.writer import Writer
from duly.testing import VirtualClock
from tests.embedded.waiting import eventually, let_time_pass
from tests.profiles import examples

PATIENCE = 10


class Shelf:
    """Writes records into the audit; counts how often it is asked."""

    def __init__(self) -> None:
        self.is_ready = True
        self.asked = 0
        self.refusals = 0
        """How many writes fail next."""
        self.too_many = 1_000_000
        """More records than that cannot be written at once."""
        self.told: list[int] = []

    def ready(self) -> bool:
        self.asked += 1
        return self.is_ready

    def write(self, db: sqlite3.Connection, records: Sequence[int]) -> None:
        for number in records:
            audit(number)(db)
        if self.refusals > 0 or len(records) > self.too_many:
            self.refusals -= 1
            raise sqlite3.OperationalError("disk I/O error")

    def without_parent(self, record: int) -> int | None:
        return None

    def stored(self, records: Sequence[int]) -> None:
        self.told += records


def audit(number: int) -> Callable[[sqlite3.Connection], int]:
    """A write that gives its number."""

    def work(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO raw_audit (ts, actor, action, target) VALUES (?, '', '', '')", (number,))
        return number

    return work


class Desk:
    """A writer on a new file, with what has happened to it."""

    def __init__(self, path: Path, capacity: int = 1_000, clock: Clock | None = None) -> None:
        self.path = path
        self.clock = clock or SystemClock()
        self.shelf = Shelf()
        self.records: RecordQueue[int] = RecordQueue(self.shelf, capacity=capacity, clock=self.clock, setting="x")
        self.statements: list[str] = []
        self.ended = threading.Event()
        db, _ = open_writer(path, self.clock)
        db.execute("PRAGMA busy_timeout = 0")
        db.set_trace_callback(self._trace)
        self.writer = Writer(db, self.records, self.ended.set)

    def _trace(self, statement: str) -> None:
        self.statements.append(statement)

    @property
    def commits(self) -> int:
        return self.statements.count("COMMIT")

    def rows(self) -> list[int]:
        db = sqlite3.connect(self.path)
        try:
            return [row[0] for row in db.execute("SELECT ts FROM raw_audit ORDER BY id")]
        finally:
            db.close()

    def hold(self) -> "Hold":
        hold = Hold(self.writer)
        assert hold.begun.wait(PATIENCE)
        return hold


class Hold:
    """Keeps the thread busy until it is let go."""

    def __init__(self, writer: Writer) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.done: Future[Any] = writer.submit(self._wait)

    def _wait(self, db: sqlite3.Connection) -> None:
        self.begun.set()
        assert self.go.wait(PATIENCE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "ledger.db")
    yield desk
    desk.writer.close()


def test_a_record_of_an_idle_writer_is_durable_within_50_ms(desk: Desk) -> None:
    waits = []
    for number in range(10):
        eventually(lambda: desk.writer._asleep)
        since = desk.clock.monotonic()
        desk.records.put(number)
        eventually(lambda number=number: number in desk.rows())  # type: ignore[misc]
        waits.append((desk.clock.monotonic() - since) / SECOND)
    assert sorted(waits)[len(waits) // 2] < 0.05


def test_what_waits_goes_into_one_transaction_records_first(desk: Desk) -> None:
    hold = desk.hold()
    before = desk.commits
    writes = [desk.writer.submit(audit(number)) for number in (100, 101)]
    for number in range(50):
        desk.records.put(number)
    hold.go.set()
    assert [write.result(PATIENCE) for write in writes] == [100, 101]
    assert desk.rows() == [*range(50), 100, 101]
    assert desk.commits - before == 2  # that of the hold, and the one


def test_an_error_undoes_only_its_own_part_and_is_handed_over(desk: Desk) -> None:
    def fail(db: sqlite3.Connection) -> None:
        audit(1)(db)
        raise ValueError("no")

    hold = desk.hold()
    failed, written = desk.writer.submit(fail), desk.writer.submit(audit(2))
    desk.records.put(3)
    hold.go.set()
    assert written.result(PATIENCE) == 2
    with pytest.raises(ValueError, match="no"):
        failed.result(PATIENCE)
    assert desk.rows() == [3, 2]


def test_results_are_handed_over_after_the_commit(desk: Desk) -> None:
    seen: list[list[int]] = []
    hold = desk.hold()
    write = desk.writer.submit(audit(1))
    write.add_done_callback(lambda _: seen.append(desk.rows()))
    hold.go.set()
    eventually(lambda: seen)
    assert seen == [[1]]


def test_a_failed_commit_goes_to_all_of_the_group_but_flushes(desk: Desk) -> None:
    hold = desk.hold()
    writes = [desk.writer.submit(audit(number)) for number in (1, 2)]

    def breaks_commit(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA defer_foreign_keys = ON")
        db.execute(
            "INSERT INTO raw_executions (kind, status, session_id, execution_start_ts, duration, tick_count, "
            "attempt_number) VALUES (1, 1, 99, 0, 0, 0, 1)"
        )

    writes.append(desk.writer.submit(breaks_commit))  # type: ignore[arg-type]  # results differ
    flush = desk.writer.flush()
    hold.go.set()
    assert [type(write.exception(PATIENCE)) for write in writes] == [sqlite3.IntegrityError] * 3
    assert flush.exception(PATIENCE) is None
    assert desk.rows() == []


def test_a_locked_file_loses_no_record_and_does_not_keep_the_thread_busy(desk: Desk) -> None:
    other = sqlite3.connect(desk.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    desk.records.put(1)
    eventually(lambda: desk.records.seconds_until_retry() is not None)
    asked = desk.shelf.asked
    eventually(lambda: (retry := desk.records._retry) is not None and retry.retry_count == 2)
    other.execute("ROLLBACK")
    other.close()
    eventually(lambda: desk.rows() == [1])
    assert desk.shelf.asked - asked < 50
    assert desk.records.counts() == (0, 0, 0)
    assert desk.shelf.told == [1]


STEPS = st.one_of(
    st.tuples(st.sampled_from(["put", "put", "put", "write", "flush", "wait"])),
    st.tuples(st.just("refuse"), st.integers(1, 3)),
)


@settings(max_examples=examples() // 10)
@given(st.lists(STEPS, max_size=30))
def test_the_file_holds_what_happened_up_to_some_moment(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock, happened, durable = VirtualClock(), list[int](), 0
        desk = Desk(Path(folder) / "ledger.db", clock=clock)
        for number, (name, *rest) in enumerate(steps, 1):
            if name == "put":
                happened.append(number)
                desk.records.put(number)
            elif name == "write":
                with suppress(sqlite3.OperationalError):
                    happened.append(desk.writer.submit(audit(number)).result(PATIENCE))
                    durable = len(happened)
            elif name == "flush":
                durable = max(durable, len(happened) if desk.writer.flush().result(PATIENCE) is None else 0)
            elif name == "wait":
                clock.advance(1)
            elif desk.writer.flush().result(PATIENCE) is None:  # otherwise some might fail more often than they may
                desk.shelf.refusals = rest[0]
            rows = desk.rows()
            assert rows == happened[: len(rows)]
            assert len(rows) >= durable
        desk.writer.close(flush=False)
        rows = desk.rows()
        assert rows == happened[: len(rows)]
        assert desk.records.counts() == (0, 0, 0)


def test_a_write_fails_with_the_records_before_it_and_one_without_goes_on(desk: Desk) -> None:
    desk.shelf.refusals = 2
    desk.records.put(1)
    with pytest.raises(sqlite3.OperationalError):
        desk.writer.submit(audit(2)).result(PATIENCE)
    with pytest.raises(sqlite3.OperationalError):
        desk.writer.submit(audit(3)).result(PATIENCE)
    desk.records.put(4)
    assert desk.writer.submit(audit(5)).result(PATIENCE) == 5
    assert desk.rows() == [1, 4, 5]


def test_what_is_tried_again_does_not_fail_with_what_came_later(desk: Desk) -> None:
    desk.shelf.refusals, desk.shelf.too_many = 1, 2
    desk.records.put(1)
    desk.writer.flush().result(PATIENCE)
    for number in (2, 3, 4):
        desk.records.put(number)
    with pytest.raises(sqlite3.OperationalError):
        desk.writer.submit(audit(5)).result(PATIENCE)
    assert desk.rows() == [1]


def test_without_work_it_sleeps(desk: Desk) -> None:
    desk.writer.flush().result(PATIENCE)
    eventually(lambda: desk.writer._asleep)
    asked = desk.shelf.asked
    let_time_pass()
    assert desk.shelf.asked == asked


def test_records_without_a_session_do_not_keep_it_awake(desk: Desk) -> None:
    desk.shelf.is_ready = False
    desk.records.put(1)
    desk.writer.flush().result(PATIENCE)
    eventually(lambda: desk.writer._asleep)
    asked = desk.shelf.asked
    let_time_pass()
    assert desk.shelf.asked == asked
    desk.shelf.is_ready = True
    desk.writer.flush().result(PATIENCE)
    assert desk.rows() == [1]


def test_a_flush_waits_for_what_was_put_before(desk: Desk) -> None:
    for number in range(5_000):
        desk.records.append(number)
    desk.writer.flush().result(PATIENCE)
    assert len(desk.rows()) == 5_000


def test_the_end_does_what_was_submitted_and_writes_what_waits(desk: Desk) -> None:
    hold = desk.hold()
    write = desk.writer.submit(audit(1))
    desk.records.put(2)
    desk.writer.abandon()
    with pytest.raises(RuntimeError, match="closed"):
        desk.writer.submit(audit(3))
    hold.go.set()
    desk.writer.close()
    assert write.result(PATIENCE) == 1
    assert sorted(desk.rows()) == [1, 2]
    assert desk.ended.is_set()
    assert not desk.writer.alive


def test_an_end_without_flush_keeps_the_records_for_a_successor(desk: Desk) -> None:
    desk.shelf.is_ready = False
    desk.records.put(1)
    desk.writer.close(flush=False)
    assert desk.rows() == []
    desk.shelf.is_ready = True
    db, _ = open_writer(desk.path, desk.clock)
    desk.writer = Writer(db, desk.records, desk.ended.set)
    desk.writer.flush().result(PATIENCE)
    assert desk.rows() == [1]


def test_a_flush_tells_when_what_could_not_be_written_is_tried_again(desk: Desk) -> None:
    other = sqlite3.connect(desk.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    desk.records.put(1)
    pause = desk.writer.flush().result(PATIENCE)
    other.close()
    assert pause is not None
    assert 0 < pause <= 1
    eventually(lambda: desk.rows() == [1])
    assert desk.writer.flush().result(PATIENCE) is None


def test_a_flush_waits_for_records_that_are_told_apart(desk: Desk) -> None:
    hold = desk.hold()
    for number in (1, 2, 3):
        desk.records.put(number)
    flush = desk.writer.flush()
    write = desk.shelf.write

    def refuse_two(db: sqlite3.Connection, records: Sequence[int]) -> None:
        if 2 in records:
            db.execute("INSERT INTO raw_audit (ts) VALUES (NULL)")
        write(db, records)

    desk.shelf.write = refuse_two  # type: ignore[method-assign]  # a record that cannot be written
    hold.go.set()
    assert flush.result(PATIENCE) is None
    assert desk.rows() == [1, 3]
    assert desk.records.counts() == (0, 1, 0)


def test_it_may_be_closed_twice(desk: Desk) -> None:
    desk.writer.close()
    desk.writer.close()
    assert not desk.writer.alive


def test_the_last_flush_counts_what_it_cannot_write(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    hold = desk.hold()
    desk.records.put(1)
    flush = desk.writer.flush(final=True)
    with caplog.at_level(logging.ERROR, "duly.ledger"):
        desk.shelf.write = refuse  # type: ignore[method-assign]  # as a full disk would
        hold.go.set()
        assert flush.exception(PATIENCE) is None
    assert desk.records.counts() == (0, 0, 1)
    assert len(desk.records) == 0


def refuse(db: sqlite3.Connection, records: Sequence[int]) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_many_threads_may_put_and_submit(desk: Desk) -> None:
    def put(base: int) -> None:
        for number in range(200):
            desk.records.append(base + number)

    threads = [threading.Thread(target=put, args=(1_000 * each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    writes = [desk.writer.submit(audit(-number)) for number in range(1, 50)]
    for thread in threads:
        thread.join()
    for write in writes:
        write.result(PATIENCE)
    desk.writer.flush().result(PATIENCE)
    rows = desk.rows()
    assert len(rows) == len(set(rows)) == 1_649
    for each in range(8):
        own = [row for row in rows if 1_000 * each <= row < 1_000 * each + 200]
        assert own == sorted(own)


def test_a_write_that_was_cancelled_is_done_and_tells_nobody(desk: Desk) -> None:
    hold = desk.hold()
    write = desk.writer.submit(audit(1))
    assert write.cancel()
    hold.go.set()
    desk.writer.flush().result(PATIENCE)
    assert desk.rows() == [1]

"""The queue of records: room, order, retries, and what is counted when one is lost."""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from duly.ledger.record_queue import Promise, RecordQueue, RetryableBatch, with_savepoint
from duly.testing import VirtualClock

Record = tuple[int, int | None]
"""A number, which is unique in the file, and its parent."""


class Shelf:
    """Writes records into a table; says no when told to."""

    def __init__(self) -> None:
        self.is_ready = True
        self.fault: Exception | None = None
        self.calls: list[list[Record]] = []
        self.told: list[Record] = []

    def ready(self) -> bool:
        return self.is_ready

    def write(self, db: sqlite3.Connection, records: Sequence[Record]) -> None:
        self.calls.append(list(records))
        if self.fault is not None:
            raise self.fault
        db.executemany("INSERT INTO record VALUES (?, ?)", records)

    def without_parent(self, record: Record) -> Record | None:
        return None if record[1] is None else (record[0], None)

    def stored(self, records: Sequence[Record]) -> None:
        self.told += records


class Bench:
    """A queue, a file, and the turns of a writer, taken by hand."""

    def __init__(self, path: Path, capacity: int) -> None:
        self.clock = VirtualClock()
        self.shelf = Shelf()
        self.queue: RecordQueue[Record] = RecordQueue(
            self.shelf, capacity=capacity, clock=self.clock, setting="the.setting"
        )
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(
            "PRAGMA foreign_keys = ON; CREATE TABLE parent (id INTEGER PRIMARY KEY);"
            "CREATE TABLE record (id INTEGER PRIMARY KEY CHECK (id > 0), parent INTEGER REFERENCES parent);"
        )

    def turn(self, *, final: bool = False) -> int:
        """Write what is due; the number of batches."""
        number = 0
        for take in (partial(self.queue.take_retry, early=final), partial(self.queue.take_fresh, everything=final)):
            batch = take()
            if batch is None:
                continue
            number += 1
            self.db.execute("BEGIN")
            try:
                written: list[Record] = []
                with_savepoint(self.db, lambda batch=batch, to=written: to.extend(self.queue.write(self.db, batch)))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - as the writer does
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                self.queue.failed(batch, error, final=final)
            else:
                self.db.execute("COMMIT")
                self.queue.written(batch, written)
        if final:
            self.queue.drop_all()
        return number

    def rows(self) -> list[Record]:
        return self.db.execute("SELECT id, parent FROM record ORDER BY id").fetchall()


def weighing(weigh: Callable[[Sequence[Record], str], int]) -> RecordQueue[Record]:
    return RecordQueue(Shelf(), capacity=4, clock=VirtualClock(), setting="x", weigh=weigh)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "records.db", capacity=4)
    yield bench
    bench.db.close()


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == level and each.name == "duly.ledger"]


def test_what_waits_is_taken_at_once_in_its_order(bench: Bench) -> None:
    for number in range(1, 20):
        assert bench.queue.put((number, None))
    assert bench.turn() == 1
    assert bench.shelf.calls == [[(number, None) for number in range(1, 20)]]
    assert bench.shelf.told == [(number, None) for number in range(1, 20)]


def test_the_ring_takes_ten_times_the_capacity_more(bench: Bench) -> None:
    taken = [bench.queue.put((number, None)) for number in range(1, 50)]
    assert taken == [True] * 44 + [False] * 5
    bench.turn()
    assert bench.queue.put((99, None))


def test_records_that_must_not_wait_are_taken_whatever_the_room(bench: Bench) -> None:
    for number in range(1, 101):
        bench.queue.append((number, None))
    bench.turn()
    assert len(bench.rows()) == 100


def test_room_is_told_when_records_have_been_taken(bench: Bench) -> None:
    assert bench.queue.room().done()
    for number in range(1, 45):
        bench.queue.put((number, None))
    waiting = [bench.queue.room() for _ in range(3)]
    waiting[1].cancel()
    assert not waiting[0].done()
    bench.turn()
    assert [each.done() for each in waiting] == [True, True, True]
    assert [each.cancelled() for each in waiting] == [False, True, False]


def test_what_is_given_up_counts_as_overflow(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.queue.give_up((1, None))
    assert bench.queue.counts() == (1, 0, 0)
    (line,) = lines(caplog, logging.ERROR)
    assert "raise the.setting" in line


def test_losses_are_told_every_thirty_seconds_with_their_number(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        bench.queue.give_up((1, None))
    bench.clock.advance(30)
    bench.queue.give_up((1, None))
    told = [line.partition(":")[2].split(":")[0] for line in lines(caplog, logging.ERROR)]
    assert told == [" counter=overflow lost=1 total=1", " counter=overflow lost=5 total=6"]


def test_from_three_quarters_on_it_warns_every_thirty_seconds(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.queue.put((1, None))
    bench.queue.put((2, None))
    bench.queue.put((3, None))
    assert lines(caplog, logging.WARNING) == []
    bench.queue.put((4, None))
    bench.queue.put((5, None))
    bench.clock.advance(29)
    bench.queue.put((6, None))
    assert len(lines(caplog, logging.WARNING)) == 1
    bench.clock.advance(1)
    bench.queue.put((7, None))
    assert lines(caplog, logging.WARNING)[-1] == "records wait to be written: fill=7 capacity=4 percentage=175"


def test_a_transient_error_is_tried_again_after_1_2_and_3_seconds(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.shelf.fault = sqlite3.OperationalError("database is locked")
    bench.queue.put((1, None))
    waits = []
    for _ in range(3):
        assert bench.turn() == 1
        waits.append(bench.queue.seconds_until_retry())
        assert bench.turn() == 0
        bench.clock.advance(waits[-1] or 0)
    assert waits == pytest.approx([1.0, 2.0, 3.0])
    assert lines(caplog, logging.WARNING) == [
        f"records could not be written, attempt {attempt}/3: database is locked: records=1" for attempt in (1, 2, 3)
    ]
    assert bench.turn() == 1
    assert bench.queue.seconds_until_retry() is None
    assert bench.queue.counts() == (0, 1, 0)
    assert len(lines(caplog, logging.ERROR)) == 1
    assert len(bench.shelf.calls) == 4


def test_nothing_overtakes_a_batch_that_waits(bench: Bench) -> None:
    bench.shelf.fault = sqlite3.OperationalError("database is locked")
    bench.queue.put((1, None))
    bench.turn()
    bench.shelf.fault = None
    bench.queue.put((2, None))
    assert not bench.queue.has_fresh()
    assert bench.turn() == 0
    bench.clock.advance(1)
    assert bench.turn() == 2
    assert bench.rows() == bench.shelf.told == [(1, None), (2, None)]
    assert bench.queue.counts() == (0, 0, 0)


def test_an_attempt_before_its_time_does_not_count(bench: Bench) -> None:
    bench.shelf.fault = sqlite3.OperationalError("database is locked")
    bench.queue.put((1, None))
    bench.turn()
    for seconds in (0, 0, 0, 0, 0, 5):  # so long it may wait for a lock
        batch = bench.queue.take_retry(early=True)
        assert batch is not None
        bench.clock.advance(seconds)
        bench.queue.failed(batch, bench.shelf.fault)
    batch = bench.queue.take_retry(early=True)
    assert (batch and batch.retry_count, bench.queue.counts()) == (1, (0, 0, 0))


def test_what_weighs_nothing_is_not_given_up_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    queue = weighing(lambda *_: 0)
    queue.failed(RetryableBatch([(1, None)], retry_count=3), sqlite3.OperationalError("disk I/O error"))
    assert queue.counts() == (0, 0, 0)
    queue.failed(RetryableBatch([(2, None)]), sqlite3.OperationalError("disk I/O error"), final=True)
    queue.drop_all()
    text = "records that stand for no execution could not be written: disk I/O error: records=1"
    assert lines(caplog, logging.ERROR) == [text, text]


def test_a_batch_that_waits_takes_no_room(bench: Bench) -> None:
    bench.shelf.fault = sqlite3.OperationalError("database is locked")
    for number in range(1, 45):
        bench.queue.put((number, None))
    bench.turn()
    assert len(bench.queue) == 44
    assert all(bench.queue.put((number, None)) for number in range(45, 89))


def test_a_missing_parent_is_left_out(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.db.execute("INSERT INTO parent VALUES (7)")
    bench.queue.put((1, 7))
    bench.queue.put((2, 8))
    bench.queue.put((3, None))
    bench.turn()
    assert bench.rows() == [(1, 7), (2, None), (3, None)]
    assert bench.shelf.told == [(1, 7), (2, None), (3, None)]
    assert bench.queue.counts() == (0, 0, 0)
    assert [line.partition(":")[0] for line in lines(caplog, logging.WARNING)] == [
        "the parent of a record is gone, it is written without"
    ]


@pytest.mark.parametrize("parent", [None, 8], ids=["no parent", "parent gone"])
def test_another_integrity_error_loses_only_its_record(
    bench: Bench, caplog: pytest.LogCaptureFixture, parent: int | None
) -> None:
    for record in [(1, None), (-2, parent), (3, None)]:
        bench.queue.put(record)
    bench.turn()
    assert bench.rows() == [(1, None), (3, None)]
    assert bench.queue.counts() == (0, 1, 0)
    assert any("record=(-2" in line for line in lines(caplog, logging.ERROR))


@pytest.mark.parametrize(
    ("record", "first_line"),
    [
        ((2**70, None), "records could not be written: OverflowError"),
        ((object(), None), "REGRESSION: "),
    ],
    ids=["unknown", "schema or code"],
)
def test_a_record_at_fault_takes_no_other_along(
    bench: Bench, caplog: pytest.LogCaptureFixture, record: Record, first_line: str
) -> None:
    for each in [(1, None), record, (3, None)]:
        bench.queue.put(each)
    bench.turn()
    assert bench.rows() == [(1, None), (3, None)]
    assert bench.queue.counts() == (0, 1, 0)
    line = lines(caplog, logging.ERROR)[0]
    assert line.startswith(first_line)
    assert "records=3" in line


@pytest.mark.parametrize(
    "fault", [sqlite3.DataError("bad"), sqlite3.ProgrammingError("bad")], ids=lambda x: type(x).__name__
)
def test_a_fault_in_schema_or_code_is_called_a_regression(
    bench: Bench, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    bench.shelf.fault = fault
    bench.queue.put((1, None))
    bench.turn()
    line, *_ = lines(caplog, logging.ERROR)
    assert line == f"REGRESSION: {type(fault).__name__}: bad: records=1: writing them one by one"


def test_a_pass_record_by_record_that_fails_as_a_whole_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(record: Record) -> Record | None:
        raise sqlite3.OperationalError(f"disk I/O error at {record}")

    bench.queue.put((1, None))
    bench.queue.put((2, 8))
    with monkeypatch.context() as patch:
        patch.setattr(bench.shelf, "without_parent", fail)
        bench.turn()
    assert bench.rows() == []
    bench.clock.advance(1)
    bench.turn()
    assert bench.rows() == [(1, None), (2, None)]
    assert bench.queue.counts() == (0, 0, 0)


@pytest.mark.parametrize("parents", [(None, None), (None, 8)], ids=["together", "record by record"])
def test_what_sqlite_itself_has_undone_is_tried_again(
    bench: Bench, parents: Sequence[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out_of_memory(db: sqlite3.Connection, records: Sequence[Record]) -> None:
        write(db, records)
        db.execute("ROLLBACK")
        raise MemoryError

    write = bench.shelf.write
    for number, parent in enumerate(parents, 1):
        bench.queue.put((number, parent))
    with monkeypatch.context() as patch:
        patch.setattr(bench.shelf, "write", run_out_of_memory)
        bench.turn()
    assert bench.rows() == []
    bench.clock.advance(1)
    bench.turn()
    assert bench.rows() == [(1, None), (2, None)]
    assert bench.queue.counts() == (0, 0, 0)


def test_without_a_session_nothing_is_taken(bench: Bench) -> None:
    bench.shelf.is_ready = False
    bench.queue.put((1, None))
    assert not bench.queue.has_fresh()
    assert bench.turn() == 0
    bench.shelf.is_ready = True
    assert bench.queue.has_fresh()
    bench.turn()
    assert bench.rows() == [(1, None)]


def test_the_last_flush_takes_batches_whose_time_has_not_come(bench: Bench) -> None:
    bench.shelf.fault = sqlite3.OperationalError("database is locked")
    bench.queue.put((1, None))
    bench.turn()
    bench.shelf.fault = None
    bench.queue.put((2, None))
    bench.turn(final=True)
    assert bench.rows() == [(1, None), (2, None)]


def test_a_last_flush_that_fails_is_counted_and_puts_nothing_back(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.shelf.fault = sqlite3.OperationalError("disk I/O error")
    for number in (1, 2, 3):
        bench.queue.put((number, None))
    bench.turn(final=True)
    assert len(bench.queue) == 0
    assert bench.queue.counts() == (0, 0, 3)
    (line,) = lines(caplog, logging.ERROR)
    assert "counter=shutdown lost=3 total=3" in line


def test_what_is_left_at_the_end_counts_as_shutdown(bench: Bench) -> None:
    bench.shelf.is_ready = False
    for number in (1, 2):
        bench.queue.put((number, None))
    bench.queue.drop_all()
    assert bench.queue.counts() == (0, 0, 2)
    assert len(bench.queue) == 0


def test_a_loss_weighs_what_its_owner_says() -> None:
    queue = weighing(lambda records, counter: (counter == "shutdown") * 5)
    batch = RetryableBatch[Record]([(1, None)], retry_count=3)
    queue.failed(batch, sqlite3.OperationalError())
    queue.failed(batch, sqlite3.OperationalError(), final=True)
    queue.drop_all()
    assert queue.counts() == (0, 0, 5)


def test_what_the_end_gives_up_is_weighed_together() -> None:
    queue = weighing(lambda records, _: len(records) and 100 + len(records))
    for number in (1, 2):
        queue.failed(RetryableBatch([(number, None)]), sqlite3.OperationalError("disk I/O error"), final=True)
    queue.put((3, None))
    queue.drop_all()
    assert queue.counts() == (0, 0, 103)
    queue.drop_all()
    assert queue.counts() == (0, 0, 103)


def test_a_new_batch_is_to_be_written_at_once() -> None:
    batch: RetryableBatch[Record] = RetryableBatch()
    assert (batch.records, batch.retry_count, batch.not_before) == ([], 0, 0.0)


def test_a_savepoint_undoes_what_its_work_has_written(bench: Bench) -> None:
    def fail() -> None:
        bench.db.execute("INSERT INTO record VALUES (1, NULL)")
        raise ValueError

    bench.db.execute("BEGIN")
    with_savepoint(bench.db, lambda: None)
    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        with_savepoint(bench.db, fail)
    bench.db.execute("COMMIT")
    assert bench.rows() == []


class Mark(Promise[Record]):
    """A record that is made when it is taken; ``None``: it is not wanted."""

    def __init__(self, made: Record | None, error: Exception | None = None) -> None:
        self.made = made
        self.error = error

    def record(self) -> Record | None:
        if self.error is not None:
            raise self.error
        return self.made


def test_a_promise_is_made_good_in_its_place_when_it_is_taken_if_it_is_wanted_still(bench: Bench) -> None:
    promise = Mark((2, None))
    for item in ((1, None), promise, Mark(None), (3, None)):
        bench.queue.append(item)
    promise.made = (4, None)
    assert bench.turn() == 1
    assert bench.shelf.calls == [[(1, None), (4, None), (3, None)]]


def test_a_promise_that_cannot_be_made_good_takes_no_record_along(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for item in ((1, None), Mark(None, ValueError("no")), (2, None)):
        bench.queue.append(item)
    bench.turn()
    assert bench.rows() == [(1, None), (2, None)]
    assert "could not be made" in lines(caplog, logging.ERROR)[0]


def test_at_the_very_end_only_promises_that_are_wanted_count_as_lost(bench: Bench) -> None:
    for item in (Mark((1, None)), Mark(None), (2, None)):
        bench.queue.append(item)
    bench.queue.drop_all()
    assert bench.queue.counts() == (0, 0, 2)

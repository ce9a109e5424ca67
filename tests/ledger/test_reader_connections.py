"""The reader itself: connections, threads, the time limit."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from duly.core.clock import SECOND, Zone
from duly.ledger import executions, jobs
from duly.ledger.errors import DatabaseFileError
from duly.ledger.executions import ExecutionFilter
from duly.ledger.reader import LedgerReader
from tests.ledger.written import Written, reader_of, written

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


class HurryingClock:
    """A second passes with each look."""

    zone: Zone = "UTC"

    def __init__(self) -> None:
        self._looks = count()

    def now(self) -> int:
        return self.monotonic()

    def monotonic(self) -> int:
        return next(self._looks) * SECOND


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        file.slots(file.job(), range(10, 110, 10))
        yield file


def endless_sum(db: sqlite3.Connection) -> int:
    return sum(number for (number,) in db.execute(ENDLESS))


def numbers(db: sqlite3.Connection) -> Iterator[int]:
    for (number,) in db.execute(ENDLESS):
        yield number


def count_rows(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM executions").fetchone()[0])


def test_a_read_over_the_limit_is_a_time_out_that_names_it(file: Written) -> None:
    with (
        LedgerReader(file.path, clock=HurryingClock(), read_timeout_seconds=7.5) as reader,
        pytest.raises(TimeoutError, match=r"read_timeout_seconds = 7\.5: ask for less"),
    ):
        reader.read(endless_sum)


def test_after_a_time_out_it_reads_on(file: Written) -> None:
    with LedgerReader(file.path, clock=HurryingClock(), read_timeout_seconds=1) as reader:
        with pytest.raises(TimeoutError):
            reader.read(endless_sum)
        assert len(reader.read(jobs.jobs)) == 1


def test_a_stream_may_take_the_limit_for_every_thousand_rows(file: Written) -> None:
    with LedgerReader(file.path, clock=HurryingClock(), read_timeout_seconds=50) as reader:
        stream = reader.stream(numbers)
        assert [next(stream) for _ in range(200_000)][-1] == 200_000
        stream.close()  # type: ignore[attr-defined] # a generator, as the docstring says


def test_an_error_that_is_no_time_out_stays_what_it_is(file: Written) -> None:
    with reader_of(file) as reader, pytest.raises(sqlite3.OperationalError, match="no such table"):
        reader.read(lambda db: db.execute("SELECT 1 FROM missing"))


def test_it_cannot_write(file: Written) -> None:
    with reader_of(file) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.read(lambda db: db.execute("DELETE FROM raw_executions"))


def test_a_call_sees_one_state_of_the_file(file: Written) -> None:
    def twice(db: sqlite3.Connection) -> tuple[int, int]:
        before = count_rows(db)
        file.row(1, 110)
        return before, count_rows(db)

    with reader_of(file) as reader:
        assert reader.read(twice) == (10, 10)
        assert reader.read(count_rows) == 11


def test_a_stream_that_was_left_does_not_hold_on_to_its_state_of_the_file(file: Written) -> None:
    with reader_of(file) as reader:
        stream = reader.stream(numbers)
        next(stream)
        stream.close()  # type: ignore[attr-defined] # a generator, as the docstring says
        file.row(1, 110)
        assert reader.read(count_rows) == 11


def test_it_reads_while_a_write_is_under_way(file: Written) -> None:
    file.db.execute("BEGIN IMMEDIATE")
    file.db.execute("DELETE FROM raw_executions")
    with reader_of(file) as reader:
        assert reader.read(count_rows) == 10
    file.db.execute("ROLLBACK")


def test_many_threads_read_at_once(file: Written) -> None:
    def look(number: int) -> list[int]:
        wanted = ExecutionFilter(job_id=1)
        return [len(reader.read(executions.page, wanted, limit=number).rows) for _ in range(20)]

    with reader_of(file) as reader, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(look, range(1, 9))) == [[number] * 20 for number in range(1, 9)]


def test_a_query_may_read_itself(file: Written) -> None:
    with reader_of(file) as reader:
        assert reader.read(lambda db: (count_rows(db), reader.read(count_rows))) == (10, 10)


def test_a_closed_reader_says_so(file: Written) -> None:
    reader = reader_of(file)
    reader.close()
    reader.close()
    with pytest.raises(RuntimeError, match="is closed"):
        reader.read(jobs.jobs)


def test_a_call_under_way_ends_after_the_reader_was_closed(file: Written) -> None:
    def close_and_count(db: sqlite3.Connection) -> int:
        reader.close()
        return count_rows(db)

    reader = reader_of(file)
    assert reader.read(close_and_count) == 10


def test_no_file_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFileError, match="there is no ledger"):
        LedgerReader(tmp_path / "none.db", clock=HurryingClock())

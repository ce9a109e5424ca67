"""Rows of all kinds, many of them in one statement."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from duly.ledger.codes import STARTED, STATUS, SUCCESS
from duly.ledger.entries import full_row
from duly.ledger.inserting import insert
from duly.ledger.records import AnyRow, HandlerRow, PlainRow, Row
from tests.ledger.ledger_file import LedgerFile

_COLUMNS = ", ".join(Row._fields)
_ERROR = STATUS.numbers["error"]


def rows_in(db: sqlite3.Connection) -> list[Row]:
    return [Row(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM raw_executions ORDER BY id")]  # noqa: S608 - names of ours


def handler(number: int, status: int = SUCCESS, duration: int = 5) -> HandlerRow:
    return HandlerRow(
        0, status, None, 1, number.to_bytes(16, "big"), number, duration, number % 2, f"c{number}", "LOCAL"
    )


def plain(number: int) -> PlainRow:
    return PlainRow(1, SUCCESS, None, 1, number.to_bytes(16, "big"), number, 5, None, None, 1, 1)


def failed(number: int) -> Row:
    return full_row(handler(number, _ERROR))._replace(error_type="ValueError")


@pytest.mark.parametrize("make", [handler, plain, failed])
@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 250])
def test_any_number_of_rows_is_written_in_order_and_in_full(
    tmp_path: Path, number: int, make: Callable[[int], AnyRow]
) -> None:
    file = LedgerFile(tmp_path / "duly.db")
    rows = [make(each) for each in range(number)]
    with closing(file.db):
        insert(file.db, rows)
        assert rows_in(file.db) == [full_row(row) for row in rows]


def test_kinds_may_alternate(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path / "duly.db")
    chance = random.Random(1)
    kinds: list[Callable[[int], AnyRow]] = [handler, plain, failed]
    rows = [chance.choice(kinds)(number) for number in range(1, 600)]
    with closing(file.db):
        insert(file.db, rows)
        assert rows_in(file.db) == [full_row(row) for row in rows]


def test_an_outcome_replaces_its_mark_also_in_one_statement_and_is_never_replaced(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path / "duly.db")
    marks = [handler(number, STARTED, 0) for number in range(150)]
    outcomes = [handler(number) for number in range(150)]
    with closing(file.db):
        insert(file.db, [row for pair in zip(marks, outcomes, strict=True) for row in pair])
        insert(file.db, marks)
        insert(file.db, [failed(number) for number in range(150)])
        assert rows_in(file.db) == [full_row(row) for row in outcomes]


def test_an_error_replaces_a_mark_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path / "duly.db")
    with closing(file.db):
        insert(file.db, [handler(1, STARTED, 0), failed(1)])
        assert rows_in(file.db) == [failed(1)]


def test_a_row_at_fault_is_named(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path / "duly.db")
    rows = [handler(number) for number in range(1, 201)]
    rows[150] = rows[150]._replace(listener_id=77)
    with closing(file.db), pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        insert(file.db, rows)

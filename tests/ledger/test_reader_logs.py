"""Log records: filters, order, pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duly.ledger import logs
from duly.ledger.logs import LogFilter, LogRecord
from tests.ledger.ledger_file import at
from tests.ledger.written import Written, reader_of, written

RUN = "01942000-0000-7000-8000-000000000001"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        file.logged(1, "one", "DEBUG", app="porch")
        file.logged(2, "two", "WARNING", app="porch", execution=RUN)
        file.logged(2, "three", "ERROR", app="cellar")
        file.logged(3, "four", "INFO", execution=RUN)
        file.logged(3, "five", "INFO", app="porch", execution=RUN)
        yield file


def messages(file: Written, *, limit: int = 1000, **wanted: Any) -> list[str]:  # noqa: ANN401 - options of any type, passed on
    found: list[str] = []
    before = None
    with reader_of(file) as reader:
        while True:
            page = reader.read(logs.page, LogFilter(**wanted), before=before, limit=limit)
            found += [row.message for row in page.rows]
            before = page.before
            if before is None:
                return found


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_records_are_listed_latest_first_whatever_the_page(file: Written, limit: int) -> None:
    assert messages(file, limit=limit) == ["five", "four", "three", "two", "one"]
    assert messages(file, limit=limit, app_key="porch") == ["five", "two", "one"]


def test_a_level_means_it_and_those_above(file: Written) -> None:
    assert messages(file, level="warning") == ["three", "two"]
    assert messages(file, level="INFO", app_key="porch") == ["five", "two"]


def test_since_is_included_and_until_is_not(file: Written) -> None:
    assert messages(file, since=at(2), until=at(3)) == ["three", "two"]


def test_records_of_a_logger(file: Written) -> None:
    assert messages(file, logger_name="duly.y") == []
    assert len(messages(file, logger_name="duly.x")) == 5


def test_the_lines_of_an_execution_are_in_order(file: Written) -> None:
    with reader_of(file) as reader:
        assert [row.message for row in reader.read(logs.of_execution, RUN)] == ["two", "four", "five"]
        assert [row.message for row in reader.read(logs.of_execution, RUN, level="WARNING")] == ["two"]


def test_a_record_tells_everything(file: Written) -> None:
    with reader_of(file) as reader:
        (first, *_) = reader.read(logs.of_execution, RUN)
    assert first == LogRecord(
        id=2, session_id=1, seq=0, timestamp=at(2), level="WARNING", logger_name="duly.x", func_name="f", lineno=1,
        message="two", exc_info=None, app_key="porch", instance_name="porch", instance_index=0, execution_id=RUN,
        source_tier="app",
    )  # fmt: skip


def test_an_unknown_level_is_an_error(file: Written) -> None:
    with reader_of(file) as reader, pytest.raises(ValueError, match=r"level must be one of DEBUG, .*, got 'loud'"):
        reader.read(logs.page, LogFilter(level="loud"))

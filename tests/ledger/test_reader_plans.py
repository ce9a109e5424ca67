"""No read goes over a whole large table, or sorts one: each statement has an index that serves it."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from duly import ledger
from duly.ledger.connections import open_reader
from duly.ledger.statements import statements
from tests.ledger.written import written

STATEMENTS = statements("queries")
SOURCES = Path(ledger.__path__[0])

SORTED_IN_MEMORY = {"totals": "groups the newest rows only, whose number its caller gives, into eight statuses"}
SMALL = {"sessions_between", "session_by", "session_after", "sessions_with_losses", "jobs", "listeners", "leaderships"}
"""Pass over a table that has a row for each session, job, listener or leadership, not for each execution."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with written(tmp_path_factory.mktemp("plans")) as file:
        yield file.path


def plan(path: Path, statement: str) -> list[str]:
    parameters = dict.fromkeys(re.findall(r":(\w+)", re.sub(r"--.*", "", statement)), 1)
    with closing(open_reader(path)) as db:
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_served_by_an_index(path: Path, name: str) -> None:
    steps = plan(path, STATEMENTS[name])
    assert [step for step in steps if re.match(r"SCAN (raw_executions|raw_log_records|e|r)\b", step)] == []
    if name not in SORTED_IN_MEMORY:
        assert [step for step in steps if "TEMP B-TREE" in step] == []
    if name not in SMALL:
        assert [step for step in steps if step.startswith("SCAN raw_")] == []


@pytest.mark.parametrize("name", SORTED_IN_MEMORY)
def test_a_statement_that_may_sort_still_does(path: Path, name: str) -> None:
    assert any("TEMP B-TREE" in step for step in plan(path, STATEMENTS[name]))


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_statement_that_may_pass_over_a_small_table_still_does(path: Path, name: str) -> None:
    assert any(step.startswith("SCAN raw_") for step in plan(path, STATEMENTS[name]))


def test_the_test_sees_a_pass_over_a_large_table(path: Path) -> None:
    assert plan(path, "SELECT * FROM raw_executions WHERE error_type = 'x'") == ["SCAN raw_executions"]


def test_every_statement_is_used() -> None:
    sources = "".join(each.read_text("utf-8") for each in SOURCES.glob("*.py"))
    assert [name for name in STATEMENTS if f'"{name}"' not in sources] == []

"""What a harness tells of its ledger, and what it checks."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from whenever import Instant, PlainDateTime, ZonedDateTime

from duly.testing import START, AppHarness, LedgerRow, VirtualClock
from duly.testing.app_ledger import AppLedger
from duly.testing.moments import Moment
from tests.testing.apps import SWEEP, Porch, porch


async def fail_twice(app: Porch) -> None:
    if len(app.swept) in {2, 3}:
        raise LookupError("no broom")


@pytest.fixture
def h() -> Iterator[AppHarness[Porch]]:
    """An hour of a porch: at 0:10 it was swept, at 0:20 it failed and was tried again, at 0:40 and 0:50 it slept."""
    with AppHarness(porch(fail_twice, retries=1, retry_delay=60), raise_errors=False) as harness:
        harness.advance(minutes=35)
        harness.suspend(minutes=25)
        harness.run(by_hand(harness.app))
        yield harness


async def by_hand(app: Porch) -> None:
    await app.scheduler.run_job_now(app.scheduler.list_jobs()[0])


def at(minute: int) -> ZonedDateTime:
    return START.add(minutes=minute)


def brief(rows: list[LedgerRow]) -> list[tuple[str, int, int]]:
    return [(row.status, row.count, row.attempt) for row in rows]


def cut(path: Path, statement: str) -> None:
    """Change the ledger behind the back of those who write it."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def test_rows_are_in_the_order_in_which_they_came_about(h: AppHarness[Porch]) -> None:
    assert brief(h.ledger.rows()) == [
        ("success", 1, 1),
        ("error", 0, 1),
        ("error", 1, 2),
        ("success", 1, 1),
        ("success", 1, 1),
        ("missed", 2, 1),
        ("success", 0, 1),
    ]


def test_a_row_says_what_happened_when(h: AppHarness[Porch]) -> None:
    row = h.ledger.rows()[2]
    assert (row.job, row.status, row.reason) == (SWEEP, "error", None)
    assert (row.first, row.last, row.count, row.attempt) == (at(20), at(20), 1, 2)
    assert (row.start, row.end) == (at(21), at(21))
    assert (row.error_type, row.error_message) == ("LookupError", "no broom")
    assert (row.app_key, row.instance_index) == ("busy_porch", 0)
    assert row.ran
    assert str(row) == "sweep 2025-01-01T00:20:00: error (LookupError: no broom)"


def test_a_row_of_several_slots_that_did_not_run_says_which_and_why(h: AppHarness[Porch]) -> None:
    (row,) = h.ledger.rows(status="missed")
    assert (row.first, row.last, row.count, row.reason) == (at(50), at(60), 2, "suspended")
    assert not row.ran
    assert str(row) == "sweep 2025-01-01T00:50:00 to 2025-01-01T01:00:00: missed suspended"


def test_a_row_of_a_run_by_hand_has_no_slot(h: AppHarness[Porch]) -> None:
    row = h.ledger.rows()[-1]
    assert (row.first, row.last, row.count, row.start) == (None, None, 0, at(60))
    assert str(row) == "sweep 2025-01-01T01:00:00: success"


def test_rows_are_found_by_job_and_by_status(h: AppHarness[Porch]) -> None:
    assert len(h.ledger.rows(SWEEP)) == 7
    assert h.ledger.rows("other") == []
    assert brief(h.ledger.rows(SWEEP, "error")) == [("error", 0, 1), ("error", 1, 2)]


def test_an_unknown_status_is_refused(h: AppHarness[Porch]) -> None:
    with pytest.raises(ValueError, match=r"status must be one of success, .*got 'done'"):
        h.ledger.rows(status="done")


@pytest.mark.parametrize(("status", "count"), [("success", 4), ("error", 1), ("missed", 2), ("skipped", 0)])
def test_slots_and_runs_by_hand_are_counted_by_status(h: AppHarness[Porch], status: str, count: int) -> None:
    assert h.ledger.count(SWEEP, status) == count


def test_outcomes_are_as_expected(h: AppHarness[Porch]) -> None:
    h.ledger.assert_outcomes(SWEEP, {"success": 4, "error": 1, "missed": 2})
    h.ledger.assert_outcomes(SWEEP, {"success": 4, "error": 1, "missed": 2, "skipped": 0})


def test_other_outcomes_are_shown_with_the_last_rows(h: AppHarness[Porch]) -> None:
    with pytest.raises(AssertionError) as caught:
        h.ledger.assert_outcomes(SWEEP, {"success": 5, "error": 1, "missed": 2})
    text = str(caught.value)
    assert (
        "sweep ended {'success': 4, 'error': 1, 'missed': 2}, expected {'success': 5, 'error': 1, 'missed': 2}" in text
    )
    assert "missed suspended" in text


def test_outcomes_of_a_job_that_is_not_there_name_those_that_are(h: AppHarness[Porch]) -> None:
    with pytest.raises(AssertionError, match="jobs in the ledger: sweep"):
        h.ledger.assert_outcomes("swep", {"success": 1})


@pytest.mark.parametrize(
    "times",
    [
        [at(minute) for minute in (10, 20, 21, 30, 60, 60)],
        [at(minute).to_plain() for minute in (10, 20, 21, 30, 60, 60)],
        [at(minute).to_instant() for minute in (60, 10, 60, 20, 21, 30)],
        [f"2025-01-01T{minute // 60:02}:{minute % 60:02}" for minute in (10, 20, 21, 30, 60, 60)],
    ],
    ids=["zoned", "plain", "instants_in_disorder", "texts"],
)
def test_runs_began_at_the_expected_times(h: AppHarness[Porch], times: list[Moment]) -> None:
    h.ledger.assert_ran_at(SWEEP, times)


def test_other_times_of_runs_are_named(h: AppHarness[Porch]) -> None:
    with pytest.raises(AssertionError) as caught:
        h.ledger.assert_ran_at(SWEEP, [at(minute) for minute in (10, 20, 30, 40, 60)])
    text = str(caught.value)
    assert "missing 2025-01-01T00:40:00; " in text
    assert "unexpected 2025-01-01T00:21:00, 2025-01-01T01:00:00" in text


def test_many_times_are_cut_short() -> None:
    with AppHarness(Porch, {"minutes": 1}) as h:
        h.advance(hours=1)
        with pytest.raises(AssertionError, match=r"missing none; unexpected .*00:10:00, and more"):
            h.ledger.assert_ran_at(SWEEP, [])


def test_a_ledger_that_adds_up_is_conserved(h: AppHarness[Porch]) -> None:
    h.ledger.assert_conserved()


def test_a_slot_without_a_row_is_named(h: AppHarness[Porch]) -> None:
    cut(h.ledger.path, "DELETE FROM raw_executions WHERE id = 1")
    with pytest.raises(AssertionError, match=r"sweep: missing: 2025-01-01T00:10:00"):
        h.ledger.assert_conserved()
    h.stop()
    cut(h.ledger.path, "UPDATE raw_schedules SET first_ts = first_ts + 600000000000")  # so that leaving finds nothing


def test_leaving_the_block_checks_the_ledger() -> None:
    def lose_a_row(h: AppHarness[Porch]) -> None:
        h.advance(minutes=30)
        cut(h.ledger.path, "DELETE FROM raw_executions WHERE id = 1")

    with pytest.raises(AssertionError, match=r"porch\.sweep: missing: 2025-01-01T00:10:00"), AppHarness(Porch) as h:
        lose_a_row(h)


def test_a_ledger_may_be_asked_after_the_end_of_its_process() -> None:
    with AppHarness(Porch) as h:
        h.advance(minutes=30)
        h.crash()
        h.ledger.assert_outcomes(SWEEP, {"success": 3})
        h.ledger.assert_conserved()


def test_there_are_no_rows_without_a_file(tmp_path: Path) -> None:
    assert AppLedger(tmp_path / "duly.db", VirtualClock(), lambda: None).rows() == []


def test_more_rows_than_are_read_at_once() -> None:
    with AppHarness(Porch, {"minutes": 1}) as h:
        assert len(h.advance(days=1)) == 1440
        assert h.ledger.count(SWEEP, "success") == 1440
        assert [row.first for row in h.ledger.rows()] == sorted(at(minute) for minute in range(1, 1441))


def test_moments_are_those_of_the_zone_of_the_harness() -> None:
    with AppHarness(Porch, start="2025-07-01T06:00", timezone="Europe/Berlin") as h:
        h.advance_to(PlainDateTime(2025, 7, 1, 6, 10))
        h.advance_to(Instant.from_utc(2025, 7, 1, 4, 20))
        h.ledger.assert_ran_at(SWEEP, ["2025-07-01T06:10", "2025-07-01T04:20Z"])

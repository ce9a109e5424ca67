"""The ledger by slot, and slots expected against slots recorded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from whenever import Date, ZonedDateTime

from duly.core.clock import SECOND, nanoseconds, zoned
from duly.ledger import accounts, jobs, slots
from duly.ledger.accounts import ScheduleAccount
from duly.ledger.pages import BEGINNING, END
from duly.triggers import Cron, Once
from tests.ledger.ledger_file import at
from tests.ledger.written import Written, reader_of, seconds, written


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Written]:
    with written(tmp_path) as file:
        yield file


def spans(file: Written, since: int = BEGINNING, until: int = END) -> list[tuple[float | None, float | None, str]]:
    with reader_of(file) as reader:
        rows = reader.stream(slots.slots, 1, since, until)
        return [(seconds(row.first), seconds(row.last), row.status) for row in rows]


def account(file: Written, since: int = BEGINNING, until: int = END) -> ScheduleAccount:
    with reader_of(file) as reader:
        job = reader.read(jobs.job, 1)
        assert job is not None
        (found,) = reader.read(accounts.accounts, job, since, until)
        return found


def test_slots_are_in_order_of_time_over_all_schedules(file: Written) -> None:
    old, new = file.job(), file.job(first=50)
    file.slots(new, [50, 60])
    file.row(old, 20, "missed", to=40, count=3, reason="down")
    file.slots(old, [10])
    assert spans(file) == [(10, 10, "success"), (20, 40, "missed"), (50, 50, "success"), (60, 60, "success")]


def test_a_row_that_reaches_into_the_window_belongs_to_it(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10])
    file.row(schedule, 20, "missed", to=40, count=3, reason="down")
    file.slots(schedule, [50, 60])
    assert spans(file, at(30), at(60)) == [(20, 40, "missed"), (50, 50, "success")]
    assert spans(file, at(41), at(60)) == [(50, 50, "success")]


def test_a_settled_slot_tells_its_execution(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, "skipped", reason="overlap")
    with reader_of(file) as reader:
        (row,) = reader.stream(slots.slots, 1)
    assert (row.reason, row.count, row.schedule_id, row.execution_start_ts) == ("overlap", 1, schedule, at(10))
    assert row.execution_id is not None


def test_an_account_that_adds_up_has_as_many_as_expected(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.row(schedule, 30, "missed", to=50, count=3, reason="down")
    file.slots(schedule, [60], "started")
    found = account(file)
    assert (found.expected, found.recorded, found.open, found.findings) == (6, 6, 1, ())


def test_a_window_counts_what_lies_inside_also_of_rows_across_its_ends(file: Written) -> None:
    schedule = file.job()
    file.row(schedule, 10, "missed", to=40, count=4, reason="down")
    file.row(schedule, 50, "missed", to=90, count=5, reason="down")
    found = account(file, at(30), at(70))
    assert (found.expected, found.recorded, found.findings) == (4, 4, ())


def test_a_difference_is_found_in_the_window_and_not_outside(file: Written) -> None:
    file.slots(file.job(), [10, 30, 40, 50])
    found = account(file)
    assert (found.expected, found.recorded) == (5, 4)
    assert [finding.kind.value for finding in found.findings] == ["missing"]
    assert account(file, at(30)).findings == ()
    assert account(file, at(0), at(20)).findings == ()
    assert account(file, at(0), at(21)).findings == found.findings


def test_a_chain_that_ended_needs_all_slots_up_to_its_end(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    file.closed_chain(schedule, 40)
    found = account(file)
    assert (found.expected, found.recorded) == (4, 2)
    assert [(seconds(each.first), seconds(each.last), each.count) for each in found.findings] == [(30, 40, 2)]


def test_slots_behind_the_last_row_are_not_expected_yet(file: Written) -> None:
    file.job()
    assert (account(file).expected, account(file).recorded) == (0, 0)


def test_a_chain_whose_only_slot_is_settled_adds_up(file: Written) -> None:
    schedule = file.job(trigger=Once(zoned(at(10), "UTC")))
    file.slots(schedule, [10])
    assert (account(file).expected, account(file).recorded, account(file).findings) == (1, 1, ())


def test_nothing_is_expected_below_the_floor(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [40, 50])
    file.db.execute("INSERT INTO raw_meta VALUES ('floor_app', ?)", (str(at(30) + 1),))
    assert (account(file).expected, account(file).recorded, account(file).findings) == (2, 2, ())


def test_the_floor_of_the_other_tier_is_no_excuse(file: Written) -> None:
    schedule = file.job()
    file.slots(schedule, [40, 50])
    file.db.execute("INSERT INTO raw_meta VALUES ('floor_framework', ?)", (str(at(30) + 1),))
    assert len(account(file).findings) == 1


def test_a_schedule_whose_rows_were_all_deleted_adds_up(file: Written) -> None:
    schedule = file.job()
    file.db.execute("INSERT INTO raw_meta VALUES ('floor_app', ?)", (str(at(30) + 1),))
    file.db.execute("UPDATE raw_schedules SET open_ts = ? WHERE id = ?", (at(40), schedule))
    assert (account(file).expected, account(file).recorded, account(file).findings) == (0, 0, ())


def test_of_a_trigger_of_a_user_only_doubles_are_found(file: Written) -> None:
    schedule = file.job()
    file.db.execute("UPDATE raw_schedules SET trigger_spec = NULL")
    file.slots(schedule, [10, 90])
    assert (account(file).expected, account(file).recorded, account(file).findings) == (None, 2, ())
    file.row(schedule, 80, "missed", to=100, count=3, reason="down")
    assert [finding.kind.value for finding in account(file).findings] == ["twice"]


def test_schedules_outside_the_window_are_left_out(file: Written) -> None:
    old = file.job()
    file.slots(old, [10])
    file.closed_chain(old, 15)
    file.job(first=100)
    assert account(file, at(16), at(200)).schedule.first_ts == at(100)
    assert account(file, at(0), at(100)).schedule.first_ts == at(10)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2025-03-30"),
        ("America/New_York", "2025-11-02"),
        ("Australia/Lord_Howe", "2025-04-06"),
        ("Europe/Dublin", "2025-03-30"),
        ("UTC", "2025-03-30"),
        ("America/Santiago", "2025-09-07"),
    ],
)
def test_a_day_on_which_clocks_change_has_the_slots_that_it_has(file: Written, zone: str, day: str) -> None:
    first, begin, end = (midnight(day, zone, days) for days in (-1, 0, 1))
    moments = list(half_hours(zone, first, end + 6 * 3600 * SECOND))
    schedule = file.job(trigger=HALF_HOURS, zone=zone, first=seconds(first) or 0)
    file.slots(schedule, [seconds(moment) or 0 for moment in moments])
    expected = len([moment for moment in moments if begin <= moment < end])
    found = account(file, begin, end)
    assert (found.expected, found.recorded, found.findings) == (expected, expected, ())


HALF_HOURS = Cron("*/30 * * * *")


def midnight(day: str, zone: str, days: int) -> int:
    """The beginning of a day; where clocks skip it, the moment at which they do."""
    return nanoseconds(ZonedDateTime(f"{Date(day).add(days=days)}T00:00:00[{zone}]", disambiguation="compatible"))


def half_hours(zone: str, slot: int | None, until: int) -> Iterator[int]:
    chain = HALF_HOURS.chain(zone)
    while slot is not None and slot < until:
        yield slot
        slot = chain.next(slot, slot)

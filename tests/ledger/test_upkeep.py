"""What upkeep deletes by age, in which order, and that the account stays consistent."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.core.clock import zoned
from duly.ledger import doctor
from duly.ledger.conservation import Kind
from duly.ledger.jobs import CHAIN_ENDED
from duly.ledger.upkeep import expire_executions, expire_logs, expire_registrations, reaches_back_to
from duly.testing import VirtualClock
from duly.triggers import Once
from tests.ledger.ledger_file import LedgerFile, at


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LedgerFile]:
    file = LedgerFile(tmp_path / "jobs.db")
    yield file
    file.db.close()


def everything(expire: Callable[..., int], file: LedgerFile, older_than: float, limit: int = 1000) -> int:
    """Have it delete until there is nothing left for it."""
    deleted = 0
    while rows := expire(file.db, at(older_than), limit):
        assert rows <= limit
        deleted += rows
    return deleted


def custom(file: LedgerFile) -> int:
    """A schedule that only the program can calculate."""
    schedule = file.job("custom")
    file.db.execute("UPDATE raw_schedules SET trigger_spec = NULL WHERE id = ?", (schedule,))
    return schedule


# Executions


def test_executions_older_than_that_are_deleted_and_others_stay(file: LedgerFile) -> None:
    file.slots(file.job(), [10, 20, 30, 40])
    assert everything(expire_executions, file, 25) == 2
    assert file.starts() == [30, 40]


def test_one_call_deletes_no_more_than_its_limit_and_the_oldest_first(file: LedgerFile) -> None:
    file.slots(file.job(), [10, 20, 30, 40])
    assert expire_executions(file.db, at(35), 2) == 2
    assert file.starts() == [30, 40]
    assert expire_executions(file.db, at(35), 2) == 1
    assert expire_executions(file.db, at(35), 2) == 0


def test_what_runs_is_never_deleted_nor_in_the_way_of_others(file: LedgerFile) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20, 30], "started")
    file.slots(schedule, [40, 50])
    assert everything(expire_executions, file, 60, limit=1) == 2
    assert file.starts() == [10, 20, 30]


def test_a_row_for_several_slots_stays_until_the_last_of_them_is_old(file: LedgerFile) -> None:
    file.row(file.job(), 10, "missed", to=50, count=5, reason="down")
    assert everything(expire_executions, file, 50) == 0
    assert everything(expire_executions, file, 51) == 1
    assert file.floor() == 50


def test_old_rows_behind_young_ones_stay_until_those_have_gone(file: LedgerFile) -> None:
    schedule = file.job()
    file.slots(schedule, [100])
    file.row(schedule, 10, "missed", to=90, count=9, reason="down")
    assert everything(expire_executions, file, 95, limit=1) == 0
    assert everything(expire_executions, file, 200, limit=1) == 2


def test_the_floor_of_each_tier_is_behind_its_last_deleted_slot(file: LedgerFile) -> None:
    file.slots(file.job(), [10, 20, 50])
    file.slots(file.job("beat", tier="framework"), [10, 20, 30], tier="framework")
    everything(expire_executions, file, 25)
    assert (file.floor("app"), file.floor("framework")) == (20, 20)
    everything(expire_executions, file, 45)
    assert (file.floor("app"), file.floor("framework")) == (20, 30)


def test_the_floor_never_goes_back(file: LedgerFile) -> None:
    schedule = file.job()
    file.slots(schedule, [50])
    everything(expire_executions, file, 60)
    file.slots(schedule, [10])
    everything(expire_executions, file, 60)
    assert file.floor() == 50


def test_nothing_deleted_is_no_floor(file: LedgerFile) -> None:
    file.slots(file.job(), [10])
    assert everything(expire_executions, file, 5) == 0
    assert file.floor() is None


def test_the_slot_to_go_on_from_is_kept_when_the_highest_row_goes(file: LedgerFile) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20])
    everything(expire_executions, file, 30)
    assert file.open_slot(schedule) == at(30)


def test_the_slot_to_go_on_from_follows_the_last_slot_of_several(file: LedgerFile) -> None:
    schedule = file.job()
    file.row(schedule, 10, "missed", to=50, count=5, reason="down")
    everything(expire_executions, file, 60)
    assert file.open_slot(schedule) == at(60)


def test_a_schedule_that_keeps_its_highest_row_needs_no_slot_to_go_on_from(file: LedgerFile) -> None:
    schedule = file.job()
    file.slots(schedule, [10, 20, 30])
    everything(expire_executions, file, 25)
    assert file.open_slot(schedule) is None


def test_a_higher_row_that_goes_before_a_lower_one_that_runs_leaves_the_slot_to_go_on_from(file: LedgerFile) -> None:
    schedule = file.job()
    file.slots(schedule, [10], "started")
    file.slots(schedule, [20])
    everything(expire_executions, file, 30)
    assert (file.starts(), file.open_slot(schedule)) == ([10], at(30))


def test_of_a_chain_that_has_ended_it_is_kept_that_it_has(file: LedgerFile) -> None:
    schedule = file.job("once", Once(zoned(at(10), "UTC")))
    file.slots(schedule, [10])
    everything(expire_executions, file, 20)
    assert (file.starts(), file.open_slot(schedule)) == ([], CHAIN_ENDED)


def test_of_a_schedule_that_only_the_program_knows_the_highest_row_stays(file: LedgerFile) -> None:
    schedule = custom(file)
    file.slots(schedule, [10, 20, 30])
    assert everything(expire_executions, file, 60, limit=1) == 2
    assert file.starts() == [30]


def test_of_an_ended_schedule_that_only_the_program_knows_all_rows_go(file: LedgerFile) -> None:
    schedule = custom(file)
    file.slots(schedule, [10, 20])
    file.repository.end_schedule(file.db, schedule, at(30))
    assert everything(expire_executions, file, 60) == 2


def test_runs_by_hand_and_rows_of_handlers_go_like_others(file: LedgerFile) -> None:
    file.row(file.job(), None, start=10)
    file.handled(file.listener(), 20)
    assert everything(expire_executions, file, 30) == 2
    assert file.floor() == 20


@given(
    slots=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["success", "missed"])), min_size=1, max_size=12),
    older_than=st.integers(0, 400),
    limit=st.integers(1, 4),
)
def test_the_account_adds_up_whatever_was_deleted(
    slots: list[tuple[int, str]], older_than: int, limit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = LedgerFile(tmp_path_factory.mktemp("ledger") / "jobs.db")
    schedule, slot = file.job(), 10
    for count, status in slots:
        if status == "missed" and count > 1:
            file.row(schedule, slot, status, to=slot + 10 * (count - 1), count=count, reason="down")
            slot += 10 * count
        else:
            file.slots(schedule, [slot])
            slot += 10
    everything(expire_executions, file, older_than, limit)
    file.db.close()
    report = doctor.examine(file.path, clock=VirtualClock(), deep=False)
    assert [each.line for each in report.diagnoses] == []
    assert report.expected == report.recorded


def test_a_row_that_is_lost_otherwise_is_still_found(file: LedgerFile) -> None:
    file.slots(file.job(), [10, 20, 40])
    everything(expire_executions, file, 15)
    report = doctor.examine(file.path, clock=VirtualClock())
    assert [(each.trouble.value, each.first) for each in report.diagnoses] == [(Kind.MISSING.value, at(30))]


# Log records


def test_log_records_older_than_that_are_deleted_oldest_first(file: LedgerFile) -> None:
    for time in (30, 10, 20, 40):
        file.log(time)
    assert expire_logs(file.db, at(35), 2) == 2
    assert file.logs() == [30, 40]
    assert everything(expire_logs, file, 35) == 1


# Registrations


def test_jobs_cancelled_or_retired_before_then_go_with_their_schedules(file: LedgerFile) -> None:
    cancelled, retired, live = file.job("cancelled"), file.job("retired"), file.job("live")
    file.repository.cancel_job(file.db, file.job_id(cancelled), at(10))
    file.repository.retire_job(file.db, file.job_id(retired), at(10))
    assert everything(expire_registrations, file, 10) == 0
    assert everything(expire_registrations, file, 20) == 2
    assert file.db.execute("SELECT job_id FROM raw_schedules").fetchall() == [(file.job_id(live),)]


@pytest.mark.parametrize("slot", [10, None])
def test_a_retired_job_that_has_rows_stays(file: LedgerFile, slot: float | None) -> None:
    schedule = file.job()
    file.row(schedule, slot, start=10)
    file.repository.retire_job(file.db, file.job_id(schedule), at(20))
    file.repository.end_schedule(file.db, schedule, at(20))
    assert everything(expire_registrations, file, 30) == 0
    everything(expire_executions, file, 30)
    assert everything(expire_registrations, file, 30) == 1
    assert (file.count("raw_scheduled_jobs"), file.count("raw_schedules")) == (0, 0)


def test_an_ended_schedule_without_rows_goes_while_its_job_lives(file: LedgerFile) -> None:
    old = file.job()
    file.repository.end_schedule(file.db, old, at(10))
    file.job()
    assert everything(expire_registrations, file, 20) == 1
    assert (file.count("raw_scheduled_jobs"), file.count("raw_schedules")) == (1, 1)


def test_retired_listeners_go_when_they_have_no_rows(file: LedgerFile) -> None:
    used, unused = file.listener("used"), file.listener("unused")
    file.handled(used, 5)
    for listener in (used, unused):
        file.db.execute("UPDATE raw_listeners SET retired_at = ? WHERE id = ?", (at(10), listener))
    assert everything(expire_registrations, file, 20) == 1
    assert file.db.execute("SELECT name FROM listeners").fetchall() == [("used",)]


def test_ended_sessions_go_when_nothing_refers_to_them(file: LedgerFile) -> None:
    file.slots(file.job(), [10])
    file.end_session(20)
    file.session(30)
    file.end_session(40)
    running = file.session(50)
    assert everything(expire_registrations, file, 60) == 1
    everything(expire_executions, file, 60)
    assert everything(expire_registrations, file, 60) == 1
    assert file.db.execute("SELECT id FROM sessions").fetchall() == [(running,)]


def test_a_session_of_log_records_stays(file: LedgerFile) -> None:
    file.log(10)
    file.end_session(20)
    file.session(30)
    assert everything(expire_registrations, file, 60) == 0


def test_no_more_registrations_go_than_the_limit(file: LedgerFile) -> None:
    for number in range(5):
        file.repository.retire_job(file.db, file.job_id(file.job(f"job-{number}")), at(10))
    file.end_session(15)
    assert [expire_registrations(file.db, at(20), 4) for _ in range(3)] == [4, 2, 0]


# How far it reaches back


def test_data_reach_back_to_the_older_of_execution_and_log_record(file: LedgerFile) -> None:
    assert reaches_back_to(file.db) is None
    file.slots(file.job(), [20])
    assert reaches_back_to(file.db) == at(20)
    file.log(10)
    assert reaches_back_to(file.db) == at(10)

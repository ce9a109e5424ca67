"""What readers make of a file of a replica, in which several leaderships have decided slots of one chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duly.core.trigger import StoredType
from duly.ledger import executions, jobs, slots, upcoming, upkeep, why
from duly.ledger.accounts import accounts
from duly.ledger.continuation import Wanted, enrol
from duly.ledger.executions import ExecutionFilter
from duly.ledger.file_info import file_info
from duly.ledger.registrations import ScheduledJobRegistration
from duly.ledger.why import Verdict, Why
from duly.ledger.why_words import sentence
from tests.ledger.ledger_file import at
from tests.ledger.replicas import ORDERS, Replica, replicas
from tests.ledger.written import seconds


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Replica]:
    """It has led from 10 to 40, when it was killed, and from 60 on; 50 was decided by another replica."""
    with replicas(tmp_path, 1) as (file,):
        file.lead(1, None)
        file.slots(file.part(1), [10, 20, 30])
        file.lead(2, 1, start=35)
        second = file.part(2, 30)
        file.slots(second, [30], "error")
        file.slots(second, [40])
        file.lead(4, 3, start=55)
        file.slots(file.part(4, 60), [60])
        yield file


def job_of(file: Replica) -> jobs.StoredJob:
    (job,) = jobs.jobs(file.db)
    return job


def asked(file: Replica, moment: float, now: float = 65) -> Why:
    return why.why(file.db, job_of(file), at(moment), now=at(now), alive=True)


def test_a_slot_is_told_once_with_what_the_latest_leadership_made_of_it(file: Replica) -> None:
    found = [(seconds(each.first), each.status) for each in slots.slots(file.db, job_of(file).id)]
    assert found == [(10, "success"), (20, "success"), (30, "error"), (40, "success"), (60, "success")]


def test_the_list_of_executions_has_all_rows(file: Replica) -> None:
    rows = executions.page(file.db, ExecutionFilter(job_id=job_of(file).id)).rows
    assert [seconds(row.scheduled_ts) for row in rows] == [60, 40, 30, 30, 20, 10]


def test_coming_slots_are_told_once(file: Replica) -> None:
    coming = upcoming.upcoming(file.db, job_of(file)).slots(at(62))
    assert [seconds(next(coming)) for _ in range(3)] == [70, 80, 90]


def test_no_account_is_drawn_up_of_what_is_shared(file: Replica) -> None:
    assert accounts(file.db, job_of(file)) == ()


@pytest.mark.parametrize(
    ("moment", "verdict", "status"),
    [
        (10, Verdict.RAN, "success"),
        (30, Verdict.RAN, "error"),
        (40, Verdict.RAN, "success"),
        (50, Verdict.ELSEWHERE, None),
        (60, Verdict.RAN, "success"),
        (70, Verdict.TO_COME, None),
        (5, Verdict.BEFORE, None),
    ],
)
def test_why_a_slot_ran_is_told_of_all_leaderships(
    file: Replica, moment: float, verdict: Verdict, status: str | None
) -> None:
    answer = asked(file, moment)
    assert (answer.verdict, None if answer.row is None else answer.row.status) == (verdict, status)


def test_of_a_slot_that_has_no_row_another_file_may_tell(file: Replica) -> None:
    assert sentence(asked(file, 50), "UTC") == (
        "2025-01-01 00:00:50 has no row in this file: another replica led then, or nobody has decided about it yet"
    )


def test_of_a_slot_of_two_chains_that_of_the_latest_leadership_is_told(file: Replica) -> None:
    file.lead(5, 4, start=65)
    file.slots(file.part(5, 70, first=70), [70])
    assert asked(file, 70, now=75).verdict is Verdict.RAN


def test_a_schedule_that_replicas_share_is_not_gone_on_with_alone(file: Replica) -> None:
    job = job_of(file)
    stored = file.repository.newest_schedule(file.db, job.id)
    assert stored is not None
    assert (stored.fence, stored.live) == (4, False)
    kind: StoredType = "interval"
    wanted = Wanted(kind, stored.trigger_id, stored.trigger_spec, "UTC", at(10))
    registration = ScheduledJobRegistration(ORDERS, 0, "fetch", "fetch", kind)
    enrolled = enrol(file.repository, file.db, registration, wanted, now=at(95), session_id=file.session_id)
    assert enrolled.stored is None
    assert seconds(enrolled.first) == 70
    rows = executions.page(file.db, ExecutionFilter(job_id=job.id, statuses=("missed",))).rows
    assert rows == ()


def test_schedules_of_old_leaderships_go_with_their_rows(file: Replica) -> None:
    while upkeep.expire_executions(file.db, at(58), 100):
        pass
    upkeep.expire_registrations(file.db, at(50), 100)
    fences = "SELECT fence FROM raw_schedules ORDER BY id"
    assert [fence for (fence,) in file.db.execute(fences)] == [2, 4]
    upkeep.expire_registrations(file.db, at(58), 100)
    assert [fence for (fence,) in file.db.execute(fences)] == [4]
    assert file.count("raw_leaderships") == 3


def test_the_facts_of_a_file_name_its_leaderships(file: Replica) -> None:
    assert [each.fence for each in file_info(file.path).leaderships] == [1, 2, 4]

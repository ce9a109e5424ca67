"""Leaderships as the ledger keeps them, and which of them are not in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duly.core.clock import NEVER
from duly.ledger.jobs import CHAIN_ENDED, schedules
from duly.ledger.leaderships import NONE_BEFORE, StoredLeadership, absent, leaderships, unanchored
from tests.ledger.ledger_file import BEGIN, at
from tests.ledger.replicas import Replica, replicas


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Replica]:
    with replicas(tmp_path, 1) as (file,):
        yield file


def led(fence: int, previous: int | None) -> StoredLeadership:
    return StoredLeadership(fence, previous, 0, None, None)


def test_a_leadership_is_kept_with_what_was_before(file: Replica) -> None:
    file.repository.begin_leadership(file.db, 4, file.session_id, at(5))
    file.repository.note_previous(file.db, 4, 3)
    file.repository.end_leadership(file.db, 4, at(9))
    assert leaderships(file.db) == (StoredLeadership(4, 3, at(5), at(9), file.session_id),)


def test_what_was_before_is_not_known_until_it_is_noted(file: Replica) -> None:
    file.repository.begin_leadership(file.db, 4, None, at(5))
    assert leaderships(file.db) == (StoredLeadership(4, None, at(5), None, None),)
    file.repository.note_previous(file.db, 4, None)
    assert leaderships(file.db) == (StoredLeadership(4, NONE_BEFORE, at(5), None, None),)


def test_the_end_of_a_leadership_is_noted_once(file: Replica) -> None:
    file.lead(4, None)
    file.repository.end_leadership(file.db, 4, at(9))
    file.repository.end_leadership(file.db, 4, at(20))
    assert leaderships(file.db)[0].ended_at == at(9)


def test_a_fence_that_occurs_again_is_of_a_fleet_that_begins_again(file: Replica) -> None:
    file.lead(4, 3)
    file.repository.end_leadership(file.db, 4, at(9))
    file.repository.begin_leadership(file.db, 4, None, at(50))
    assert leaderships(file.db) == (StoredLeadership(4, None, at(50), None, None),)


def test_people_see_seconds(file: Replica) -> None:
    file.lead(4, 3, start=5)
    file.part(4)
    assert file.db.execute("SELECT * FROM leaderships").fetchall() == [(4, 3, BEGIN + 5.0, None, 2)]
    assert file.db.execute("SELECT fence, open_ts FROM schedules").fetchall() == [(4, BEGIN + 10.0)]


def test_a_chain_at_its_end_can_be_taken_over(file: Replica) -> None:
    schedule_id = file.part(4)
    file.repository.open_schedule(file.db, file.job_id(schedule_id), at(10), ("x", None), "UTC", 5, NEVER)
    assert schedules(file.db, file.job_id(schedule_id))[-1].open_ts == CHAIN_ENDED


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], []),
        ([led(1, NONE_BEFORE)], []),
        ([led(1, NONE_BEFORE), led(2, 1), led(5, 2)], []),
        ([led(5, 2), led(1, NONE_BEFORE)], [2]),
        ([led(9, 7), led(5, 2)], [2, 7]),
        ([led(1, NONE_BEFORE), led(2, 1), led(3, 1)], []),
        ([led(1, NONE_BEFORE), led(3, None)], []),
    ],
    ids=["none", "the first", "all", "one between", "several", "one that has committed nothing", "one just begun"],
)
def test_leaderships_that_are_named_and_not_known(known: list[StoredLeadership], expected: list[int]) -> None:
    assert absent(known) == expected


def test_a_leadership_that_has_decided_something_should_know_what_was_before() -> None:
    known = [led(1, NONE_BEFORE), led(2, None), led(3, 1), led(4, None)]
    assert unanchored(known, {1, 2, 3, 7}) == [2, 7]

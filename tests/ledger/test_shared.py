"""Which entries of several leaderships count."""

import pytest

from duly.ledger.conservation import Entry
from duly.ledger.jobs import CHAIN_ENDED, JobSchedule
from duly.ledger.shared import Decided, by_chain, judged, whole
from tests.ledger.ledger_file import at


def entry(first: float, last: float | None = None) -> Entry:
    return Entry(at(first), at(first if last is None else last), 1, "success")


def part(fence: int, begin: float | None, *spans: float | tuple[float, float]) -> Decided[Entry]:
    entries = [entry(*span) if isinstance(span, tuple) else entry(span) for span in spans]
    return Decided(fence, None if begin is None else at(begin), entries)


def counting(*parts: Decided[Entry]) -> list[Entry]:
    return [each for each, counts in judged(parts) if counts]


def schedule(number: int, fence: int | None, *, first: float = 10, **other: int | None) -> JobSchedule:
    known = {"open_ts": None, "ended_at": None, "highest": None} | other
    return JobSchedule(number, 1, "every:10", "{}", "UTC", at(first), fence=fence, **known)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([part(1, 10, 10, 20)], [entry(10), entry(20)]),
        ([part(1, 10, 10, 20), part(2, 30, 30, 40)], [entry(10), entry(20), entry(30), entry(40)]),
        ([part(2, 30, 30, 40), part(1, 10, 10, 20)], [entry(10), entry(20), entry(30), entry(40)]),
        ([part(1, 10, 10, 20, 30), part(2, 20, 20)], [entry(10), entry(20)]),
        ([part(1, 10, 10, 20, 30), part(2, 20)], [entry(10)]),
        ([part(1, 10, 10, (20, 40)), part(2, 20, 20, 30)], [entry(10), entry(20), entry(30)]),
        ([part(1, 10, 10, 20, 30), part(2, 40, 10, 40)], [entry(10), entry(20), entry(30), entry(40)]),
        ([part(1, 10, 10), part(2, 20, 10, 20, 30), part(3, 20, 10, 20)], [entry(10), entry(20)]),
        ([part(1, 10, 10, 20, 30, 40), part(2, 20, (20, 50)), part(3, 20, 20)], [entry(10), entry(20)]),
        ([part(1, 10, (10, 30)), part(2, 40, 20)], [entry(10, 30), entry(20)]),
        ([part(1, 10, 10, 20, 20)], [entry(10), entry(20), entry(20)]),
    ],
    ids=[
        "one leadership",
        "one after the other",
        "in whichever order they are given",
        "what was not committed is decided anew",
        "what was not committed does not count, decided anew or not",
        "it may be decided in other pieces",
        "what was open is ended by the next",
        "or by the one after that",
        "several have died before they could commit",
        "an earlier entry that is overlapped counts, and so does the later",
        "twice in one leadership is twice",
    ],
)
def test_entries_that_count(parts: list[Decided[Entry]], expected: list[Entry]) -> None:
    assert counting(*parts) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([part(1, None, 10, 20, 30), part(2, None, 20, 30)], [(1, 10), (2, 20), (2, 30)]),
        ([part(1, None, 10, 20, 30, 40), part(2, None, 20)], [(1, 10), (2, 20), (1, 30), (1, 40)]),
        ([part(1, None, 10, 20, 30, 40), part(2, None, (20, 40))], [(1, 10), (2, 20)]),
        ([part(1, None, 10, (20, 50)), part(2, None, (20, 30), 40)], [(1, 10), (2, 20), (2, 40)]),
    ],
    ids=["decided anew", "what is not decided anew counts", "decided anew in one", "decided anew in several"],
)
def test_where_a_leadership_began_need_not_be_known(
    parts: list[Decided[Entry]], expected: list[tuple[int, float]]
) -> None:
    assert [at(first) for _, first in expected] == [each.first for each in counting(*parts)]
    for fence, first in expected:
        (own,) = (each for each in parts if each.fence == fence)
        assert any(each.first == at(first) and each in counting(*parts) for each in own.entries)


def test_what_does_not_count_is_told_too() -> None:
    assert list(judged([part(1, 10, 10, 20), part(2, 20, 20)])) == [
        (entry(10), True),
        (entry(20), True),
        (entry(20), False),
    ]


def test_schedules_without_a_fence_stand_alone() -> None:
    schedules = [schedule(1, None), schedule(2, 1), schedule(3, None), schedule(4, 2), schedule(5, 2, first=15)]
    assert [[each.id for each in chain] for chain in by_chain(schedules)] == [[1], [2, 4], [3], [5]]


def test_the_latest_leadership_tells_how_far_a_chain_is() -> None:
    latest = schedule(3, 7, open_ts=at(40))
    assert whole([schedule(1, 2, open_ts=at(10), highest=at(90)), latest, schedule(9, 3, ended_at=at(5))]) == latest


def test_if_it_does_not_all_of_them_do() -> None:
    found = whole([schedule(1, 2, highest=at(90)), schedule(3, 7, highest=at(50)), schedule(4, 5, open_ts=at(60))])
    assert (found.id, found.highest, found.open_ts) == (3, at(90), at(60))


def test_a_schedule_that_stands_alone_stays_as_it_is() -> None:
    alone = schedule(1, None, open_ts=CHAIN_ENDED, highest=at(30))
    assert whole([alone]) == alone

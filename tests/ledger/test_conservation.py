"""The walk along a chain and the entries of its account: what it finds, and that it goes on."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly.core.clock import NEVER, SECOND
from duly.core.trigger import Chain
from duly.ledger.conservation import Account, Entry, Finding, Kind, findings
from duly.triggers import Cron, Every
from duly.triggers.interval import Grid, SecondGrid
from duly.triggers.once import Single
from tests.core.chains import Calendar, Steps, Uncounted

BEGIN = 1_735_689_600
"""2025-01-01T00:00:00 UTC."""


def at(seconds: float) -> int:
    return round((BEGIN + seconds) * SECOND)


def entry(seconds: float, last: float | None = None, count: int = 1, label: str = "success") -> Entry:
    return Entry(at(seconds), at(seconds if last is None else last), count, label)


def entries(first: int, last: int, step: int = 10) -> list[Entry]:
    return [entry(seconds) for seconds in range(first, last + 1, step)]


EVERY_TEN = Account("porch", Grid(10 * SECOND), at(10), at(60))
"""A grid without an anchor, of which the slots 10 to 50 are decided."""


def found(account: Account, written: Iterable[Entry]) -> list[tuple[str, int, int, int]]:
    """(kind, first, last, count) of all findings, in seconds from the beginning."""
    return [
        (finding.kind.value, finding.first // SECOND - BEGIN, finding.last // SECOND - BEGIN, finding.count)
        for finding in findings(account, written, "UTC")
    ]


def lines(account: Account, written: Iterable[Entry]) -> list[str]:
    return [finding.line for finding in findings(account, written, "UTC")]


def test_an_account_without_entries_of_a_chain_without_decided_slots_adds_up() -> None:
    assert found(replace(EVERY_TEN, pending=at(10)), []) == []


def test_entries_of_every_slot_add_up() -> None:
    assert found(EVERY_TEN, entries(10, 50)) == []


def test_open_slots_stand_in_order_among_the_entries() -> None:
    account = replace(EVERY_TEN, open=[at(50), at(20)])
    assert found(account, [entry(10), entry(30, 40, 2)]) == []


def test_a_gap_is_one_finding_with_its_ends_and_its_number() -> None:
    assert found(EVERY_TEN, [entry(10), entry(50)]) == [("missing", 20, 40, 3)]


def test_nothing_written_is_one_gap() -> None:
    assert found(EVERY_TEN, []) == [("missing", 10, 50, 5)]


def test_a_huge_gap_is_counted_not_enumerated() -> None:
    chain = Steps(1)
    year = 365 * 86_400
    account = Account("porch", chain, at(1), at(year))
    assert found(account, [entry(1), entry(year - 1)]) == [("missing", 2, year - 2, year - 3)]
    assert chain.calls < 15


def test_the_line_names_the_first_slots_of_a_gap() -> None:
    (line,) = lines(replace(EVERY_TEN, pending=at(80)), [])
    assert line.startswith("missing: 2025-01-01T00:00:10+00:00[UTC], 2025-01-01T00:00:20+00:00[UTC], ")
    assert line.endswith(", 2025-01-01T00:00:50+00:00[UTC], and more")


def test_the_line_of_a_gap_of_five_names_them_all() -> None:
    (line,) = lines(EVERY_TEN, [])
    assert line.endswith(", 2025-01-01T00:00:50+00:00[UTC]")


@pytest.mark.parametrize(
    ("second", "finding"),
    [
        (entry(20), ("twice", 20, 20, 1)),
        (entry(20, 40, 3), ("twice", 20, 40, 3)),
        (entry(30, 50, 3), ("twice", 30, 40, 2)),
        (entry(40, 50, 2), ("twice", 40, 40, 1)),
    ],
    ids=["one", "the same", "overlapping", "the last"],
)
def test_slots_that_two_entries_hold_are_found(second: Entry, finding: tuple[str, int, int, int]) -> None:
    rest = [] if second.last == at(50) else [entry(50)]
    written = sorted([entry(10), entry(20, 40, 3, "missed down"), second, *rest])
    assert found(EVERY_TEN, written) == [finding]


def test_an_entry_within_a_longer_one_does_not_hide_the_next_that_overlaps() -> None:
    written = [entry(10, 40, 4), entry(20), entry(30), entry(50)]
    assert found(EVERY_TEN, written) == [("twice", 20, 20, 1), ("twice", 30, 30, 1)]


def test_the_line_of_a_double_shows_both_entries() -> None:
    written = sorted([*entries(10, 50), entry(20, 30, 2, "missed down")])
    assert lines(EVERY_TEN, written)[0] == (
        "twice: 2025-01-01T00:00:20+00:00[UTC] to 2025-01-01T00:00:30+00:00[UTC] (2 missed down)"
        " and 2025-01-01T00:00:20+00:00[UTC] (success)"
    )


def test_an_open_slot_that_has_an_entry_is_there_twice() -> None:
    assert found(replace(EVERY_TEN, open=[at(30)]), entries(10, 50)) == [("twice", 30, 30, 1)]


@pytest.mark.parametrize("seconds", [0, 5, 35, 10.001, 61])
def test_an_entry_that_is_no_slot_is_unknown_and_settles_none(seconds: float) -> None:
    written = sorted([*entries(10, 50), entry(seconds)])
    assert found(EVERY_TEN, written) == [("unknown", int(seconds), int(seconds), 1)]


def test_an_entry_that_is_no_slot_is_unknown_also_within_another_entry() -> None:
    assert found(EVERY_TEN, [entry(10, 50, 5), entry(35)]) == [("unknown", 35, 35, 1)]


def test_slots_before_an_entry_behind_the_pending_slot_are_missing() -> None:
    assert found(EVERY_TEN, [*entries(10, 50), entry(80)]) == [("missing", 60, 70, 2)]


def test_an_unknown_range_does_not_stand_for_the_slots_in_it() -> None:
    written = sorted([*entries(10, 40), entry(15, 55, 4)])
    assert found(EVERY_TEN, written) == [("unknown", 15, 55, 4), ("missing", 50, 50, 1)]


def test_an_entry_after_the_end_of_the_chain_is_unknown() -> None:
    account = Account("porch", Single(at(10)), at(10), NEVER)
    assert found(account, [entry(10), entry(20)]) == [("unknown", 20, 20, 1)]


@pytest.mark.parametrize(
    ("wrong", "finding", "end"),
    [
        (entry(20, 40, 2), ("miscounted", 20, 40, 3), ", but the schedule has 3"),
        (entry(20, 40, 4), ("miscounted", 20, 40, 3), ", but the schedule has 3"),
        (entry(20, 45, 3), ("miscounted", 20, 45, 3), " 3, the last at 2025-01-01T00:00:40+00:00[UTC]"),
    ],
    ids=["too few", "too many", "no slot at the end"],
)
def test_an_entry_that_holds_other_slots_than_it_says_is_miscounted(
    wrong: Entry, finding: tuple[str, int, int, int], end: str
) -> None:
    written = [entry(10), wrong, entry(50)]
    assert found(EVERY_TEN, written) == [finding]
    (line,) = lines(EVERY_TEN, written)
    assert line.startswith("counted wrong: 2025-01-01T00:00:20+00:00[UTC] to 2025-01-01T00:00:4")
    assert line.endswith(end)


def test_one_slot_that_counts_as_two_is_miscounted() -> None:
    assert found(EVERY_TEN, [*entries(10, 40), entry(50, count=2)]) == [("miscounted", 50, 50, 1)]


def test_an_entry_that_ends_before_it_begins_is_miscounted_and_the_walk_goes_on() -> None:
    written = [entry(10), entry(20, 15, 2), *entries(30, 50)]
    assert found(EVERY_TEN, written) == [("miscounted", 20, 15, 1)]


def test_an_overlapping_entry_is_counted_too() -> None:
    written = [entry(10, 30, 3), entry(20, 50, 9)]
    assert found(EVERY_TEN, written) == [("twice", 20, 30, 2), ("miscounted", 20, 50, 4)]


def test_the_walk_goes_on_after_each_finding() -> None:
    written = [entry(20), entry(25), entry(30), entry(30), entry(40, 60, 2), entry(80)]
    assert found(replace(EVERY_TEN, pending=at(100)), written) == [
        ("missing", 10, 10, 1),
        ("unknown", 25, 25, 1),
        ("twice", 30, 30, 1),
        ("miscounted", 40, 60, 3),
        ("missing", 70, 70, 1),
        ("missing", 90, 90, 1),
    ]


def test_a_removed_job_must_have_decided_what_was_due_by_then() -> None:
    removed = replace(EVERY_TEN, closed_at=at(75))
    assert found(removed, entries(10, 50)) == [("missing", 60, 70, 2)]
    assert found(removed, entries(10, 70)) == []


def test_a_removed_job_must_have_decided_what_lay_before_its_pending_slot() -> None:
    assert found(replace(EVERY_TEN, closed_at=at(5)), []) == [("missing", 10, 50, 5)]


def test_a_chain_that_has_ended_must_be_decided_to_its_end() -> None:
    account = Account("porch", Calendar([at(10), at(20), at(30)]), at(10), NEVER)
    assert found(account, [entry(10)]) == [("missing", 20, 30, 2)]
    assert found(account, [entry(10), entry(20, 30, 2)]) == []


class TestFloor:
    """The time before which entries may be gone."""

    FLOOR = replace(EVERY_TEN, floor=at(25))

    def test_what_lies_before_it_need_not_be_there(self) -> None:
        assert found(self.FLOOR, entries(30, 50)) == []

    def test_what_lies_before_it_is_not_checked(self) -> None:
        assert found(self.FLOOR, [entry(12), entry(20), entry(20), *entries(30, 50)]) == []

    def test_what_lies_behind_it_must_be_there(self) -> None:
        assert found(self.FLOOR, [entry(20), entry(40), entry(50)]) == [("missing", 30, 30, 1)]

    def test_a_slot_at_it_must_be_there(self) -> None:
        assert found(replace(EVERY_TEN, floor=at(30)), entries(40, 50)) == [("missing", 30, 30, 1)]

    def test_one_before_the_chain_changes_nothing(self) -> None:
        assert found(replace(EVERY_TEN, floor=at(-100)), entries(20, 50)) == [("missing", 10, 10, 1)]

    def test_one_behind_all_that_is_decided_leaves_nothing_to_check(self) -> None:
        assert found(replace(EVERY_TEN, floor=at(1_000)), []) == []

    def test_one_behind_the_end_of_the_chain_leaves_nothing_to_check(self) -> None:
        assert found(Account("porch", Single(at(10)), at(10), NEVER, floor=at(11)), []) == []

    def test_an_entry_across_it_is_checked_whole(self) -> None:
        assert found(self.FLOOR, [entry(20, 40, 3), entry(50)]) == []
        assert found(self.FLOOR, [entry(20, 40, 2), entry(50)]) == [("miscounted", 20, 40, 3)]

    def test_an_entry_across_it_that_begins_with_no_slot_is_unknown(self) -> None:
        assert found(self.FLOOR, [entry(21, 40, 2), entry(50)]) == [("unknown", 21, 40, 2), ("missing", 30, 40, 2)]

    def test_two_entries_across_it_are_there_twice(self) -> None:
        assert found(self.FLOOR, [entry(10, 30, 3), entry(20, 50, 4)]) == [("twice", 20, 30, 2)]


class TestUncounted:
    """A chain of a user's trigger, which cannot count."""

    ACCOUNT = replace(EVERY_TEN, chain=Uncounted(Steps(10), fails_behind=0))

    def test_gaps_and_strangers_are_its_own_business(self) -> None:
        assert found(self.ACCOUNT, [entry(10), entry(37)]) == []

    def test_slots_that_occur_twice_are_found(self) -> None:
        assert found(self.ACCOUNT, [entry(10), entry(10), entry(30)]) == [("twice", 10, 10, 1)]

    def test_an_open_slot_counts(self) -> None:
        assert found(replace(self.ACCOUNT, open=[at(10)]), [entry(10)]) == [("twice", 10, 10, 1)]

    def test_what_lies_before_the_floor_is_not_checked(self) -> None:
        assert found(replace(self.ACCOUNT, floor=at(20)), [entry(10), entry(10), entry(30)]) == []


def test_entries_are_read_as_the_findings_are_asked_for() -> None:
    read = 0

    def rows() -> Iterator[Entry]:
        nonlocal read
        for written in [entry(10), entry(10), *entries(20, 50)]:
            read += 1
            yield written

    walk = findings(EVERY_TEN, rows(), "UTC")
    assert next(walk).kind is Kind.TWICE
    assert read == 2
    assert list(walk) == []
    assert read == 6


def test_a_finding_can_be_written_as_json() -> None:
    (finding,) = findings(EVERY_TEN, [*entries(10, 40)], "UTC")
    written = json.loads(json.dumps(asdict(finding)))
    assert written == {
        "kind": "missing",
        "first": at(50),
        "last": at(50),
        "count": 1,
        "text": "2025-01-01T00:00:50+00:00[UTC]",
    }
    assert Finding(**written) == finding


def test_times_are_shown_in_the_zone_asked_for() -> None:
    (finding,) = findings(EVERY_TEN, entries(10, 40), "Asia/Kolkata")
    assert finding.text == "2025-01-01T05:30:50+05:30[Asia/Kolkata]"


CHAINS: list[Chain] = [
    Grid(7 * SECOND),
    Grid(7 * SECOND, at(0), at(120)),
    SecondGrid(7 * SECOND, at(0.3)),
    Every(9).chain("UTC"),
    Cron("*/2 * * * * */13").chain("Europe/Berlin"),
    Calendar([at(seconds) for seconds in (3, 4, 9, 30, 31, 80)]),
]


def elements(chain: Chain) -> list[int]:
    """The slots of the first five minutes."""
    slots, slot = [], chain.first(at(0))
    while slot is not None and slot < at(300):
        slots.append(slot)
        slot = chain.next(slot, slot)
    return slots


def grouped(slots: list[int], cuts: set[int]) -> list[Entry]:
    """Entries of neighbours, cut before these indices."""
    edges = [0, *sorted(cuts & set(range(1, len(slots)))), len(slots)]
    return [Entry(slots[low], slots[high - 1], high - low, "x") for low, high in pairwise(edges) if slots]


@pytest.mark.parametrize("chain", CHAINS, ids=["grid", "bounded", "seconds", "every", "cron", "calendar"])
@given(data=st.data())
def test_findings_are_exactly_what_was_taken_away_and_added(chain: Chain, data: st.DataObject) -> None:
    slots = elements(chain)
    pending = chain.next(slots[-1], slots[-1])
    indices = st.sets(st.integers(0, len(slots) - 1))
    whole = grouped(slots, data.draw(indices))
    floor = data.draw(st.one_of(st.none(), st.sampled_from(slots)))
    some = st.lists(st.sampled_from(whole), unique=True)
    lost, doubled = data.draw(some), data.draw(some)
    account = Account("porch", chain, slots[0], NEVER if pending is None else pending, floor=floor)
    kept = [written for written in whole if written not in lost]
    doubled = [written for written in doubled if written in kept]

    checked: Counter[tuple[str, int]] = Counter()
    for finding in findings(account, sorted([*kept, *doubled]), "UTC"):
        assert finding.kind in (Kind.MISSING, Kind.TWICE)
        inside = [slot for slot in slots if finding.first <= slot <= finding.last]
        assert len(inside) == finding.count
        checked.update((finding.kind.value, slot) for slot in inside)

    def of(group: list[Entry]) -> Iterator[int]:
        return (slot for written in group for slot in slots if written.first <= slot <= written.last)

    begin = slots[0] if floor is None else floor
    missing = Counter(("missing", slot) for slot in of(lost) if slot >= begin)
    twice = Counter(("twice", slot) for slot in of([written for written in doubled if written.last >= begin]))
    assert checked == missing + twice

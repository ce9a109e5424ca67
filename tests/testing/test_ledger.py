"""The check finds what is wrong, and says it in readable times."""

from dataclasses import replace

from duly.core.clock import NEVER, SECOND, nanoseconds
from duly.core.outcomes import Outcome, Reason
from duly.core.trigger import Chain
from duly.testing import START, Account, Row, discrepancies
from tests.core.chains import Calendar, Steps, Uncounted

BEGIN = nanoseconds(START)


def at(seconds: float) -> int:
    return BEGIN + round(seconds * SECOND)


def row(seconds: float, last: float | None = None, count: int = 1) -> Row:
    outcome, reason = (Outcome.SUCCESS, None) if last is None else (Outcome.MISSED, Reason.DOWN)
    return Row("job", at(seconds), at(seconds if last is None else last), count, outcome, reason)


def account(*rows: Row, pending: float = 60, chain: Chain | None = None, **more: object) -> Account:
    """A job every 10 seconds, of which the slots before ``pending`` are decided."""
    base = Account("job", chain or Steps(10), at(10), at(pending), [], rows)
    return replace(base, **more)  # type: ignore[arg-type]  # fields of Account


FIVE = [row(10), row(20), row(30), row(40), row(50)]


def found(checked: Account) -> list[str]:
    return discrepancies(checked, "UTC")


def test_rows_of_every_slot_add_up() -> None:
    assert found(account(*FIVE)) == []


def test_the_order_in_which_rows_were_written_does_not_matter() -> None:
    assert found(account(*reversed(FIVE))) == []


def test_a_row_may_hold_many_slots() -> None:
    assert found(account(row(10), row(20, 50, 4))) == []


def test_open_slots_count_as_well() -> None:
    assert found(account(*FIVE[:3], open=[at(50), at(40)])) == []


def test_rows_that_settle_no_slot_do_not_count() -> None:
    by_hand = Row("job", None, None, 0, Outcome.SUCCESS)
    first_attempt = replace(row(20), count=0)
    assert found(account(*FIVE, by_hand, first_attempt)) == []


def test_a_missing_slot_is_named() -> None:
    assert found(account(*FIVE[:2], *FIVE[3:])) == ["missing: 2025-01-01T00:00:30+00:00[UTC]"]


def test_missing_slots_at_the_beginning_and_at_the_end_are_named() -> None:
    assert found(account(*FIVE[1:4])) == [
        "missing: 2025-01-01T00:00:10+00:00[UTC]",
        "missing: 2025-01-01T00:00:50+00:00[UTC]",
    ]


def test_of_many_missing_slots_the_first_are_named_and_what_follows_is_still_checked() -> None:
    (finding,) = found(account(row(10), row(1_000), pending=1_010))
    assert finding.startswith("missing: 2025-01-01T00:00:20+00:00[UTC], ")
    assert finding.endswith("2025-01-01T00:01:00+00:00[UTC], and more")


def test_a_slot_that_is_there_twice_is_named_with_both_rows() -> None:
    missed = "2025-01-01T00:00:20+00:00[UTC] to 2025-01-01T00:00:30+00:00[UTC] (2 missed down)"
    assert found(account(*FIVE, row(20, 30, 2))) == [
        f"twice: {missed} and 2025-01-01T00:00:20+00:00[UTC] (success)",
        f"twice: 2025-01-01T00:00:30+00:00[UTC] (success) and {missed}",
    ]


def test_a_slot_that_has_a_row_and_is_open_is_there_twice() -> None:
    (finding,) = found(account(*FIVE, open=[at(50)]))
    assert finding.startswith("twice: ")
    assert "(open)" in finding


def test_a_row_that_is_no_slot_is_named() -> None:
    assert found(account(*FIVE, row(35))) == ["not in the schedule: 2025-01-01T00:00:35+00:00[UTC] (success)"]


def test_a_wrong_count_is_named_with_the_right_one() -> None:
    row_of_three = "2025-01-01T00:00:20+00:00[UTC] to 2025-01-01T00:00:50+00:00[UTC] (3 missed down)"
    findings = found(account(row(10), row(20, 50, 3)))
    assert findings == [f"counted wrong: {row_of_three}, but the schedule has 4"]


def test_a_job_that_was_removed_must_have_decided_what_was_due_by_then() -> None:
    removed = account(*FIVE, closed_at=at(75))
    assert found(removed) == ["missing: 2025-01-01T00:01:00+00:00[UTC], 2025-01-01T00:01:10+00:00[UTC]"]
    assert found(replace(removed, closed_at=at(59))) == []


def test_a_chain_that_has_ended_adds_up() -> None:
    calendar = Calendar([at(10), at(20)])
    assert found(replace(account(*FIVE[:2], chain=calendar), pending=NEVER)) == []


def test_a_chain_that_cannot_count_is_checked_for_doubles_only() -> None:
    chain = Uncounted(Steps(10))
    assert found(account(row(10), row(50), chain=chain)) == []
    assert len(found(account(row(10), row(10), chain=chain))) == 1

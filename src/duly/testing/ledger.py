"""The ledger of a test, and the check that it adds up: every slot of every job in exactly one row, or still open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duly.core.clock import Zone
from duly.core.outcomes import Outcome, Reason
from duly.core.trigger import Chain
from duly.ledger import conservation
from duly.ledger.conservation import Entry


@dataclass(frozen=True, slots=True)
class Row:
    """A run that has ended, or slots that did not run. Times are nanoseconds since the epoch."""

    key: str
    first: int | None
    """Nominal time of the slot, or of the first of them; ``None``: run by hand."""
    last: int | None
    """The last of them; equal to ``first`` if it is one."""
    count: int
    """How many slots the row settles: 0 for a run by hand and for an attempt that another follows."""
    outcome: Outcome
    reason: Reason | None = None
    attempt: int = 0
    """Number of the attempt, from 1; 0: no run."""
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What there is to check about one job."""

    key: str
    chain: Chain
    first: int
    """The slot with which its chain began."""
    pending: int
    """The first slot that is not decided; ``NEVER``: the chain has ended."""
    open: Sequence[int]
    """Slots that run, wait for a retry, or wait their turn."""
    rows: Sequence[Row]
    closed_at: int | None = None
    """When the job was removed: slots up to then must have been decided. ``None``: it lives, or is done."""


def discrepancies(account: Account, zone: Zone) -> list[str]:
    """What is wrong with an account, one finding each, in times of ``zone``; empty if it adds up.

    A chain that cannot count is checked for slots that occur twice only: what it makes of time that has passed is
    known to it alone.
    """
    checked = conservation.Account(
        account.key, account.chain, account.first, account.pending, account.open, closed_at=account.closed_at
    )
    return [finding.line for finding in conservation.findings(checked, sorted(_entries(account)), zone)]


def _entries(account: Account) -> Iterator[Entry]:
    for row in account.rows:
        if row.count and row.first is not None and row.last is not None:
            yield Entry(row.first, row.last, row.count, " ".join(filter(None, (row.outcome, row.reason))))

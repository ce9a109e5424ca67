"""The ledger of a test, and the check that it adds up: every slot of every job in exactly one row, or still open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duly.core.clock import NEVER, Zone, zoned
from duly.core.outcomes import Outcome, Reason
from duly.core.trigger import Chain

_SHOWN = 5


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
    walk = _Walk(account, zone)
    walk.go()
    return walk.findings


@dataclass(frozen=True, slots=True)
class _Entry:
    first: int
    last: int
    count: int
    label: str


class _Walk:
    """Goes along chain and entries together."""

    def __init__(self, account: Account, zone: Zone) -> None:
        self._account = account
        self._zone = zone
        self._expected = account.first
        self._before: _Entry | None = None
        self.findings: list[str] = []

    def go(self) -> None:
        counted = self._account.chain.count is not None
        for entry in sorted(_entries(self._account), key=lambda entry: (entry.first, entry.last)):
            before = self._before
            if before is not None and entry.first <= before.last:
                self.findings.append(f"twice: {self._show(entry)} and {self._show(before)}")
                if entry.last <= before.last:
                    continue
                self._expected = self._after(entry.last)
            elif counted:
                self._check(entry)
            self._before = entry
        if counted:
            self._check_end()

    def _check(self, entry: _Entry) -> None:
        """The entry must begin with the next slot of the chain, and hold as many as it says."""
        if entry.first != self._expected:
            self._miss(entry.first)
        if entry.first != self._expected:
            self.findings.append(f"not in the schedule: {self._show(entry)}")
            return
        counted, last = self._count(entry.first, entry.last)
        if (counted, last) != (entry.count, entry.last):
            self.findings.append(f"counted wrong: {self._show(entry)}, but the schedule has {counted}")
        self._expected = self._after(entry.last)

    def _check_end(self) -> None:
        account = self._account
        if self._expected != account.pending:
            self._miss(account.pending)
        closed_at = account.closed_at
        if closed_at is not None and self._expected <= closed_at:
            self._miss(closed_at + 1)

    def _miss(self, until: int) -> None:
        """Report what lies between the slot expected and ``until``."""
        missing: list[str] = []
        while self._expected < until and len(missing) < _SHOWN:
            missing.append(self._time(self._expected))
            self._expected = self._after(self._expected)
        if self._expected < until:
            missing.append("and more")
            self._expected = self._after(self._expected, until - 1)
        if missing:
            self.findings.append(f"missing: {', '.join(missing)}")

    def _after(self, slot: int, moment: int = 0) -> int:
        """The first slot of the chain later than both."""
        following = self._account.chain.next(slot, max(slot, moment))
        return NEVER if following is None else following

    def _count(self, first: int, last: int) -> tuple[int, int]:
        if first == last or self._account.chain.count is None:
            return 1, first
        behind, reached = self._account.chain.count(first, last)
        return behind + 1, reached

    def _show(self, entry: _Entry) -> str:
        if entry.first == entry.last:
            return f"{self._time(entry.first)} ({entry.label})"
        return f"{self._time(entry.first)} to {self._time(entry.last)} ({entry.count} {entry.label})"

    def _time(self, moment: int) -> str:
        return zoned(moment, self._zone).format_iso()


def _entries(account: Account) -> Iterator[_Entry]:
    for row in account.rows:
        if row.count and row.first is not None and row.last is not None:
            yield _Entry(row.first, row.last, row.count, " ".join(filter(None, (row.outcome, row.reason))))
    for slot in account.open:
        yield _Entry(slot, slot, 1, "open")

"""The conservation law, checked: every slot of a chain is in exactly one entry of its account, or still to come.

Chain and entries are walked together, both in order of time. The walk holds one entry at a time, jumps over gaps by
counting, and hangs on elements of the chain only, never on what an entry claims: so it goes on after a finding, and
one wrong entry does not make those behind it look wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import merge

from duly.core.clock import NEVER, Zone, zoned
from duly.core.trigger import Chain, Count
from duly.triggers.once import iso

_SHOWN = 5


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """Slots that the ledger says are settled, or one that is open. Times are nanoseconds since the epoch."""

    first: int
    last: int
    """Equal to ``first`` if it is one."""
    count: int
    """How many slots it claims to hold, at least 1."""
    label: str
    """What became of them, for people."""


@dataclass(frozen=True, slots=True)
class Account:
    """What there is to check about one chain, but for its entries."""

    key: str
    """Whose chain it is; for the caller."""
    chain: Chain
    first: int
    """The slot with which the chain began."""
    pending: int
    """The first slot that is not decided: those before must have an entry. ``NEVER``: the chain has ended."""
    open: Sequence[int] = ()
    """Slots that run or wait, unless they are among the entries."""
    floor: int | None = None
    """What lies before is not checked, for the entries may be gone; ``None``: all is checked."""
    closed_at: int | None = None
    """Slots up to then must have an entry, whatever is pending; ``None``: the chain goes on, or has ended."""


class Kind(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    """Slots without an entry."""
    TWICE = "twice"
    """Slots that an earlier entry holds already."""
    UNKNOWN = "unknown"
    """An entry that does not begin with a slot of the chain; it settles none."""
    MISCOUNTED = "miscounted"
    """An entry that holds more or fewer slots than it says, or does not end with one."""


_WORDS = {
    Kind.MISSING: "missing",
    Kind.TWICE: "twice",
    Kind.UNKNOWN: "not in the schedule",
    Kind.MISCOUNTED: "counted wrong",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Slots that do not add up. Times are nanoseconds since the epoch."""

    kind: Kind
    first: int
    last: int
    count: int
    """Slots of the chain in [first, last]; of an ``UNKNOWN`` entry, and without counting, what the entry says."""
    text: str
    """The slots in readable times, and what the entries call them."""

    @property
    def line(self) -> str:
        """All of it in one line for people."""
        return f"{_WORDS[self.kind]}: {self.text}"


def findings(account: Account, entries: Iterable[Entry], zone: Zone) -> Iterator[Finding]:
    """What is wrong with an account, in order of time and in times of ``zone``; nothing if it adds up.

    ``entries`` come sorted by ``first``, then ``last``, and are read as the walk goes. A chain that cannot count is
    checked for slots that occur twice only: what it makes of time that has passed is known to it alone.
    """
    if account.open:
        entries = merge(entries, (Entry(slot, slot, 1, "open") for slot in sorted(account.open)))
    if account.floor is not None:
        floor = account.floor
        entries = (entry for entry in entries if entry.last >= floor)
    count = account.chain.count
    return doubles(entries, zone) if count is None else _Walk(account, count, zone).go(entries)


def doubles(entries: Iterable[Entry], zone: Zone) -> Iterator[Finding]:
    """The entries that begin before another has ended: what can be said without the chain."""
    before: Entry | None = None
    for entry in entries:
        if before is not None and entry.first <= before.last:
            yield _double(entry, before, min(entry.count, before.count), zone)
        if before is None or entry.last > before.last:
            before = entry


class _Walk:
    """Goes along chain and entries together. Owned by one call, used once."""

    def __init__(self, account: Account, count: Count, zone: Zone) -> None:
        self._account = account
        self._count = count
        self._zone = zone
        self._expected = account.first if account.floor is None else self._at_or_after(account.floor)
        """The first slot that no entry has held so far, an element of the chain; ``NEVER``: there is none left."""

    def go(self, entries: Iterable[Entry]) -> Iterator[Finding]:
        before: Entry | None = None
        for entry in entries:
            again = before is not None and entry.first <= before.last
            known = self._begins_with_slot(entry)
            if not again:
                yield from self._missing(entry.first if known else min(entry.first, self._end()))
            if not known:
                yield self._finding(Kind.UNKNOWN, entry, entry.count)
                continue
            if before is not None and again:
                yield self._twice(entry, before)
            yield from self._miscounted(entry)
            if before is None or entry.last > before.last:
                before = entry
            self._pass(max(entry.first, entry.last))
        yield from self._missing(self._end())

    def _begins_with_slot(self, entry: Entry) -> bool:
        """Whether it does; a slot that is not the one expected is there twice, or lies before the floor."""
        return entry.first == self._expected or entry.first == self._at_or_after(entry.first)

    def _end(self) -> int:
        closed_at, pending = self._account.closed_at, self._account.pending
        return pending if closed_at is None else max(pending, closed_at + 1)

    def _missing(self, until: int) -> Iterator[Finding]:
        """Report what lies between the slot expected and ``until``, and go there."""
        first = self._expected
        if first >= until:
            return
        behind, last = self._count(first, until - 1)
        shown, slot = [self._time(first)], first
        while slot < last and len(shown) < _SHOWN:
            slot = self._after(slot, slot)
            shown.append(self._time(slot))
        if slot < last:
            shown.append("and more")
        yield Finding(Kind.MISSING, first, last, behind + 1, ", ".join(shown))
        self._expected = self._after(last, last)

    def _twice(self, entry: Entry, before: Entry) -> Finding:
        count = 1 + self._count(entry.first, min(entry.last, before.last))[0]
        return _double(entry, before, count, self._zone)

    def _miscounted(self, entry: Entry) -> Iterator[Finding]:
        """Report ``entry``, which begins with a slot, if it does not hold as many as it says."""
        if entry.first == entry.last and entry.count == 1:
            return
        behind, last = self._count(entry.first, entry.last)
        if last != entry.last:
            truth = f"{behind + 1}, the last at {self._time(last)}"
        elif behind + 1 != entry.count:
            truth = str(behind + 1)
        else:
            return
        yield self._finding(Kind.MISCOUNTED, entry, behind + 1, f", but the schedule has {truth}")

    def _pass(self, moment: int) -> None:
        """Expect the first slot later than ``moment``."""
        if self._expected <= moment:
            self._expected = self._after(self._expected, moment)

    def _at_or_after(self, moment: int) -> int:
        first = self._account.first
        return first if first >= moment else self._after(first, moment - 1)

    def _after(self, slot: int, moment: int) -> int:
        """The first slot of the chain later than both."""
        following = self._account.chain.next(slot, moment)
        return NEVER if following is None else following

    def _finding(self, kind: Kind, entry: Entry, count: int, more: str = "") -> Finding:
        return Finding(kind, entry.first, entry.last, count, _show(entry, self._zone) + more)

    def _time(self, moment: int) -> str:
        return _time(moment, self._zone)


def _double(entry: Entry, before: Entry, count: int, zone: Zone) -> Finding:
    text = f"{_show(entry, zone)} and {_show(before, zone)}"
    return Finding(Kind.TWICE, entry.first, min(entry.last, before.last), count, text)


def _show(entry: Entry, zone: Zone) -> str:
    if entry.first == entry.last:
        return f"{_time(entry.first, zone)} ({entry.label})"
    return f"{_time(entry.first, zone)} to {_time(entry.last, zone)} ({entry.count} {entry.label})"


def _time(moment: int, zone: Zone) -> str:
    return iso(zoned(moment, zone))

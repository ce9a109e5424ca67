"""The account of a schedule in a window of time: how many slots there should be, how many there are, what differs.

What counts is the chain of slots as the ledger stores it, from the schedule's first slot, or what has been left of
them, up to the first that nobody has decided yet.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from duly.core.clock import NEVER
from duly.core.trigger import Chain
from duly.ledger.codes import STARTED, STATUS
from duly.ledger.conservation import Account, Entry, Finding, doubles, findings
from duly.ledger.extent import floors
from duly.ledger.jobs import JobSchedule, StoredJob, schedules
from duly.ledger.pages import BEGINNING, END
from duly.ledger.slots import entries
from duly.triggers.spec import chain_from_spec

_STARTED = STATUS.words[STARTED]


@dataclass(frozen=True, slots=True)
class ScheduleAccount:
    """What the walk along one schedule has found. Counts are slots in the window."""

    schedule: JobSchedule
    expected: int | None
    """Slots that should have a row; ``None``: only the program knows, or the trigger cannot be rebuilt."""
    recorded: int
    """Slots that have one, those that are open included."""
    open: int
    """Those of them that run or wait for their turn."""
    findings: tuple[Finding, ...]
    """The differences; empty if it adds up. Where nothing is expected: slots that occur twice."""


class Walk:
    """One walk along the rows of a schedule: its counts stand once ``findings`` is exhausted. Owned by its caller."""

    def __init__(self, schedule: JobSchedule, begin: int, until: int) -> None:
        """Check the slots in [begin, until), ``begin`` being at least the floor of its tier."""
        self.schedule = schedule
        self.begin = begin
        self.until = until
        self.recorded = 0
        self.open = 0
        self.unreadable: str | None = None
        """Why the trigger cannot be rebuilt."""
        self._chain = self._rebuilt()
        self._count = None if self._chain is None else self._chain.count
        self._pending = self._first_undecided()
        ended_at = schedule.ended_at
        self._end = min(until, self._pending if ended_at is None else max(self._pending, ended_at + 1))
        self.expected = self._expected()

    def findings(self, entries: Iterable[Entry]) -> Iterator[Finding]:
        """What is wrong, in order of time and in times of the schedule's zone; ``entries`` are those in the window."""
        chain, zone = self._chain, self.schedule.timezone
        rows = self._counted(entries)
        if chain is None:
            return doubles(rows, zone)
        account = Account(str(self.schedule.id), chain, self.schedule.first_ts, self._end, floor=self.begin)
        return findings(account, rows, zone)

    def due(self, now: int) -> int:
        """Slots that were due by ``now`` and have no row yet; 0 if only the program can tell."""
        if self._count is None or self.schedule.ended_at is not None or self._pending > now:
            return 0
        return 1 + self._count(self._pending, now)[0]

    def _rebuilt(self) -> Chain | None:
        """Its chain; ``None``: the arithmetic of its trigger is not at hand."""
        spec = self.schedule.trigger_spec
        try:
            return None if spec is None else chain_from_spec(spec)
        except ValueError as error:
            self.unreadable = str(error)
            return None

    def _first_undecided(self) -> int:
        schedule = self.schedule
        if self._count is None:  # nobody asks: nothing is expected of it
            return schedule.first_ts
        return schedule.first_undecided(self._chain)

    def _expected(self) -> int | None:
        return None if self._count is None else self._slots_in(BEGINNING, END)

    def _slots_in(self, since: int, last: int) -> int:
        """How many slots of the window lie in [since, last]."""
        begin, last = max(since, self.begin), min(last, self._end - 1)
        first = self.schedule.first_ts
        if first < begin:
            first = self._after(begin - 1)
        if first > last:
            return 0
        assert self._count is not None  # noqa: S101 - asked before
        return 1 + self._count(first, last)[0]

    def _counted(self, rows: Iterable[Entry]) -> Iterator[Entry]:
        for entry in rows:
            ticks = entry.count if self._has_all(entry) else self._slots_in(entry.first, entry.last)
            self.recorded += ticks
            if entry.label == _STARTED:
                self.open += ticks
            yield entry

    def _has_all(self, entry: Entry) -> bool:
        return self._count is None or (self.begin <= entry.first and entry.last < self._end)

    def _after(self, moment: int) -> int:
        assert self._chain is not None  # noqa: S101 - only a chain that can count is asked
        following = self._chain.next(self.schedule.first_ts, moment)
        return NEVER if following is None else following


def accounts(
    db: sqlite3.Connection, job: StoredJob, since: int = BEGINNING, until: int = END
) -> tuple[ScheduleAccount, ...]:
    """Slots expected against slots recorded in [since, until), for each schedule of a job that may have some there."""
    return tuple(_account(db, walk) for walk in walks(db, job, since, until))


def walks(db: sqlite3.Connection, job: StoredJob, since: int = BEGINNING, until: int = END) -> list[Walk]:
    """A walk for each schedule of a job that may have slots in [since, until); none before the floor.

    Those that replicas share are left out: no file holds all of their slots.
    """
    begin = max(since, floors(db).get(job.source_tier, BEGINNING))
    own = [each for each in schedules(db, job.id) if each.fence is None]
    return [Walk(each, begin, until) for each in own if touches(each, begin, until)]


def rows_of(db: sqlite3.Connection, walk: Walk) -> Iterator[Entry]:
    """The entries that a walk goes along, of a schedule of this file."""
    return entries(db, walk.schedule.id, walk.begin, walk.until)


def touches(schedule: JobSchedule, begin: int, until: int) -> bool:
    """Whether a schedule may have slots in [begin, until)."""
    return schedule.first_ts < until and (schedule.over_at is None or begin <= schedule.over_at)


def _account(db: sqlite3.Connection, walk: Walk) -> ScheduleAccount:
    differences = tuple(walk.findings(rows_of(db, walk)))
    return ScheduleAccount(walk.schedule, walk.expected, walk.recorded, walk.open, differences)

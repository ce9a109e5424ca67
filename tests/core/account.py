"""One job of a history: what it is, what has been decided about its slots, and the law about them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from duly.core.clock import NEVER, SECOND
from duly.core.decisions import Arming, Cancel, Close, Decision, Done, Run, TriggerFailed, Wait
from duly.core.outcomes import Outcome, Reason
from duly.core.policy import Mode, Policy
from duly.core.trigger import Chain
from duly.triggers import Cron
from tests.core.chains import Calendar, Enumeration, Single, Steps, Uncounted
from tests.core.oracle import BY_HAND, Event, Oracle

ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Spec:
    """A job of a history. Times are seconds, those of ``calendar`` and ``once`` since the start of the history."""

    kind: Literal["every", "calendar", "once", "custom", "failing", "cron"]
    argument: int | tuple[int, ...] | str
    policy: Policy

    def chain(self, start: int) -> Chain:
        match self.kind, self.argument:
            case "every", int(seconds):
                return Steps(seconds)
            case "calendar", tuple(moments):
                return Calendar([start + moment * SECOND for moment in moments])
            case "once", int(second):
                return Single(start + second * SECOND)
            case "custom", int(seconds):
                return Uncounted(Steps(seconds))
            case "failing", int(seconds):
                return Uncounted(Steps(seconds), fails_behind=start + 10 * seconds * SECOND)
            case "cron", str(expression):
                return Cron(expression, timezone=ZONE).chain(ZONE)
        raise ValueError(f"no such job: {self}")


@dataclass(frozen=True)
class Entry:
    """What the ledger is told. A slot that is ``open`` has no outcome yet."""

    slots: tuple[int, ...]
    open: Literal["started", "waits"] | None
    outcome: Outcome | None = None
    reason: Reason | None = None


@dataclass(eq=False)
class Account:
    """One job from its first arming to its end, crashes included."""

    spec: Spec
    chain: Chain
    elements: Enumeration
    job: Arming
    oracle: Oracle
    journal: list[Entry] = field(default_factory=list)
    decided: int = 0
    """Index of the first element about which nothing has been decided. All before it have been, none from it on."""
    closed_at: int | None = None
    """When it ended; what was due by then had to be decided."""
    met: set[str] = field(default_factory=set)
    """Operations that met the job in the state that matters for them."""

    @property
    def counted(self) -> bool:
        return self.chain.count is not None

    def take(self, decision: Decision, now: int) -> Iterator[Event]:
        """Enter a decision and translate it, slot by slot, into the words of the oracle."""
        match decision:
            case Run(slot=int(slot), attempt=attempt):
                if attempt == 1 and not self._is_open(slot):
                    self._decide(slot)
                self.journal.append(Entry((slot,), "started"))
                yield "start", slot, attempt, decision.fire_at
            case Wait(slot=slot):
                self._decide(slot)
                self.journal.append(Entry((slot,), "waits"))
                yield "wait", slot
            case Close(outcome=outcome, reason=reason):
                slots = self._slots_of(decision)
                self.journal.append(Entry(slots, None, outcome, reason))
                yield from (("close", slot, outcome, reason) for slot in slots)
            case Cancel(run=run, force=force):
                yield "cancel", BY_HAND if run.slot is None else run.slot, force
            case Done():
                self.closed_at = now
                yield ("done",)
            case TriggerFailed():
                assert self.spec.kind == "failing"
            case _:
                raise AssertionError(decision)

    def enter_end(self, slot: int | None, outcome: Outcome) -> None:
        """A run has ended for good."""
        self.journal.append(Entry(() if slot is None else (slot,), None, outcome))

    def close_open(self) -> None:
        """After a crash: close what the ledger has open."""
        started = self._slots_that("started") - self._slots_that(None)
        waiting = self._slots_that("waits") - self._slots_that("started") - self._slots_that(None)
        self.journal.append(Entry(tuple(started), None, Outcome.INTERRUPTED))
        self.journal.append(Entry(tuple(waiting), None, Outcome.MISSED, Reason.DOWN))

    def resume_from(self) -> int | None:
        """The slot to go on with, behind the highest in the ledger; ``None`` if there is none."""
        self.decided = 1 + max(map(self.elements.index_of, self._slots_that(None)), default=-1)
        return None if self._has_run_enough() else self.elements.element(self.decided)

    def is_over(self) -> bool:
        """Nothing is left to do for a job that has been taken out, so that it is not to be added back."""
        return self._has_run_enough() or self.job.pending == NEVER

    @property
    def successes(self) -> int:
        return sum(entry.outcome is Outcome.SUCCESS for entry in self.journal)

    @property
    def highest(self) -> int:
        """The highest slot decided upon; -1: none."""
        element = self.elements.element(self.decided - 1) if self.decided else None
        return -1 if element is None else element

    # The law

    def check(self) -> None:
        """What is decided is a prefix of the chain, ``pending`` the first element behind it, and the oracle agrees."""
        job, oracle = self.job, self.oracle
        assert job.gone == oracle.gone, ("ended", self.spec)
        if not self.counted:
            self.decided = oracle.index
        if job.gone:
            return
        assert self.decided == oracle.index, ("decided", self.spec)
        pending = self.elements.element(self.decided)
        assert job.pending == (NEVER if pending is None else pending), ("not a prefix", self.spec)
        assert job.paused == oracle.paused
        assert job.successes == oracle.successes
        assert job.waiting == tuple(oracle.queue)
        assert len(job.active) == len(oracle.flights)

    def check_not_late(self, now: int) -> None:
        """After a full tick nothing is overdue but where it has to be."""
        job = self.job
        assert job.fire_at > now or job.paused or (job.active and job.policy.mode is Mode.SINGLE), ("late", self.spec)

    def check_balance(self) -> None:
        """At the end: one row for each slot decided, and everything decided that was due when the job ended."""
        rows = Counter(slot for entry in self.journal if not entry.open for slot in entry.slots)
        twice = [slot for slot, count in rows.items() if count > 1]
        assert not twice, ("decided twice", self.spec, twice)
        assert rows.keys() == self._slots_that("started") | self._slots_that("waits") | self._slots_that(None)
        if self.counted:
            assert sorted(rows) == [self.elements.element(index) for index in range(self.decided)], self.spec
        self.check_decided_up_to_end()

    def check_decided_up_to_end(self) -> None:
        """What was due when the job ended has been decided."""
        following = self.elements.element(self.decided)
        assert self.closed_at is None or following is None or following > self.closed_at, ("open", self.spec)

    # Slots

    def _has_run_enough(self) -> bool:
        limit = self.spec.policy.max_runs
        return limit is not None and self.successes >= limit

    def _is_open(self, slot: int) -> bool:
        return slot <= self.highest

    def _slots_of(self, row: Close) -> tuple[int, ...]:
        """The slots of a row, which must be as many as it says: one that is open, or the next of the chain."""
        if self._is_open(row.last):
            assert (row.first, row.count) == (row.last, 1), row
            return (row.first,)
        slots = self.elements.up_to(self.decided, row.last) if self.counted else [row.first]
        assert (slots[:1], slots[-1:], len(slots)) == ([row.first], [row.last], row.count), (row, slots)
        for slot in slots:
            self._decide(slot)
        return tuple(slots)

    def _decide(self, slot: int) -> None:
        """The first decision about a slot: it must be the next of the chain."""
        if not self.counted:
            while (element := self.elements.element(self.decided)) is not None and element < slot:
                self.decided += 1
        assert self.elements.element(self.decided) == slot, ("not the next of the chain", self.spec, slot)
        self.decided += 1

    def _slots_that(self, state: Literal["started", "waits"] | None) -> set[int]:
        return {slot for entry in self.journal if entry.open == state for slot in entry.slots}


def readable(events: Iterable[Event], start: int) -> list[tuple[object, ...]]:
    """Times as seconds since ``start``."""
    return [
        tuple((part - start) / SECOND if isinstance(part, int) and part > SECOND else part for part in event)
        for event in events
    ]

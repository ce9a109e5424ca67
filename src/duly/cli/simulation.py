"""Jobs played on a virtual clock by the real engine: what would run, overlap and pile up."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, groupby
from operator import itemgetter
from typing import TypeAlias

from duly.core.clock import NEVER
from duly.core.decisions import Arming, Cancel, Close, Decision, Run
from duly.core.engine import Engine
from duly.core.outcomes import Outcome
from duly.core.policy import Policy
from duly.core.trigger import Chain

_TURNS_BETWEEN_TALES = 256


@dataclass(frozen=True, slots=True)
class Part:
    """A job to play. Nanoseconds."""

    name: str
    chain: Chain
    policy: Policy
    first: int
    """Its first slot in the window or behind it; ``NEVER``: it has none."""
    durations: Sequence[int]
    """How long its runs took so far; each run to be played takes one of them."""


@dataclass(slots=True)
class Tally:
    """What becomes of one job. Times are nanoseconds. Owned by the simulation until it has ended."""

    runs: int = 0
    closed: Counter[str] = field(default_factory=Counter)
    """Slots that do not run, by outcome and reason."""
    cancelled: int = 0
    """Runs that a later slot has cut short."""
    waiting: int = 0
    """Slots that still wait for their turn at the end."""
    busy: int = 0
    longest_wait: int = 0
    """Longest time from a slot to the start of its run, or to the end if it still waits."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run, from its start to its end. Nanoseconds since the epoch."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What has been played."""

    tallies: dict[str, Tally]
    spans: list[Span]
    """In order of their ends; those that go on at the end of the window end there."""
    cut: bool
    """Whether it was ended early because it had more runs than wanted."""


@dataclass(frozen=True, slots=True)
class PileUp:
    """Runs that go on together."""

    since: int
    total: int
    running: Mapping[str, int]
    """How many, by name of their job."""


_Ends: TypeAlias = list[tuple[int, int, "Run[_Played]"]]


class _Played(Arming):
    """A job while it is played."""

    __slots__ = ("part", "tally")

    def __init__(self, part: Part) -> None:
        super().__init__(part.name, part.chain, part.policy)
        self.part = part
        self.tally = Tally()


class _Stage:
    """Owns the engine and the runs in flight of one simulation; for one thread."""

    def __init__(self) -> None:
        self.engine: Engine[_Played] = Engine()
        self.spans: list[Span] = []
        self._ends: _Ends = []
        self._numbers = count()

    def next_event(self) -> int:
        """When something happens next; ``NEVER``: nothing does."""
        wakeup = self.engine.next_wakeup()
        return min(NEVER if wakeup is None else wakeup, self._ends[0][0] if self._ends else NEVER)

    def turn(self, now: int) -> None:
        """Let happen what happens at ``now``: what ends comes before what begins."""
        while self._ends and self._ends[0][0] <= now:
            self._end(heappop(self._ends)[2], Outcome.SUCCESS, now)
        self._carry_out(self.engine.tick(now), now)

    def finish(self, jobs: Sequence[_Played], end: int) -> None:
        """Draw the curtain: what runs is cut, what waits is counted, what was skipped meanwhile is closed."""
        for job in jobs:
            if job.waiting:
                job.tally.waiting = len(job.waiting)
                job.tally.longest_wait = max(job.tally.longest_wait, end - job.waiting[0])
        for _, _, run in self._ends:
            if not run.done:
                self._note(run, end)
                closed = self.engine.settle(run, Outcome.SUCCESS, end - 1)
                self._carry_out([decision for decision in closed if isinstance(decision, Close)], end - 1)

    def _carry_out(self, decisions: Sequence[Decision[_Played]], now: int) -> None:
        for decision in decisions:
            if isinstance(decision, Run):
                self._begin(decision, now)
            elif isinstance(decision, Close):
                reason = "" if decision.reason is None else f" {decision.reason.value}"
                decision.job.tally.closed[f"{decision.outcome.value}{reason}"] += decision.count
            elif isinstance(decision, Cancel) and decision.force and not decision.run.done:
                decision.run.job.tally.cancelled += 1
                self._end(decision.run, Outcome.CANCELLED, now)

    def _begin(self, run: Run[_Played], now: int) -> None:
        tally, run.started = run.job.tally, now
        tally.runs += 1
        if run.slot is not None:
            tally.longest_wait = max(tally.longest_wait, now - run.slot)
        heappush(self._ends, (now + _duration(run), next(self._numbers), run))

    def _end(self, run: Run[_Played], outcome: Outcome, now: int) -> None:
        if not run.done:  # a run that was cancelled has left its end behind
            self._note(run, now)
            self._carry_out(self.engine.settle(run, outcome, now), now)

    def _note(self, run: Run[_Played], end: int) -> None:
        start = run.started or end
        run.job.tally.busy += end - start
        self.spans.append(Span(run.job.key, start, end))


def simulate(
    parts: Sequence[Part],
    start: int,
    end: int,
    *,
    most_runs: int = 1_000_000,
    tell: Callable[[int], object] = lambda _: None,
) -> Simulation:
    """Play the window [start, end) on time: nothing is ever late, nothing fails. ``tell`` is told how far it is."""
    stage = _Stage()
    jobs = [_Played(part) for part in parts]
    for job in jobs:
        if job.part.first < end:
            stage.engine.add(job, start, pending=job.part.first)
    now, cut, turns = stage.next_event(), False, 0
    while now < end and not cut:
        if turns % _TURNS_BETWEEN_TALES == 0:
            tell(now)
        turns += 1
        stage.turn(now)
        now, cut = stage.next_event(), len(stage.spans) >= most_runs
    stage.finish(jobs, min(now, end))
    return Simulation({job.key: job.tally for job in jobs}, stage.spans, cut)


def pile_ups(spans: Sequence[Span]) -> list[PileUp]:
    """For each set of jobs whose runs go on together the most of them, most first; one by one is no pile-up."""
    found: dict[tuple[str, ...], PileUp] = {}
    for moment, running in _at_once(spans):
        if (total := running.total()) > 1:
            jobs = tuple(sorted(running))
            if jobs not in found or found[jobs].total < total:
                found[jobs] = PileUp(moment, total, {job: running[job] for job in jobs})
    return sorted(found.values(), key=lambda pile: (-pile.total, pile.since))


def pressure(spans: Sequence[Span], start: int, end: int, columns: int) -> list[int]:
    """The most that run at once, in each of the ``columns`` into which the window is divided."""
    width = -(-(end - start) // columns)
    most = [0] * columns
    since, count = start, 0
    for moment, running in _at_once(spans):
        _raise(most, ((since - start) // width, (moment - 1 - start) // width), count)
        since, count = moment, running.total()
    return most


def _raise(most: list[int], columns: tuple[int, int], count: int) -> None:
    first, last = columns
    for column in range(first, last + 1):
        most[column] = max(most[column], count)


def _at_once(spans: Sequence[Span]) -> Iterator[tuple[int, Counter[str]]]:
    """What runs at once, from which moment on: each change once, in order of time; one object, changed between."""
    steps = sorted([(span.end, -1, span.name) for span in spans] + [(span.start, 1, span.name) for span in spans])
    running: Counter[str] = Counter()
    for moment, together in groupby(steps, key=itemgetter(0)):
        changed = Counter[str]()
        for _, by, name in together:
            changed[name] += by
        for name, by in changed.items():
            running[name] += by
            if not running[name]:
                del running[name]
        yield moment, running


def _duration(run: Run[_Played]) -> int:
    """One of the job's durations, the same for the same slot each time it is played."""
    durations = run.job.part.durations
    return durations[zlib.crc32(f"{run.job.key}/{run.slot}".encode()) % len(durations)]

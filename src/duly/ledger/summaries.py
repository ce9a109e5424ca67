"""How jobs are doing, judged by their newest executions: outcomes, success rate, duration, lag."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from duly.core.outcomes import Outcome
from duly.ledger.codes import REASON, STARTED, STATUS
from duly.ledger.pages import BEGINNING, END, checked_limit
from duly.ledger.statements import statements

_SQL = statements("queries")
_SUCCESS = STATUS.numbers[Outcome.SUCCESS]
_RAN = frozenset(STATUS.numbers[outcome] for outcome in (Outcome.SUCCESS, Outcome.ERROR, Outcome.TIMED_OUT))
"""Ran to an end of their own."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some durations, and what 19 of 20 stay within. Nanoseconds."""

    p50: int
    p95: int


@dataclass(frozen=True, slots=True)
class Mark:
    """One execution in the strip of a job's last outcomes. ``at`` is nanoseconds since the epoch."""

    at: int
    """Its slot; its start, if it has none."""
    status: str


@dataclass(frozen=True, slots=True)
class JobSummary:
    """How a job is doing. Times are nanoseconds since the epoch."""

    executions: int
    """How many rows this looks at."""
    since: int | None
    """The slot, or start, of the oldest of them; ``None``: there are none."""
    last: Mark | None
    """The newest that has an outcome."""
    last_success: int | None
    """When the newest success among them ended; ``None``: there is none."""
    recent: tuple[Mark, ...]
    """The newest, newest first."""
    running: int
    ticks: Mapping[str, int]
    """Slots by outcome."""
    reasons: Mapping[str, int]
    """Slots that were not run, by reason."""
    success_rate: float | None
    """Of the slots and runs by hand that ran to an end of their own, 0 to 1; ``None``: there are none."""
    duration: Spread | None
    """Of all that ran to an end of their own, retries included."""
    lag: Spread | None
    """From the slot to the start of its first attempt."""


class _Figures(NamedTuple):
    """A row, as the statements give it."""

    at: int
    id: int
    status: int
    reason: int | None
    ticks: int
    slot: int | None
    start: int
    duration: int
    attempt: int

    @property
    def judged(self) -> bool:
        """Whether it ran to an end of its own, and no other attempt followed."""
        return self.status in _RAN and (self.ticks > 0 or self.slot is None)


def summary(
    db: sqlite3.Connection,
    job_id: int,
    *,
    newest: int = 1000,
    since: int | None = None,
    until: int | None = None,
    strip: int = 30,
) -> JobSummary:
    """How a job did in its ``newest`` executions, at most 1000, of those in [since, until).

    ``strip`` is how many ``recent`` ones are named.
    """
    values = {
        "job_id": job_id,
        "since": BEGINNING if since is None else since,
        "until": END if until is None else until,
        "limit": checked_limit(newest),
    }
    rows = [_Figures(*row) for row in islice(merge(*_figures(db, values), reverse=True), newest)]
    return _summed_up(rows, strip)


def summaries(
    db: sqlite3.Connection,
    job_ids: Iterable[int],
    *,
    newest: int = 100,
    since: int | None = None,
    until: int | None = None,
    strip: int = 30,
) -> Mapping[int, JobSummary]:
    """As ``summary``, of many jobs, by id."""
    return {each: summary(db, each, newest=newest, since=since, until=until, strip=strip) for each in job_ids}


def _figures(db: sqlite3.Connection, values: Mapping[str, Any]) -> Iterator[Iterable[tuple[Any, ...]]]:
    yield db.execute(_SQL["figures_beside_slots"], values)
    for schedule_id, *_ in db.execute(_SQL["schedules_of_job"], values).fetchall():
        yield db.execute(_SQL["figures_of_slots"], {**values, "schedule_id": schedule_id})


def _summed_up(rows: Sequence[_Figures], strip: int) -> JobSummary:
    ticks: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for row in rows:
        ticks[STATUS.words[row.status]] += row.ticks
        if row.reason is not None:
            reasons[REASON.words[row.reason]] += row.ticks
    judged = [row.status == _SUCCESS for row in rows if row.judged]
    marks = (Mark(row.at, STATUS.words[row.status]) for row in rows)
    return JobSummary(
        executions=len(rows),
        since=rows[-1].at if rows else None,
        last=next((Mark(row.at, STATUS.words[row.status]) for row in rows if row.status != STARTED), None),
        last_success=max((row.start + row.duration for row in rows if row.status == _SUCCESS), default=None),
        recent=tuple(islice(marks, strip)),
        running=sum(row.status == STARTED for row in rows),
        ticks={status: count for status, count in ticks.items() if count and status != STATUS.words[STARTED]},
        reasons=dict(reasons),
        success_rate=sum(judged) / len(judged) if judged else None,
        duration=_spread([row.duration for row in rows if row.status in _RAN]),
        lag=_spread([row.start - row.slot for row in rows if _began_its_slot(row) and row.slot is not None]),
    )


def _began_its_slot(row: _Figures) -> bool:
    """Whether it was the first attempt of a slot: later ones have waited for their retry."""
    return row.status in _RAN and row.attempt == 1


def _spread(durations: list[int]) -> Spread | None:
    if not durations:
        return None
    durations.sort()
    return Spread(_percentile(durations, 50), _percentile(durations, 95))


def _percentile(ordered: Sequence[int], percent: int) -> int:
    """The least of them that ``percent`` of them do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1]

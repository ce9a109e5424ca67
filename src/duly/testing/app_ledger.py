"""The ledger file of a test of apps: what it says, and whether that is what was expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from whenever import ZonedDateTime

from duly.core.clock import Zone, zoned
from duly.core.outcomes import Outcome
from duly.ledger import executions
from duly.ledger.doctor import examine
from duly.ledger.executions import Execution, ExecutionFilter
from duly.ledger.pages import LARGEST_PAGE
from duly.ledger.reader import LedgerReader
from duly.testing.clock import VirtualClock
from duly.testing.moments import Moment, moment_of

STARTED = "started"
"""The status of what runs, or waits for its turn."""

_STATUSES = (*(outcome.value for outcome in Outcome), STARTED)
_NOT_RUN = {Outcome.SKIPPED.value, Outcome.MISSED.value}
_MILLISECOND = 1_000_000
_SHOWN = 10
_FEW = 20
"""Rows that are read at first: most calls of a harness end no more, and a page as large as can be takes 10 ms."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An execution, or slots of a job that did not run."""

    job: str | None
    """Its name; ``None``: it has been deleted, or it is a handler."""
    listener: str | None
    """The name of the listener whose handler it is; ``None``: it has been deleted, or it is a job."""
    status: str
    """An outcome, or ``started`` while it runs or waits."""
    reason: str | None
    """Why it did not run."""
    first: ZonedDateTime | None
    """Nominal time of the slot, or of the first of them; ``None``: run by hand, or a handler."""
    last: ZonedDateTime | None
    """The last of them; equal to ``first`` if it is one."""
    count: int
    """How many slots the row settles: 0 for a run by hand and for an attempt that another follows."""
    attempt: int
    """Number of the attempt, from 1."""
    start: ZonedDateTime
    """When it began; of slots that did not run, the first of them."""
    end: ZonedDateTime
    """When it had ended; equal to ``start`` for what did not run."""
    error_type: str | None
    error_message: str | None
    app_key: str | None
    instance_index: int | None
    execution_id: str | None

    @property
    def ran(self) -> bool:
        """Whether it has begun."""
        return self.status not in _NOT_RUN

    @property
    def weight(self) -> int:
        """What it counts: the slots that it settles, 1 for a run by hand, 0 for an attempt that another follows."""
        return 1 if self.first is None else self.count

    def __str__(self) -> str:
        when = _short(self.start if self.first is None else self.first)
        until = "" if self.first == self.last or self.last is None else f" to {_short(self.last)}"
        why = "" if self.reason is None else f" {self.reason}"
        error = "" if self.error_type is None else f" ({self.error_type}: {self.error_message})"
        return f"{self.job or self.listener} {when}{until}: {self.status}{why}{error}"


class AppLedger:
    """Reads the ledger of a harness, and compares it with what a test expects."""

    def __init__(self, path: Path, clock: VirtualClock, settle: Callable[[], object]) -> None:
        """Read ``path``; ``settle`` is called before, so that all there is stands in it."""
        self.path = path
        self._clock = clock
        self._settle = settle
        self._seen = 0
        self._open: set[int] = set()
        """Rows seen that had not ended."""

    def rows(
        self, job: str | None = None, status: str | None = None, *, listener: str | None = None
    ) -> list[LedgerRow]:
        """All rows, or those of a job or a listener, by its name, or of a status; in the order of their beginning.

        Raises:
            ValueError: no such status.
        """
        if status is not None and status not in _STATUSES:
            raise ValueError(f"status must be one of {', '.join(_STATUSES)}, got {status!r}")
        self._settle()
        rows = self._read(() if status is None else (status,))
        for kind, name in (("job", job), ("handler", listener)):
            if name is not None:
                rows = [row for row in rows if (row.kind, row.name) == (kind, name)]
        return self._rows(rows)

    def count(self, job: str, status: str) -> int:
        """How many slots, and runs by hand, of a job ended so; an attempt that another follows does not count."""
        return sum(row.weight for row in self.rows(job, status))

    def assert_ran_at(self, job: str, times: Iterable[Moment]) -> None:
        """Check when the runs of a job began, to the millisecond; each attempt is a run.

        Raises:
            AssertionError: at other times.
        """
        zone = self._clock.zone
        expected = Counter(_milliseconds(moment_of(time, zone)) for time in times)
        found = Counter(_milliseconds(row.start.timestamp(unit="nanosecond")) for row in self.rows(job) if row.ran)
        if found != expected:
            raise AssertionError(
                f"{job} ran at other times: missing {_times(expected - found, zone)}; "
                f"unexpected {_times(found - expected, zone)}{self._known(job)}"
            )

    def assert_outcomes(self, job: str, expected: Mapping[str, int]) -> None:
        """Check how the slots of a job ended, and runs by hand: all of them, by status; those that run do not count.

        Raises:
            AssertionError: otherwise.
        """
        rows = [row for row in self.rows(job) if row.status != STARTED]
        found: Counter[str] = Counter()
        for row in rows:
            found[row.status] += row.weight
        if +found != +Counter(expected):
            shown = "".join(f"\n  {row}" for row in rows[-_SHOWN:])
            raise AssertionError(f"{job} ended {dict(+found)}, expected {dict(expected)}{self._known(job)}{shown}")

    def assert_conserved(self) -> None:
        """Check that every slot of every job is in exactly one row, and the file as ``duly doctor`` does.

        Raises:
            AssertionError: it is not; the message names jobs and slots.
        """
        self._settle()
        report = examine(self.path, clock=self._clock, deep=False)
        if not report.ok:
            raise AssertionError("\n  ".join(["the ledger does not add up", *(each.line for each in report.diagnoses)]))

    def ended_since(self) -> list[LedgerRow]:
        """The rows that have ended since this was called before. Does not settle."""
        ended = []
        for each in self._read((), newer_than=min(self._open, default=self._seen + 1) - 1):
            if each.id <= self._seen and each.id not in self._open:
                continue
            self._open.discard(each.id)
            if each.status == STARTED:
                self._open.add(each.id)
            else:
                ended.append(each)
            self._seen = max(self._seen, each.id)
        return self._rows(ended)

    def _rows(self, found: Iterable[Execution]) -> list[LedgerRow]:
        """In the order of their execution ids, which is that of time; rows are written when the writer gets to them."""
        return [_row(each, self._clock.zone) for each in sorted(found, key=lambda each: each.execution_id or "")]

    def _known(self, job: str) -> str:
        """A hint, if there is no row of that name at all."""
        names = {row.job for row in self.rows() if row.job is not None}
        return "" if job in names else f"; jobs in the ledger: {', '.join(sorted(names)) or 'none'}"

    def _read(self, statuses: Collection[str], *, newer_than: int = 0) -> list[Execution]:
        """What there is of apps, in order of row ids."""
        if not self.path.exists():
            return []
        wanted = ExecutionFilter(source_tier="app", statuses=statuses)
        found: list[Execution] = []
        with LedgerReader(self.path, clock=self._clock, read_timeout_seconds=None) as reader:
            before: str | None = None
            limit = _FEW
            while True:
                page = reader.read(executions.page, wanted, before=before, limit=limit)
                found += (row for row in page.rows if row.id > newer_than)
                before, limit = page.before, LARGEST_PAGE
                if before is None or page.rows[-1].id <= newer_than:
                    return found[::-1]


def _row(row: Execution, zone: Zone) -> LedgerRow:
    first = row.scheduled_ts
    last = first if row.scheduled_to_ts is None else row.scheduled_to_ts
    return LedgerRow(
        job=row.name if row.kind == "job" else None,
        listener=row.name if row.kind == "handler" else None,
        status=row.status,
        reason=row.reason,
        first=None if first is None else zoned(first, zone),
        last=None if last is None else zoned(last, zone),
        count=row.tick_count,
        attempt=row.attempt_number,
        start=zoned(row.execution_start_ts, zone),
        end=zoned(row.execution_start_ts + row.duration_ns, zone),
        error_type=row.error_type,
        error_message=row.error_message,
        app_key=row.app_key,
        instance_index=row.instance_index,
        execution_id=row.execution_id,
    )


def _milliseconds(moment: int) -> int:
    return round(moment / _MILLISECOND)


def _times(moments: Counter[int], zone: Zone) -> str:
    """The first of them, which are in milliseconds."""
    times = sorted(moments.elements())
    shown = ", ".join(_short(zoned(time * _MILLISECOND, zone)) for time in times[:_SHOWN]) or "none"
    return f"{shown}, and more" if len(times) > _SHOWN else shown


def _short(time: ZonedDateTime) -> str:
    return time.to_plain().format_iso()

"""Whether the ledgers of the replicas of a scheduler add up together: what all of them have decided is one account.

A file that is not given is no fault of the others: while leaderships are in none of the files, slots that are missing,
or seem to be there twice, are not called wrong.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from duly.core.clock import Clock
from duly.ledger.accounts import Walk, touches
from duly.ledger.connections import open_reader
from duly.ledger.conservation import Entry, Kind
from duly.ledger.diagnosis import Diagnosis, Sum, Trouble, many
from duly.ledger.extent import floors
from duly.ledger.jobs import JobSchedule, StoredJob, jobs, schedules
from duly.ledger.leaderships import StoredLeadership, absent, leaderships, unanchored
from duly.ledger.pages import BEGINNING, END
from duly.ledger.progress import Progress, no_progress
from duly.ledger.shared import ChainKey, Decided, chain_key, judged, whole
from duly.ledger.slots import entries
from duly.ledger.tally import Tally, slot_diagnosis

_NAMED = 5
_DOUBTFUL = (Kind.MISSING, Kind.TWICE)
"""What may turn out right when another file is given."""
_STEP = "adding up what replicas share"
_DUE = "due, without a row in these files: the leader decides about {them}, or a file that is not given has {them}"


_JobKey: TypeAlias = tuple[str, int, str]
"""App key, index of the instance, name: the same in all files that know the job."""


class Source(NamedTuple):
    """A file that may be that of a replica."""

    path: Path
    job_ids: Collection[int] | None = None
    """Which of its jobs are wanted; ``None``: all."""


def add_up(
    sources: Iterable[Source],
    *,
    clock: Clock,
    since: int | None = None,
    until: int | None = None,
    progress: Progress = no_progress,
) -> Sum | None:
    """Check the slots in [since, until) that replicas share; ``None``: no file tells of a leadership.

    It changes nothing.

    Raises:
        DatabaseFileError: one of the files is no ledger, or none of this version.
    """
    window = BEGINNING if since is None else since, END if until is None else until
    once = {source.path.resolve(): source for source in sources}.values()
    adding = _Adding(window, clock, progress)
    with ExitStack() as stack:
        for source, db in [(source, _opened(stack, source)) for source in once]:
            adding.read(source, db)
        adding.chains()
        return adding.sum() if adding.replicas else None


def _opened(stack: ExitStack, source: Source) -> sqlite3.Connection:
    """A connection that sees one state of its file, that of now."""
    db = stack.enter_context(closing(open_reader(source.path)))
    db.execute("BEGIN")
    leaderships(db)
    return db


@dataclass(eq=False, slots=True)
class _Replica:
    """One of the files, in one state."""

    source: Source
    db: sqlite3.Connection
    leaderships: Sequence[StoredLeadership]
    floors: Mapping[str, int]
    parts: list[_Part] = field(default_factory=list)

    def may_be_of(self, app_key: str) -> bool:
        """Whether it belongs to that scheduler; a leader that had no entries may belong to any."""
        return not self.parts or any(part.job.app_key == app_key for part in self.parts)


class _Part(NamedTuple):
    """What one leadership has decided of a chain."""

    replica: _Replica
    job: StoredJob
    schedule: JobSchedule
    fence: int

    @property
    def wanted(self) -> bool:
        job_ids = self.replica.source.job_ids
        return job_ids is None or self.job.id in job_ids

    @property
    def of(self) -> _JobKey:
        """Whose it is."""
        return self.job.app_key, self.job.instance_index, self.job.job_name

    def decided(self, begin: int, until: int) -> Decided[Entry]:
        rows = entries(self.replica.db, self.schedule.id, begin, until)
        return Decided(self.fence, self.schedule.open_ts, rows)


@dataclass(slots=True)
class _Scheduler:
    """What is known of the leaderships of one scheduler."""

    app_key: str
    absent: Sequence[int]
    unanchored: Sequence[int]
    missing: int = 0
    """Slots that may be in files that are not given."""

    @property
    def complete(self) -> bool:
        """Whether all leaderships that have decided anything, up to the last one known, are in the files."""
        return not self.absent and not self.unanchored

    def remarks(self) -> Iterator[str]:
        """What is to be known of it."""
        slots = many(self.missing, "slot")
        if self.absent:
            nor = f", nor are {slots}" if self.missing else ""
            files = "the files of all replicas belong together"
            yield f"{self.app_key}: {_named(self.absent)} in none of these files{nor}: {files}"
        elif self.unanchored:
            so = f": {slots} without a row are not called missing" if self.missing else ""
            yield f"{self.app_key}: nothing tells which leadership was before {_listed(self.unanchored)}{so}"


class _Adding:
    """What has been found so far. Local to one call of ``add_up``."""

    def __init__(self, window: tuple[int, int], clock: Clock, progress: Progress) -> None:
        self.replicas: list[_Replica] = []
        self._window = window
        self._clock = clock
        self._progress = progress
        self._tally = Tally()
        self._superseded = 0
        self._schedulers: dict[str, _Scheduler] = {}
        self._latest: dict[_JobKey, int] = {}
        """The fence of the last leadership that has armed a job: older chains of it have no more slots to come."""
        self._chains: dict[tuple[_JobKey, ChainKey], list[_Part]] = {}

    def read(self, source: Source, db: sqlite3.Connection) -> None:
        """Take a file along if its process has ever led."""
        try:
            replica = _Replica(source, db, leaderships(db), floors(db))
            for job in jobs(db):
                replica.parts += [
                    _Part(replica, job, each, each.fence) for each in schedules(db, job.id) if each.fence is not None
                ]
        except sqlite3.DatabaseError as error:
            self._damaged(error, f"{source.path} cannot be read and is left out")
        else:
            if replica.leaderships or replica.parts:
                self.replicas.append(replica)

    def chains(self) -> None:
        """Walk along all chains of the files that were read."""
        for part in [part for replica in self.replicas for part in replica.parts]:
            app_key, *_ = part.of
            self._schedulers[app_key] = self._schedulers.get(app_key) or self._scheduler(app_key)
            self._latest[part.of] = max(part.fence, self._latest.get(part.of, part.fence))
            if part.wanted:
                self._chains.setdefault((part.of, chain_key(part.schedule)), []).append(part)
        for number, parts in enumerate(self._chains.values()):
            self._progress(_STEP, number, len(self._chains))
            try:
                self._chain(parts)
            except sqlite3.DatabaseError as error:
                self._damaged(error, f"{parts[0].job.full_name}: a file cannot be read")
        self._progress(_STEP, len(self._chains), len(self._chains))

    def sum(self) -> Sum:
        tally, schedulers = self._tally, self._schedulers.values()
        return Sum(
            files=tuple(replica.source.path for replica in self.replicas),
            leaderships=sum(len(replica.leaderships) for replica in self.replicas),
            absent=tuple(fence for scheduler in schedulers for fence in scheduler.absent),
            jobs=len({job for job, _ in self._chains}),
            schedules=tally.schedules,
            unaccounted=tally.unaccounted.total(),
            expected=tally.expected,
            recorded=tally.recorded,
            superseded=self._superseded,
            open=tally.open,
            due=tally.due,
            diagnoses=tuple(tally.diagnoses),
            more=tally.more,
            notes=(*(note for each in schedulers for note in each.remarks()), *tally.remarks(_DUE)),
        )

    def _scheduler(self, app_key: str) -> _Scheduler:
        replicas = [replica for replica in self.replicas if replica.may_be_of(app_key)]
        known = [leadership for replica in replicas for leadership in replica.leaderships]
        fences = {part.fence for replica in replicas for part in replica.parts if part.job.app_key == app_key}
        return _Scheduler(app_key, absent(known), unanchored(known, fences))

    def _chain(self, parts: Sequence[_Part]) -> None:
        newest = max(parts, key=lambda part: (part.fence, part.schedule.id))
        schedule = whole([part.schedule for part in parts])
        since, until = self._window
        begin = max(since, *(replica.floors.get(newest.job.source_tier, BEGINNING) for replica in self.replicas))
        if touches(schedule, begin, until):
            walk = Walk(schedule, begin, until)
            self._walk(newest.job, walk, self._counting(parts, begin, until))
            now = self._clock.now()
            goes_on = until > now and newest.fence == self._latest[newest.of]
            self._tally.count(newest.job, walk, now if goes_on else None)

    def _walk(self, job: StoredJob, walk: Walk, counting: Iterable[Entry]) -> None:
        scheduler = self._schedulers[job.app_key]
        if walk.unreadable is not None:
            self._tally.add(Diagnosis(Trouble.UNREADABLE, walk.unreadable, job.full_name))
        for finding in walk.findings(counting):
            if scheduler.complete or finding.kind not in _DOUBTFUL:
                self._tally.add(slot_diagnosis(finding, job.full_name))
            elif finding.kind is Kind.MISSING:
                scheduler.missing += finding.count

    def _counting(self, parts: Iterable[_Part], begin: int, until: int) -> Iterator[Entry]:
        """The entries that count."""
        for entry, counts in judged([part.decided(begin, until) for part in parts]):
            if counts:
                yield entry
            else:
                self._superseded += entry.count

    def _damaged(self, error: sqlite3.DatabaseError, what: str) -> None:
        """Note what SQLite says; what is only in the way of reading, like a lock, propagates."""
        if isinstance(error, sqlite3.OperationalError):
            raise error
        self._tally.add(Diagnosis(Trouble.DAMAGED, f"{what}: {error}"))


def _named(fences: Sequence[int]) -> str:
    """Some leaderships and their verb."""
    return f"leadership {fences[0]} is" if len(fences) == 1 else f"leaderships {_listed(fences)} are"


def _listed(fences: Sequence[int]) -> str:
    return ", ".join(map(str, fences[:_NAMED])) + (" and more" if len(fences) > _NAMED else "")

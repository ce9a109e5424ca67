"""Whether a ledger adds up: every slot of every schedule in exactly one row, and the file undamaged."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from duly.core.clock import Clock, zoned
from duly.ledger import extent, sessions
from duly.ledger.accounts import rows_of, walks
from duly.ledger.diagnosis import Diagnosis, Report, Trouble, many
from duly.ledger.jobs import StoredJob, jobs, schedules
from duly.ledger.lock import holder
from duly.ledger.pages import BEGINNING, END
from duly.ledger.progress import Progress, no_progress
from duly.ledger.reader import LedgerReader
from duly.ledger.sessions import Session
from duly.ledger.statements import statements
from duly.ledger.tally import Tally, slot_diagnosis
from duly.triggers.once import iso

_SQL = statements("queries")
_RUNNING = "running"


def examine(
    path: Path,
    *,
    clock: Clock,
    since: int | None = None,
    until: int | None = None,
    job_ids: Collection[int] | None = None,
    deep: bool = True,
    progress: Progress = no_progress,
) -> Report:
    """Check the slots in [since, until) of some jobs, or of all, and the file itself; also while it is written to.

    Without ``deep`` the file's indexes are not compared with its tables. It changes nothing.

    Raises:
        DatabaseFileError: there is no ledger at ``path``, or none of this version.
    """
    window = BEGINNING if since is None else since, END if until is None else until
    with LedgerReader(path, clock=clock, read_timeout_seconds=None) as reader:
        examination = _Examination(reader, window, progress)
        examination.file(deep=deep)
        examination.sessions()
        examination.jobs(job_ids)
        return examination.report()


@dataclass(slots=True)
class _Examination:
    """What has been found so far. Local to one call of ``examine``."""

    reader: LedgerReader
    window: tuple[int, int]
    progress: Progress
    writer: int | None = None
    checked: int = 0
    shared: int = 0
    abandoned: int = 0
    tally: Tally = field(default_factory=Tally)
    notes: list[str] = field(default_factory=list)

    def file(self, *, deep: bool) -> None:
        self.progress("examining the file", 0, 1)
        try:
            for diagnosis in self.reader.stream(_damage, deep=deep):
                self.tally.add(diagnosis)
        except sqlite3.DatabaseError as error:
            self._damaged(error)
        self.progress("examining the file", 1, 1)

    def sessions(self) -> None:
        """Who writes, what ran when its process died, and what was lost."""
        self.writer = holder(self.reader.path)
        newest = self.reader.read(sessions.newest)
        live = None if newest is None or newest.status != _RUNNING or self.writer is None else newest.id
        self.abandoned = self.reader.read(_abandoned, live)
        for each in self.reader.read(sessions.with_losses):
            self.tally.add(_losses(each))
        zone = self.reader.clock.zone
        for tier, floor in self.reader.read(extent.floors).items():
            time = iso(zoned(floor - 1, zone))
            self.notes.append(f"executions of tier {tier} up to {time} may have been deleted: they are not checked")

    def jobs(self, job_ids: Collection[int] | None) -> None:
        wanted = [job for job in self.reader.read(jobs) if job_ids is None or job.id in job_ids]
        for number, job in enumerate(wanted):
            self.progress("checking the slots of jobs", number, len(wanted))
            try:
                for diagnosis in self.reader.stream(self._slots, job):
                    self.tally.add(diagnosis)
            except sqlite3.DatabaseError as error:
                self._damaged(error)
        self.progress("checking the slots of jobs", len(wanted), len(wanted))
        self.checked = len(wanted)

    def report(self) -> Report:
        tally = self.tally
        return Report(
            path=self.reader.path,
            writer=self.writer,
            jobs=self.checked,
            schedules=tally.schedules,
            shared=self.shared,
            unaccounted=tally.unaccounted.total(),
            expected=tally.expected,
            recorded=tally.recorded,
            open=tally.open,
            abandoned=self.abandoned,
            due=tally.due,
            diagnoses=tuple(tally.diagnoses),
            more=tally.more,
            notes=(*self.notes, *self._remarks()),
        )

    def _slots(self, db: sqlite3.Connection, job: StoredJob) -> Iterator[Diagnosis]:
        now = self.reader.clock.now()
        self.shared += sum(schedule.fence is not None for schedule in schedules(db, job.id))
        for walk in walks(db, job, *self.window):
            ids = job.id, walk.schedule.id
            if walk.unreadable is not None:
                yield Diagnosis(Trouble.UNREADABLE, walk.unreadable, job.full_name, *ids)
            for finding in walk.findings(rows_of(db, walk)):
                yield slot_diagnosis(finding, job.full_name, ids)
            self.tally.count(job, walk, now if self.window[1] > now else None)

    def _damaged(self, error: sqlite3.DatabaseError) -> None:
        """Note what SQLite says; what is only in the way of reading, like a lock, propagates."""
        if isinstance(error, sqlite3.OperationalError):
            raise error
        self.tally.add(Diagnosis(Trouble.DAMAGED, f"the file cannot be read: {error}"))

    def _remarks(self) -> Iterator[str]:
        if self.abandoned:
            executions = many(self.abandoned, "execution")
            yield f"{executions} ran when the process died: the next start calls them interrupted"
        decided = "passed since the process ended: the next start decides about {them}"
        if self.writer is not None:
            decided = f"just passed: process {self.writer} decides about {{them}}"
        yield from self.tally.remarks(decided)


def _damage(db: sqlite3.Connection, *, deep: bool) -> Iterator[Diagnosis]:
    for (text,) in db.execute("PRAGMA integrity_check" if deep else "PRAGMA quick_check"):
        if text != "ok":
            yield Diagnosis(Trouble.DAMAGED, f"the file is damaged: {text}")
    dangling = Counter((table, parent) for table, _, parent, _ in db.execute("PRAGMA foreign_key_check"))
    for (table, parent), count in dangling.items():
        text = f"rows of {table} that refer to a row of {parent} that does not exist: {count}"
        yield Diagnosis(Trouble.DANGLING, text, count=count)


def _abandoned(db: sqlite3.Connection, live: int | None) -> int:
    return sum(session != live for _, session in db.execute(_SQL["started_executions"]))


def _losses(session: Session) -> Diagnosis:
    counted = {
        "there was no room for them": session.dropped_overflow,
        "they could not be written": session.dropped_exhausted,
        "the final flush failed": session.dropped_shutdown,
    }
    why = ", ".join(f"{count} because {reason}" for reason, count in counted.items() if count)
    text = f"session {session.id} has lost {many(session.dropped, 'record')}: {why}"
    return Diagnosis(Trouble.LOST, text, first=session.started_at, last=session.stopped_at, count=session.dropped)

"""What an examination of a ledger gives: what is wrong, and what was looked at."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from duly.ledger.conservation import Kind

LISTED: Final = 1000
"""Diagnoses that a report names; the others it counts."""


def many(count: int, noun: str) -> str:
    """So many of something: ``1 slot``, ``3 slots``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Trouble(StrEnum):
    """What is wrong: the kinds of the conservation law, and those of the file."""

    MISSING = Kind.MISSING.value
    TWICE = Kind.TWICE.value
    UNKNOWN = Kind.UNKNOWN.value
    MISCOUNTED = Kind.MISCOUNTED.value
    UNREADABLE = "unreadable"
    """A schedule whose trigger cannot be rebuilt: only slots that occur twice are found."""
    LOST = "lost"
    """Records that a session could not write."""
    DAMAGED = "damaged"
    """SQLite finds the file inconsistent."""
    DANGLING = "dangling"
    """Rows that refer to some that do not exist."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that is wrong. Times are nanoseconds since the epoch."""

    trouble: Trouble
    text: str
    """What, with times in the zone of the schedule."""
    job: str | None = None
    """Full name of the job; ``None``: it is about the file."""
    job_id: int | None = None
    schedule_id: int | None = None
    first: int | None = None
    """The first slot it is about."""
    last: int | None = None
    count: int = 1
    """How many slots, records or rows."""

    @property
    def line(self) -> str:
        """All of it in one line for people."""
        return self.text if self.job is None else f"{self.job}: {self.text}"


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination has found. Counts are slots in the window that was examined."""

    path: Path
    writer: int | None
    """Pid of the process that writes to it; ``None``: nobody does."""
    jobs: int
    schedules: int
    """Those that are examined; not the ``shared`` ones."""
    shared: int
    """Schedules of leaderships: their slots are in the files of all replicas, see ``Sum``."""
    unaccounted: int
    """Schedules of users' own triggers: of them, only slots that occur twice are found."""
    expected: int
    """Slots that should have a row, those of ``unaccounted`` schedules left out."""
    recorded: int
    """Slots that have one, those of ``unaccounted`` schedules left out."""
    open: int
    """Slots that run or wait for their turn."""
    abandoned: int
    """Executions that ran when their process died; the next start makes them ``interrupted``."""
    due: int
    """Slots that were due and that nobody has decided yet; it is done by the process that runs, or by the next."""
    diagnoses: tuple[Diagnosis, ...]
    """What is wrong, at most ``LISTED``."""
    more: int
    """Diagnoses beyond these."""
    notes: tuple[str, ...]
    """What is to be known, and is not wrong."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.diagnoses


@dataclass(frozen=True, slots=True)
class Sum:
    """The account of the schedules that replicas share, drawn up over all their files. Counts are slots."""

    files: tuple[Path, ...]
    leaderships: int
    absent: tuple[int, ...]
    """Fences of leaderships that have decided something and are in none of the files; others may be missing too."""
    jobs: int
    schedules: int
    """Chains of slots: what several leaderships have decided of one is one."""
    unaccounted: int
    """As in ``Report``."""
    expected: int
    recorded: int
    superseded: int
    """Slots of rows that do not count, for a later leadership has decided them."""
    open: int
    due: int
    diagnoses: tuple[Diagnosis, ...]
    more: int
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.diagnoses

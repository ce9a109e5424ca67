"""What the words of a command name: a schedule, a job, the ledger with all its jobs, or a file of schedules."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from duly.cli.ledger_file import NoJobError, NoLedgerError, job_called, ledger_of, reading
from duly.cli.schedule import ACCEPTED, NoScheduleError, Schedule, read_schedule
from duly.cli.schedule_file import entries_of, is_schedule_file
from duly.cli.settings import Misconfigured
from duly.ledger.jobs import StoredJob, jobs
from duly.ledger.upcoming import Upcoming, upcoming

if TYPE_CHECKING:
    from duly.dispatch.schedule_file import ScheduleFile


@dataclass(frozen=True, slots=True)
class JobsOf:
    """One job of a ledger, or all that live there."""

    path: Path
    jobs: Sequence[Upcoming]
    one: bool


@dataclass(frozen=True, slots=True)
class EntriesOf:
    """All entries of a file of schedules."""

    path: Path
    file: "ScheduleFile"
    one: Literal[False] = False


def read_subject(words: Sequence[str], ledger: Path | None) -> Schedule | JobsOf | EntriesOf:
    """What is meant: all that an existing file holds, else a schedule, else the job of that name in the ledger in use.

    With ``ledger`` given it is a job of that ledger, whatever the name looks like; without a name all of its jobs.

    Raises:
        ValueError: it is none of them, or a schedule that is wrong.
        UsageError: it is a file of schedules that is wrong.
    """
    text = " ".join(words).strip()
    if ledger is not None:
        return _jobs_of(ledger_of(ledger), text or None)
    if len(words) == 1 and is_schedule_file(Path(text)):
        return EntriesOf(Path(text), entries_of(Path(text)))
    if len(words) == 1 and Path(text).is_file():
        return _jobs_of(ledger_of(Path(text)), None)
    try:
        return read_schedule(words)
    except NoScheduleError:
        return _job_in_use(text)


def _job_in_use(name: str) -> JobsOf:
    none_of_all = f"{name!r} is neither a file nor a schedule ({ACCEPTED}), and"
    try:
        return _jobs_of(ledger_of(None), name)
    except NoJobError as error:
        raise ValueError(f"{none_of_all} there is {error}") from None
    except NoLedgerError as error:
        raise ValueError(f"{none_of_all} {error}") from None
    except Misconfigured:
        why = "the settings, which say where the ledger is, cannot be used: give --ledger FILE, or run duly check"
        raise ValueError(f"{none_of_all} {why}") from None


def _jobs_of(path: Path, name: str | None) -> JobsOf:
    with reading(path) as reader:
        found: Sequence[StoredJob] = reader.read(jobs, state="live") if name is None else [job_called(reader, name)]
        return JobsOf(path, [reader.read(upcoming, job) for job in found], one=name is not None)

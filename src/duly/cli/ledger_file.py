"""The file of a ledger as an argument: what commands that read it have in common."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from duly.cli.settings import load_config
from duly.cli.terminal import Failed
from duly.cli.times import read_duration, read_moment
from duly.core.clock import SECOND, Zone, current
from duly.ledger import jobs
from duly.ledger.errors import DatabaseFileError
from duly.ledger.jobs import StoredJob, StoredListener
from duly.ledger.reader import LedgerReader

_Named = TypeVar("_Named", bound=StoredJob | StoredListener)


class NoJobError(ValueError):
    """A ledger has no job of that name."""


class NoLedgerError(ValueError):
    """The settings are fine, but there is no ledger yet."""


def existing(path: Path) -> Path:
    """A path that leads to a file.

    Raises:
        ValueError: it does not.
    """
    if not path.is_file():
        raise ValueError(f"there is no ledger at {path}: give the path of an existing file")
    return path


def ledger_of(source: Path | None) -> Path:
    """The ledger that is meant: the file itself, or that of the settings in a TOML file; ``None``: of those in use.

    Raises:
        NoLedgerError: there is none yet.
        ValueError: there is no such file.
        Misconfigured: the settings cannot be used.
    """
    if source is not None and existing(source).suffix != ".toml":
        return source
    path = load_config(source).ledger_path
    if not path.is_file():
        raise NoLedgerError(f"there is no ledger at {path} yet: duly run makes it, or give the path of one")
    return path


@contextmanager
def using(path: Path) -> Iterator[None]:
    """Tell in one line what goes wrong with the file inside."""
    try:
        yield
    except (DatabaseFileError, TimeoutError) as error:
        raise Failed(str(error)) from error
    except sqlite3.Error as error:
        raise Failed(f"cannot use {path}: {error}{_advice(error)}") from error


@contextmanager
def reading(path: Path) -> Iterator[LedgerReader]:
    """Give what reads the ledger, however long that takes; ``using`` it."""
    with using(path), LedgerReader(path, clock=current(), read_timeout_seconds=None) as reader:
        yield reader


def read_since(text: str | None, now: int, zone: Zone) -> int | None:
    """A moment, or a duration before ``now``, in nanoseconds; ``None`` stays.

    Raises:
        ValueError: it is neither.
    """
    if text is None:
        return None
    seconds = read_duration(text)
    if seconds is not None:
        return now - round(seconds * SECOND)
    try:
        return read_moment(text, zone)
    except ValueError:
        raise ValueError(f"cannot read {text!r}: write it as 1h, 30d (ago), 2025-03-08 or '2025-03-08 12:00'") from None


def job_called(reader: LedgerReader, name: str) -> StoredJob:
    """The job of that name: with that of its app in front, unless only one has it.

    Raises:
        ValueError: there is none, or there are several.
    """
    try:
        found = _called(name, [(job, job.job_name) for job in reader.read(jobs.jobs)], reader.path, "job")
    except NoJobError:
        if any(name in {listener.full_name, listener.name} for listener in reader.read(jobs.listeners)):
            raise NoJobError(f"{name!r} is a handler, which has no slots: duly history shows its calls") from None
        raise
    if len(found) > 1:
        raise ValueError(f"several jobs are called {name!r}: rename all but one")
    return found[0]


def all_called(reader: LedgerReader, name: str) -> list[StoredJob | StoredListener]:
    """What goes by that name: a job, or a handler, which may listen, or have listened, to several topics.

    Raises:
        ValueError: there is nothing, or it is that of several.
    """
    known: list[tuple[StoredJob | StoredListener, str]] = [(job, job.job_name) for job in reader.read(jobs.jobs)]
    known += [(listener, listener.name) for listener in reader.read(jobs.listeners)]
    return _called(name, known, reader.path, "job or handler")


def _called(name: str, known: Sequence[tuple[_Named, str]], path: Path, kind: str) -> list[_Named]:
    """Those of ``known``, given with their own names, that are meant; all of them have the same full name."""
    found = [item for item, _ in known if item.full_name == name] or [item for item, own in known if own == name]
    names = sorted({item.full_name for item in found})
    if len(names) == 1:
        return found
    if names:
        several = "jobs" if all(isinstance(item, StoredJob) for item in found) else "handlers or jobs"
        raise ValueError(f"several {several} are called {name!r}: say which, {', '.join(names)}")
    near = get_close_matches(name, [item.full_name for item, _ in known] + [own for _, own in known], n=1)
    hint = f"did you mean {near[0]!r}?" if near else "duly history shows the names of all"
    raise NoJobError(f"no {kind} {name!r} in {path}: {hint}")


def _advice(error: sqlite3.Error) -> str:
    text = str(error)
    if "readonly" in text:
        return ": make the file and its folder writable"
    if "locked" in text:
        return ": another process has it locked: try again, or end that process"
    return ": make room on the disk" if "full" in text else ""

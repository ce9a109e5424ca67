"""Connections to a ledger: one that writes, any number that read. Nothing here deletes or replaces a file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import NoReturn

from duly.core.clock import SECOND, Clock
from duly.ledger.errors import DatabaseFileError, SchemaVersionError
from duly.ledger.forks import in_sqlite

BUSY_SECONDS = 5.0
"""How long one statement waits for another process that has the file locked."""

_APPLICATION_ID = int.from_bytes(b"DULY")
_CACHE_KILOBYTES = 16_384
_STEPS_BETWEEN_LOOKS = 100_000
"""Virtual machine instructions of SQLite, some milliseconds."""

Migration = tuple[int, str]
"""Version, and the SQL that leads to it."""


@in_sqlite()
def open_writer(path: Path, clock: Clock, *, migration_timeout: float = 120.0) -> tuple[sqlite3.Connection, int]:
    """Open the ledger for writing, made if it is not there, brought to the present schema if it is older.

    Gives the connection, usable in any one thread, and the version the file had. ``migration_timeout`` is seconds.

    Raises:
        SchemaVersionError: a later version wrote it.
        DatabaseFileError: it is something else, damaged, read-only, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = _connect(path)
    except (OSError, sqlite3.Error) as error:
        _refuse(path, error)
    with _closed_on_error(db, path):
        found = _checked_version(db, path)
        if not found:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _set_up(db)
        _migrate(db, found, clock, migration_timeout)
    return db, found


@in_sqlite()
def open_reader(path: Path) -> sqlite3.Connection:
    """Open the ledger for reading, also while a process writes to it; usable in any one thread.

    Raises:
        SchemaVersionError: a later version wrote it.
        DatabaseFileError: there is no such file, it is something else, or it cannot be read.
    """
    if not path.is_file():
        raise DatabaseFileError(f"there is no ledger at {path}: give the path of an existing file")
    try:
        db = _connect(path, mode="rw")
    except sqlite3.Error as error:
        _refuse(path, error)
    with _closed_on_error(db, path):
        version = _checked_version(db, path)
        db.execute("PRAGMA query_only = ON")
        if version != LATEST:
            was = "is empty" if not version else f"has the schema of version {version}, this one reads {LATEST}"
            raise DatabaseFileError(f"{path} {was}: start the program that writes it once with this version of Duly")
    return db


@contextmanager
def _closed_on_error(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Close the connection if what is done with it fails, and say what is wrong with the file."""
    try:
        yield
    except BaseException as error:
        db.close()
        if isinstance(error, sqlite3.Error):
            _refuse(path, error)
        raise


def _connect(path: Path, mode: str = "rwc") -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )


def _checked_version(db: sqlite3.Connection, path: Path) -> int:
    """The version of the schema, 0 for an empty file. Changes nothing."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version > LATEST and application == _APPLICATION_ID:
        raise SchemaVersionError(
            f"{path} was written by a later Duly: its schema has version {version}, this one knows {LATEST}: "
            "upgrade Duly or choose another database.path"
        )
    if (version or tables) and application != _APPLICATION_ID:
        raise DatabaseFileError(f"{path} is a database of something else: choose another file")
    return int(version)


def _set_up(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("PRAGMA wal_autocheckpoint = 1000")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")  # fails now, and not at the first row, if it is read-only
    db.execute("ROLLBACK")


def _migrate(db: sqlite3.Connection, found: int, clock: Clock, timeout: float) -> None:
    end = clock.monotonic() + timeout * SECOND
    db.set_progress_handler(lambda: clock.monotonic() > end, _STEPS_BETWEEN_LOOKS)
    try:
        for version, script in MIGRATIONS[found:]:
            try:
                db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;")
            except sqlite3.Error as error:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                late = "it took longer than migration_timeout_seconds, " if clock.monotonic() > end else ""
                raise type(error)(f"{late}migration to version {version}: {error}") from error
    finally:
        db.set_progress_handler(None, 0)


def _refuse(path: Path, error: Exception) -> NoReturn:
    """Say what is wrong with the file, and what to do."""
    reason = str(error)
    step = "choose another file"
    if isinstance(error, OSError):
        reason, step = error.strerror or reason, "make its folder writable, or choose another file"
    elif "readonly" in reason or "unable to open" in reason:
        step = f"make the file and the folder {path.parent} writable, or choose another file"
    elif "full" in reason or "I/O" in reason:
        step = "make room on the disk"
    elif "locked" in reason:
        step = "end the process that has it locked"
    elif "malformed" in reason or "not a database" in reason:
        step = "restore a backup, or choose another file; the file was left as it is"
    raise DatabaseFileError(f"cannot use {path} as a ledger: {reason}: {step}") from error


def _migrations() -> tuple[Migration, ...]:
    folder = files("duly.ledger") / "schema"
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".sql"))
    numbers = [int(name.partition("_")[0]) for name in names]
    assert numbers == list(range(1, len(names) + 1)), f"migrations must be numbered without gaps from 001: {names}"  # noqa: S101 - a fault of ours
    return tuple((number, (folder / name).read_text("utf-8")) for number, name in zip(numbers, names, strict=True))


MIGRATIONS: tuple[Migration, ...] = _migrations()
LATEST = len(MIGRATIONS)

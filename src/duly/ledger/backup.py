"""A copy of a ledger, also while a process writes to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from duly.ledger.connections import open_reader
from duly.ledger.errors import DatabaseFileError
from duly.ledger.progress import Progress, no_progress

_PAGES = 2000


def backup(path: Path, target: Path, *, progress: Progress = no_progress) -> int:
    """Copy the ledger as it is at this moment to ``target``, which must not exist; give the bytes of the copy.

    Raises:
        DatabaseFileError: there is no ledger at ``path``, or ``target`` exists or cannot be made.
        sqlite3.Error: it cannot be read, or the disk is full; then no copy is left.
    """
    with closing(open_reader(path)) as source:
        try:
            target.open("xb").close()
        except FileExistsError:
            raise DatabaseFileError(f"{target} exists: give the path of a new file") from None
        except OSError as error:
            raise DatabaseFileError(
                f"cannot make {target}: {error.strerror}: give a path that can be written"
            ) from None
        try:
            _copy(source, target, progress)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return target.stat().st_size


def _copy(source: sqlite3.Connection, target: Path, progress: Progress) -> None:
    # In one read transaction: what others write meanwhile is not seen, and does not make the copy begin anew.
    source.execute("BEGIN")
    source.execute("PRAGMA schema_version").fetchone()

    def tell(_status: int, remaining: int, total: int) -> None:
        progress("copying", total - remaining, total)

    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy, pages=_PAGES, progress=tell)
    source.execute("ROLLBACK")

"""Keeps a file for caches at hand, whatever becomes of the one on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from duly.apps.cache_file import CacheFile, is_damage
from duly.ledger.forks import in_sqlite
from duly.lifecycle.logs import PartLogger

T = TypeVar("T")

_ENDINGS = ("", "-wal", "-shm")
"""Of the files that SQLite makes for one database."""


class CacheKeeper:
    """Owns the open file, which is opened when first used. For one thread."""

    def __init__(self, path: Path, logger: PartLogger) -> None:
        self._path = path
        self._logger = logger
        self._file: CacheFile | None = None

    def do(self, work: Callable[[CacheFile], T]) -> T:
        """What the work gives; done again on a fresh file if the one there is turned out to be damaged.

        Raises:
            sqlite3.Error: it could not be done.
        """
        with in_sqlite():
            try:
                return work(self._opened())
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                self._move_away(error)
                return work(self._opened())

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            with in_sqlite(), suppress(sqlite3.Error):  # all that is lost is when entries were used last
                file.close()

    def _opened(self) -> CacheFile:
        if self._file is None:
            self._file = self._on_disk() or CacheFile(None)
        return self._file

    def _on_disk(self) -> CacheFile | None:
        """The file at the path; ``None`` if it cannot be used, though it is not damaged."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return CacheFile(self._path)
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                raise
            self._warn_of_memory(error)
            return None

    def _move_away(self, damage: sqlite3.Error) -> None:
        """Make place for a fresh file."""
        self.close()
        bad = f"{self._path.name}.bad"
        try:
            for ending in _ENDINGS:
                old, new = (self._path.with_name(f"{name}{ending}") for name in (self._path.name, bad))
                if old.exists():
                    old.replace(new)
                else:
                    new.unlink(missing_ok=True)
        except OSError as error:
            self._warn_of_memory(error)
            self._file = CacheFile(None)
        else:
            self._logger.warning("%s is damaged: %s: moved to %s, caches begin empty", self._path, damage, bad)

    def _warn_of_memory(self, error: Exception) -> None:
        self._logger.warning(
            "%s cannot be used: %s: until the next start caches are kept in memory only; make the file and its folder"
            " writable",
            self._path,
            error,
        )

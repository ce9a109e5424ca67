"""The file that keeps the caches of all apps, apart from the ledger: what is in it may be lost at any time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from duly.apps.cache_values import Stored

_VERSION = 1
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE cache_entries (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    value NOT NULL,
    expires_at INTEGER,
    size INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX cache_use ON cache_entries (owner, used_at);
CREATE INDEX cache_expiry ON cache_entries (expires_at) WHERE expires_at IS NOT NULL;
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_BUSY_SECONDS = 5.0
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_GET = "SELECT value FROM cache_entries WHERE owner = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)"
_KEYS = "SELECT key FROM cache_entries WHERE owner = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY key"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be stored."""

    owner: str
    key: str
    value: Stored
    expires_at: int | None
    """``None``: never."""

    @property
    def size(self) -> int:
        """Its bytes, as far as limits go."""
        return len(self.value)


class ForeignFileError(sqlite3.DatabaseError):
    """The file is a database, but not that of a cache of this version."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault, so that only another one helps."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return isinstance(error, ForeignFileError) or code & 0xFF in _DAMAGE


class CacheFile:
    """Owns the connection, and what has been used since the last write. For one thread. Times are epoch nanoseconds.

    ``used_at`` is when an entry was last used, moved on where needed so that no two uses are at the same time.
    """

    def __init__(self, path: Path | None) -> None:
        """Open the file, made if it is not there; ``None``: in memory.

        Raises:
            sqlite3.Error: it cannot be used; ``is_damage`` says whether because of what is in it.
        """
        self._db = sqlite3.connect(path or ":memory:", timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            self._set_up()
            (last,) = self._db.execute("SELECT ifnull(max(used_at), 0) FROM cache_entries").fetchone()
        except BaseException:
            self._db.close()
            raise
        self._last_use: int = last
        self._used: dict[tuple[str, str], int] = {}
        """When entries were read since the last write: reading writes nothing."""
        self._sizes: dict[str, int] = {}
        """The bytes of owners that have written."""

    def _set_up(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if version != (_VERSION if tables else 0):
            raise ForeignFileError(f"it has not the schema of version {_VERSION}")
        self._db.execute("PRAGMA journal_mode = WAL").fetchone()
        self._db.execute("PRAGMA synchronous = NORMAL")
        if not tables:
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Write what has been used, and close."""
        try:
            with self._writing():
                pass
        finally:
            self._db.close()

    # --- entries -----------------------------------------------------------------------------------------------------

    def get(self, owner: str, key: str, now: int) -> Stored | None:
        """What is stored and has not expired; counts as a use."""
        found = self._db.execute(_GET, (owner, key, now)).fetchone()
        if found is None:
            return None
        self._used[owner, key] = self._use(now)
        value: Stored = found[0]
        return value

    def has(self, owner: str, key: str, now: int) -> bool:
        """Whether something is stored that has not expired; counts as no use."""
        return self._db.execute(_GET, (owner, key, now)).fetchone() is not None

    def keys(self, owner: str, now: int) -> list[str]:
        """The keys of what has not expired, in order."""
        return [key for (key,) in self._db.execute(_KEYS, (owner, now))]

    def put(self, entry: Entry, limit: int, now: int) -> None:
        """Store it, and delete what its owner has not used for longest while it has more bytes than ``limit``."""
        with self._writing():
            size = self._size(entry.owner) - self._delete(entry.owner, entry.key) + entry.size
            self._db.execute(
                "INSERT INTO cache_entries (owner, key, value, expires_at, size, used_at) VALUES (?, ?, ?, ?, ?, ?)",
                (entry.owner, entry.key, entry.value, entry.expires_at, entry.size, self._use(now)),
            )
            size = self._evict(entry.owner, size, limit, now)
        self._sizes[entry.owner] = size

    def delete(self, owner: str, key: str, now: int) -> bool:
        """Delete it; whether there was something that had not expired."""
        there = self.has(owner, key, now)
        with self._writing():
            size = self._size(owner) - self._delete(owner, key)
        self._sizes[owner] = size
        return there

    def clear(self, owner: str) -> None:
        """Delete all that is the owner's."""
        with self._writing():
            self._db.execute("DELETE FROM cache_entries WHERE owner = ?", (owner,))
        self._sizes[owner] = 0

    def remove_expired(self, now: int) -> bool:
        """Delete what has expired, of all owners; whether something is left that will."""
        with self._writing():
            self._db.execute("DELETE FROM cache_entries WHERE expires_at <= ?", (now,))
        self._sizes.clear()
        left = self._db.execute("SELECT 1 FROM cache_entries WHERE expires_at IS NOT NULL LIMIT 1").fetchone()
        return left is not None

    # --- inside ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            used = [(moment, *entry) for entry, moment in self._used.items()]
            self._db.executemany("UPDATE cache_entries SET used_at = ? WHERE owner = ? AND key = ?", used)
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has rolled back already, or the file is no use
                self._db.execute("ROLLBACK")
            raise
        self._used.clear()

    def _use(self, now: int) -> int:
        self._last_use = max(now, self._last_use + 1)
        return self._last_use

    def _size(self, owner: str) -> int:
        if owner not in self._sizes:
            total = "SELECT ifnull(sum(size), 0) FROM cache_entries WHERE owner = ?"
            (self._sizes[owner],) = self._db.execute(total, (owner,)).fetchone()
        return self._sizes[owner]

    def _delete(self, owner: str, key: str) -> int:
        """Delete an entry; the bytes that it had."""
        gone = self._db.execute("DELETE FROM cache_entries WHERE owner = ? AND key = ? RETURNING size", (owner, key))
        return sum(size for (size,) in gone.fetchall())

    def _evict(self, owner: str, size: int, limit: int, now: int) -> int:
        """Delete entries, those that have expired first, until the owner has no more than ``limit``; what it has."""
        if size > limit:
            order = (
                "SELECT key, size FROM cache_entries WHERE owner = ? ORDER BY ifnull(expires_at <= ?, 0) DESC, used_at"
            )
            for key, bytes_of_it in self._db.execute(order, (owner, now)).fetchall():
                if size <= limit:
                    break
                size -= bytes_of_it
                self._db.execute("DELETE FROM cache_entries WHERE owner = ? AND key = ?", (owner, key))
        return size

"""The lock that lets one writer at a time use a ledger."""

import errno
import fcntl
import os
import struct
import sys
import threading
from pathlib import Path
from typing import Final, Self

from duly.ledger.errors import DatabaseFileError

_HELD = (errno.EACCES, errno.EAGAIN)
"""Errors by which ``lockf`` says that somebody else has the lock."""

_held: set[Path] = set()
"""Files locked by this process: POSIX locks do not see a second holder inside the process that has them."""
_guard = threading.Lock()

_LINUX: Final = "hhqqi4x"
"""``struct flock``: type, whence, start, length, pid."""
_MACOS: Final = "qqihh"
"""start, length, pid, type, whence."""


class FileLock:
    """Held from its making until ``release``, at the latest until the process ends, however it does.

    An advisory lock on ``{path}.lock``, which is left there and holds the pid of its last holder. A forked child does
    not inherit it.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            DatabaseFileError: somebody has it, named by pid, or the lock file cannot be made.
        """
        self._path = Path(f"{path.resolve()}.lock")
        self._pid = os.getpid()
        with _guard:
            if self._path in _held:
                raise _in_use(path, str(self._pid))
            try:
                self._file = self._path.open("a+", encoding="ascii")
            except OSError as error:
                raise DatabaseFileError(
                    f"cannot lock {path}: {error.strerror}: {self._path} must be writable"
                ) from error
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                pid = pid_in(self._path)
                self._file.close()
                if error.errno in _HELD:
                    raise _in_use(path, pid) from None
                raise DatabaseFileError(
                    f"cannot lock {path}: {error.strerror}: choose a file on a disk that knows locks"
                ) from error
            _held.add(self._path)
        try:
            self._file.truncate(0)
            os.write(self._file.fileno(), str(self._pid).encode("ascii"))
        except OSError as error:
            self.release()
            raise DatabaseFileError(
                f"cannot lock {path}: {error.strerror}: make room on the disk for {self._path}"
            ) from error

    def release(self) -> None:
        """Let others have it. Idempotent; in a forked child it does nothing, for the lock is the parent's."""
        if self._pid != os.getpid():
            return
        with _guard:
            _held.discard(self._path)
            self._file.close()

    def __enter__(self) -> Self:
        """Held already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others have it."""
        self.release()


def holder(path: Path) -> int | None:
    """The pid of the process that writes to the ledger; ``None``: nobody does, or it cannot be told.

    It asks who would be in the way of a lock, and takes none: a process that starts meanwhile is not disturbed.
    """
    lock = Path(f"{path.resolve()}.lock")
    with _guard:  # nobody in this process takes it meanwhile: closing the file here would release it
        if lock in _held:
            return os.getpid()
        try:
            with lock.open("rb") as file:
                return _in_the_way(file.fileno())
        except (FileNotFoundError, PermissionError):
            return None


def _in_the_way(file: int) -> int | None:
    if sys.platform == "darwin":
        _, _, pid, kind, _ = struct.unpack(
            _MACOS, fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(_MACOS, 0, 0, 0, fcntl.F_WRLCK, 0))
        )
    else:
        kind, _, _, _, pid = struct.unpack(
            _LINUX, fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(_LINUX, fcntl.F_WRLCK, 0, 0, 0, 0))
        )
    return None if kind == fcntl.F_UNLCK else int(pid)


def forget_locks() -> None:
    """In a forked child: the locks are the parent's, and another of its threads may hold the guard."""
    global _guard  # noqa: PLW0603 - as above
    _guard = threading.Lock()
    _held.clear()


def pid_in(lock: Path) -> str:
    """Who wrote the lock file last."""
    return lock.read_text("ascii").strip() or "unknown"


def _in_use(path: Path, pid: str) -> DatabaseFileError:
    return DatabaseFileError(
        f"{path} is in use by the process with pid {pid}: stop that one, or choose another file for this one"
    )


os.register_at_fork(after_in_child=forget_locks)

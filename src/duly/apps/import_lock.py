"""Who may change the modules of apps: one thread at a time, but for one that does not come to an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType


class ImportLock:
    """A reentrant lock that can be taken away. Owns which thread has it; guarded by ``_changed``."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._owner: int | None = None
        self._depth = 0

    @property
    def mine(self) -> bool:
        """Whether the calling thread has it, still."""
        return self._owner == threading.get_ident()

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait for it, at most ``timeout`` seconds; whether the calling thread has it now."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._owner is None or self.mine, timeout):
                return False
            self._owner = threading.get_ident()
            self._depth += 1
            return True

    def release(self) -> None:
        """Let others have it; does nothing in a thread from which it was taken."""
        with self._changed:
            if self.mine:
                self._depth -= 1
                if not self._depth:
                    self._owner = None
                    self._changed.notify()

    def keep(self, act: Callable[[], object]) -> bool:
        """Call ``act`` if the calling thread still has it; whether it has. It is not taken meanwhile."""
        with self._changed:
            if self.mine:
                act()
            return self.mine

    def take(self, allowed: Callable[[], bool]) -> int | None:
        """Take it from the thread that has it, which is given, if that is allowed; nobody else gets it between."""
        with self._changed:
            if self._owner is None or self.mine or not allowed():
                return None
            former, self._owner, self._depth = self._owner, threading.get_ident(), 1
            return former

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

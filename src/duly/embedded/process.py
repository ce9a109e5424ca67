"""What becomes of the schedulers of a process when it ends, and in a child that it forks."""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from typing import Protocol

log = logging.getLogger("duly.embedded")

SECONDS_AT_EXIT = 5.0


class Living(Protocol):
    """A scheduler, as far as its process is concerned."""

    def stop(self, wait: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002 - a scheduler's
        """End its threads, which an interpreter that ends must not wait for while they sleep."""
        ...

    def _forget_threads(self) -> None:
        """In a forked child: threads do not survive a fork."""
        ...


SCHEDULERS: weakref.WeakSet[Living] = weakref.WeakSet()


def _stop_all() -> None:
    for scheduler in list(SCHEDULERS):
        try:
            scheduler.stop(timeout=SECONDS_AT_EXIT)
        except Exception:  # one must not keep the others from their stop
            log.exception("a scheduler could not be stopped at the end of the process")


def _forget_all() -> None:
    for scheduler in list(SCHEDULERS):
        scheduler._forget_threads()  # noqa: SLF001 - nobody else is to call it


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

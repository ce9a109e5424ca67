"""SQLite and forks: a child that is forked while another thread is inside SQLite finds its locks held for ever.

So whoever calls SQLite does it ``with in_sqlite():``, and a fork waits until nobody is inside.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE_SECONDS = 30.0
"""More than any call takes that is not stuck itself."""

_inside = 0
_changed = threading.Condition(threading.Lock())
"""Guards the number of those inside; held by the forking thread through a fork."""


@contextmanager
def in_sqlite() -> Iterator[None]:
    """Inside, SQLite may be called; keep it short, and run no code of a user's. May be nested."""
    _enter(1)
    try:
        yield
    finally:
        _enter(-1)


def _enter(number: int) -> None:
    global _inside  # noqa: PLW0603 - one for the process, as SQLite's own locks are
    with _changed:
        _inside += number
        if not _inside:
            _changed.notify_all()


def _before() -> None:
    _changed.acquire()
    _changed.wait_for(lambda: not _inside, _PATIENCE_SECONDS)


def _in_child() -> None:
    global _inside  # noqa: PLW0603 - as above: its threads are gone
    _inside = 0
    _changed.release()


os.register_at_fork(before=_before, after_in_parent=_changed.release, after_in_child=_in_child)

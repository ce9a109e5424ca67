"""What stands between the matches of a listener and its handler: ``once``, ``debounce``, ``throttle``.

Holds, which look at every event of their entity, are in ``hold``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from duly.core.clock import SECOND

if TYPE_CHECKING:
    from duly.bus.listener import Counts, Delivery
    from duly.bus.timers import DueCall, Timers

Accept: TypeAlias = Callable[["Delivery"], object]
"""Hands a match on."""


class Once:
    """The first match claims it, and is handed on; when that has ended, so has the listener."""

    sees_all = False

    def __init__(self, counts: Counts, accept: Accept, remove: Callable[[], object]) -> None:
        self._counts = counts
        self._accept = accept
        self._remove = remove
        self._claimed = False

    def saw(self, delivery: Delivery, *, matched: bool) -> None:
        """Hand on the first match."""
        if not matched:
            return
        if self._claimed:
            self._counts.suppress("once")
            return
        self._claimed = True
        self._accept(delivery)

    def ended(self) -> None:
        """Its one match has come to its end."""
        self._remove()

    def close(self) -> None:
        """It holds nothing back."""


class Throttle:
    """A match is handed on unless it comes too soon after the one that was handed on last."""

    sees_all = False

    def __init__(self, counts: Counts, accept: Accept, timers: Timers, seconds: float) -> None:
        self._counts = counts
        self._accept = accept
        self._timers = timers
        self._window = round(seconds * SECOND)
        self._opens = 0
        """When the window of the last one ends, on the monotonic clock."""

    def saw(self, delivery: Delivery, *, matched: bool) -> None:
        """Hand it on, or not."""
        if not matched:
            return
        now = self._timers.monotonic()
        if now < self._opens:
            self._counts.suppress("throttle")
            return
        self._opens = now + self._window
        self._accept(delivery)

    def ended(self) -> None:
        """The window does not depend on it."""

    def close(self) -> None:
        """It holds nothing back."""


class Debounce:
    """The latest of several matches is handed on once it has been quiet for a time."""

    sees_all = False

    def __init__(self, counts: Counts, accept: Accept, timers: Timers, seconds: float) -> None:
        self._counts = counts
        self._accept = accept
        self._timers = timers
        self._quiet = round(seconds * SECOND)
        self._latest: Delivery | None = None
        self._quiet_from = 0
        """When it will have been quiet for long enough, on the monotonic clock."""
        self._due: DueCall | None = None

    def saw(self, delivery: Delivery, *, matched: bool) -> None:
        """Keep it in place of the one before, and begin to wait anew."""
        if not matched:
            return
        if self._latest is None:
            self._counts.pending += 1
        else:
            self._counts.suppress("debounce")
        self._latest = delivery
        self._quiet_from = self._timers.monotonic() + self._quiet
        if self._due is None:
            self._due = self._timers.call_at(self._quiet_from, self._look)

    def ended(self) -> None:
        """Quiet does not depend on it."""

    def close(self) -> None:
        """Discard what waits."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._latest is not None:
            self._latest = None
            self._counts.pending -= 1
            self._counts.discarded += 1

    def _look(self) -> None:
        """The timer of a match has run out: a later one may have put it off, which costs no timer of its own."""
        self._due, latest = None, self._latest
        if latest is None:
            return
        if self._timers.monotonic() < self._quiet_from:
            self._due = self._timers.call_at(self._quiet_from, self._look)
            return
        self._latest = None
        self._counts.pending -= 1
        self._accept(latest)

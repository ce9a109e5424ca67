"""Calls at moments of elapsed time: one heap for all, and one timer of the loop for the earliest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from duly.core.clock import SECOND, Clock
from duly.core.timer import Timer


class DueCall:
    """A call that is due once; owned by its ``Timers``."""

    __slots__ = ("_timers", "call", "deadline", "entry", "number")

    def __init__(self, timers: Timers, call: Callable[[], object], deadline: int) -> None:
        self._timers = timers
        self.call: Final = call
        self.deadline: Final = deadline
        """On the monotonic clock, nanoseconds."""
        self.number = 0
        self.entry: int | None = None

    def cancel(self) -> None:
        """Have it not called; harmless if it was, or was cancelled before."""
        if self.entry is not None:
            self._timers.forget(self)


class Timers:
    """Owns what is to be called, and the loop's timer for the earliest; guarded by the event loop.

    What is due is called in order of its time. What a call raises goes to the loop's handler of exceptions; the others
    are called all the same.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: Timer[DueCall] = Timer()
        self._armed: asyncio.TimerHandle | None = None
        self._armed_for = 0
        """The deadline for which the loop's timer is set."""
        self._size = 0

    def __len__(self) -> int:
        """How many calls are to come."""
        return self._size

    def monotonic(self) -> int:
        """Now, as deadlines count."""
        return self._clock.monotonic()

    def now(self) -> int:
        """Now, nanoseconds since the epoch."""
        return self._clock.now()

    def call_at(self, deadline: int, call: Callable[[], object]) -> DueCall:
        """Call it at a moment of the monotonic clock, in nanoseconds; never before this returns."""
        due = DueCall(self, call, deadline)
        self._heap.add(due)
        self._heap.arm(due, deadline)
        self._size += 1
        if self._armed is None or deadline < self._armed_for:
            self._arm()
        return due

    def forget(self, due: DueCall) -> None:
        """Drop one that has not been called."""
        self._heap.discard(due)
        self._size -= 1
        if not self._size:
            self._disarm()

    def _arm(self) -> None:
        self._disarm()
        earliest = self._heap.earliest()
        if earliest is not None:
            delay = max(0, earliest - self._clock.monotonic()) / SECOND
            self._armed = asyncio.get_running_loop().call_later(delay, self._fire)
            self._armed_for = earliest

    def _disarm(self) -> None:
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _fire(self) -> None:
        self._armed = None
        now = self._clock.monotonic()
        try:
            while (due := self._heap.pop_due(now)) is not None:
                self.forget(due)
                due.call()
        finally:
            self._arm()

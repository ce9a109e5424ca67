"""SIGINT and SIGTERM: the first asks for the stop, the second ends the process at once.

Plain handlers of the ``signal`` module: they run also while somebody's code blocks the event loop, which handlers of
the loop do not.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Self

from duly.core.clock import SECOND, SystemClock

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_GRACE_SECONDS = 5.0
"""What is left to an orderly stop that is over its limit before the process is ended from outside."""
_TWICE = SECOND // 10
"""The same signal again within this time is the same: a terminal, or ``timeout``, sends it to the whole group of
processes, of which another may pass it on.
"""
_CLOCK = SystemClock()


class Signals:
    """Owns the handlers of both signals while it is entered; does nothing in any thread but the main one."""

    def __init__(self, ask: Callable[[str], object], *, limit: float) -> None:
        """Call ``ask`` with the name of the first signal. ``limit`` seconds later the process ends, however it is."""
        self.asked = False
        """Whether one has come."""
        self._first = (0, 0)
        """The first one, and when it came."""
        self._ask = ask
        self._limit = limit
        self._armed = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take the signals."""
        if threading.current_thread() is threading.main_thread():
            self._former = {each: signal.signal(each, self._handle) for each in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for each, handler in self._former.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)  # None: of no Python code
        if self._armed:
            faulthandler.cancel_dump_traceback_later()

    def arm(self) -> None:
        """End the process with code 1, showing all stacks, unless the handlers are given back within the limit."""
        if self._former and not self._armed:
            self._armed = True
            end_within(self._limit + _GRACE_SECONDS)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        name, (first, at) = signal.Signals(number).name, self._first
        if number == first and _CLOCK.monotonic() - at < _TWICE:
            return
        if self.asked:
            os.write(2, f"second signal, {name}: ending at once\n".encode())  # print may be what was interrupted
            os._exit(128 + number)
        self.asked, self._first = True, (number, _CLOCK.monotonic())
        self.arm()
        self._ask(name)


def leave_within(seconds: float, code: int) -> None:
    """End the process with that code, showing all stacks, if code of users keeps it for so long after the stop."""

    def leave() -> None:
        with suppress(OSError, ValueError):
            os.write(2, f"code of apps goes on {seconds:.3g} s after the stop: ending without it\n".encode())
            faulthandler.dump_traceback(sys.__stderr__ or sys.stderr)
        os._exit(code)

    with suppress(OSError, ValueError):
        sys.stdout.flush()
    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
    end_within(seconds + _GRACE_SECONDS)  # where code that does not return keeps Python to itself


def end_within(seconds: float) -> None:
    """End the process with code 1, showing all stacks, if it has not ended by itself by then."""
    with suppress(OSError, RuntimeError, ValueError):  # there is no standard error to show them on
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)

"""One attempt: the one place that catches what a job raises, for sync and async jobs alike."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from duly.core.clock import SECOND
from duly.core.outcomes import Outcome, classify, cut_traceback, traceback_of
from duly.embedded.records import Ended

if TYPE_CHECKING:
    from types import TracebackType

    from duly.embedded.driver import Driver
    from duly.embedded.job import LiveRun

log = logging.getLogger("duly.embedded")

_SUCCESS, _CANCELLED = Outcome.SUCCESS, Outcome.CANCELLED  # Python 3.11 is slow to read them from the class

TIMED_OUT = "timed out: job=%s attempt=%d message=%s"
"""Logged of every time-out, whoever finds it."""


class Attempt(Ended):
    """``with Attempt(driver, run) as attempt: attempt.result = …`` settles and records the run.

    Whatever the body raises, ``SystemExit`` and ``KeyboardInterrupt`` too, is the outcome of the run and goes no
    further; only a cancellation does. Of a run by hand ``error`` holds it afterwards.
    """

    __slots__ = ("_cancelled", "_driver", "_since", "error")

    def __init__(self, driver: Driver, run: LiveRun, cancelled: type[BaseException] | tuple[()] = ()) -> None:
        Ended.__init__(self, run, _SUCCESS)
        self._driver = driver
        self._cancelled = cancelled
        self._since = 0
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        driver = self._driver
        if driver.listeners:
            driver.tell_started(self.run)
        self._since = driver.clock.monotonic()
        self.started = self.run.started = driver.clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        driver = self._driver
        self.duration = driver.clock.monotonic() - self._since
        limit = self.job.options.timeout
        timed_out = error is None or (isinstance(error, TimeoutError) and not error.args)
        if timed_out and limit is not None and self.duration > limit:
            error = TimeoutError(time_out_message(limit))
        if error is not None:
            self._fail(error)
        driver.finish(self)
        return self.outcome is not _CANCELLED

    def _fail(self, error: BaseException) -> None:
        failure = self.failure = classify(error, cancelled=self._cancelled)
        outcome = self.outcome = failure.outcome
        if self.run.slot is None:
            self.error = error
        if outcome is Outcome.ERROR:
            self.traceback = cut_traceback(traceback_of(error))
        if self.run.done:
            return  # timed out before: what comes of it is ignored
        if outcome is Outcome.ERROR:
            log.error("failed: job=%s attempt=%d", self.job.key, self.run.attempt, exc_info=error)
        elif outcome is Outcome.TIMED_OUT:
            log.warning(TIMED_OUT, self.job.key, self.run.attempt, failure.error_message)


def time_out_message(limit: int) -> str:
    """What is recorded of a run that has exceeded its limit, in nanoseconds."""
    return f"execution timed out after {limit / SECOND:g} s"

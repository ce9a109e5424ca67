"""One attempt: the one place that catches what a job raises, for sync and async jobs alike."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from duly.core.clock import SECOND
from duly.core.outcomes import Failure, Outcome, classify
from duly.embedded.records import Ended, traceback_text

if TYPE_CHECKING:
    from types import TracebackType

    from duly.embedded.driver import Driver
    from duly.embedded.job import LiveRun

log = logging.getLogger("duly.embedded")


class Attempt:
    """``with Attempt(driver, run) as attempt: attempt.result = …`` settles and records the run.

    Whatever the body raises, ``SystemExit`` and ``KeyboardInterrupt`` too, is the outcome of the run and goes no
    further; only a cancellation does. ``error`` holds it afterwards.
    """

    __slots__ = ("_cancelled", "_driver", "_run", "_since", "error", "result")

    def __init__(self, driver: Driver, run: LiveRun, cancelled: type[BaseException] | tuple[()] = ()) -> None:
        self._driver = driver
        self._run = run
        self._cancelled = cancelled
        self._since = 0
        self.result: Any = None
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        driver, run = self._driver, self._run
        driver.tell_started(run)
        self._since = driver.clock.monotonic()
        run.started = driver.clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        driver, run = self._driver, self._run
        duration = driver.clock.monotonic() - self._since
        limit = run.job.options.timeout
        if error is None and limit is not None and duration > limit:
            error = TimeoutError(f"execution timed out after {limit / SECOND:g} s")
        started = run.started or 0
        if error is None:
            driver.finish(Ended(run, Outcome.SUCCESS, started, duration, self.result))
            return True
        self.error = error
        failure = classify(error, cancelled=self._cancelled)
        text = traceback_text(error) if failure.outcome is Outcome.ERROR else None
        self._log(failure)
        driver.finish(Ended(run, failure.outcome, started, duration, None, failure, text))
        return failure.outcome is not Outcome.CANCELLED

    def _log(self, failure: Failure) -> None:
        if self._run.done:
            return  # timed out before: what comes of it is ignored
        key, attempt = self._run.job.key, self._run.attempt
        if failure.outcome is Outcome.ERROR:
            log.error("failed: job=%s attempt=%d", key, attempt, exc_info=self.error)
        elif failure.outcome is Outcome.TIMED_OUT:
            log.warning("timed out: job=%s attempt=%d message=%s", key, attempt, failure.error_message)

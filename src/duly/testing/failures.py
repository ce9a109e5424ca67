"""What has gone wrong in code of users, found where Duly reports it."""

from __future__ import annotations

import logging
from pathlib import Path

import duly
from duly.core import clock as clocks
from duly.core.clock import Clock
from duly.core.outcomes import Outcome
from duly.executor import CommandExecutor
from duly.executor.execution import Execution

_OURS = str(Path(duly.__file__).parent)


class Failures(logging.Handler):
    """Owns the errors of one harness, each once, in the order in which they were reported.

    Sees the records of the loggers of Duly that are made on the clock of its harness, and takes from them what was
    raised and caught: in tasks, hooks, error handlers and triggers. What an app logs itself is none of it.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[BaseException] = []
        self._clock = clock
        self._told = 0

    def open(self) -> None:
        """Listen.

        Raises:
            RuntimeError: there would be nothing to hear.
        """
        logger = logging.getLogger("duly")
        if not logger.isEnabledFor(logging.ERROR):
            raise RuntimeError("errors of apps are found by the log of Duly, which is off: let logger duly log ERROR")
        logger.addHandler(self)

    def close(self) -> None:
        """Listen no more. Idempotent."""
        logging.getLogger("duly").removeHandler(self)
        super().close()

    def watch(self, executor: CommandExecutor) -> None:
        """Take what executions raise, too: their reports leave it out where its text says all."""
        reports = executor._reports  # noqa: SLF001 - nobody but a test kit asks
        tell = reports.ended

        def ended(execution: Execution, error: BaseException) -> None:
            if execution.outcome is Outcome.ERROR:
                self.note(error)
            tell(execution, error)

        reports.ended = ended  # type: ignore[method-assign] # of this one only

    def note(self, error: BaseException) -> None:
        """Take an error, unless it is there."""
        if all(known is not error for known in self.errors):
            self.errors.append(error)

    def emit(self, record: logging.LogRecord) -> None:
        """Take what the record reports."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and clocks.current() is self._clock and record.pathname.startswith(_OURS):
            self.note(error)

    def raise_new(self) -> None:
        """Raise the first error that has come since this was called before; the others are named in a note."""
        new, self._told = self.errors[self._told :], len(self.errors)
        if new:
            for other in new[1:]:
                new[0].add_note(f"also: {type(other).__name__}: {other}")
            raise new[0]

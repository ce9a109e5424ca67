"""What the log says of executions that have failed."""

from __future__ import annotations

from duly.core.clock import SECOND, Clock
from duly.core.outcomes import Outcome
from duly.executor.entities import OncePerMinute
from duly.executor.execution import Execution
from duly.lifecycle.logs import PartLogger


class Reports:
    """Owns what is remembered of warnings. Guarded by the event loop."""

    def __init__(self, logger: PartLogger, clock: Clock) -> None:
        self._logger = logger
        self._time_outs = OncePerMinute(clock)

    def ended(self, execution: Execution, error: BaseException) -> None:
        """Say what has gone wrong, if there is something to say."""
        if execution.outcome is Outcome.TIMED_OUT:
            self._timed_out(execution)
        elif execution.outcome is Outcome.ERROR:
            self._failed(execution, error)

    def _failed(self, execution: Execution, error: BaseException) -> None:
        command = execution.command
        if execution.has_traceback:
            self._logger.error("failed: %s exec=%s", command.label, execution.id, exc_info=error)
            return
        assert execution.failure is not None  # noqa: S101 - it has failed
        kind, text = execution.failure.error_type, execution.failure.error_message
        self._logger.error("failed: %s exec=%s: %s: %s", command.label, execution.id, kind, text)

    def _timed_out(self, execution: Execution) -> None:
        command = execution.command
        limit, seconds = command.effective_timeout, execution.duration / SECOND
        label = f"{command.entity_label} exec={execution.id}"
        if limit is None:
            self._logger.warning("raised TimeoutError itself, no limit is set: %s after=%.3fs", label, seconds)
        elif not self._time_outs.due(command.owner):
            return
        elif execution.limit_reached:
            self._logger.warning("timed out: %s after=%.3fs limit=%gs", label, seconds, limit)
        else:
            self._logger.warning(
                "raised TimeoutError itself, before its limit: %s after=%.3fs limit=%gs", label, seconds, limit
            )

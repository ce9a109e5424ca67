"""One execution, from its begin to its row."""

from __future__ import annotations

import asyncio

from duly.core.clock import Clock
from duly.core.outcomes import Failure, Outcome, classify, cut_traceback, traceback_of
from duly.executor.commands import Command
from duly.executor.errors import DependencyError
from duly.ids import id_bytes, id_text, new_id
from duly.ledger.codes import STARTED, STATUS
from duly.ledger.entries import Entry, full_row
from duly.ledger.record_queue import Promise
from duly.ledger.records import HandlerRow, storable

_STATUS = {outcome: STATUS.numbers[outcome.value] for outcome in Outcome}
_SUCCESS = Outcome.SUCCESS  # Python 3.11 is slow to read it from the class


class Execution(Promise[Entry]):
    """Owned by the task that carries it out. Times are nanoseconds.

    In the queue of records it holds the place of its mark, of which no row is made if its outcome is there by then.
    """

    __slots__ = (
        "_key", "_since", "_started", "command", "duration", "failure", "id", "limit_reached", "outcome", "overtaken",
    )  # fmt: skip

    def __init__(self, command: Command, clock: Clock) -> None:
        self.command = command
        self._started = clock.now()
        self._since = clock.monotonic()
        given = command.execution_id
        self._key = new_id(self._started) if given is None else id_bytes(given)
        self.id: str = id_text(self._key) if given is None else given
        self.outcome = _SUCCESS
        self.duration = 0
        self.failure: Failure | None = None
        """What has gone wrong; ``None``: nothing."""
        self.limit_reached = False
        self.overtaken = False
        """Whether its outcome is in the queue."""

    def record(self) -> Entry | None:
        """The mark, if it is needed."""
        return None if self.overtaken else self.mark(None)

    def end(self, error: BaseException | None, clock: Clock) -> None:
        """It has returned, or raised ``error``."""
        self.duration = max(clock.monotonic() - self._since, 0)
        if error is not None:
            self.failure = classify(error, cancelled=asyncio.CancelledError)
            self.outcome = self.failure.outcome

    @property
    def has_traceback(self) -> bool:
        """Whether its record and its line of the log carry the traceback."""
        return self.failure is not None and self.failure.wants_traceback(framework=self.command.source_tier != "app")

    def mark(self, session_id: int | None) -> Entry:
        """What is recorded when it begins."""
        command, owner = self.command, self.command.owner
        row = command.row(STARTED, session_id, self._key, self._started, 0)
        return Entry(row, owner.app_key, owner.instance_index, announced=False)

    def entry(self, session_id: int | None, error: BaseException | None, *, final: bool) -> Entry:
        """What is recorded when it has ended. ``final``: no other attempt of its slot follows."""
        command, owner, failure = self.command, self.command.owner, self.failure
        row = command.row(_STATUS[self.outcome], session_id, self._key, self._started, self.duration)
        if not (final or isinstance(row, HandlerRow)) and row.schedule_id is None:
            row = row._replace(tick_count=0)  # nothing would take its slot over
        if failure is not None and error is not None:
            row = full_row(row)._replace(
                is_di_failure=int(isinstance(error, DependencyError)),
                error_type=failure.error_type,
                error_message=storable(failure.error_message),
                error_traceback=storable(cut_traceback(traceback_of(error))) if self.has_traceback else None,
            )
        return Entry(row, owner.app_key, owner.instance_index, command.announced, final)

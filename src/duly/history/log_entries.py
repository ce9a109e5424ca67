"""A log record as it is shown and stored."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import count

from structlog.contextvars import get_contextvars

from duly.core import clock as clocks
from duly.core.context import CURRENT_EXECUTION_ID
from duly.core.outcomes import traceback_of
from duly.ids import id_bytes, id_text
from duly.ledger.codes import TIER
from duly.ledger.records import SourceTier, storable, storable_text

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One log record, complete where it was made: what it needs of its context is in it."""

    seq: int
    """In the order in which records were made in this process."""
    timestamp: int
    """Nanoseconds since the epoch."""
    level: int
    level_name: str
    logger_name: str
    func_name: str | None
    lineno: int | None
    message: str
    exc_info: str | None
    app_key: str | None
    instance_name: str | None
    instance_index: int | None
    execution_id: str | None
    source_tier: SourceTier | None

    def row(self, session_id: int | None) -> tuple[object, ...]:
        """The values of its row, in the order of the columns."""
        return (
            session_id, self.seq, self.timestamp, self.level, self.logger_name, self.func_name, self.lineno,
            storable(self.message), storable(self.exc_info), self.app_key, self.instance_name, self.instance_index,
            None if self.execution_id is None else id_bytes(self.execution_id), TIER.number(self.source_tier),
        )  # fmt: skip


def entry_of_log(record: logging.LogRecord) -> LogEntry:
    """The entry for a record, in whose context this is called. Fields given as ``extra`` go before the context's."""
    given = get_contextvars() | record.__dict__
    index, tier = given.get("instance_index"), given.get("source_tier")
    return LogEntry(
        seq=next(_numbers),
        timestamp=clocks.current().now(),
        level=record.levelno,
        level_name=record.levelname,
        logger_name=record.name,
        func_name=record.funcName,
        lineno=record.lineno,
        message=record.getMessage(),
        exc_info=_exception_text(record),
        app_key=storable_text(given.get("app_key")),
        instance_name=storable_text(given.get("instance_name")),
        instance_index=index if isinstance(index, int) else None,
        execution_id=_uuid(CURRENT_EXECUTION_ID.get()),
        source_tier=tier if tier in TIER.numbers else None,
    )


def _uuid(text: str | None) -> str | None:
    """The id, unless somebody has put something else where it is looked up."""
    try:
        return None if text is None else id_text(id_bytes(text))
    except (ValueError, AttributeError, TypeError):
        return None


def _exception_text(record: logging.LogRecord) -> str | None:
    error = record.exc_info[1] if record.exc_info else None
    return record.exc_text if error is None else traceback_of(error).rstrip()

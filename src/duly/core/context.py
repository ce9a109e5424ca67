"""Which execution the calling code belongs to."""

from contextvars import ContextVar

CURRENT_EXECUTION_ID: ContextVar[str | None] = ContextVar("duly_execution_id", default=None)
"""The id of the execution in whose context this is read, also in tasks and threads that it has started."""

"""Logs of commands that dispatch or work: events with key=value on standard error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.stdlib import ProcessorFormatter

from duly.core.clock import SystemClock, zoned

_CLOCK = SystemClock()


def log_to_stderr(level: str) -> None:
    """Show what structlog and the loggers ``duly.*`` say from this level on: text on a terminal, else JSON."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared = [structlog.stdlib.add_log_level, _add_time]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, _renderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, _renderer()],
        )
    )
    duly = logging.getLogger("duly")
    duly.handlers[:] = [handler]
    duly.setLevel(number)
    duly.propagate = False


class _StandardError:
    """Takes what is logged; that a disk is full, or nobody reads any more, must not end the work of who logs."""

    def write(self, text: str) -> None:
        """As that of a file."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """As that of a file."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def _renderer() -> structlog.typing.Processor:
    if not sys.stderr.isatty():
        return structlog.processors.JSONRenderer(default=str)
    return structlog.dev.ConsoleRenderer(
        colors=not os.environ.get("NO_COLOR"), exception_formatter=structlog.dev.plain_traceback
    )


def _add_time(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    now = zoned(_CLOCK.now(), None)
    terminal = sys.stderr.isatty()
    event["timestamp"] = now.format("YYYY-MM-DD HH:mm:ss.fff") if terminal else now.format_iso().partition("[")[0]
    return event

"""How log records look on the console: structlog formats what ``logging`` carries."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Literal, TextIO, TypeAlias

from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter

from duly.core.clock import zoned
from duly.history.log_entries import LogEntry

LogFormat: TypeAlias = Literal["auto", "console", "json"]

_FIELDS = ("execution_id", "app_key", "instance_name", "instance_index")


def formatter(log_format: LogFormat, stream: TextIO) -> ProcessorFormatter:
    """What formats records that carry a ``LogEntry`` as ``entry``; ``auto``: text on a terminal, else JSON."""
    terminal = stream.isatty()
    as_text = log_format == "console" or (log_format == "auto" and terminal)
    renderer = ConsoleRenderer(colors=terminal) if as_text else JSONRenderer(default=str)
    return ProcessorFormatter(
        foreign_pre_chain=[_fill], processors=[ProcessorFormatter.remove_processors_meta, renderer]
    )


def _fill(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what the entry knows beside the message."""
    entry: LogEntry = event["_record"].entry
    event["timestamp"] = zoned(entry.timestamp, None).format_iso().partition("[")[0]
    event["level"] = entry.level_name.lower()
    event["logger"] = entry.logger_name
    for name in _FIELDS:
        value = getattr(entry, name)
        if value is not None:
            event[name] = value
    if entry.exc_info is not None:
        event["exception"] = entry.exc_info
    return event

"""How log records look on the console: structlog formats what ``logging`` carries."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO, TypeAlias

from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter

from duly.core.clock import SECOND, zoned
from duly.history.log_entries import LogEntry

LogFormat: TypeAlias = Literal["auto", "console", "json"]

_MILLISECOND = 1_000_000
_APP_FIELDS = ("app_key", "instance_name", "instance_index")
_FIELDS = ("execution_id", *_APP_FIELDS)


def formatter(log_format: LogFormat, stream: TextIO) -> ProcessorFormatter:
    """What formats records that carry a ``LogEntry`` as ``entry``; ``auto``: text on a terminal, else JSON.

    Colours are off where there is no terminal, or ``NO_COLOR`` is set. Text has short times, and names an app once.
    """
    terminal = stream.isatty()
    as_text = log_format == "console" or (log_format == "auto" and terminal)
    colours = terminal and not os.environ.get("NO_COLOR")
    renderer = ConsoleRenderer(colors=colours) if as_text else JSONRenderer(default=str)
    fill = _fill_text if as_text else _fill
    return ProcessorFormatter(
        foreign_pre_chain=[fill], processors=[ProcessorFormatter.remove_processors_meta, renderer]
    )


def _fill_text(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """As ``_fill``, for people; the name of an app's logger says which instance it is."""
    moment = event["_record"].entry.timestamp
    filled = _fill(logger, method, event)
    time = zoned(moment, None).format("YYYY-MM-DD HH:mm:ss")
    filled["timestamp"] = f"{time}.{moment % SECOND // _MILLISECOND:03}"
    for name in _APP_FIELDS:
        filled.pop(name, None)
    return filled


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

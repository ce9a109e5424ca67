"""How log records look on the console: structlog formats what ``logging`` carries."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping, Sequence
from functools import partial
from typing import Any, Literal, TextIO, TypeAlias

from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter

from duly.core.clock import zoned
from duly.history.log_entries import LogEntry

LogFormat: TypeAlias = Literal["auto", "console", "json"]

_FIELDS = ("execution_id", "app_key", "instance_name", "instance_index")
_FIELDS_IN_TEXT = ("execution_id",)
"""Without those of an app: the name of its logger says which instance it is."""


def formatter(log_format: LogFormat, stream: TextIO) -> ProcessorFormatter:
    """What formats records that carry a ``LogEntry`` as ``entry``; ``auto``: text on a terminal, else JSON.

    Colours are off where there is no terminal, or ``NO_COLOR`` is set. Text has short times, and names an app once.
    """
    terminal = stream.isatty()
    as_text = log_format == "console" or (log_format == "auto" and terminal)
    colours = terminal and not os.environ.get("NO_COLOR")
    renderer = ConsoleRenderer(colors=colours) if as_text else JSONRenderer(default=str)
    fill = partial(_fill, _short_time, _FIELDS_IN_TEXT) if as_text else partial(_fill, _iso_time, _FIELDS)
    return ProcessorFormatter(
        foreign_pre_chain=[fill], processors=[ProcessorFormatter.remove_processors_meta, renderer]
    )


def _short_time(moment: int) -> str:
    return zoned(moment, None).format("YYYY-MM-DD HH:mm:ss.fff")


def _iso_time(moment: int) -> str:
    return zoned(moment, None).format_iso().partition("[")[0]


def _fill(
    time: Callable[[int], str],
    fields: Sequence[str],
    _logger: object,
    _method: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Add what the entry knows beside the message: its time as ``time`` writes it, and these of its fields."""
    entry: LogEntry = event["_record"].entry
    event["timestamp"] = time(entry.timestamp)
    event["level"] = entry.level_name.lower()
    event["logger"] = entry.logger_name
    for name in fields:
        value = getattr(entry, name)
        if value is not None:
            event[name] = value
    if entry.exc_info is not None:
        event["exception"] = entry.exc_info
    return event

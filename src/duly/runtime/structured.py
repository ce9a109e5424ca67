"""What is logged through structlog beside Duly's own parts takes the way of all log records."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog


def send_to_logging() -> None:
    """Have structlog hand to ``logging`` what it is given, unless the program has configured it."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, _to_record],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _to_record(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[str, str], dict[str, object]]:
    """An event as the arguments of a logger's method: its name, then ``key=value``."""
    error = event.pop("exc_info", None)
    name = str(event.pop("event", ""))
    pairs = " ".join(f"{key}={value}" for key, value in event.items())
    return ("%s", f"{name}: {pairs}" if pairs else name), {"exc_info": error}

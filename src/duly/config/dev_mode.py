"""Developer mode: whether it is on, and what it changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, TypeAlias

from duly.config.active import ACTIVE_CONFIG
from duly.config.logs import LEVELS

Defaults: TypeAlias = Mapping[str, Mapping[str, Any]]

PRODUCTION: Defaults = {
    "websocket": {"total_timeout_seconds": 40},
    "lifecycle": {"startup_timeout_seconds": 10},
}
"""Of keys that have another default under the root than in a group on its own."""

DEV: Defaults = {
    "websocket": {
        "authentication_timeout_seconds": 20,
        "response_timeout_seconds": 30,
        "connection_timeout_seconds": 10,
        "total_timeout_seconds": 80,
        "heartbeat_interval_seconds": 60,
    },
    "lifecycle": {
        "startup_timeout_seconds": 20,
        "app_startup_timeout_seconds": 40,
        "app_shutdown_timeout_seconds": 20,
        "run_sync_timeout_seconds": 12,
        "task_cancellation_timeout_seconds": 10,
    },
    "file_watcher": {"debounce_milliseconds": 6000, "step_milliseconds": 1000},
    "scheduler": {"min_delay_seconds": 2, "max_delay_seconds": 60, "default_delay_seconds": 30},
}
"""Likewise, in dev mode."""


def defaults_of(group: str, *, dev_mode: bool) -> Mapping[str, Any]:
    """What a group has by default under the root, where that differs from the group on its own."""
    return (DEV if dev_mode else PRODUCTION).get(group, {})


def detected() -> tuple[bool, str | None]:
    """Whether dev mode is on where no source says so, and the sign of it, ``None`` if it is as in the active config."""
    if (active := ACTIVE_CONFIG.get()) is not None:
        return active.dev_mode, None
    signs = {
        "debugpy is imported": "debugpy" in sys.modules,
        "a trace function is installed": sys.gettrace() is not None,
        "Python runs with -X dev": sys.flags.dev_mode,
    }
    sign = next((sign for sign, there in signs.items() if there), None)
    return sign is not None, sign


def level_before_load(environment: Mapping[str, str] = os.environ) -> str:
    """The level of messages until settings are loaded."""
    names = ("DULY__LOGGING__LOG_LEVEL", "DULY_LOG_LEVEL", "LOG_LEVEL")
    given = next(filter(None, map(environment.get, names)), "INFO").strip().upper()
    return given if given in LEVELS else "INFO"

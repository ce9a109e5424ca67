"""Settings of a test: from arguments alone, with everything that is kept in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from duly.config import DulyConfig

_RARELY = 10 * 365 * 86_400
"""Seconds between what a test has no use for: it would take most of the time when years pass."""
_LONG = 100 * 365
"""Days."""

FOR_TESTS: Mapping[str, Any] = {
    "strict_lifecycle": True,
    "state_proxy_poll_interval_seconds": _RARELY,
    "apps": {"autodetect": False},
    "database": {
        "heartbeat_interval_seconds": _RARELY,
        "retention_interval_seconds": _RARELY,
        "size_failsafe_interval_seconds": _RARELY,
        "retention_days": _LONG,
    },
    "logging": {"log_retention_days": _LONG},
    "scheduler": {"max_delay_seconds": _RARELY, "default_delay_seconds": _RARELY},
    "file_watcher": {"watch_files": False},
    "web_api": {"run": False},
}
"""What a harness sets otherwise than a server does, unless it is told to."""


def hermetic_config(folder: Path, *settings: Mapping[str, Any]) -> DulyConfig:
    """Settings with the directories of Duly in ``folder``, and these tables, of which later ones go first.

    Raises:
        ConfigurationError: they are not right.
    """
    merged: dict[str, Any] = {"config_dir": folder, "data_dir": folder}
    for table in settings:
        merged = _merge(merged, table)
    return DulyConfig.hermetic(**merged)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The one table with the values of the other put in, tables within tables."""
    merged = dict(below)
    for key, value in above.items():
        former = merged.get(key)
        merged[key] = _merge(former, value) if isinstance(former, Mapping) and isinstance(value, Mapping) else value
    return merged

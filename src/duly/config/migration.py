"""Settings written for Hassette, in Duly's names.

Hassette once had its settings side by side at the root and grouped them later, into the groups that Duly has too. Both
spellings are read; where a group and the root set the same, the group's holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

_GROUP_LEVELS = (
    *("database_service", "bus_service", "scheduler_service", "app_handler", "web_api", "websocket", "service_watcher"),
    *("file_watcher", "task_bucket", "command_executor", "apps", "state_proxy", "api"),
)

_PREFIXED = {
    "db": ("database", ("path", "retention_days", "max_size_mb", "migration_timeout_seconds", "write_queue_max")),
    "websocket": (
        "websocket",
        (
            *("authentication_timeout_seconds", "response_timeout_seconds", "connection_timeout_seconds"),
            *("total_timeout_seconds", "heartbeat_interval_seconds", "connect_retry_max_attempts"),
            *("connect_retry_initial_wait_seconds", "connect_retry_max_wait_seconds", "early_drop_max_retries"),
            *("early_drop_stable_window_seconds", "early_drop_backoff_initial_seconds"),
            *("early_drop_backoff_max_seconds", "max_recovery_seconds"),
        ),
    ),
    "web_api": (
        "web_api",
        ("host", "port", "cors_origins", "event_buffer_size", "log_buffer_size", "job_history_size"),
    ),
    "scheduler": (
        "scheduler",
        (
            *("min_delay_seconds", "max_delay_seconds", "default_delay_seconds"),
            *("behind_schedule_threshold_seconds", "job_timeout_seconds"),
        ),
    ),
    "file_watcher": ("file_watcher", ("debounce_milliseconds", "step_milliseconds")),
}
"""By prefix: the group, and those of its fields that stood at the root as ``prefix_field``."""

_SAME = {
    "database": ("telemetry_write_queue_max",),
    "logging": ("log_level", "log_format", "log_queue_max", "log_persistence_level", "log_retention_days"),
    "lifecycle": (
        *("startup_timeout_seconds", "app_startup_timeout_seconds", "app_shutdown_timeout_seconds"),
        *("resource_shutdown_timeout_seconds", "total_shutdown_timeout_seconds", "registration_await_timeout"),
        *("event_handler_timeout_seconds", "error_handler_timeout_seconds", "run_sync_timeout_seconds"),
        "task_cancellation_timeout_seconds",
    ),
    "file_watcher": ("watch_files",),
}
"""By group: fields that stood at the root under their own names."""

FLAT_NAMES: Mapping[str, str] = {
    **{f"{prefix}_{name}": f"{group}.{name}" for prefix, (group, names) in _PREFIXED.items() for name in names},
    **{name: f"{group}.{name}" for group, names in _SAME.items() for name in names},
    **{f"{name}_log_level": f"logging.{name}" for name in _GROUP_LEVELS},
    "log_all_events": "logging.all_events",
    "log_all_hass_events": "logging.all_hass_events",
    "log_all_hassette_events": "logging.all_duly_events",
    "run_web_api": "web_api.run",
    "run_web_ui": "web_api.run_ui",
    "web_ui_hot_reload": "web_api.ui_hot_reload",
    "app_dir": "apps.directory",
    "autodetect_apps": "apps.autodetect",
    "extend_autodetect_exclude_dirs": "apps.extend_exclude_dirs",
    "autodetect_exclude_dirs": "apps.exclude_dirs",
}
"""Names that stood at the root, by what they became in a group."""

_RENAMED: Mapping[str, str] = {
    "hassette_event_buffer_size": "duly_event_buffer_size",
    "logging.all_hassette_events": "logging.all_duly_events",
    "ha_token": "token",
    "home_assistant_token": "token",
}

_ORDER = {name: place for place, name in enumerate((*_RENAMED, *FLAT_NAMES))}
"""Which of two names for one setting holds: that of today, then the first here."""

_OUTPUT_ONLY = frozenset({"apps.manifests"})


@dataclass(frozen=True, slots=True)
class Migrated:
    """What one source for Hassette says, in Duly's names."""

    values: dict[str, Any]
    """Nested, as a source of Duly's own."""
    not_understood: tuple[str, ...]
    """Key paths as written that mean nothing to Duly, in order of writing."""
    origins: dict[str, str]
    """By key path in Duly's names: the key path as written."""


def migrate(values: Mapping[str, Any], settings: type[BaseModel]) -> Migrated:
    """Read one source for Hassette: a file, or its variables as nested tables in small letters.

    ``settings`` is the root model; its fields are the names that are understood. Nothing is validated, ``values`` is
    left as it is.
    """
    groups = dict(_groups(settings))
    known = {*settings.model_fields, *(f"{name}.{field}" for name, group in groups.items() for field in group)}
    leaves = list(_leaves(values, groups))
    moved: dict[str, Any] = {}
    origins: dict[str, str] = {}
    strange: list[str] = []
    for written, value in leaves:
        if _target(written) not in known - _OUTPUT_ONLY and not _is_app(written, value):
            strange.append(written)
    for written, value in sorted(leaves, key=lambda leaf: _ORDER.get(leaf[0], -1)):
        if written not in strange and _put(moved, _target(written), value):
            origins[_target(written)] = written
    return Migrated(moved, tuple(strange), origins)


def _groups(settings: type[BaseModel]) -> Iterator[tuple[str, Collection[str]]]:
    """The names of the groups, each with those of its fields."""
    for name, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation.model_fields.keys()


def _leaves(values: Mapping[str, Any], groups: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Key path and value of what stands at the root or in a group; what is deeper is part of a value."""
    for key, value in values.items():
        if key in groups and isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", deep) for inner, deep in value.items())
        else:
            yield key, value


def _target(written: str) -> str:
    return FLAT_NAMES.get(written) or _RENAMED.get(written) or written


def _is_app(written: str, value: object) -> bool:
    return written.startswith("apps.") and written not in _OUTPUT_ONLY and isinstance(value, Mapping)


def _put(values: dict[str, Any], key_path: str, value: object) -> bool:
    """Set a value, of the root or of a group, that is not set yet; whether that was so."""
    group, _, name = key_path.rpartition(".")
    table = values.setdefault(group, {}) if group else values
    if not isinstance(table, dict) or name in table:
        return False
    table[name] = value
    return True

"""Every field of every group: its default, and both sides of every edge."""

import copy
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from duly.config import (
    AppsConfig,
    DatabaseConfig,
    DulyConfig,
    FileWatcherConfig,
    LifecycleConfig,
    LoggingConfig,
    SchedulerConfig,
    WebApiConfig,
    WebSocketConfig,
)
from tests.config.build import build

DEFAULTS: dict[type[BaseModel], dict[str, Any]] = {
    DatabaseConfig: {
        "path": None,
        "retention_days": 7,
        "max_size_mb": 500.0,
        "migration_timeout_seconds": 120,
        "write_queue_max": 2000,
        "telemetry_write_queue_max": 1000,
        "heartbeat_interval_seconds": 300,
        "retention_interval_seconds": 3600,
        "size_failsafe_interval_seconds": 3600,
        "size_failsafe_max_iterations": 10,
        "size_failsafe_delete_batch": 1000,
        "size_failsafe_vacuum_pages": 100,
        "max_consecutive_heartbeat_failures": 3,
        "read_timeout_seconds": 10.0,
        "max_flush_interval_seconds": 5.0,
    },
    WebSocketConfig: {
        "authentication_timeout_seconds": 10,
        "response_timeout_seconds": 15,
        "connection_timeout_seconds": 5,
        "total_timeout_seconds": 30,
        "heartbeat_interval_seconds": 30,
        "connect_retry_max_attempts": 5,
        "connect_retry_initial_wait_seconds": 1.0,
        "connect_retry_max_wait_seconds": 32.0,
        "early_drop_stable_window_seconds": 30.0,
        "early_drop_max_retries": 5,
        "early_drop_backoff_initial_seconds": 2.0,
        "early_drop_backoff_max_seconds": 60.0,
        "max_recovery_seconds": 300.0,
    },
    LoggingConfig: {
        "log_level": "INFO",
        "log_format": "auto",
        "log_queue_max": 2000,
        "log_persistence_level": "INFO",
        "log_retention_days": 3,
        **dict.fromkeys(
            (
                *("database_service", "bus_service", "scheduler_service", "app_handler", "web_api", "websocket"),
                *("service_watcher", "file_watcher", "task_bucket", "command_executor", "apps", "state_proxy", "api"),
            ),
            "INFO",
        ),
        "all_events": False,
        "all_hass_events": False,
        "all_duly_events": False,
    },
    LifecycleConfig: {
        "startup_timeout_seconds": 30,
        "app_startup_timeout_seconds": 20,
        "app_shutdown_timeout_seconds": 10,
        "resource_shutdown_timeout_seconds": 10,
        "total_shutdown_timeout_seconds": 30,
        "registration_await_timeout": 30,
        "event_handler_timeout_seconds": 600.0,
        "error_handler_timeout_seconds": 5.0,
        "run_sync_timeout_seconds": 6,
        "task_cancellation_timeout_seconds": 5,
    },
    WebApiConfig: {
        "run": True,
        "run_ui": True,
        "ui_hot_reload": False,
        "host": "127.0.0.1",
        "port": 8126,
        "cors_origins": ("http://localhost:3000", "http://localhost:5173"),
        "event_buffer_size": 500,
        "log_buffer_size": 2000,
        "job_history_size": 1000,
    },
    AppsConfig: {
        "autodetect": True,
        "extend_exclude_dirs": (),
        "exclude_dirs": (".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".git"),
        "manifests": {},
        "apps": {},
        "directory": Path.cwd() / "apps",
    },
    FileWatcherConfig: {"debounce_milliseconds": 3000, "step_milliseconds": 500, "watch_files": True},
    SchedulerConfig: {
        "min_delay_seconds": 1,
        "max_delay_seconds": 30,
        "default_delay_seconds": 15,
        "behind_schedule_threshold_seconds": 5,
        "job_timeout_seconds": 600.0,
    },
}

GROUPS = list(DEFAULTS)

AT_LEAST_ONE: dict[type[BaseModel], tuple[str, ...]] = {
    DatabaseConfig: (
        *("retention_days", "write_queue_max", "telemetry_write_queue_max", "size_failsafe_max_iterations"),
        *("size_failsafe_delete_batch", "size_failsafe_vacuum_pages", "max_consecutive_heartbeat_failures"),
    ),
    WebSocketConfig: (
        *("authentication_timeout_seconds", "response_timeout_seconds", "connection_timeout_seconds"),
        *("total_timeout_seconds", "heartbeat_interval_seconds", "connect_retry_max_attempts"),
    ),
    LoggingConfig: ("log_queue_max", "log_retention_days"),
    LifecycleConfig: (
        *("startup_timeout_seconds", "app_startup_timeout_seconds", "app_shutdown_timeout_seconds"),
        *("resource_shutdown_timeout_seconds", "total_shutdown_timeout_seconds", "registration_await_timeout"),
    ),
    WebApiConfig: ("event_buffer_size", "log_buffer_size", "job_history_size"),
}

ONES: list[tuple[type[BaseModel], str, object, object]] = [
    (group, field, 1, 0) for group, fields in AT_LEAST_ONE.items() for field in fields
]

EDGES: list[tuple[type[BaseModel], str, object, object]] = [
    *ONES,
    (DatabaseConfig, "max_size_mb", 0, -0.1),
    (DatabaseConfig, "migration_timeout_seconds", 10, 9),
    (DatabaseConfig, "heartbeat_interval_seconds", 10, 9),
    (DatabaseConfig, "retention_interval_seconds", 60, 59),
    (DatabaseConfig, "size_failsafe_interval_seconds", 60, 59),
    (DatabaseConfig, "read_timeout_seconds", 0.1, 0.09),
    (DatabaseConfig, "max_flush_interval_seconds", 0.1, 0.09),
    (WebSocketConfig, "connect_retry_initial_wait_seconds", 0, -0.1),
    (WebSocketConfig, "connect_retry_max_wait_seconds", 0, -0.1),
    (WebSocketConfig, "early_drop_stable_window_seconds", 0, -0.1),
    (WebSocketConfig, "early_drop_max_retries", 0, -1),
    (WebSocketConfig, "early_drop_backoff_initial_seconds", 0, -0.1),
    (WebSocketConfig, "early_drop_backoff_max_seconds", 0, -0.1),
    (WebSocketConfig, "max_recovery_seconds", 0.001, 0),
    (LoggingConfig, "log_format", "json", "xml"),
    (LoggingConfig, "log_format", "console", "JSON"),
    (LifecycleConfig, "event_handler_timeout_seconds", 0.001, 0),
    (LifecycleConfig, "error_handler_timeout_seconds", 0.001, -1),
    (LifecycleConfig, "run_sync_timeout_seconds", 0.001, 0),
    (LifecycleConfig, "task_cancellation_timeout_seconds", 0.001, 0),
    (WebApiConfig, "port", 0, -1),
    (WebApiConfig, "port", 65535, 65536),
    (FileWatcherConfig, "debounce_milliseconds", 0, -1),
    (FileWatcherConfig, "step_milliseconds", 0, -1),
    (SchedulerConfig, "min_delay_seconds", 0, -1),
    (SchedulerConfig, "max_delay_seconds", 0.001, 0),
    (SchedulerConfig, "default_delay_seconds", 0, -1),
    (SchedulerConfig, "behind_schedule_threshold_seconds", 0, -1),
    (SchedulerConfig, "job_timeout_seconds", 0.001, 0),
]


@pytest.mark.parametrize("group", GROUPS)
def test_every_field_has_its_default(group: type[BaseModel]) -> None:
    made = group()
    assert {name: getattr(made, name) for name in type(made).model_fields} == DEFAULTS[group]


@pytest.mark.parametrize(("group", "field", "good", "bad"), EDGES)
def test_the_edge_of_every_constraint(group: type[BaseModel], field: str, good: object, bad: object) -> None:
    assert getattr(group(**{field: good}), field) == good
    with pytest.raises(ValidationError) as caught:
        group(**{field: bad})
    assert caught.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize("group", GROUPS)
def test_an_unknown_key_is_an_error(group: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        group(nonsense=1)


BOUNDS = [
    (WebSocketConfig, "connect_retry_initial_wait_seconds", "connect_retry_max_wait_seconds", 100, 0.5),
    (WebSocketConfig, "early_drop_backoff_initial_seconds", "early_drop_backoff_max_seconds", 100, 0.5),
    (SchedulerConfig, "min_delay_seconds", "max_delay_seconds", 100, 0.5),
]


@pytest.mark.parametrize(("group", "lower", "upper", "high", "low"), BOUNDS)
def test_if_only_one_bound_is_set_the_default_of_the_other_moves_along(
    group: type[BaseModel], lower: str, upper: str, high: float, low: float
) -> None:
    raised, lowered = group(**{lower: high}), group(**{upper: low})
    assert (getattr(raised, lower), getattr(raised, upper)) == (high, high)
    assert (getattr(lowered, lower), getattr(lowered, upper)) == (low, low)
    assert (raised.model_fields_set, lowered.model_fields_set) == ({lower}, {upper})


@pytest.mark.parametrize(("group", "lower", "upper", "high", "low"), BOUNDS)
def test_both_bounds_in_the_wrong_order_are_an_error_that_names_keys_and_values(
    group: type[BaseModel], lower: str, upper: str, high: float, low: float
) -> None:
    equal = group(**{lower: high, upper: high})
    assert (getattr(equal, lower), getattr(equal, upper)) == (high, high)
    with pytest.raises(ValidationError, match=rf"{lower} \({high}(\.0)?\) must not be greater than {upper} \({low}\)"):
        group(**{lower: high, upper: low})


def test_a_service_without_level_has_the_general_one() -> None:
    logging = LoggingConfig(log_level="ERROR", api="DEBUG")
    assert (logging.apps, logging.task_bucket, logging.api) == ("ERROR", "ERROR", "DEBUG")
    assert logging.log_persistence_level == "INFO"


@pytest.mark.parametrize("general", [True, False])
def test_event_switches_follow_the_general_one_unless_set(general: bool) -> None:
    assert LoggingConfig(all_events=general).all_hass_events is general
    assert build(LoggingConfig, all_events=general, all_duly_events=None).all_duly_events is general
    assert LoggingConfig(all_events=general, all_duly_events=not general).all_duly_events is not general


def test_the_phase_limit_of_a_stop_follows_the_limit_of_apps() -> None:
    assert LifecycleConfig(app_shutdown_timeout_seconds=7).resource_shutdown_timeout_seconds == 7
    both = LifecycleConfig(app_shutdown_timeout_seconds=7, resource_shutdown_timeout_seconds=3)
    assert both.resource_shutdown_timeout_seconds == 3


def test_excluded_directories_are_extended_or_replaced() -> None:
    extended = AppsConfig(extend_exclude_dirs=("drafts",))
    assert extended.exclude_dirs == ("drafts", *DEFAULTS[AppsConfig]["exclude_dirs"])
    assert AppsConfig(extend_exclude_dirs=("drafts",), exclude_dirs=("only",)).exclude_dirs == ("only",)


def test_the_app_directory_is_made_absolute() -> None:
    assert AppsConfig(directory=Path("elsewhere")).directory == Path.cwd() / "elsewhere"


def test_manifests_cannot_be_set() -> None:
    with pytest.raises(ValidationError, match=r"manifests. conflicts with a reserved field"):
        AppsConfig(manifests={})


def test_the_input_of_a_group_is_never_modified() -> None:
    given: Any = {"apps": {"apps": {"porch": {"filename": "a.py", "config": {"delay": 5}}}}, "lifecycle": {}}
    before = copy.deepcopy(given)
    DulyConfig.hermetic(**given)
    assert given == before


def test_a_list_of_texts_is_neither_a_number_nor_one_text() -> None:
    for written in (3, "http://localhost"):
        with pytest.raises(ValidationError):
            build(WebApiConfig, cors_origins=written)

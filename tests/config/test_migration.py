"""Settings written for Hassette."""

import copy
from typing import Any

import pytest
from pydantic import BaseModel

from duly.config import DulyConfig
from duly.config.migration import FLAT_NAMES, migrate


def test_there_are_71_flat_names() -> None:
    assert len(FLAT_NAMES) == 71


@pytest.mark.parametrize("path", FLAT_NAMES.values())
def test_every_flat_name_leads_to_a_setting(path: str) -> None:
    group, _, field = path.partition(".")
    model = DulyConfig.model_fields[group].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    assert field in model.model_fields


def test_two_flat_names_never_mean_the_same() -> None:
    assert len(set(FLAT_NAMES.values())) == len(FLAT_NAMES)


@pytest.mark.parametrize(
    ("flat", "path"),
    [
        ("db_path", "database.path"),
        ("db_retention_days", "database.retention_days"),
        ("telemetry_write_queue_max", "database.telemetry_write_queue_max"),
        ("websocket_max_recovery_seconds", "websocket.max_recovery_seconds"),
        ("log_level", "logging.log_level"),
        ("log_retention_days", "logging.log_retention_days"),
        ("log_all_events", "logging.all_events"),
        ("log_all_hass_events", "logging.all_hass_events"),
        ("log_all_hassette_events", "logging.all_duly_events"),
        ("websocket_log_level", "logging.websocket"),
        ("web_api_log_level", "logging.web_api"),
        ("file_watcher_log_level", "logging.file_watcher"),
        ("apps_log_level", "logging.apps"),
        ("api_log_level", "logging.api"),
        ("app_shutdown_timeout_seconds", "lifecycle.app_shutdown_timeout_seconds"),
        ("registration_await_timeout", "lifecycle.registration_await_timeout"),
        ("run_web_api", "web_api.run"),
        ("run_web_ui", "web_api.run_ui"),
        ("web_ui_hot_reload", "web_api.ui_hot_reload"),
        ("web_api_event_buffer_size", "web_api.event_buffer_size"),
        ("app_dir", "apps.directory"),
        ("autodetect_apps", "apps.autodetect"),
        ("extend_autodetect_exclude_dirs", "apps.extend_exclude_dirs"),
        ("autodetect_exclude_dirs", "apps.exclude_dirs"),
        ("scheduler_job_timeout_seconds", "scheduler.job_timeout_seconds"),
        ("watch_files", "file_watcher.watch_files"),
        ("file_watcher_step_milliseconds", "file_watcher.step_milliseconds"),
    ],
)
def test_a_flat_name_goes_into_its_group(flat: str, path: str) -> None:
    group, _, field = path.partition(".")
    assert migrate({flat: "as written"}, DulyConfig).values == {group: {field: "as written"}}


@pytest.mark.parametrize("level", [name for name in FLAT_NAMES if name.endswith("_log_level")])
def test_a_level_of_a_service_goes_under_the_name_of_the_service(level: str) -> None:
    assert FLAT_NAMES[level] == f"logging.{level.removesuffix('_log_level')}"


def test_thirteen_services_have_a_level() -> None:
    assert len([name for name in FLAT_NAMES if name.endswith("_log_level")]) == 13


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ({"hassette_event_buffer_size": 5}, {"duly_event_buffer_size": 5}),
        ({"logging": {"all_hassette_events": True}}, {"logging": {"all_duly_events": True}}),
        ({"ha_token": "x"}, {"token": "x"}),
        ({"home_assistant_token": "x"}, {"token": "x"}),
    ],
)
def test_what_is_named_after_hassette_is_renamed(given: dict[str, Any], moved: dict[str, Any]) -> None:
    assert migrate(given, DulyConfig).values == moved


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "http://ha:8123"},
        {"token": "x"},
        {"database": {"retention_days": 3}},
        {"scheduler": {"max_delay_seconds": 20}},
        {"apps": {"autodetect": False, "directory": "/srv/apps"}},
        {"apps": {"porch": {"filename": "porch.py", "class_name": "Porch", "config": [{"delay": 1}, {"delay": 2}]}}},
        {"apps": {"apps": {"porch": {"filename": "porch.py"}}}},
    ],
)
def test_what_has_the_same_name_stays(given: dict[str, Any]) -> None:
    migrated = migrate(given, DulyConfig)
    assert migrated.values == given
    assert migrated.not_understood == ()


@pytest.mark.parametrize("order", [1, -1])
def test_a_grouped_name_wins_over_a_flat_one(order: int) -> None:
    given = dict([("db_retention_days", 1), ("database", {"retention_days": 2})][::order])
    migrated = migrate(given, DulyConfig)
    assert migrated.values == {"database": {"retention_days": 2}}
    assert migrated.origins == {"database.retention_days": "database.retention_days"}


def test_flat_and_grouped_names_of_one_group_meet() -> None:
    given = {"db_path": "x.db", "database": {"retention_days": 2}, "telemetry_write_queue_max": 5}
    assert migrate(given, DulyConfig).values == {
        "database": {"path": "x.db", "retention_days": 2, "telemetry_write_queue_max": 5}
    }


def test_the_first_name_of_the_token_wins() -> None:
    given = {"home_assistant_token": "third", "ha_token": "second"}
    assert migrate(given, DulyConfig).values == {"token": "second"}
    assert migrate({**given, "token": "first"}, DulyConfig).values == {"token": "first"}


def test_what_means_nothing_to_duly_is_listed_as_it_was_written() -> None:
    given = {
        "zeal": 1,
        "app": {"directory": "/srv"},
        "database": {"engine": "x", "retention_days": 3},
        "apps": {"manifests": {}, "colour": "red"},
        "db_engine": "x",
    }
    migrated = migrate(given, DulyConfig)
    assert migrated.not_understood == (
        *("zeal", "app", "database.engine", "apps.manifests", "apps.colour", "db_engine"),
    )
    assert migrated.values == {"database": {"retention_days": 3}}


def test_a_value_where_a_group_should_be_is_left_to_validation() -> None:
    assert migrate({"db_path": "x", "database": 3}, DulyConfig).values == {"database": 3}


def test_each_setting_is_traced_to_the_key_as_it_was_written() -> None:
    given = {
        "db_path": 1,
        "logging": {"all_hassette_events": 1},
        "web_api": {"port": -1},
        "autodetect_exclude_dirs": [1],
        "apps": {"porch": {"enabled": 5}},
        "odd": 1,
    }
    assert migrate(given, DulyConfig).origins == {
        "database.path": "db_path",
        "logging.all_duly_events": "logging.all_hassette_events",
        "web_api.port": "web_api.port",
        "apps.exclude_dirs": "autodetect_exclude_dirs",
        "apps.porch": "apps.porch",
    }


def test_what_is_given_stays_as_it_is() -> None:
    given = {"db_path": "x", "database": {"retention_days": 2}, "apps": {"porch": {"filename": "p"}}, "odd": 1}
    before = copy.deepcopy(given)
    migrate(given, DulyConfig).values["database"]["path"] = "changed"
    assert given == before

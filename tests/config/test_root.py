"""The root of the settings."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from duly.config import (
    ConfigurationError,
    DatabaseConfig,
    DulyConfig,
    LifecycleConfig,
    LoggingConfig,
    WebSocketConfig,
)
from duly.directories import default_directory
from tests.config.build import build

GROUPS = {"database", "websocket", "logging", "lifecycle", "web_api", "apps", "scheduler", "file_watcher"}

DEFAULTS: dict[str, Any] = {
    "config_file": "duly.toml",
    "env_file": ".env",
    "dev_mode": False,
    "base_url": "http://127.0.0.1:8123",
    "verify_ssl": True,
    "token": None,
    "import_dot_env_files": True,
    "run_app_precheck": True,
    "allow_startup_if_app_precheck_fails": False,
    "duly_event_buffer_size": 1000,
    "default_cache_size": 104857600,
    "strict_lifecycle": False,
    "asyncio_debug_mode": False,
    "state_proxy_poll_interval_seconds": 30,
    "disable_state_proxy_polling": False,
    "bus_excluded_domains": (),
    "bus_excluded_entities": (),
    "allow_reload_in_prod": False,
    "allow_only_app_in_prod": False,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("DULY__CONFIG_DIR", "DULY_CONFIG_DIR", "DULY__DATA_DIR", "DULY_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("duly.directories.CONTAINER", tmp_path / "no such folder")
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_every_field_has_its_default() -> None:
    config = DulyConfig.hermetic()
    plain = {name: getattr(config, name) for name in DulyConfig.model_fields if name not in GROUPS}
    directories = {"config_dir": default_directory("config"), "data_dir": default_directory("data")}
    assert plain == {**DEFAULTS, **directories}
    assert {name for name in DulyConfig.model_fields if isinstance(getattr(config, name), BaseModel)} == GROUPS


@pytest.mark.parametrize("field", ["duly_event_buffer_size", "default_cache_size", "state_proxy_poll_interval_seconds"])
def test_sizes_and_intervals_are_at_least_one(field: str) -> None:
    assert getattr(build(DulyConfig, **{field: 1}), field) == 1
    with pytest.raises(ConfigurationError):
        build(DulyConfig, **{field: 0})


def test_two_keys_have_another_default_than_in_a_group_alone() -> None:
    config = DulyConfig.hermetic()
    assert config.lifecycle.startup_timeout_seconds == 10
    assert config.websocket.total_timeout_seconds == 40
    assert LifecycleConfig().startup_timeout_seconds == WebSocketConfig().total_timeout_seconds == 30


def test_setting_one_key_of_a_group_leaves_the_defaults_of_its_others() -> None:
    given: Any = {"lifecycle": {"app_startup_timeout_seconds": 5}, "websocket": {"total_timeout_seconds": 3}}
    config = DulyConfig.hermetic(**given)
    assert (config.lifecycle.startup_timeout_seconds, config.lifecycle.app_startup_timeout_seconds) == (10, 5)
    assert config.websocket.total_timeout_seconds == 3


def test_a_group_that_is_assigned_as_a_table_has_them_too() -> None:
    config, table = DulyConfig.hermetic(), {"app_startup_timeout_seconds": 5}
    config.lifecycle = table  # type: ignore[assignment]  # a table is what sources give
    assert config.lifecycle.startup_timeout_seconds == 10


def test_a_group_that_was_built_stays_as_it_is() -> None:
    assert DulyConfig.hermetic(lifecycle=LifecycleConfig()).lifecycle.startup_timeout_seconds == 30


@pytest.mark.parametrize("url", ["http://ha", "https://ha.example.net:8123", "http://[::1]:8123/path"])
def test_a_base_url_with_scheme_and_host_is_taken(url: str) -> None:
    assert DulyConfig.hermetic(base_url=url).base_url == url


@pytest.mark.parametrize(
    "url", ["", "ha.local:8123", "http://", "ftp://ha", "//ha", "http://[::1", "ha", "http://ha:99999", "http://ha:0"]
)
def test_any_other_base_url_is_an_error(url: str) -> None:
    with pytest.raises(ConfigurationError):
        DulyConfig.hermetic(base_url=url)


@pytest.mark.parametrize(("given", "token"), [("", None), ("  \t", None), (None, None), ("secret", "secret")])
def test_a_blank_token_is_none(given: str | None, token: str | None) -> None:
    assert DulyConfig.hermetic(token=given).token == token


@pytest.mark.parametrize(("logs", "executions"), [(7, 7), (3, 4)])
def test_log_records_may_live_as_long_as_executions(logs: int, executions: int) -> None:
    DulyConfig.hermetic(
        logging=LoggingConfig(log_retention_days=logs), database=DatabaseConfig(retention_days=executions)
    )


def test_log_records_must_not_outlive_executions() -> None:
    with pytest.raises(ConfigurationError, match=r"logging\.log_retention_days \(8\).*database\.retention_days \(7\)"):
        DulyConfig.hermetic(logging=LoggingConfig(log_retention_days=8))
    with pytest.raises(ConfigurationError, match=r"logging\.log_retention_days \(3\).*database\.retention_days \(2\)"):
        DulyConfig.hermetic(database=DatabaseConfig(retention_days=2))


@pytest.mark.parametrize(
    ("field", "value"),
    [("duly_event_buffer_size", 0), ("nonsense", 1), ("logging", LoggingConfig(log_retention_days=8))],
)
def test_an_assignment_that_is_refused_changes_nothing(field: str, value: object) -> None:
    config, untouched = DulyConfig.hermetic(), DulyConfig.hermetic()
    with pytest.raises(ValidationError):
        setattr(config, field, value)
    assert config == untouched
    assert config.model_fields_set == set()


def test_an_assignment_is_converted() -> None:
    config, text = DulyConfig.hermetic(), "20"
    config.duly_event_buffer_size = text  # type: ignore[assignment]  # as a source gives it
    assert config.duly_event_buffer_size == 20
    assert config.model_fields_set == {"duly_event_buffer_size"}


def test_directories_are_those_of_the_user_by_default(home: Path) -> None:
    major = version("duly").split(".")[0]
    config = DulyConfig.hermetic()
    assert config.config_dir == home / ".config" / "duly" / f"v{major}"
    assert config.data_dir == home / ".local" / "share" / "duly" / f"v{major}"


@pytest.mark.parametrize("kind", ["config", "data"])
def test_environment_variables_name_the_directories_the_longer_one_first(
    place: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    field, name = f"{kind}_dir", f"{kind.upper()}_DIR"
    monkeypatch.setenv(f"DULY_{name}", "relative")
    assert getattr(DulyConfig(), field) == place / "relative"
    monkeypatch.setenv(f"DULY__{name}", "/srv/first")
    assert getattr(DulyConfig(), field) == Path("/srv/first")
    monkeypatch.setenv(f"DULY__{name}", "")
    assert getattr(DulyConfig(), field) == place / "relative"
    assert getattr(build(DulyConfig, **{field: Path("/srv/given")}), field) == Path("/srv/given")


@pytest.mark.parametrize("kind", ["config", "data"])
def test_a_folder_of_a_container_comes_next(
    tmp_path_factory: pytest.TempPathFactory, home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    container, field = tmp_path_factory.mktemp("container"), f"{kind}_dir"
    monkeypatch.setattr("duly.directories.CONTAINER", container)
    assert getattr(DulyConfig.hermetic(), field).is_relative_to(home)
    (container / kind).mkdir()
    assert getattr(DulyConfig.hermetic(), field) == container / kind


@pytest.mark.parametrize(("kind", "variable"), [("config", "XDG_CONFIG_HOME"), ("data", "XDG_DATA_HOME")])
def test_the_folder_of_the_user_may_be_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, kind: str, variable: str
) -> None:
    monkeypatch.setenv(variable, "/elsewhere")
    assert getattr(DulyConfig.hermetic(), f"{kind}_dir").parent == Path("/elsewhere/duly")
    monkeypatch.setenv(variable, "not/absolute")
    assert getattr(DulyConfig.hermetic(), f"{kind}_dir").is_relative_to(home)

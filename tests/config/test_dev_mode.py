"""Developer mode, and what it changes."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from duly.config import ConfigurationError, DulyConfig, SchedulerConfig
from duly.config.active import ACTIVE_CONFIG
from duly.config.dev_mode import level_before_load
from tests.config.kit import at

BOTH: list[tuple[str, object, object]] = [
    ("allow_startup_if_app_precheck_fails", False, True),
    ("state_proxy_poll_interval_seconds", 30, 15),
    ("websocket.authentication_timeout_seconds", 10, 20),
    ("websocket.response_timeout_seconds", 15, 30),
    ("websocket.connection_timeout_seconds", 5, 10),
    ("websocket.total_timeout_seconds", 40, 80),
    ("websocket.heartbeat_interval_seconds", 30, 60),
    ("lifecycle.startup_timeout_seconds", 10, 20),
    ("lifecycle.app_startup_timeout_seconds", 20, 40),
    ("lifecycle.app_shutdown_timeout_seconds", 10, 20),
    ("lifecycle.resource_shutdown_timeout_seconds", 10, 20),
    ("lifecycle.total_shutdown_timeout_seconds", 30, 30),
    ("lifecycle.run_sync_timeout_seconds", 6, 12),
    ("lifecycle.task_cancellation_timeout_seconds", 5, 10),
    ("file_watcher.debounce_milliseconds", 3000, 6000),
    ("file_watcher.step_milliseconds", 500, 1000),
    ("scheduler.min_delay_seconds", 1, 2),
    ("scheduler.max_delay_seconds", 30, 60),
    ("scheduler.default_delay_seconds", 15, 30),
    ("scheduler.behind_schedule_threshold_seconds", 5, 5),
]


@pytest.mark.parametrize(("key_path", "production", "dev"), BOTH)
def test_the_default_of_each_mode(key_path: str, production: object, dev: object) -> None:
    assert at(DulyConfig.hermetic(dev_mode=False), key_path) == production
    assert at(DulyConfig.hermetic(dev_mode=True), key_path) == dev


def test_no_other_default_depends_on_the_mode() -> None:
    production, dev = DulyConfig.hermetic(), DulyConfig.hermetic(dev_mode=True)
    for key_path, value, _ in BOTH:
        group, _, name = key_path.rpartition(".")
        setattr(at(dev, group) if group else dev, name, value)
    dev.dev_mode = False
    assert dev.model_dump() == production.model_dump()


def test_one_key_of_a_group_leaves_the_defaults_of_the_mode_to_the_others() -> None:
    lifecycle = DulyConfig.hermetic(dev_mode=True, lifecycle={"app_shutdown_timeout_seconds": 7}).lifecycle
    assert (lifecycle.app_shutdown_timeout_seconds, lifecycle.resource_shutdown_timeout_seconds) == (7, 7)
    assert lifecycle.startup_timeout_seconds == 20
    assert lifecycle.model_fields_set == {"app_shutdown_timeout_seconds"}


@pytest.mark.parametrize(
    ("given", "low", "high"), [({"min_delay_seconds": 100}, 100, 100), ({"max_delay_seconds": 1.5}, 1.5, 1.5)]
)
def test_a_default_of_the_mode_moves_along_with_the_other_bound(
    given: dict[str, float], low: float, high: float
) -> None:
    scheduler = DulyConfig.hermetic(dev_mode=True, scheduler=given).scheduler
    assert (scheduler.min_delay_seconds, scheduler.max_delay_seconds) == (low, high)


def test_a_group_that_is_assigned_has_the_defaults_of_the_mode_only_as_a_table() -> None:
    config = DulyConfig.hermetic(dev_mode=True)
    config.scheduler = SchedulerConfig()
    assert config.scheduler.min_delay_seconds == 1
    config.scheduler = {"max_delay_seconds": 50}  # type: ignore[assignment]  # a table is what sources give
    assert (config.scheduler.min_delay_seconds, config.scheduler.max_delay_seconds) == (2, 50)


@pytest.fixture
def plain(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No sign of a developer, whatever runs the tests."""
    monkeypatch.delitem(sys.modules, "debugpy", raising=False)
    traced = sys.gettrace()
    sys.settrace(None)
    yield place
    sys.settrace(traced)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]


def test_it_is_off_unless_something_speaks_for_it(plain: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    config = DulyConfig()
    assert config.dev_mode is False
    assert "dev_mode" not in config.model_fields_set
    assert told(caplog) == []


def test_debugpy_speaks_for_it(plain: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(sys.modules, "debugpy", ModuleType("debugpy"))
    config = DulyConfig()
    assert (config.dev_mode, config.scheduler.min_delay_seconds) == (True, 2)
    config.reload()
    assert told(caplog) == ["dev mode is on, since debugpy is imported; set dev_mode to choose"]


def test_a_problem_names_the_default_of_the_mode_that_was_found(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "debugpy", ModuleType("debugpy"))
    with pytest.raises(ConfigurationError, match=r"to use the default \(60\)"):
        DulyConfig(scheduler={"max_delay_seconds": 0})


def test_a_trace_function_speaks_for_it(plain: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sys.settrace(lambda *_: None)
    try:
        config = DulyConfig()
    finally:
        sys.settrace(None)
    assert config.dev_mode is True
    assert told(caplog) == ["dev mode is on, since a trace function is installed; set dev_mode to choose"]


@pytest.mark.parametrize(("options", "expected"), [([], "False"), (["-X", "dev"], "True")])
def test_the_development_mode_of_python_speaks_for_it(plain: Path, options: list[str], expected: str) -> None:
    program = "from duly.config import DulyConfig; print(DulyConfig().dev_mode)"
    done = subprocess.run(
        [sys.executable, *options, "-c", program], capture_output=True, text=True, check=True, timeout=60, cwd=plain
    )
    assert done.stdout.strip() == expected


def test_a_source_decides_over_all_signs(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "debugpy", ModuleType("debugpy"))
    monkeypatch.setenv("DULY__DEV_MODE", "no")
    assert DulyConfig().dev_mode is False


@pytest.mark.parametrize("mode", [True, False])
def test_the_active_configuration_decides_over_the_signs(
    plain: Path, monkeypatch: pytest.MonkeyPatch, mode: bool
) -> None:
    monkeypatch.setitem(sys.modules, "debugpy", ModuleType("debugpy"))
    token = ACTIVE_CONFIG.set(DulyConfig.hermetic(dev_mode=mode))
    try:
        assert DulyConfig().dev_mode is mode
    finally:
        ACTIVE_CONFIG.reset(token)


@pytest.mark.parametrize(
    ("variables", "level"),
    [
        ({}, "INFO"),
        ({"LOG_LEVEL": "debug"}, "DEBUG"),
        ({"LOG_LEVEL": "debug", "DULY_LOG_LEVEL": "ERROR"}, "ERROR"),
        ({"LOG_LEVEL": "debug", "DULY_LOG_LEVEL": "ERROR", "DULY__LOGGING__LOG_LEVEL": "Warning"}, "WARNING"),
        ({"LOG_LEVEL": "debug", "DULY_LOG_LEVEL": ""}, "DEBUG"),
        ({"LOG_LEVEL": "loud"}, "INFO"),
    ],
)
def test_the_level_until_settings_are_loaded(variables: dict[str, str], level: str) -> None:
    assert level_before_load(variables) == level

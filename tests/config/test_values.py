"""How values may be written, whichever source they come from."""

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from duly.config import (
    ConfigurationError,
    DatabaseConfig,
    DulyConfig,
    LifecycleConfig,
    LoggingConfig,
    SchedulerConfig,
    WebApiConfig,
)
from tests.config.build import build


@pytest.mark.parametrize("written", [True, "true", "T", "yes", "Y", "on", "ON", "1", 1, 1.0])
def test_ways_to_say_true(written: object) -> None:
    assert build(WebApiConfig, ui_hot_reload=written).ui_hot_reload is True


@pytest.mark.parametrize("written", [False, "false", "F", "no", "N", "off", "Off", "0", 0])
def test_ways_to_say_false(written: object) -> None:
    assert build(WebApiConfig, run=written).run is False


@pytest.mark.parametrize("written", ["maybe", 2, "", None])
def test_anything_else_is_no_boolean(written: object) -> None:
    with pytest.raises(ValidationError):
        build(WebApiConfig, run=written)


@pytest.mark.parametrize("written", [30, 30.0, "30", "30.0"])
def test_ways_to_write_a_whole_number(written: object) -> None:
    days = build(DatabaseConfig, retention_days=written).retention_days
    assert (days, type(days)) == (30, int)


@pytest.mark.parametrize("written", [30.5, "30.5", True, False, None, "many", float("inf")])
def test_anything_else_is_no_whole_number(written: object) -> None:
    with pytest.raises(ValidationError):
        build(DatabaseConfig, retention_days=written)


@pytest.mark.parametrize("written", [2, 2.0, "2", "2.0"])
def test_ways_to_write_a_number(written: object) -> None:
    seconds = build(DatabaseConfig, read_timeout_seconds=written).read_timeout_seconds
    assert (seconds, type(seconds)) == (2.0, float)


@pytest.mark.parametrize("written", [True, None, "soon", float("nan"), float("inf"), "nan", "inf"])
def test_anything_else_is_no_number(written: object) -> None:
    with pytest.raises(ValidationError):
        build(DatabaseConfig, read_timeout_seconds=written)
    with pytest.raises(ValidationError):
        build(SchedulerConfig, default_delay_seconds=written)


@pytest.mark.parametrize(("written", "value"), [(2, 2), ("2", 2), (2.5, 2.5), ("2.5", 2.5)])
def test_int_or_float_stays_what_it_was(written: object, value: float) -> None:
    seconds = build(SchedulerConfig, default_delay_seconds=written).default_delay_seconds
    assert (seconds, type(seconds)) == (value, type(value))


@pytest.mark.parametrize("written", [None, "none", "None", "NULL", " null "])
def test_none_and_its_words_switch_a_limit_off(written: object) -> None:
    assert build(SchedulerConfig, job_timeout_seconds=written).job_timeout_seconds is None
    assert build(LifecycleConfig, event_handler_timeout_seconds=written).event_handler_timeout_seconds is None


@pytest.mark.parametrize("written", [0.001, 5, "5"])
def test_a_limit_is_a_positive_float(written: float | str) -> None:
    limit = build(SchedulerConfig, job_timeout_seconds=written).job_timeout_seconds
    assert (limit, type(limit)) == (float(written), float)


@pytest.mark.parametrize("written", [0, -1, "0", True, False, "soon", "", float("nan"), float("inf"), [5]])
def test_anything_else_is_no_limit(written: object) -> None:
    with pytest.raises(ValidationError):
        build(SchedulerConfig, job_timeout_seconds=written)


@pytest.mark.parametrize(("written", "level"), [("debug", "DEBUG"), ("Warning", "WARNING"), ("CRITICAL", "CRITICAL")])
def test_a_level_may_be_written_in_any_case(written: object, level: str, caplog: pytest.LogCaptureFixture) -> None:
    assert build(LoggingConfig, bus_service=written).bus_service == level
    assert caplog.records == []


def test_no_level_is_info(caplog: pytest.LogCaptureFixture) -> None:
    assert build(LoggingConfig, log_level="ERROR", bus_service=None).bus_service == "INFO"
    assert caplog.records == []


@pytest.mark.parametrize("written", ["loud", "", 10, True])
def test_any_other_level_is_info_and_one_warning_names_key_and_value(
    written: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert build(LoggingConfig, bus_service=written).bus_service == "INFO"
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "logging.bus_service" in record.getMessage()
    assert repr(written) in record.getMessage()


def test_a_number_becomes_text_in_the_root() -> None:
    assert build(DulyConfig, token=12345).token == "12345"  # noqa: S105 - no secret


def test_a_number_is_no_text_in_a_group() -> None:
    with pytest.raises(ValidationError):
        build(WebApiConfig, host=3)


def test_a_relative_directory_counts_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert build(DulyConfig, data_dir="sub/data").data_dir == tmp_path / "sub/data"
    assert not (tmp_path / "sub").exists()


@pytest.mark.parametrize("field", ["data_dir", "config_dir", "apps.directory", "database.path"])
def test_a_path_may_begin_with_the_home_directory(field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    group, _, name = field.rpartition(".")
    config = build(DulyConfig, **({group: {name: "~/mine"}} if group else {name: "~/mine"}))
    assert getattr(getattr(config, group) if group else config, name) == tmp_path / "mine"


def test_a_path_may_begin_with_the_home_directory_of_a_user() -> None:
    assert build(DulyConfig, data_dir="~root/mine").data_dir == Path("~root").expanduser() / "mine"


def test_a_home_directory_that_nobody_has_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="~nobody-at-all is no home directory that is known"):
        build(DulyConfig, data_dir="~nobody-at-all/mine")

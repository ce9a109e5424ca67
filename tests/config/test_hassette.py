"""A setup that was written for Hassette, read beside Duly's own."""

from pathlib import Path

import pytest

from duly.config import ConfigurationError, DulyConfig
from tests.config.kit import warnings, write

APP = "[{root}.apps.porch]\nfilename = '{file}.py'\nclass_name = 'Porch'\n"


@pytest.mark.parametrize("where", ["container/config", "here", "here/config"])
def test_its_file_is_found_at_the_three_places(place: Path, caplog: pytest.LogCaptureFixture, where: str) -> None:
    file = write(place.parent / where / "hassette.toml", "[hassette]\nhassette_event_buffer_size = 5\n")
    config = DulyConfig()
    assert config.duly_event_buffer_size == 5
    assert config.toml_files == {file}
    assert warnings(caplog) == [f"settings for Hassette are used from {file}; move them to [duly] or DULY__…"]


def test_the_last_of_several_files_is_used(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = write(place / "hassette.toml", "default_cache_size = 1\n")
    last = write(place / "config/hassette.toml", "default_cache_size = 2\n")
    assert DulyConfig().default_cache_size == 2
    assert warnings(caplog)[0] == f"{last} is used, and ignored are: {first}; keep one of them"


def test_keys_outside_of_its_table_count_too(place: Path) -> None:
    write(place / "hassette.toml", "db_retention_days = 20\n[hassette]\ndb_max_size_mb = 3\n")
    database = DulyConfig().database
    assert (database.retention_days, database.max_size_mb) == (20, 3.0)


def test_its_table_may_stand_in_the_file_of_duly(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write(place / "duly.toml", "[hassette]\nrun_web_api = false\n")
    assert DulyConfig().web_api.run is False
    assert warnings(caplog) == [
        f"settings for Hassette are used from [hassette] in {file}; move them to [duly] or DULY__…"
    ]


def test_with_a_named_file_only_that_is_looked_at(place: Path) -> None:
    write(place / "hassette.toml", "default_cache_size = 1\n")
    write(place / "own.toml", "[hassette]\nlog_queue_max = 7\n")
    config = DulyConfig.load(config_file="own.toml")
    assert (config.default_cache_size, config.logging.log_queue_max) == (104857600, 7)


def test_variables_are_read_with_the_same_nesting(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASSETTE__WEB_API__PORT", "9000")
    monkeypatch.setenv("HASSETTE__DB_RETENTION_DAYS", "20")
    monkeypatch.setenv("HASSETTE__SCHEDULER", '{"max_delay_seconds": 20}')
    monkeypatch.setenv("HASSETTE_CONFIG_DIR", "/srv/hassette/config")
    write(place / ".env", "HASSETTE_DATA_DIR=/srv/hassette/data\nHASSETTE__TOKEN=abc\n")
    config = DulyConfig()
    assert (config.web_api.port, config.database.retention_days, config.scheduler.max_delay_seconds) == (9000, 20, 20)
    assert (config.config_dir, config.data_dir) == (Path("/srv/hassette/config"), Path("/srv/hassette/data"))
    assert config.token == "abc"  # noqa: S105 - no secret


def test_one_warning_names_all_that_was_used_and_all_that_was_not_understood(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HASSETTE__TOKEN", "abc")
    file = write(
        place / "hassette.toml", "[hassette]\nnonsense = 1\n[hassette.app]\nx = 1\n[hassette.web_api]\ny = 1\n"
    )
    DulyConfig()
    [warning] = warnings(caplog)
    assert warning == (
        f"settings for Hassette are used from HASSETTE__TOKEN, {file}; not understood and ignored: nonsense, app,"
        " web_api.y; move them to [duly] or DULY__…"
    )


def test_a_file_of_which_nothing_counts_is_not_mentioned(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(place / "hassette.toml", "[hassette]\nbase_url = 'http://old'\n")
    write(place / "duly.toml", "[duly]\nbase_url = 'http://new'\n")
    config = DulyConfig()
    assert warnings(caplog) == []
    assert config.toml_files == {place / "duly.toml"}


def test_the_environment_beats_the_file_whatever_the_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "hassette.toml", "[hassette.scheduler]\nmax_delay_seconds = 20\n")
    monkeypatch.setenv("HASSETTE__SCHEDULER_MAX_DELAY_SECONDS", "21")
    assert DulyConfig().scheduler.max_delay_seconds == 21


def test_it_fills_single_keys_that_duly_does_not_set(place: Path) -> None:
    write(place / "hassette.toml", "[hassette]\ndb_retention_days = 20\ndb_max_size_mb = 3\n")
    write(place / "duly.toml", "[duly.database]\nretention_days = 30\n")
    database = DulyConfig().database
    assert (database.retention_days, database.max_size_mb) == (30, 3.0)


def test_a_directory_that_a_variable_of_duly_names_holds(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "hassette.toml", "data_dir = '/srv/hassette'\n")
    assert DulyConfig().data_dir == Path("/srv/hassette")
    monkeypatch.setenv("DULY_DATA_DIR", "/srv/duly")
    monkeypatch.setenv("HASSETTE_DATA_DIR", "/srv/hassette")
    assert DulyConfig().data_dir == Path("/srv/duly")


def test_an_app_that_duly_defines_is_taken_from_there_entirely(place: Path) -> None:
    write(place / "hassette.toml", APP.format(root="hassette", file="old") + "enabled = false\nconfig = { x = 1 }\n")
    assert DulyConfig().apps.apps["porch"]["filename"] == "old.py"
    write(place / "duly.toml", APP.format(root="duly", file="new"))
    assert DulyConfig().apps.apps["porch"] == {"filename": "new.py", "class_name": "Porch"}


def test_a_bad_value_is_an_error_that_names_the_file_and_the_key_as_written(place: Path) -> None:
    file = write(place / "hassette.toml", "[hassette]\nbase_url = 'http://x'\nscheduler_max_delay_seconds = -1\n")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig()
    [problem] = caught.value.problems
    assert (problem.file, problem.line) == (str(file), 3)
    assert (problem.key_path, problem.value) == ("scheduler_max_delay_seconds", "-1")


def test_a_bad_variable_is_an_error_that_names_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASSETTE__WEB_API_PORT", "70000")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig()
    [problem] = caught.value.problems
    assert (problem.file, problem.key_path) == ("environment variable HASSETTE__WEB_API_PORT", "web_api_port")


def test_its_file_is_an_error_if_it_is_no_toml(place: Path) -> None:
    file = write(place / "hassette.toml", "[")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig()
    assert [problem.file for problem in caught.value.problems] == [str(file)]


def test_defaults_are_those_of_duly(place: Path) -> None:
    write(place / "hassette.toml", "[hassette]\nrun_web_api = true\n")
    config = DulyConfig()
    assert (config.web_api.host, config.database.path, config.data_dir.parent.name) == ("127.0.0.1", None, "duly")


def test_no_file_is_changed(place: Path) -> None:
    text = "[hassette]\ndb_retention_days = 20\n"
    file = write(place / "hassette.toml", text)
    DulyConfig()
    assert file.read_text(encoding="utf-8") == text
    assert list(place.iterdir()) == [file]

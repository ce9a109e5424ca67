"""What is said about settings that cannot be used."""

import os
from pathlib import Path
from typing import Any

import pytest

from duly.config import ConfigurationError, DatabaseConfig, DulyConfig, LoggingConfig, Problem


def refused(toml: str | None = None, **flags: object) -> list[Problem]:
    """The problems of a file, or of whatever there is."""
    if toml is not None:
        Path("duly.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig.load(flags=flags)
    return caught.value.problems


def test_the_report_is_numbered_and_names_place_key_value_and_fix(place: Path) -> None:
    toml = "[duly]\nverify_ssl = true\n\n[duly.lifecycle]\napp_startup_timeout_seconds = -5\nhello = 'x'\n"
    (place / "duly.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig()
    first, second = str(caught.value).split("\n\n")
    assert first == (
        "configuration error (1 of 2)\n"
        f"  file   {place}/duly.toml, line 5\n"
        "  key    lifecycle.app_startup_timeout_seconds\n"
        "  value  -5\n"
        "  fix    must be a whole number of 1 or more; remove the line to use the default (20)"
    )
    assert second.startswith(f"configuration error (2 of 2)\n  file   {place}/duly.toml, line 6\n")
    assert isinstance(caught.value, ValueError)


UNKNOWN = [
    ("base_ulr = 'http://x'", "base_ulr", 1, "unknown key; did you mean `base_url`?"),
    ("[duly.webapi]\nport = 1", "webapi", 1, "unknown key; did you mean `web_api`?"),
    ("[duly.web_api]\n\nprot = 1", "web_api.prot", 3, "unknown key; did you mean `port`?"),
    ("[duly.WEB_API]\nport = 1", "WEB_API", 1, "unknown key; did you mean `web_api`?"),
    ("[file_watcher]\nzzz = 1", "file_watcher.zzz", 2, "debounce_milliseconds, step_milliseconds, watch_files"),
    ("[apps]\nautodetct = true", "apps.autodetct", 2, "unknown key; did you mean `autodetect`?"),
    ("_env_file = 'x'", "_env_file", 1, "unknown key; did you mean `env_file`?"),
]


@pytest.mark.parametrize(("toml", "key", "line", "fix"), UNKNOWN)
def test_an_unknown_key(place: Path, toml: str, key: str, line: int, fix: str) -> None:
    [problem] = refused(toml)
    assert (problem.file, problem.key_path, problem.line) == (f"{place}/duly.toml", key, line)
    assert fix in problem.fix


def test_an_unknown_variable(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY__WEB_API__PROT", "1")
    [problem] = refused()
    assert (problem.file, problem.key_path) == ("environment variable DULY__WEB_API__PROT", "web_api.prot")
    assert problem.fix == "unknown key; did you mean `port`?"


WRONG_TYPE = [
    ("[web_api]\nport = 'high'", "web_api.port", '"high"', "a whole number from 0 to 65535, for example 8126"),
    ("[web_api]\nport = 80.5", "web_api.port", "80.5", "a whole number from 0 to 65535, for example 8126"),
    ("[web_api]\nport = true", "web_api.port", "true", "a whole number from 0 to 65535, for example 8126"),
    ("verify_ssl = 'maybe'", "verify_ssl", '"maybe"', "must be true or false, for example true"),
    ("[web_api]\ncors_origins = 3", "web_api.cors_origins", "3", 'a list of texts, for example ["http://localhost:'),
    (
        "bus_excluded_domains = 'sun'",
        "bus_excluded_domains",
        '"sun"',
        'a list of texts, for example ["sun", "media_*"]',
    ),
    ("[web_api]\nhost = 3", "web_api.host", "3", 'must be text, for example "127.0.0.1"'),
    ("[logging]\nlog_format = 'xml'", "logging.log_format", '"xml"', '"auto", "console" or "json", for example "auto"'),
    (
        "[scheduler]\nmax_delay_seconds = 'x'",
        "scheduler.max_delay_seconds",
        '"x"',
        "a number greater than 0, for example 30",
    ),
    (
        "[scheduler]\njob_timeout_seconds = 'x'",
        "scheduler.job_timeout_seconds",
        '"x"',
        '"none" for no limit, for example 600.0',
    ),
    ("[database]\nmax_size_mb = nan", "database.max_size_mb", "nan", "a number of 0 or more, for example 500.0"),
    ("data_dir = 3", "data_dir", "3", "must be a path, as text, for example"),
    ("scheduler = 3", "scheduler", "3", "must be a table of settings: min_delay_seconds"),
    ("duly = 3", "duly", "3", "must be a table: write [duly] above its keys"),
    ("dev_mode = 'maybe'", "dev_mode", '"maybe"', "must be true or false, for example false"),
]


@pytest.mark.parametrize(("toml", "key", "value", "fix"), WRONG_TYPE)
def test_a_wrong_type(place: Path, toml: str, key: str, value: str, fix: str) -> None:
    [problem] = refused(toml)
    assert (problem.key_path, problem.value) == (key, value)
    assert problem.line == (2 if "\n" in toml else 1)
    assert fix in problem.fix


def test_a_list_item_of_a_wrong_type(place: Path) -> None:
    [problem] = refused("bus_excluded_domains = [\n'sun',\ntrue,\n]\n")
    assert (problem.key_path, problem.value, problem.line) == ("bus_excluded_domains.1", "true", 3)


def test_a_variable_that_should_be_json(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY__SCHEDULER", "fast")
    monkeypatch.setenv("DULY__BUS_EXCLUDED_DOMAINS", "sun, moon")
    problems = {problem.key_path: problem for problem in refused()}
    assert "must be a table of settings" in problems["scheduler"].fix
    assert 'a list of texts, for example ["sun", "media_*"]' in problems["bus_excluded_domains"].fix


OUT_OF_RANGE = [
    ("[database]\nretention_days = 0", "database.retention_days", "0", "a whole number of 1 or more;"),
    ("[web_api]\nport = 70000", "web_api.port", "70000", "a whole number from 0 to 65535;"),
    ("[database]\nread_timeout_seconds = 0.01", "database.read_timeout_seconds", "0.01", "a number of 0.1 or more;"),
    (
        "[lifecycle]\nrun_sync_timeout_seconds = 0",
        "lifecycle.run_sync_timeout_seconds",
        "0",
        "a number greater than 0;",
    ),
    ("[lifecycle]\nstartup_timeout_seconds = -1", "lifecycle.startup_timeout_seconds", "-1", "number of 1 or more;"),
    (
        "[lifecycle]\nevent_handler_timeout_seconds = 0",
        "lifecycle.event_handler_timeout_seconds",
        "0",
        'a number greater than 0, or "none" for no limit;',
    ),
    (
        "[scheduler]\njob_timeout_seconds = -1",
        "scheduler.job_timeout_seconds",
        "-1",
        'a number greater than 0, or "none" for no limit;',
    ),
]


@pytest.mark.parametrize(("toml", "key", "value", "fix"), OUT_OF_RANGE)
def test_a_value_out_of_range(place: Path, toml: str, key: str, value: str, fix: str) -> None:
    [problem] = refused(toml)
    assert (problem.key_path, problem.value, problem.line) == (key, value, 2)
    assert fix in problem.fix


def test_the_default_that_is_named_is_that_of_the_mode(place: Path) -> None:
    [problem] = refused("dev_mode = true\n[lifecycle]\nstartup_timeout_seconds = 0\n")
    assert problem.fix.endswith("remove the line to use the default (20)")


def test_the_way_back_to_the_default_depends_on_the_source(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY__VERIFY_SSL", "maybe")
    (place / ".env").write_text("DULY__DEFAULT_CACHE_SIZE=0\n", encoding="utf-8")
    fixes = {problem.key_path: problem.fix for problem in refused(asyncio_debug_mode="x")}
    assert "; unset the variable to use the default (true)" in fixes["verify_ssl"]
    assert "; remove the line to use the default (104857600)" in fixes["default_cache_size"]
    assert "; leave the flag out to use the default (false)" in fixes["asyncio_debug_mode"]


@pytest.mark.parametrize("url", ["ha.local", "http://", "ftp://ha"])
def test_a_base_url_without_scheme_or_host(place: Path, url: str) -> None:
    [problem] = refused(base_url=url)
    assert (problem.file, problem.key_path) == ("command line --base-url", "base_url")
    assert "for example http://homeassistant.local:8123" in problem.fix


def test_a_flag_of_a_wrong_type(place: Path) -> None:
    [problem] = refused(verify_ssl="maybe")
    assert str(problem).startswith("  file   command line --verify-ssl\n  key    verify_ssl\n")


def test_logs_that_are_kept_longer_than_executions(place: Path) -> None:
    [problem] = refused("[logging]\nlog_retention_days = 9\n[database]\nretention_days = 8\n")
    assert problem.file == f"{place}/duly.toml, lines 2 and 4"
    assert problem.key_path == "logging.log_retention_days and database.retention_days"
    assert problem.value == "9 and 8"
    assert problem.fix.endswith("lower the first or raise the second")


def test_of_keys_that_are_at_odds_the_one_that_was_not_written_has_no_place(place: Path) -> None:
    [problem] = refused("[logging]\nlog_retention_days = 9\n")
    assert (problem.file, problem.value) == (f"{place}/duly.toml, line 2", "9 and 7")


def test_keys_of_several_sources_that_are_at_odds(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY__DATABASE__RETENTION_DAYS", "8")
    [problem] = refused("[logging]\nlog_retention_days = 9\n")
    assert problem.file == f"{place}/duly.toml, line 2 and environment variable DULY__DATABASE__RETENTION_DAYS"


def test_groups_given_as_arguments_that_are_at_odds() -> None:
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig.hermetic(logging=LoggingConfig(log_retention_days=9))
    [problem] = caught.value.problems
    assert (problem.file, problem.value) == ("argument logging of DulyConfig", "9 and 7")


BOUNDS = [
    ("scheduler", "min_delay_seconds", "max_delay_seconds"),
    ("websocket", "connect_retry_initial_wait_seconds", "connect_retry_max_wait_seconds"),
    ("websocket", "early_drop_backoff_initial_seconds", "early_drop_backoff_max_seconds"),
]


@pytest.mark.parametrize(("group", "lower", "upper"), BOUNDS)
def test_a_minimum_above_its_maximum(place: Path, group: str, lower: str, upper: str) -> None:
    [problem] = refused(f"[{group}]\n{lower} = 5\n{upper} = 4\n")
    assert problem.key_path == f"{group}.{lower} and {group}.{upper}"
    assert problem.value == "5 and 4"
    assert f"{lower} (5" in problem.fix
    assert f"{upper} (4" in problem.fix


def test_what_does_not_fit_together_is_told_beside_all_else(place: Path) -> None:
    toml = """
    verify_ssl = 3
    [logging]
    log_retention_days = 9
    log_queue_max = 0
    bus_service = "loud"
    [scheduler]
    min_delay_seconds = 5
    max_delay_seconds = 4
    default_delay_seconds = -1
    """
    assert [problem.key_path for problem in refused(toml)] == [
        "logging.log_queue_max",
        "scheduler.default_delay_seconds",
        "verify_ssl",
        "scheduler.min_delay_seconds and scheduler.max_delay_seconds",
        "logging.log_retention_days and database.retention_days",
    ]


def test_a_level_that_is_none_is_warned_of_once_even_beside_errors(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refused("verify_ssl = 3\n[logging]\nbus_service = 'loud'\n")
    assert len([record for record in caplog.records if "loud" in record.getMessage()]) == 1


@pytest.mark.parametrize("other", ["default_cache_size = [", "[database]\nretention_days = 'x'\n"])
def test_a_value_that_could_not_be_read_is_at_odds_with_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setenv("DULY__LOGGING__LOG_RETENTION_DAYS", "9")
    assert len(refused(other)) == 1


PORCH = "filename = 'p.py'\nclass_name = 'Porch'\n"

DUPLICATES = [
    ("[duly.apps.porch]\na = 1\n[duly.apps.porch]\n", "apps.porch", 1, 3),
    ("[duly.apps.porch]\na = 1\n[apps.porch]\n", "apps.porch", 1, 3),
    ("[duly.apps]\nporch = { a = 1 }\n[duly.apps.porch]\n", "apps.porch", 2, 3),
    (
        f"[duly.apps.porch]\n{PORCH}[duly.apps.apps.porch]\n{PORCH}",
        "apps.porch",
        1,
        4,
    ),
]


@pytest.mark.parametrize(("toml", "key", "first", "second"), DUPLICATES)
def test_an_app_key_that_is_defined_twice(place: Path, toml: str, key: str, first: int, second: int) -> None:
    [problem] = refused(toml)
    assert problem.key_path in {key, "apps.apps.porch"}
    assert (problem.file, problem.line) == (f"{place}/duly.toml", second)
    assert problem.fix == f"defined in line {first} and in line {second}: rename one of the two"


def test_of_what_is_in_a_table_that_is_defined_twice_nothing_is_said(place: Path) -> None:
    problems = refused(f"[duly.apps.porch]\n{PORCH}[duly.apps.porch]\n{PORCH}")
    assert [problem.key_path for problem in problems] == ["apps.porch"]


def test_any_other_key_that_is_defined_twice(place: Path) -> None:
    [problem] = refused("[duly]\nverify_ssl = true\nverify_ssl = false\n")
    assert problem.key_path == "verify_ssl"
    assert problem.fix == "defined in line 2 and in line 3: remove one of the two"


def test_text_that_is_no_toml(place: Path) -> None:
    [problem] = refused("[duly]\nverify_ssl = maybe\n")
    assert (problem.file, problem.key_path, problem.line) == (f"{place}/duly.toml", None, 2)
    assert problem.fix == "no valid TOML at line 2, column 14: invalid value"
    assert "  key    —\n  value  —\n" in str(problem)


def test_text_that_ends_too_early(place: Path) -> None:
    [problem] = refused("[duly]\nverify_ssl = [1,")
    assert problem.fix.startswith("no valid TOML at end of the file: ")


def test_a_file_that_cannot_be_parsed_does_not_end_the_check_of_other_sources(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DULY__VERIFY_SSL", "maybe")
    assert [problem.key_path for problem in refused("[", base_url="ha")] == [None, "base_url", "verify_ssl"]


@pytest.mark.parametrize("name", ["duly.toml", ".env"])
def test_a_file_that_is_no_utf8(place: Path, name: str) -> None:
    (place / name).write_bytes(b"token = '\xff'\n")
    [problem] = refused()
    assert (problem.file, problem.key_path) == (f"{place}/{name}", None)
    assert problem.fix == "cannot be read: it is not UTF-8 (invalid start byte at byte 9); save it as UTF-8"


@pytest.mark.parametrize("name", ["duly.toml", ".env"])
def test_a_file_that_is_a_directory(place: Path, name: str) -> None:
    (place / name).mkdir()
    [problem] = refused()
    assert (problem.file, problem.key_path) == (f"{place}/{name}", None)
    assert problem.fix.startswith("cannot be read: Is a directory")


def test_a_file_that_the_system_refuses_to_read(place: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig.load(config_file="/proc/self/mem")
    [problem] = caught.value.problems
    assert (problem.file, problem.key_path) == ("/proc/self/mem", None)
    assert problem.fix.startswith("cannot be read: Input/output error")


@pytest.mark.parametrize("flag", ["config_file", "env_file"])
def test_a_named_file_that_the_system_refuses_to_look_for(place: Path, flag: str) -> None:
    flags: dict[str, Any] = {flag: "x" * 300}
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig.load(**flags)
    [problem] = caught.value.problems
    assert (problem.file, problem.key_path) == (f"{place}/{'x' * 300}", None)
    assert problem.fix.startswith("cannot be read: File name too long")


@pytest.mark.parametrize("flag", ["config_file", "env_file"])
def test_a_named_file_that_is_missing(place: Path, flag: str) -> None:
    (place / "duly.toml").write_text("default_cache_size = 0\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig.load(**{flag: "nowhere"})  # type: ignore[arg-type]  # one of two names
    problem = caught.value.problems[0]
    assert problem.file == f"command line --{flag.replace('_', '-')}"
    assert f"{place}/nowhere" in problem.fix
    assert len(caught.value.problems) == (1 if flag == "config_file" else 2)


@pytest.mark.parametrize("name", ["config_dir", "data_dir"])
def test_a_directory_that_is_a_file(place: Path, name: str) -> None:
    (place / "duly.toml").write_text(f"\n{name} = 'occupied'\n", encoding="utf-8")
    (place / "occupied").touch()
    config = DulyConfig()
    with pytest.raises(ConfigurationError) as caught:
        config.ensure_directories()
    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.key_path) == (f"{place}/duly.toml", 2, name)
    assert problem.fix == f"{place}/occupied exists and is no directory; name a directory that can be used"


def test_a_directory_that_cannot_be_made(place: Path) -> None:
    (place / "occupied").touch()
    config = DulyConfig(data_dir=place / "occupied/data", config_dir=place / "occupied/config")
    with pytest.raises(ConfigurationError) as caught:
        config.ensure_directories()
    assert [problem.key_path for problem in caught.value.problems] == ["config_dir", "data_dir"]
    assert f"{place}/occupied/data cannot be created: Not a directory" in caught.value.problems[1].fix


def test_a_directory_that_the_system_refuses_to_look_for(place: Path) -> None:
    config = DulyConfig(data_dir=place / ("x" * 300), config_dir=place)
    for use in (config.check_directories, config.ensure_directories):
        with pytest.raises(ConfigurationError) as caught:
            use()
        [problem] = caught.value.problems
        assert problem.key_path == "data_dir"
        assert "File name too long" in problem.fix


def test_a_data_directory_in_which_the_ledger_cannot_be_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # tests may run as somebody who may write anywhere
    config = DulyConfig(data_dir=place, config_dir=place)
    for use in (config.check_directories, config.ensure_directories):
        with pytest.raises(ConfigurationError) as caught:
            use()
        assert [problem.key_path for problem in caught.value.problems] == ["data_dir"]
        assert caught.value.problems[0].fix == f"{place} is not writable; name a directory that can be used"
    config.database = DatabaseConfig(path=place / "elsewhere.db")
    config.ensure_directories()


SECRETS = [
    ("token = ['abcdefghijklmnop']\n", "token", '["abcdef...klmnop"]'),
    ("apps.directory.config.api_key = 'abcdefgh'\n", "apps.directory", '{ config = { api_key = "abc***" } }'),
    ("password = 'abcdefgh'\n", "password", '"abc***"'),
    ("my_secret = 'abc'\n", "my_secret", '"***"'),
    (
        "[own]\napi_key_of_mine = 'abcdefghijklmnop'\nx = 'y'\n",
        "own",
        '{ api_key_of_mine = "abcdef...klmnop", x = "y" }',
    ),
    ("[tokens]\nx = 12345\n", "tokens", '{ x = "***" }'),
]


@pytest.mark.parametrize(("toml", "key", "value"), SECRETS)
def test_a_secret_is_never_shown(place: Path, toml: str, key: str, value: str) -> None:
    [problem] = refused(toml)
    assert (problem.key_path, problem.value) == (key, value)


def test_a_value_is_cut_at_80_characters(place: Path) -> None:
    [problem] = refused(f"verify_ssl = '{'x' * 100}'\n")
    assert problem.value == f'"{"x" * 78}…'
    [problem] = refused(f"verify_ssl = '{'x' * 78}'\n")
    assert problem.value == f'"{"x" * 78}"'


def test_values_of_apps(place: Path) -> None:
    toml = "[duly.apps.porch]\nfilename = 'p.py'\nclass_name = 'P'\nenabled = 'perhaps'\n"
    (place / "duly.toml").write_text(toml, encoding="utf-8")
    config = DulyConfig()
    with pytest.raises(ConfigurationError) as caught:
        config.set_validated_app_manifests()
    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.key_path) == (f"{place}/duly.toml", 4, "apps.porch.enabled")
    assert problem.value == '"perhaps"'
    assert "must be true or false" in problem.fix


TABLES = "must be a table, or a list of tables"


@pytest.mark.parametrize(
    ("toml", "key", "line", "fix"),
    [
        ("file_name = 'p.py'\nclass = false\n", "class", 3, "must be text"),
        ("filename = 'p.py'\nclass = 'P'\nconfig = 'x'\n", "config", 4, TABLES),
        ("filename = 'p.py'\nclass = 'P'\nconfig = [\n{},\n3]\n", "config.1", 6, TABLES),
        ("app_config = 3\nfilename = 'p.py'\nclass = 'P'\n", "app_config", 2, TABLES),
    ],
    ids=["class", "config", "instance", "app_config"],
)
def test_a_key_of_an_app_is_told_by_the_name_that_was_written(
    place: Path, toml: str, key: str, line: int, fix: str
) -> None:
    [_, problem] = refused(f"[apps.porch]\n{toml}[duly]\nverify_ssl = 'maybe'\n")
    assert (problem.key_path, problem.line) == (f"apps.porch.{key}", line)
    assert problem.fix.startswith(fix)


@pytest.mark.parametrize("name", ["autodetect", "directory", "exclude_dirs", "extend_exclude_dirs", "manifests"])
def test_a_reserved_name_of_an_app(place: Path, name: str) -> None:
    [problem] = refused(f"\n[duly.apps.{name}]\nfilename = 'p.py'\nclass_name = 'P'\n")
    assert (problem.file, problem.line, problem.key_path) == (f"{place}/duly.toml", 2, f"apps.{name}")
    assert "autodetect, directory, exclude_dirs, extend_exclude_dirs" in problem.fix
    assert "rename" in problem.fix


def test_a_reserved_key_of_an_app(place: Path) -> None:
    toml = "[duly.apps.'__duly__.x']\nfilename = 'p.py'\nclass_name = 'P'\n"
    (place / "duly.toml").write_text(toml, encoding="utf-8")
    config = DulyConfig()
    with pytest.raises(ConfigurationError) as caught:
        config.set_validated_app_manifests()
    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.key_path) == (f"{place}/duly.toml", 1, "apps.__duly__.x")
    assert "'__duly__.'" in problem.fix
    assert "rename" in problem.fix
    assert f"{place}/apps/p.py" in problem.fix


def test_what_will_be_wrong_with_manifests_is_told_beside_all_else(place: Path) -> None:
    toml = f"verify_ssl = 'maybe'\n[apps.porch]\n{PORCH}enabled = 'perhaps'\n[apps.'__duly__']\n{PORCH}"
    assert [problem.key_path for problem in refused(toml)] == ["verify_ssl", "apps.porch.enabled", "apps.__duly__"]

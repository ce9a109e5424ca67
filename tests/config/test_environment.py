"""Settings from variables, and variables from files."""

import os
from pathlib import Path

import pytest

from duly.config import ConfigurationError, DulyConfig
from tests.config.kit import at

APP = "[duly.apps.porch]\nfilename = 'porch.py'\nclass_name = 'Porch'\n"


EXAMPLES: list[tuple[str, str, str, object]] = [
    ("DULY__BASE_URL", "http://ha.local:8123", "base_url", "http://ha.local:8123"),
    ("DULY__TOKEN", "abc", "token", "abc"),
    ("DULY__DEV_MODE", "true", "dev_mode", True),
    ("DULY__DATABASE__RETENTION_DAYS", "14", "database.retention_days", 14),
    ("DULY__LOGGING__LOG_LEVEL", "debug", "logging.log_level", "DEBUG"),
    ("DULY__WEB_API__PORT", "9000", "web_api.port", 9000),
    ("DULY__APPS__DIRECTORY", "/srv/apps", "apps.directory", Path("/srv/apps")),
    ("DULY__APPS__PORCH__DISPLAY_NAME", "P", "apps.apps.porch.display_name", "P"),
    ("DULY__APPS__PORCH__CONFIG__DELAY", "5", "apps.apps.porch.config.delay", "5"),
    ("DULY__APPS__PORCH__CONFIG__LIGHTS", '["a", "b"]', "apps.apps.porch.config.lights", ["a", "b"]),
    ("DULY__APPS__PORCH__CONFIG__TEMPLATE", "{{ x }}", "apps.apps.porch.config.template", "{{ x }}"),
    ("DULY__BUS_EXCLUDED_DOMAINS", '["sun","media_*"]', "bus_excluded_domains", ("sun", "media_*")),
    ("DULY__SCHEDULER", '{"max_delay_seconds": 20}', "scheduler.max_delay_seconds", 20),
    ("DULY__SCHEDULER__JOB_TIMEOUT_SECONDS", "none", "scheduler.job_timeout_seconds", None),
    ("duly__web_api__port", "9001", "web_api.port", 9001),
    ("Duly__Web_Api__Port", "9002", "web_api.port", 9002),
]


@pytest.mark.parametrize("where", ["process", "file"])
@pytest.mark.parametrize(("name", "text", "key_path", "value"), EXAMPLES)
def test_what_a_variable_sets(
    place: Path, monkeypatch: pytest.MonkeyPatch, where: str, name: str, text: str, key_path: str, value: object
) -> None:
    (place / "duly.toml").write_text(APP, encoding="utf-8")
    if where == "process":
        monkeypatch.setenv(name, text)
    else:
        (place / ".env").write_text(f"{name}='{text}'\n", encoding="utf-8")
    assert at(DulyConfig(), key_path) == value


def test_a_single_key_holds_over_a_whole_group_in_one_source(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY__SCHEDULER__MAX_DELAY_SECONDS", "21")
    monkeypatch.setenv("DULY__SCHEDULER", '{"max_delay_seconds": 20, "min_delay_seconds": 2}')
    scheduler = DulyConfig().scheduler
    assert (scheduler.max_delay_seconds, scheduler.min_delay_seconds) == (21, 2)


def test_a_variable_without_value_is_not_set(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / ".env").write_text("DULY__TOKEN=file\nDULY__BASE_URL=\nDULY__NONSENSE=\n", encoding="utf-8")
    monkeypatch.setenv("DULY__TOKEN", "")
    config = DulyConfig()
    assert (config.token, config.base_url) == ("file", "http://127.0.0.1:8123")


TOKENS = ["DULY__TOKEN", "HA_TOKEN", "HOME_ASSISTANT_TOKEN", "TOKEN"]


@pytest.mark.parametrize("first", range(len(TOKENS)), ids=TOKENS)
def test_of_the_names_of_the_token_the_first_in_one_source_counts(
    place: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    for name in reversed(TOKENS[first:]):
        monkeypatch.setenv(name, name)
    assert DulyConfig().token == TOKENS[first]


@pytest.mark.parametrize("first", range(len(TOKENS)), ids=TOKENS)
def test_all_dotenv_files_are_one_source(place: Path, first: int) -> None:
    (place / "config").mkdir()
    for name in TOKENS[first:]:
        file = ".env" if name == TOKENS[first] else "config/.env"
        with (place / file).open("a", encoding="utf-8") as env:
            env.write(f"{name}={name}\n")
    assert DulyConfig().token == TOKENS[first]


def test_a_name_of_the_token_in_a_higher_source_holds(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / ".env").write_text("DULY__TOKEN=file\n", encoding="utf-8")
    monkeypatch.setenv("TOKEN", "process")
    assert DulyConfig().token == "process"  # noqa: S105 - no secret


def test_other_names_are_left_to_the_apps(place: Path) -> None:
    (place / ".env").write_text("PASSWORD=geheim\nDULYX=1\nDULY_=2\n", encoding="utf-8")
    config = DulyConfig()
    assert "geheim" not in repr(config) + config.model_dump_json()
    assert config.get_app_variables()["PASSWORD"] == "geheim"  # noqa: S105 - no secret


def test_apps_see_the_process_before_the_files(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / ".env").write_text("LIGHT=file\nDELAY=5\nEMPTY=\n", encoding="utf-8")
    monkeypatch.setenv("LIGHT", "process")
    monkeypatch.setenv("DELAY", "")
    variables = DulyConfig().get_app_variables()
    assert (variables["LIGHT"], variables["DELAY"], "EMPTY" in variables) == ("process", "5", False)


def test_a_variable_against_a_list_of_instances_is_an_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place / "duly.toml"
    file.write_text(f"{APP}[[duly.apps.porch.config]]\ndelay = 1\n", encoding="utf-8")
    monkeypatch.setenv("DULY__APPS__PORCH__CONFIG__DELAY", "5")
    with pytest.raises(ConfigurationError) as caught:
        DulyConfig()
    [problem] = caught.value.problems
    assert problem.key_path == "apps.porch.config.delay"
    assert problem.file == "environment variable DULY__APPS__PORCH__CONFIG__DELAY"
    assert problem.value == '"5"'
    assert problem.fix == f"apps.porch.config is a list of instances in {file}, line 4: set delay in each of them there"


def test_of_lines_that_are_no_variables_one_warning_tells_file_and_line(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env = place / ".env"
    env.write_text("DULY__TOKEN=before\n\n} {\nLIGHT='x\nDELAY=5\n", encoding="utf-8")
    config = DulyConfig()
    assert (config.token, config.get_app_variables()["DELAY"]) == ("before", "5")
    config.problem_at(("token",), "x", "")
    [warning] = caplog.messages
    assert warning == f"left out, since it is no NAME=value: {env}, line 3; {env}, line 4; correct or remove it"


def test_variables_may_stand_for_others(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "red")
    (place / ".env").write_text("LIGHT=porch\nNAME=${LIGHT}-${COLOUR}-${NONE:-x}\n", encoding="utf-8")
    assert DulyConfig().get_app_variables()["NAME"] == "porch-red-x"


def test_variables_of_files_are_those_of_the_last_reading(place: Path) -> None:
    env = place / ".env"
    env.write_text("LIGHT=before\n", encoding="utf-8")
    config = DulyConfig()
    env.write_text("LIGHT=after\nDULY__BASE_URL=nowhere\n", encoding="utf-8")
    config.reload()
    assert config.get_app_variables()["LIGHT"] == "before"
    env.write_text("LIGHT=after\n", encoding="utf-8")
    config.reload()
    assert config.get_app_variables()["LIGHT"] == "after"


def test_loading_never_changes_the_environment(place: Path) -> None:
    (place / ".env").write_text("DULY__TOKEN=x\nOTHER_THING=y\n", encoding="utf-8")
    before = dict(os.environ)
    DulyConfig()
    assert dict(os.environ) == before


@pytest.fixture
def files(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files with variables; those that are imported are taken back."""
    for name in ("LIGHT", "DELAY", "COLOUR"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    (place / "config").mkdir()
    (place / ".env").write_text("LIGHT=one\nDELAY=1\nCOLOUR=red\nEMPTY=\n", encoding="utf-8")
    (place / "config/.env").write_text("DELAY=2\n", encoding="utf-8")
    return place


def test_an_import_sets_what_is_not_there_and_the_later_file_wins(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHT", "process")
    assert set(DulyConfig().import_env_files()) == {"DELAY", "COLOUR"}
    assert (os.environ["LIGHT"], os.environ["DELAY"], os.environ["COLOUR"]) == ("process", "2", "red")
    assert "EMPTY" not in os.environ


def test_an_import_leaves_alone_what_is_there_but_empty(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHT", "")
    DulyConfig().import_env_files()
    assert os.environ["LIGHT"] == ""


def test_nothing_is_imported_if_that_is_switched_off(files: Path) -> None:
    config = DulyConfig(import_dot_env_files=False)
    assert config.import_env_files() == ()
    assert "LIGHT" not in os.environ
    assert config.get_app_variables()["LIGHT"] == "one"


def test_what_was_imported_does_not_count_as_the_environment_of_the_process(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DULY__TOKEN", "LIGHT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    env = place / ".env"
    env.write_text("DULY__TOKEN=before\nLIGHT=before\n", encoding="utf-8")
    config = DulyConfig()
    config.import_env_files()
    env.write_text("DULY__TOKEN=after\nLIGHT=after\n", encoding="utf-8")
    config.reload()
    assert (config.token, config.get_app_variables()["LIGHT"]) == ("after", "after")
    env.write_text("", encoding="utf-8")
    config.reload()
    assert (config.token, "LIGHT" in config.get_app_variables()) == (None, False)
    monkeypatch.setenv("DULY__TOKEN", "set since")
    config.reload()
    assert config.token == "set since"  # noqa: S105 - no secret


def test_a_problem_with_what_is_not_written_is_told_at_a_variable_beside_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DULY__APPS__PORCH__FILE_NAME", "porch.py")
    monkeypatch.setenv("DULY__APPS__PORCH__CLASS", "Porch")
    problem = DulyConfig().problem_at(("apps", "porch", "filename"), "porch.py", "create the file")
    assert problem.file == "environment variable DULY__APPS__PORCH__FILE_NAME"
    assert problem.key_path == "apps.porch.file_name"
    problem = DulyConfig().problem_at(("apps", "porch", "app_dir"), "", "create the directory")
    assert problem.file == "environment variable DULY__APPS__PORCH__FILE_NAME"
    assert problem.key_path == "apps.porch.app_dir"

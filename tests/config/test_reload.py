"""Reading the sources again."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from duly.config import DulyConfig, Reload
from duly.config.app_tables import DetectedApp

APP = "[apps.porch]\nfilename = 'p.py'\nclass_name = '{name}'\n"


@pytest.fixture
def toml(place: Path) -> Path:
    """An empty ``duly.toml``; apps would be in the directory ``apps``."""
    (place / "apps").mkdir()
    file = place / "duly.toml"
    file.touch()
    return file


def test_a_reload_reads_the_file_again_into_the_same_object(toml: Path) -> None:
    config = DulyConfig()
    toml.write_text("base_url = 'http://new'\nscheduler.max_delay_seconds = 9\n", encoding="utf-8")
    result = config.reload()
    assert (config.base_url, config.scheduler.max_delay_seconds) == ("http://new", 9)
    assert result == Reload(changed=("scheduler.max_delay_seconds", "base_url"))
    toml.write_text("", encoding="utf-8")
    config.reload()
    assert config == DulyConfig()
    assert config.model_fields_set == set()


def test_a_reload_without_a_change_says_so(toml: Path) -> None:
    toml.write_text("base_url = 'http://new'\n", encoding="utf-8")
    assert DulyConfig().reload() == Reload()


def test_a_file_that_was_not_there_is_found(place: Path) -> None:
    config = DulyConfig()
    (place / "duly.toml").write_text("verify_ssl = false\n", encoding="utf-8")
    (place / ".env").write_text("DULY__TOKEN=x\n", encoding="utf-8")
    assert set(config.reload().changed) == {"verify_ssl", "token"}
    assert config.toml_files == {place / "duly.toml"}


def test_files_are_looked_for_where_the_process_was_when_it_began(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = DulyConfig()
    toml.write_text("verify_ssl = false\n", encoding="utf-8")
    monkeypatch.chdir("/")
    assert config.reload().changed == ("apps.directory", "verify_ssl")


def test_arguments_flags_and_named_files_hold_after_a_reload(place: Path) -> None:
    own, env = place / "own.toml", place / "own.env"
    own.write_text("base_url = 'http://file'\ndefault_cache_size = 1\n", encoding="utf-8")
    env.write_text("DULY__TOKEN=one\n", encoding="utf-8")
    config = DulyConfig.load(config_file="own.toml", env_file="own.env", flags={"base_url": "http://flag"})
    (place / "duly.toml").write_text("default_cache_size = 3\n", encoding="utf-8")
    own.write_text("base_url = 'http://other'\ndefault_cache_size = 2\n", encoding="utf-8")
    env.write_text("DULY__TOKEN=two\n", encoding="utf-8")
    assert set(config.reload().changed) == {"default_cache_size", "token"}
    assert (config.base_url, config.default_cache_size, config.token) == ("http://flag", 2, "two")
    assert config.config_file == "own.toml"


def test_arguments_hold_after_a_reload(toml: Path) -> None:
    config = DulyConfig(base_url="http://argument")
    toml.write_text("base_url = 'http://file'\n", encoding="utf-8")
    assert config.reload() == Reload()


def test_a_problem_is_told_at_the_line_that_was_read(toml: Path) -> None:
    toml.write_text("data_dir = 'x'\n", encoding="utf-8")
    config = DulyConfig()
    toml.write_text("\n\ndata_dir = 'x'\n", encoding="utf-8")
    assert config.problem_at(("data_dir",), "x", "").line == 1
    config.reload()
    assert config.problem_at(("data_dir",), "x", "").line == 3


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_stays_if_no_source_sets_it(toml: Path, monkeypatch: pytest.MonkeyPatch, mode: bool) -> None:
    config = DulyConfig()
    config.dev_mode = mode
    monkeypatch.setattr("duly.config.root.detected", lambda: (not mode, "a sign"))
    config.reload()
    assert (config.dev_mode, config.scheduler.min_delay_seconds) == (mode, 2 if mode else 1)
    toml.write_text(f"dev_mode = {str(not mode).lower()}\n", encoding="utf-8")
    config.reload()
    assert (config.dev_mode, config.scheduler.min_delay_seconds) == (not mode, 1 if mode else 2)


@pytest.mark.parametrize(
    "broken",
    [
        "verify_ssl = 'maybe'",
        "[",
        "[apps.porch]\nfilename='a'\nclass_name='A'\nenabled='perhaps'",
        "[apps.'__duly__.x']\nfilename='a'\nclass_name='A'",
    ],
    ids=["value", "file", "app", "reserved key"],
)
def test_a_reload_that_fails_changes_nothing_and_logs_the_report(
    toml: Path, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    good = f"base_url = 'http://good'\n{APP.format(name='Porch')}"
    toml.write_text(good, encoding="utf-8")
    config = DulyConfig()
    config.set_validated_app_manifests()
    before, manifests = config.model_dump(), config.apps.manifests
    toml.write_text(f"base_url = 'http://bad'\n{broken}\n", encoding="utf-8")
    result = config.reload()
    assert (config.model_dump(), config.apps.manifests) == (before, manifests)
    [problem] = result.problems
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert str(problem) in record.getMessage()
    toml.write_text(good, encoding="utf-8")
    assert config.reload() == Reload()


def test_a_reload_makes_the_manifests_anew(toml: Path) -> None:
    toml.write_text(APP.format(name="Porch"), encoding="utf-8")
    config = DulyConfig()
    config.set_validated_app_manifests()
    toml.write_text(APP.format(name="Garden"), encoding="utf-8")
    config.reload()
    assert config.apps.manifests["porch"].class_name == "Garden"


def test_a_reload_makes_the_manifests_of_a_hermetic_configuration_too() -> None:
    config = DulyConfig.hermetic(apps={"autodetect": False, "porch": {"filename": "p.py", "class_name": "Porch"}})
    assert config.apps.manifests == {}
    config.reload()
    assert list(config.apps.manifests) == ["porch"]


def test_what_looks_for_apps_is_kept(toml: Path) -> None:
    config, asked = DulyConfig(), list[Path]()

    def finder(directory: Path, _exclude_dirs: object, _configured: object) -> list[DetectedApp]:
        asked.append(directory)
        return []

    config.app_finder = finder
    config.reload()
    assert asked == [toml.parent / "apps"]
    assert config.app_finder is not None


def test_what_was_found_before_a_reload_is_no_news(toml: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    config = DulyConfig()
    config.app_finder = lambda *_: [SimpleNamespace(key="attic", filename="attic.py", class_name="Attic")]
    config.reload()
    assert "app attic found in " in caplog.text
    caplog.clear()
    config.reload()
    assert "app attic found in " not in caplog.text


WAITING = [
    ("database.retention_days = 20", "database.retention_days"),
    ("database.write_queue_max = 20", "database.write_queue_max"),
    ("web_api.port = 20", "web_api.port"),
    ("web_api.run = false", "web_api.run"),
    ("data_dir = 'x'", "data_dir"),
    ("duly_event_buffer_size = 20", "duly_event_buffer_size"),
    ("logging.log_queue_max = 20", "logging.log_queue_max"),
    ("file_watcher.debounce_milliseconds = 20", "file_watcher.debounce_milliseconds"),
    ("file_watcher.step_milliseconds = 20", "file_watcher.step_milliseconds"),
]


@pytest.mark.parametrize(("line", "key"), WAITING)
def test_a_key_that_waits_for_a_restart_is_logged(
    toml: Path, caplog: pytest.LogCaptureFixture, line: str, key: str
) -> None:
    config = DulyConfig()
    toml.write_text(f"{line}\n", encoding="utf-8")
    result = config.reload()
    assert (result.changed, result.waiting) == ((key,), (key,))
    assert f"waiting for a restart: {key}" in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("line", ["file_watcher.watch_files = false", "logging.api = 'DEBUG'", "config_dir = 'x'"])
def test_other_keys_take_effect_at_once(toml: Path, caplog: pytest.LogCaptureFixture, line: str) -> None:
    config = DulyConfig()
    toml.write_text(f"{line}\n", encoding="utf-8")
    result = config.reload()
    assert (len(result.changed), result.waiting, caplog.records) == (1, (), [])

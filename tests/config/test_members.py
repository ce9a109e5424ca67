"""What a configuration gives beside its fields."""

import logging
from pathlib import Path

import pytest

from duly.config import AppsConfig, DulyConfig, DulyNotInitializedError
from duly.config.active import ACTIVE_CONFIG


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (None, "<not set>"),
        ("", "<not set>"),
        ("x", "***"),
        ("1234567", "***"),
        ("12345678", "123***"),
        ("123456789012", "123***"),
        ("1234567890123", "123456...890123"),
    ],
)
def test_as_much_of_the_token_as_may_be_shown(token: str | None, shown: str) -> None:
    assert DulyConfig.hermetic(token=token).truncated_token == shown


def test_the_token_is_not_in_the_representation() -> None:
    assert "geheim" not in repr(DulyConfig.hermetic(token="geheim"))  # noqa: S106 - no secret


def test_headers_with_a_token_are_new_each_time() -> None:
    config = DulyConfig.hermetic(token="abc")  # noqa: S106 - no secret
    assert config.auth_headers == {"Authorization": "Bearer abc"}
    assert config.headers == {"Authorization": "Bearer abc", "Content-Type": "application/json"}
    config.auth_headers.clear()
    config.headers.clear()
    assert len(config.headers) == 2


def test_headers_without_a_token() -> None:
    config = DulyConfig.hermetic()
    assert (config.auth_headers, config.headers) == ({}, {"Content-Type": "application/json"})


def test_files_to_watch_are_absolute_and_exist(place: Path) -> None:
    (place / "duly.toml").write_text("[apps.porch]\nfilename = 'p.py'\nclass_name = 'P'\n", encoding="utf-8")
    (place / ".env").touch()
    config = DulyConfig()
    assert config.get_watchable_files() == {place / "duly.toml", place / ".env"}
    (place / "apps").mkdir()
    (place / "apps/p.py").touch()
    config.set_validated_app_manifests()
    assert config.get_watchable_files() == {place / "duly.toml", place / ".env", place / "apps", place / "apps/p.py"}


def test_directories_are_made_when_asked_for(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    config = DulyConfig(config_dir="a/b", data_dir="c")
    assert list(place.iterdir()) == []
    config.ensure_directories()
    assert (place / "a/b").is_dir()
    assert (place / "c").is_dir()
    made = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert made == [(logging.DEBUG, f"directory {path} created") for path in (place / "a/b", place / "c")]
    config.ensure_directories()
    assert len(caplog.records) == 2


def test_without_a_running_duly_there_is_no_active_configuration() -> None:
    with pytest.raises(DulyNotInitializedError) as caught:
        DulyConfig.get_config()
    assert isinstance(caught.value, RuntimeError)


def test_the_active_configuration_is_that_of_the_context() -> None:
    config = DulyConfig.hermetic()
    token = ACTIVE_CONFIG.set(config)
    try:
        assert DulyConfig.get_config() is config
    finally:
        ACTIVE_CONFIG.reset(token)


def test_manifests_are_made_when_asked_for() -> None:
    config = DulyConfig.hermetic(apps={"autodetect": False, "porch": {"filename": "p.py", "class_name": "Porch"}})
    assert config.apps.manifests == {}
    config.set_validated_app_manifests()
    assert list(config.apps.manifests) == ["porch"]


def test_a_group_that_is_given_is_copied() -> None:
    apps = AppsConfig(autodetect=False, apps={"porch": {"filename": "p.py", "class_name": "Porch"}})
    config = DulyConfig.hermetic(apps=apps)
    config.set_validated_app_manifests()
    assert (list(config.apps.manifests), apps.manifests) == (["porch"], {})


def test_a_key_that_looks_like_an_option_of_pydantic_is_none(place: Path) -> None:
    (place / ".env.other").write_text("DULY__TOKEN=x\n", encoding="utf-8")
    with pytest.raises(ValueError, match="unknown key"):
        DulyConfig(_env_file=".env.other")

"""What an instance is told: by its table, by variables, by defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import SettingsConfigDict

from duly.apps import AppConfig
from duly.config import DulyConfig
from duly.config.active import active


class Lamp(BaseModel):
    name: str = "porch"
    watts: int = 40


class PorchConfig(AppConfig):
    delay: int = 1
    lamp: Lamp = Lamp()
    rooms: list[str] = Field(default_factory=list)
    path: str = "none"
    home: str = "none"


C = TypeVar("C", bound=AppConfig)


def made(config_class: type[C], **table: Any) -> C:  # noqa: ANN401 - as a user may write it
    """The configuration of a table."""
    return config_class(**table)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DELAY", "LAMP", "ROOMS", "LOG_LEVEL", "INSTANCE_NAME", "APP_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_it_has_three_fields_of_its_own() -> None:
    config = AppConfig()
    assert (config.instance_name, config.log_level, config.app_key) == ("", None, "")


def test_the_table_wins_over_the_process_and_that_over_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("DELAY=4\n")
    assert PorchConfig().delay == 4
    monkeypatch.setenv("DELAY", "3")
    assert PorchConfig().delay == 3
    assert PorchConfig(delay=2).delay == 2


def test_of_two_files_the_later_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DELAY=4\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / ".env").write_text("DELAY=5\n")
    assert PorchConfig().delay == 5


def test_tables_merge_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMP", '{"name": "hall", "watts": 60}')
    assert made(PorchConfig, lamp={"watts": 25}).lamp == Lamp(name="hall", watts=25)


def test_an_empty_variable_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("DELAY=4\n")
    monkeypatch.setenv("DELAY", "")
    assert PorchConfig().delay == 4


def test_names_are_not_case_sensitive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Delay", "7")
    assert PorchConfig().delay == 7


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "USER", "SHELL", "PWD", "LANG", "TERM", "TZ", "LOGNAME", "HOSTNAME", "path"]
)
def test_what_tells_of_the_process_is_never_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields: dict[str, Any] = {"__annotations__": {name.lower(): str}, name.lower(): "none", "__module__": __name__}
    config_class = type("Config", (AppConfig,), fields)
    monkeypatch.setenv(name, "of the process")
    (tmp_path / ".env").write_text(f"{name}=of the file\n")
    assert getattr(config_class(), name.lower()) == "none"
    assert getattr(config_class(**{name.lower(): "of the table"}), name.lower()) == "of the table"


def test_with_a_prefix_names_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Config(AppConfig):
        model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="PORCH_")

        delay: int = 1
        path: str = "none"

    monkeypatch.setenv("DELAY", "2")
    assert Config().delay == 1
    monkeypatch.setenv("PORCH_DELAY", "3")
    monkeypatch.setenv("PORCH_PATH", "/srv")
    config = Config()
    assert (config.delay, config.path) == (3, "/srv")


def test_extra_keys_come_from_the_table_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "red")
    (tmp_path / ".env").write_text("SIZE=4\nDULY__TOKEN=secret\n")
    config = made(PorchConfig, shape="round")
    assert config.model_extra == {"shape": "round"}


def test_a_subclass_may_forbid_extra_keys(tmp_path: Path) -> None:
    class Strict(AppConfig):
        model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(extra="forbid")

    (tmp_path / ".env").write_text("SIZE=4\n")
    assert Strict().instance_name == ""
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        made(Strict, shape="round")


def test_a_list_is_written_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMS", '["hall", "porch"]')
    assert PorchConfig().rooms == ["hall", "porch"]


def test_a_variable_that_is_no_json_is_refused_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMS", "hall")
    with pytest.raises(ValidationError, match="rooms"):
        PorchConfig()


def test_a_variable_that_is_no_json_does_not_matter_if_the_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMS", "hall")
    assert PorchConfig(rooms=["porch"]).rooms == ["porch"]


def test_a_number_for_a_text_is_turned_into_text() -> None:
    assert made(AppConfig, instance_name=7).instance_name == "7"


@pytest.mark.parametrize("given", ["debug", "DEBUG", "Debug"])
def test_a_level_may_be_written_in_any_case(given: str) -> None:
    assert made(AppConfig, log_level=given).log_level == "DEBUG"


@pytest.mark.parametrize("given", [None, ""])
def test_no_level_is_none(given: str | None) -> None:
    assert made(AppConfig, log_level=given).log_level is None


def test_an_unknown_level_is_info_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert made(AppConfig, log_level="loud", instance_name="Porch.0").log_level == "INFO"
    assert "log_level of Porch.0: 'loud' is no log level" in caplog.text


def test_within_a_duly_an_unknown_level_is_warned_of_once_for_each_reading_of_the_settings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = DulyConfig.hermetic()
    with active(config):
        for name in ("Porch.0", "Porch.0", "Porch.1"):
            made(AppConfig, log_level="loud", instance_name=name)
        config.reload()
        made(AppConfig, log_level="loud", instance_name="Porch.0")
    assert [text.partition(":")[0] for text in caplog.messages] == [
        f"log_level of {name}" for name in ("Porch.0", "Porch.1", "Porch.0")
    ]


@pytest.mark.parametrize("key", ["__duly__", "__duly__.porch"])
def test_a_reserved_key_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="__duly__"):
        AppConfig(app_key=key)


def test_a_key_that_only_looks_reserved_is_allowed() -> None:
    assert AppConfig(app_key="__duly__other").app_key == "__duly__other"


def test_within_a_hermetic_duly_no_variable_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELAY", "3")
    (tmp_path / ".env").write_text("DELAY=4\n")
    with active(DulyConfig.hermetic()):
        assert PorchConfig().delay == 1


def test_within_a_duly_with_a_file_of_its_own_only_that_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('DELAY=4\nROOMS=["hall"]\n')
    (tmp_path / "mine").write_text("DELAY=6\n")
    with active(DulyConfig.load(env_file=tmp_path / "mine")):
        config = PorchConfig()
    assert (config.delay, config.rooms) == (6, [])


def test_what_duly_has_imported_does_not_hide_an_edit_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", {})
    (tmp_path / ".env").write_text("DELAY=44\n")
    config = DulyConfig()
    config.import_env_files()
    (tmp_path / ".env").write_text("DELAY=55\n")
    config.reload()
    with active(config):
        assert PorchConfig().delay == 55

"""The command line around ``duly run``: its flags, and those that hold for every command."""

from collections.abc import Callable
from pathlib import Path

import pytest

from duly.cli import run
from duly.cli.settings import Misconfigured, load_config, use_files
from duly.config import DulyConfig
from duly.runtime import process

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[DulyConfig]:
    """The settings with which Duly would have run."""
    configs: list[DulyConfig] = []

    def note(load: Callable[[], DulyConfig]) -> int:
        configs.append(load())
        return 0

    monkeypatch.setattr(process, "run", note)
    return configs


def test_the_exit_code_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", lambda _: 1)
    assert run(["run"]) == 1


@pytest.mark.parametrize(
    ("flags", "field", "value"),
    [
        (["--token", "abc"], "token", "abc"),
        (["-t", "abc"], "token", "abc"),
        (["--base-url", "http://ha:1"], "base_url", "http://ha:1"),
        (["-u", "http://ha:1"], "base_url", "http://ha:1"),
        (["--url", "http://ha:1"], "base_url", "http://ha:1"),
        (["--no-verify-ssl"], "verify_ssl", False),
        (["--verify-ssl"], "verify_ssl", True),
        (["--dev-mode"], "dev_mode", True),
        (["--no-dev-mode"], "dev_mode", False),
        (["--verify-ssl=no"], "verify_ssl", False),
        (["--dev-mode=yes"], "dev_mode", True),
    ],
)
def test_a_flag_sets_the_field_of_its_name(
    flags: list[str], field: str, value: object, loaded: list[DulyConfig]
) -> None:
    assert run(["run", *flags]) == 0
    assert getattr(loaded[0], field) == value


def test_a_flag_holds_over_environment_and_files(loaded: list[DulyConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY__BASE_URL", "http://environment:1")
    Path("duly.toml").write_text('base_url = "http://file:1"\n', "utf-8")
    assert run(["run", "--url", "http://flag:1"]) == 0
    assert loaded[0].base_url == "http://flag:1"


@pytest.mark.parametrize("flag", ["--config-file", "-c"])
@pytest.mark.parametrize("before", [True, False], ids=["before the command", "after it"])
def test_a_named_toml_file_replaces_those_that_are_searched(flag: str, before: bool, loaded: list[DulyConfig]) -> None:
    Path("duly.toml").write_text('base_url = "http://searched:1"\n', "utf-8")
    Path("mine.toml").write_text('base_url = "http://named:1"\n', "utf-8")
    assert run([flag, "mine.toml", "run"] if before else ["run", flag, "mine.toml"]) == 0
    assert loaded[0].base_url == "http://named:1"


@pytest.mark.parametrize("flag", ["--env-file", "-e", "--env"])
def test_a_named_env_file_replaces_those_that_are_searched(flag: str, loaded: list[DulyConfig]) -> None:
    Path(".env").write_text("DULY__BASE_URL=http://searched:1\n", "utf-8")
    Path("mine.env").write_text("DULY__BASE_URL=http://named:1\n", "utf-8")
    assert run([flag, "mine.env", "run"]) == 0
    assert loaded[0].base_url == "http://named:1"


def test_named_files_are_those_of_one_call_only(loaded: list[DulyConfig]) -> None:
    Path("mine.toml").write_text('base_url = "http://named:1"\n', "utf-8")
    run(["-c", "mine.toml", "run"])
    run(["run"])
    assert loaded[1].base_url == "http://127.0.0.1:8123"


@pytest.mark.parametrize("flag", ["--config-file", "--env-file"])
def test_a_named_file_that_is_not_there_is_wrong_configuration(flag: str, capsys: Capture) -> None:
    assert run([flag, "gone", "run"]) == 2
    err = capsys.readouterr().err
    assert f"command line {flag}" in err
    assert str(Path("gone").absolute()) in err


def test_named_files_hold_for_every_command_that_loads_settings() -> None:
    Path("mine.toml").write_text("nonsense = 1\n", "utf-8")
    use_files(Path("mine.toml"), None)
    with pytest.raises(Misconfigured, match="key    nonsense"):
        load_config()


def test_wrong_configuration_is_a_report_on_standard_error_and_code_2(capsys: Capture) -> None:
    Path("apps").mkdir()
    assert run(["run", "--url", "nowhere"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("configuration error (1 of 1)\n  file   command line --base-url\n  key    base_url\n")


@pytest.mark.parametrize("flag", ["verify-ssl", "dev-mode"])
@pytest.mark.parametrize("value", ["perhaps", ""])
def test_a_switch_that_is_neither_on_nor_off_is_told_with_all_else(flag: str, value: str, capsys: Capture) -> None:
    Path("apps").mkdir()
    assert run(["run", "--url", "nowhere", f"--{flag}={value}"]) == 2
    err = capsys.readouterr().err
    assert "configuration error (2 of 2)\n" in err
    assert f"  file   command line --{flag}\n" in err
    assert f'  value  "{value}"\n  fix    must be true or false' in err


def test_a_token_is_not_shown_in_a_report(capsys: Capture) -> None:
    Path("duly.toml").write_text('token = ["very-secret-token"]\n', "utf-8")
    assert run(["run"]) == 2
    assert "very-secret-token" not in capsys.readouterr().err


def test_the_command_has_help(capsys: Capture) -> None:
    assert run(["run", "--help"]) == 0
    out = capsys.readouterr().out
    assert "Usage: duly run" in out
    assert all(flag in out for flag in ("--config-file", "--env-file", "--token", "--base-url", "--dev-mode"))


def test_the_flags_that_hold_for_every_command_are_listed(capsys: Capture) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert "--config-file" in out
    assert "--env-file" in out


@pytest.mark.parametrize("arguments", [["-c"], ["run", "--bogus"], ["run", "extra"]], ids=" ".join)
def test_wrong_usage_is_code_2(arguments: list[str], capsys: Capture) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import pytest

from duly.cli import run
from duly.cli.app import app

Capture = pytest.CaptureFixture[str]


def python_m_duly(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "duly", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_into(output: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run with the file descriptor ``output`` as standard output."""
    command = [sys.executable, "-m", "duly", *arguments]
    return subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def test_the_version_is_that_of_the_package(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"duly {version('duly')}\n"


def test_without_arguments_the_commands_are_listed(capsys: Capture) -> None:
    assert run([]) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("explain", "next", "history", "doctor", "db", "--install-completion"))


@pytest.mark.parametrize("command", ["next", "explain"])
def test_each_command_has_help(command: str, capsys: Capture) -> None:
    assert run([command, "--help"]) == 0
    assert f"Usage: duly {command} EXPR" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["history", "doctor", "db info", "db backup", "db prune", "db export"])
def test_each_command_about_a_ledger_has_help(command: str, capsys: Capture) -> None:
    assert run([*command.split(), "--help"]) == 0
    assert f"Usage: duly {command} FILE" in capsys.readouterr().out


def test_an_unknown_command_is_wrong_usage(capsys: Capture) -> None:
    assert run(["frobnicate"]) == 2
    assert 'Unknown command "frobnicate"' in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(shell: Literal["bash", "zsh", "fish"]) -> None:
    script = app.generate_completion(shell=shell)
    assert "explain" in script
    assert "--dst-report" in script


def test_a_process_ends_with_the_exit_code_of_its_command() -> None:
    assert python_m_duly("next", "15m").returncode == 0
    assert python_m_duly("next", "backup").returncode == 2


@pytest.mark.parametrize("arguments", [("next", "15m"), ("next", "15m", "--json"), ("--version",), ("next", "--help")])
def test_output_that_cannot_be_written_is_one_line_and_exit_code_1(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = run_into(full.fileno(), *arguments)
    assert (done.returncode, done.stderr) == (1, "error: cannot write the answer: No space left on device\n")


def test_a_reader_that_goes_away_is_no_problem_to_tell() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run_into(writing, "next", "15m")
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_piped_output_has_no_colours_and_is_not_folded() -> None:
    arguments = ("next", "30 2 * * *", "--timezone", "Europe/Berlin", "--from", "2025-03-30", "-n", "1")
    out = python_m_duly(*arguments).stdout
    assert "\x1b" not in out
    assert "moved forward by the gap of 1 h: 02:30 does not exist" in out


def test_no_color_takes_the_colours_away_where_they_would_be() -> None:
    arguments = ("next", "15m", "-n", "1")
    assert "\x1b[36m" in python_m_duly(*arguments, FORCE_COLOR="1", TERM="xterm-256color").stdout
    assert "\x1b[36m" not in python_m_duly(*arguments, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1").stdout


@pytest.mark.parametrize("command", ["run", "check", "demo"])
def test_a_command_about_apps_says_how_to_install_what_it_needs(command: str) -> None:
    code = f"import sys; sys.modules['pydantic'] = None; import duly.cli; sys.exit(duly.cli.run(['{command}']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "error: pydantic is not installed: pip install 'duly[apps]'\n")


def test_no_command_is_loaded_before_it_is_called() -> None:
    code = "import sys, duly.cli.app; print([m for m in sys.modules if m in ('duly.cli.next', 'duly.cli.explain')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"

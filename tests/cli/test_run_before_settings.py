"""What ``duly run`` says before there are settings that tell how to say it."""

from pathlib import Path

import pytest

from duly.cli import run
from tests.cli.project import Project

WARNED = "[duly]\nbase_ulr = 1\n[duly.logging]\nlog_level = 'LOUD'\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The working directory, with settings that are wrong, and one that is only warned of."""
    made = Project(tmp_path)
    made.write("duly.toml", WARNED)
    made.write("apps/porch.py", "")
    for name in ("DULY__LOGGING__LOG_LEVEL", "DULY_LOG_LEVEL", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(made.folder)
    return made


def test_warnings_come_before_the_report(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run"]) == 2
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: ")
    assert "LOUD" in first
    assert second == "configuration error (1 of 1)"


@pytest.mark.parametrize("name", ["DULY__LOGGING__LOG_LEVEL", "DULY_LOG_LEVEL", "LOG_LEVEL"])
def test_a_variable_sets_from_which_level_on(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "error")
    assert run(["run"]) == 2
    assert capsys.readouterr().err.startswith("configuration error (1 of 1)\n")

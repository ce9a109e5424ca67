"""A place to read settings from: an empty working directory and an environment without a trace of Duly."""

import os
from pathlib import Path

import pytest

from duly.config import environment

NAMES = ("HA_TOKEN", "HOME_ASSISTANT_TOKEN", "TOKEN", "LOG_LEVEL", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which nothing is yet; ``container`` beside it stands for the root of a container."""
    for name in list(os.environ):
        if name.upper().startswith(("DULY_", "HASSETTE_")) or name in NAMES:
            monkeypatch.delenv(name)
    monkeypatch.setattr("duly.directories.CONTAINER", tmp_path / "container")
    monkeypatch.setattr(environment, "_IMPORTED", {})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here

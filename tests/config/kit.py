"""What tests of settings share: to write files, to look into settings, to see what was warned of."""

import logging
from pathlib import Path

import pytest

from duly.config import DulyConfig


def write(path: Path, text: str) -> Path:
    """The file, with the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def at(config: DulyConfig, key_path: str) -> object:
    """A setting, or what is in a table of settings."""
    value: object = config
    for key in key_path.split("."):
        value = value[key] if isinstance(value, dict) else getattr(value, key)
    return value


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was warned of so far."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

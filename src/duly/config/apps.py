"""Where apps are, and which: ``[duly.apps]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from duly.config.group import Group
from duly.config.values import AbsolutePath

EXCLUDED_DIRS = (".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".git")
"""Directories in which no apps are looked for, unless ``exclude_dirs`` replaces them."""


def _excluded(values: dict[str, Any]) -> tuple[str, ...]:
    return (*values["extend_exclude_dirs"], *EXCLUDED_DIRS)


class AppsConfig(Group):
    """The app directory, detection in it, and the definitions of apps as they were written."""

    autodetect: bool = True
    extend_exclude_dirs: tuple[str, ...] = ()
    exclude_dirs: tuple[str, ...] = Field(default_factory=_excluded)
    """Names of directories that detection skips; if given, the only ones."""
    manifests: dict[str, Any] = Field(default_factory=dict)
    """By app key; not read from any source."""
    apps: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """App tables by app key, as they were written."""
    directory: AbsolutePath = Field(default_factory=lambda: Path("apps").absolute())

    @model_validator(mode="before")
    @classmethod
    def _refuse_manifests(cls, given: Any) -> Any:  # noqa: ANN401 - what the caller gives
        if isinstance(given, dict) and "manifests" in given:
            raise ValueError("manifests is made from the app tables and cannot be set: remove it")
        return given

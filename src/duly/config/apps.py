"""Where apps are, and which: ``[duly.apps]``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator

from duly.config.app_section import again, gather
from duly.config.group import Group
from duly.config.manifest import REQUIRED_KEYS, AppManifest, by_field, missing
from duly.config.values import AbsolutePath

log = logging.getLogger("duly.config")

EXCLUDED_DIRS = (".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".git")
"""Directories in which no apps are looked for, unless ``exclude_dirs`` replaces them."""


def _excluded(values: dict[str, Any]) -> tuple[str, ...]:
    return (*values["extend_exclude_dirs"], *EXCLUDED_DIRS)


class AppsConfig(Group):
    """The app directory, detection in it, and the definitions of apps as they were written.

    Reads the section as a user writes it: a table under a key that is no setting defines the app of that name.
    """

    autodetect: bool = True
    extend_exclude_dirs: tuple[str, ...] = ()
    exclude_dirs: tuple[str, ...] = Field(default_factory=_excluded)
    """Names of directories that detection skips; if given, the only ones."""
    manifests: dict[str, AppManifest] = Field(default_factory=dict)
    """By app key; made from the app tables, not read from any source."""
    apps: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """App tables by app key, as they were written; those that lack a required key are left out."""
    directory: AbsolutePath = Field(default_factory=lambda: Path("apps").absolute())

    @model_validator(mode="wrap")
    @classmethod
    def _read_section(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - as written
        """Put the app tables together; what is wrong with names of apps is reported along with all else."""
        if not isinstance(given, Mapping):
            return handler(given)
        section, problems = gather(given)
        try:
            group = handler(section)
        except ValidationError as error:
            problems += [again(found) for found in error.errors()]
        else:
            if not problems:
                return group
        raise ValidationError.from_exception_data(cls.__name__, problems)

    @field_validator("apps")
    @classmethod
    def _leave_out_incomplete(cls, given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        incomplete = [key for key, table in given.items() if missing(by_field(table), REQUIRED_KEYS)]
        if incomplete:
            needed, names = " and ".join(REQUIRED_KEYS), ", ".join(incomplete)
            log.warning("apps left out, since each needs %s: %s; add what is missing", needed, names)
        return {key: table for key, table in given.items() if key not in incomplete}

"""The settings as commands load them. The two flags that name files hold for every command."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

if TYPE_CHECKING:
    from duly.config import DulyConfig

ConfigFile: TypeAlias = Annotated[
    Path | None, Parameter(name=["--config-file", "-c"], help="Read this TOML file, and no other.")
]
EnvFile: TypeAlias = Annotated[
    Path | None, Parameter(name=["--env-file", "-e", "--env"], help="Read this .env file, and no other.")
]

_files: ContextVar[tuple[Path | None, Path | None]] = ContextVar("duly_cli_files", default=(None, None))


class Misconfigured(Exception):  # noqa: N818 - names what the settings are
    """The settings cannot be used; the text is the report for the user."""


def use_files(config_file: Path | None, env_file: Path | None) -> None:
    """Let these stand for the files that are searched otherwise; ``None``: search."""
    _files.set((config_file and config_file.absolute(), env_file and env_file.absolute()))


def names_config_file() -> bool:
    """Whether the command line says which TOML file to read."""
    return _files.get()[0] is not None


def read_config(config_file: Path | None = None, **flags: Any) -> DulyConfig:  # noqa: ANN401 - any setting
    """The settings in use, ``flags`` holding over all else; ``None`` is no flag. ``config_file``: read that one.

    Raises:
        ConfigurationError: they cannot be used.
    """
    from duly.config import DulyConfig

    named, env_file = _files.get()
    given = {name: value for name, value in flags.items() if value is not None}
    return DulyConfig.load(config_file=config_file or named, env_file=env_file, flags=given)


def load_config(config_file: Path | None = None) -> DulyConfig:
    """The settings in use. ``config_file``: read that one.

    Raises:
        Misconfigured: they cannot be used.
    """
    from duly.config.errors import ConfigurationError

    try:
        return read_config(config_file)
    except ConfigurationError as error:
        raise Misconfigured(str(error)) from None

"""Where Duly keeps its files unless told otherwise."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeAlias

log = logging.getLogger("duly.config")

Kind: TypeAlias = Literal["config", "data"]

CONTAINER = Path("/")
"""Where a container has its folders ``config`` and ``data``."""

_XDG = {"config": ("XDG_CONFIG_HOME", ".config"), "data": ("XDG_DATA_HOME", ".local/share")}


def in_container(kind: Kind) -> Path:
    """The folder in the root of a container, whether there is one or not."""
    return CONTAINER / kind


def default_directory(kind: Kind) -> Path:
    """The folder in the root of a container if there is one, else the platform's place for users' files."""
    container = in_container(kind)
    return container if container.exists() else _of_user(kind) / "duly" / f"v{version('duly').partition('.')[0]}"


def _of_user(kind: Kind) -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    variable, usual = _XDG[kind]
    given = os.environ.get(variable, "")
    return Path(given) if given.startswith("/") else Path.home() / usual


def seen(look: Callable[[], bool]) -> bool:
    """What ``exists``, ``is_file`` or ``is_dir`` of a path says; no where we may not look, for which they raise."""
    try:
        return look()
    except OSError:
        return False


def why_unusable(path: Path) -> str | None:
    """Why a directory cannot be used or made, as far as that shows without making it; ``None``: it can."""
    try:
        there = next(each for each in (path, *path.parents) if each.exists())
        if not there.is_dir():
            return f"{there} exists and is no directory"
        if there != path and not os.access(there, os.W_OK | os.X_OK):
            return f"{path} cannot be created: {there} is not writable"
    except OSError as error:
        return f"{path} cannot be used: {error.strerror or error}"
    return None


def why_read_only(path: Path) -> str | None:
    """Why nothing can be written in a directory; ``None``: it can, or there is none yet."""
    closed = path.is_dir() and not os.access(path, os.W_OK | os.X_OK)
    return f"{path} is not writable" if closed else None


def create_directory(path: Path) -> str | None:
    """Make a directory that is not there, with those above it; if that fails, the reason."""
    try:
        if path.is_dir():
            return None
        if path.exists():
            return f"{path} exists and is no directory"
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"{path} cannot be created: {error.strerror or error}"
    log.debug("directory %s created", path)
    return None

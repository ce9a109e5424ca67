"""Where Duly keeps its files unless told otherwise."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["config", "data"]

CONTAINER = Path("/")
"""Where a container has its folders ``config`` and ``data``."""

_XDG = {"config": ("XDG_CONFIG_HOME", ".config"), "data": ("XDG_DATA_HOME", ".local/share")}


def default_directory(kind: Kind) -> Path:
    """The first of: an environment variable, the root folder of a container, the platform's place for users' files."""
    for name in (f"DULY__{kind.upper()}_DIR", f"DULY_{kind.upper()}_DIR"):
        if given := os.environ.get(name):
            return Path(given).absolute()
    container = CONTAINER / kind
    return container if container.exists() else _of_user(kind) / "duly" / f"v{version('duly').partition('.')[0]}"


def _of_user(kind: Kind) -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    variable, usual = _XDG[kind]
    given = os.environ.get(variable, "")
    return Path(given) if given.startswith("/") else Path.home() / usual

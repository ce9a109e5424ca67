"""Modules of the directory in which a command is started."""

import sys
from pathlib import Path


def make_importable() -> None:
    """Let modules of the working directory be imported, as ``python -m`` does."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))

"""Where a process keeps its files unless told otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from duly.directories import default_directory


def data_directory() -> Path:
    """``DULY_DATA_DIR`` if that is set, else the platform's place for users' data."""
    given = os.environ.get("DULY_DATA_DIR")
    return Path(given).expanduser() if given else default_directory("data")

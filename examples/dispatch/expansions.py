"""What is asked before each slot: ``expand_from`` names a function that gives one dict for each message."""

from pathlib import Path
from typing import Any


def folders() -> list[dict[str, Any]]:
    """A task for each folder beside the one from which the scheduler was started."""
    beside = Path.cwd().parent
    return [{"path": str(folder)} for folder in sorted(beside.iterdir()) if folder.is_dir()]

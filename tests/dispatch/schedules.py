"""Contents of files of schedules, to change and to check."""

from pathlib import Path
from typing import Any

CRON = "*/5 * * * *"


def task_entry(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any value is tried
    """An entry that dispatches a task every five minutes; a value of ``...`` leaves the key out."""
    entry = {"name": "nightly", "cron": CRON, "dispatch_type": "task", "task": {"worker_type": "clean"}}
    return without_dots(entry | changes)


def goal_entry(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """An entry that dispatches a goal every minute."""
    entry = {"name": "daily", "interval_seconds": 60, "dispatch_type": "goal", "goal": {"instruction": "sum it up"}}
    return without_dots(entry | changes)


def config(*entries: object, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """A file with these entries, by default one of each kind."""
    return without_dots({"name": "home", "schedules": list(entries or (task_entry(), goal_entry()))} | changes)


def without_dots(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not ...}


def written(folder: Path, text: str) -> Path:
    """A file of schedules with that text."""
    path = folder / "schedules.yaml"
    path.write_text(text, "utf-8")
    return path

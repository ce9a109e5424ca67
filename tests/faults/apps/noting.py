"""How apps tell a test what they have done."""

from typing import Any

from duly.apps import App


def note(app: App[Any], word: str) -> None:
    """Write it down, in one write."""
    with (app.duly.config.data_dir / "calls").open("a", encoding="utf-8") as calls:
        calls.write(f"{word}\n")

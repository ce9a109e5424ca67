"""What a reload of the settings has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from duly.config.problems import Problem

_AT_START = (
    *("database.", "web_api.", "data_dir", "duly_event_buffer_size", "logging.log_queue_max"),
    *("file_watcher.debounce_milliseconds", "file_watcher.step_milliseconds"),
)
"""Keys, and groups of keys, that are read once, when a process starts."""


@dataclass(frozen=True, slots=True)
class Reload:
    """What came of a reload: if there were ``problems``, nothing."""

    changed: tuple[str, ...] = ()
    """Key paths with another value than before, those of apps left out."""
    waiting: tuple[str, ...] = ()
    """Those of them that take effect after a restart."""
    problems: tuple[Problem, ...] = ()


def difference(before: BaseModel, after: BaseModel) -> Reload:
    """What is other in ``after``."""
    changed = tuple(_changed(before, after, ""))
    return Reload(changed, tuple(key for key in changed if key.startswith(_AT_START)))


def _changed(before: BaseModel, after: BaseModel, above: str) -> Iterator[str]:
    for name in type(before).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(old, BaseModel) and isinstance(new, BaseModel):
            yield from _changed(old, new, f"{above}{name}.")
        elif old != new:
            yield f"{above}{name}"

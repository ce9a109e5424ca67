"""Watched files change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from duly.events.event import DulyPayload, Event
from duly.events.topics import Topic


@dataclass(frozen=True, slots=True)
class FilesPayload:
    """Which files have another content, are new, or are gone."""

    changed_file_paths: frozenset[Path]


@dataclass(frozen=True, slots=True)
class DulyFileWatcherEvent(Event[DulyPayload[FilesPayload]]):
    """Sent before apps and settings are reloaded."""

    @classmethod
    def of(cls, changed_file_paths: frozenset[Path]) -> Self:
        """The event that announces changed files."""
        payload = DulyPayload(FilesPayload(changed_file_paths), event_type="file_watcher")
        return cls(Topic.DULY_EVENT_FILE_WATCHER, payload)

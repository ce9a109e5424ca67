"""Watching files for changes: ``[duly.file_watcher]``."""

from __future__ import annotations

from pydantic import Field

from duly.config.group import Group
from duly.config.values import Int


class FileWatcherConfig(Group):
    """Whether files are watched, and how changes are gathered."""

    debounce_milliseconds: Int = Field(default=3000, ge=0)
    """The longest that changes are gathered into one event."""
    step_milliseconds: Int = Field(default=500, ge=0)
    """How long to wait for a further change."""
    watch_files: bool = True

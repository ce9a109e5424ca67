"""A warning before the disk is full, in plain synchronous code: its hooks and jobs run in worker threads."""

import shutil
from pathlib import Path

from duly import AppConfig, AppSync


class DiskWatchConfig(AppConfig):
    """Which disk, and how little is too little."""

    disk: Path = Path("/")
    least_free_percent: float = 10
    every_minutes: float = 15


class DiskWatch(AppSync[DiskWatchConfig]):
    """Looks every quarter of an hour, and speaks up only when something has changed."""

    def on_initialize_sync(self) -> None:
        """Schedule it."""
        self.scheduler.sync.run_every(self.look, minutes=self.app_config.every_minutes, name="look")

    def look(self) -> None:
        """Compare what is free with what should be."""
        usage = shutil.disk_usage(self.app_config.disk)
        free = 100 * usage.free / usage.total
        short = free < self.app_config.least_free_percent
        if short != self.cache.sync.get("short", False):
            self.cache.sync.set("short", short)
            say = self.logger.warning if short else self.logger.info
            say("%s: %.1f %% free", self.app_config.disk, free)

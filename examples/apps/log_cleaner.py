"""Old logs: packed after a week, deleted after three months."""

import gzip
import shutil
from pathlib import Path

from whenever import hours

from duly import App, AppConfig


class LogCleanerConfig(AppConfig):
    """Which folder, and what is old."""

    folder: Path
    pack_after_days: float = 7
    delete_after_days: float = 90
    schedule: str = "H 4 * * *"
    """``H``: a minute that is this job's own, so that not everything runs at four sharp."""


class LogCleaner(App[LogCleanerConfig]):
    """Looks through a folder once a day."""

    async def on_initialize(self) -> None:
        """Schedule it."""
        await self.scheduler.run_cron(self.clean, self.app_config.schedule, name="clean")

    def clean(self) -> None:
        """Pack what is old, delete what is older. Runs in a worker thread."""
        config = self.app_config
        to_pack = self._older_than(config.pack_after_days, "*.log")
        for path in to_pack:
            self._pack(path)
        to_delete = self._older_than(config.delete_after_days, "*.log.gz")
        for path in to_delete:
            path.unlink()
        self.logger.info("packed=%d deleted=%d", len(to_pack), len(to_delete))

    def _older_than(self, days: float, pattern: str) -> list[Path]:
        limit = (self.now().to_instant() - hours(days * 24)).timestamp()
        return [path for path in sorted(self.app_config.folder.glob(pattern)) if path.stat().st_mtime < limit]

    def _pack(self, path: Path) -> None:
        packed = path.with_name(f"{path.name}.gz")
        with path.open("rb") as plain, gzip.open(packed, "wb") as zipped:
            shutil.copyfileobj(plain, zipped)
        shutil.copystat(path, packed)
        path.unlink()

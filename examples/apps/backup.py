"""A backup of a folder: packed at night, tried again when it fails, and a sign of life for whoever watches it.

The sign of life is a file that every good backup touches. Let a monitor complain when it grows old: that also finds
the backup that does not even start.
"""

import tarfile
from pathlib import Path

from duly import App, AppConfig
from duly.scheduler import SchedulerErrorContext


class BackupConfig(AppConfig):
    """What to pack, where to, and when."""

    source: Path
    target: Path
    schedule: str = "30 2 * * *"
    keep: int = 7
    """How many backups to keep; the oldest go."""
    sign_of_life: Path = Path("backup.alive")


class Backup(App[BackupConfig]):
    """Packs a folder into a dated archive."""

    async def on_initialize(self) -> None:
        """Schedule it: three retries, the first after ten seconds, and half an hour at the most."""
        await self.scheduler.run_cron(
            self.back_up,
            self.app_config.schedule,
            name="backup",
            timeout=1800,
            retries=3,
            retry_delay=10,
            on_error=self.give_up,
        )

    def back_up(self) -> None:
        """Write the archive under a name of its own, and only then under its final one. Runs in a worker thread."""
        config = self.app_config
        if not config.source.is_dir():
            raise FileNotFoundError(f"there is no folder {config.source} to back up")
        config.target.mkdir(parents=True, exist_ok=True)
        archive = config.target / f"{config.source.name}-{self.now().format_iso()[:19].replace(':', '')}.tar.gz"
        partial = archive.with_suffix(".partial")
        with tarfile.open(partial, "w:gz") as tar:
            tar.add(config.source, arcname=config.source.name)
        partial.rename(archive)
        for old in sorted(config.target.glob(f"{config.source.name}-*.tar.gz"))[: -config.keep]:
            old.unlink()
        config.sign_of_life.touch()
        self.logger.info("backed up: archive=%s bytes=%d", archive, archive.stat().st_size)

    async def give_up(self, failed: SchedulerErrorContext) -> None:
        """Called once, after the last retry. Send a message here."""
        self.logger.error("no backup today: %s", failed.exception)

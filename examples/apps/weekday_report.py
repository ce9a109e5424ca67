"""A report on each weekday morning: how full the disks are, and how old the newest backup is."""

import shutil
from pathlib import Path

from whenever import Instant

from duly import App, AppConfig


class ReportConfig(AppConfig):
    """What to look at, where to write, and when."""

    disks: tuple[Path, ...] = (Path("/"),)
    backups: Path | None = None
    """Folder of backups; ``None``: the report does not speak of them."""
    folder: Path = Path("reports")
    schedule: str = "0 7 * * mon-fri"


class WeekdayReport(App[ReportConfig]):
    """Writes a text file a day."""

    async def on_initialize(self) -> None:
        """Schedule it. A machine that was off at seven writes it when it is back, once."""
        await self.scheduler.run_cron(self.write, self.app_config.schedule, name="report", misfire="run_once")

    def write(self) -> None:
        """Write the report of today. Runs in a worker thread."""
        config = self.app_config
        config.folder.mkdir(parents=True, exist_ok=True)
        path = config.folder / f"{self.now().date().format_iso()}.txt"
        lines = [f"Report of {self.now().date().format_iso()}", *map(self._fullness, config.disks)]
        if config.backups is not None:
            lines.append(self._age_of_newest_backup(config.backups))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.logger.info("written: %s", path)

    def _fullness(self, disk: Path) -> str:
        usage = shutil.disk_usage(disk)
        return f"{disk}: {usage.used / usage.total:.0%} full, {usage.free / 2**30:.1f} GiB free"

    def _age_of_newest_backup(self, folder: Path) -> str:
        newest = max((path.stat().st_mtime for path in folder.glob("*.tar.gz")), default=None)
        if newest is None:
            return f"no backup in {folder}"
        hours = (self.now().to_instant() - Instant.from_timestamp(int(newest))).total("hours")
        return f"newest backup: {hours:.1f} hours old"

"""An app whose process has no room on its disk for as long as there is a file that says so."""

import resource
import signal

from duly.apps import App

JOBS = 30


class Cramped(App):
    """Has many jobs, and looks for the file every second."""

    async def on_initialize(self) -> None:
        """Schedule them."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self._full = False
        await self.scheduler.run_every(self.look, seconds=1, name="look")
        for number in range(JOBS):
            await self.scheduler.run_every(self.work, seconds=1, name=f"job-{number}", mode="parallel")

    async def look(self) -> None:
        """Let no file grow any more, or all of them again."""
        folder = self.duly.config.data_dir
        full = (folder / "full").exists()
        if full is not self._full:
            self._full = full
            limit = max(file.stat().st_size for file in folder.iterdir()) if full else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            self.logger.info("full: %s", full)

    async def work(self) -> None:
        """Do nothing."""

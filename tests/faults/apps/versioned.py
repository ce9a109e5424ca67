"""An app whose file is edited while it runs."""

from noting import note  # type: ignore[import-not-found] # found where the apps are

from duly.apps import App

VERSION = 1


class Versioned(App):
    """Notes which version of it has run."""

    async def on_initialize(self) -> None:
        """Schedule a job that is due often, and one that is not."""
        await self.scheduler.run_every(self.tick, seconds=2, name="often")
        await self.scheduler.run_hourly(self.tick, name="hourly")

    async def tick(self) -> None:
        """Note the call."""
        note(self, f"version-{VERSION}")

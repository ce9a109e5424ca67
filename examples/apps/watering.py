"""Watering beds: one class, one instance per bed, each with its own times.

It writes the state of the valve to a file. Put the call to your valve in its place.
"""

from pathlib import Path

from duly import App, AppConfig


class WateringConfig(AppConfig):
    """One bed."""

    valve: Path
    schedule: str = "0 6 * * *"
    seconds: float = 300


class Watering(App[WateringConfig]):
    """Opens a valve, and closes it again in any case."""

    async def on_initialize(self) -> None:
        """Begin closed, whatever happened before, and schedule it."""
        await self.close()
        await self.scheduler.run_cron(self.open, self.app_config.schedule, name="open", misfire="skip")

    async def on_shutdown(self) -> None:
        """A valve must not stay open because nobody is there to close it."""
        await self.close()

    async def open(self) -> None:
        """Open, and close after the time. Too late is not at all: ``misfire="skip"``."""
        self.app_config.valve.write_text("open\n", encoding="utf-8")
        self.logger.info("%s: open", self.instance_name)
        await self.scheduler.run_in(self.close, self.app_config.seconds, name="close", if_exists="replace")

    async def close(self) -> None:
        """Close."""
        self.app_config.valve.write_text("closed\n", encoding="utf-8")
        self.logger.info("%s: closed", self.instance_name)

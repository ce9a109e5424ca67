"""A heating schedule: which temperature from when on which days, kept also when the machine was off at the change.

It writes the temperature to a file. Put the call to your thermostat in its place.
"""

from pathlib import Path

from pydantic import BaseModel

from duly import App, AppConfig
from duly.scheduler import Cron


class Change(BaseModel):
    """From this time on these days on, this temperature."""

    at: str
    """``HH:MM``, on the clock on the wall."""
    celsius: float
    days: str = "*"
    """Days of the week as in cron: ``mon-fri``, ``sat,sun``, ``*``."""

    @property
    def cron(self) -> Cron:
        """When it takes effect."""
        hour, minute = self.at.split(":")
        return Cron(f"{int(minute)} {int(hour)} * * {self.days}")


class HeatingConfig(AppConfig):
    """The week, and where the temperature goes."""

    week: list[Change]
    setpoint: Path = Path("setpoint.txt")


class Heating(App[HeatingConfig]):
    """Sets the temperature at each change, and on its start to what the week says for now."""

    async def on_initialize(self) -> None:
        """Schedule the changes, and catch up with the last one."""
        week = self.app_config.week
        for number, change in enumerate(week):
            await self.scheduler.schedule(
                self.set_temperature, change.cron, name=f"change {number}", group="week", args=(change.celsius,)
            )
        passed = [(last, change.celsius) for change in week if (last := change.cron.previous(self.now())) is not None]
        if passed:
            await self.set_temperature(max(passed)[1])

    async def set_temperature(self, celsius: float) -> None:
        """Write it, unless it stands there already."""
        if await self.cache.get("celsius") == celsius:
            return
        self.app_config.setpoint.write_text(f"{celsius:.1f}\n", encoding="utf-8")
        await self.cache.set("celsius", celsius)
        self.logger.info("set to %.1f °C", celsius)

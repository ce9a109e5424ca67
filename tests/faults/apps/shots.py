"""Jobs that run once."""

from noting import note  # type: ignore[import-not-found] # found where the apps are
from whenever import ZonedDateTime

from duly.apps import App, AppConfig


class Moment(AppConfig):
    """When."""

    at: str


class Shots(App[Moment]):
    """One at a moment, one after a delay."""

    async def on_initialize(self) -> None:
        """Schedule them."""
        at = ZonedDateTime.parse_iso(self.app_config.at)
        await self.scheduler.run_once(self.shoot, at, name="moment", args=("moment",))
        await self.scheduler.run_in(self.shoot, 1, name="delay", args=("delay",))

    async def shoot(self, which: str) -> None:
        """Note the call."""
        note(self, which)

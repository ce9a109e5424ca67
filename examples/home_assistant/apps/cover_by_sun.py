"""Shutters that open with the sun, though not before people are up, and close after it."""

from duly import App, AppConfig
from duly.sun import Sun


class CoverConfig(AppConfig):
    """Which shutters, where, and when at the earliest and latest."""

    cover: str
    latitude: float
    longitude: float
    open_not_before: str = "07:00"
    close_not_after: str = "22:30"
    close_after_sunset_minutes: float = 20


class CoverBySun(App[CoverConfig]):
    """The sun is computed here, so the times hold though Home Assistant is away; what was due meanwhile is made up for.

    A run that finds Home Assistant away fails, and is tried again for an hour.
    """

    async def on_initialize(self) -> None:
        """Schedule both."""
        config = self.app_config
        morning = Sun(
            "sunrise",
            latitude=config.latitude,
            longitude=config.longitude,
            not_before=config.open_not_before,
        )
        evening = Sun(
            "sunset",
            latitude=config.latitude,
            longitude=config.longitude,
            offset=config.close_after_sunset_minutes * 60,
            not_after=config.close_not_after,
        )
        self.opening = await self.scheduler.schedule(
            self.move, morning, "open", args=("open_cover",), retries=12, retry_delay=300, retry_backoff=1
        )
        self.closing = await self.scheduler.schedule(
            self.move, evening, "close", args=("close_cover",), retries=12, retry_delay=300, retry_backoff=1
        )

    async def move(self, service: str) -> None:
        """Open or close."""
        await self.api.call_service("cover", service, {"entity_id": self.app_config.cover})

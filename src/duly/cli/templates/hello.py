"""A first app. Change it while ``duly run`` runs, and it is loaded again."""

from duly import App, AppConfig


class HelloConfig(AppConfig):
    """What ``config`` in duly.toml may say, with what holds otherwise."""

    name: str = "world"
    every_seconds: float = 3
    daily_at: str = "07:30"


class Hello(App[HelloConfig]):
    """Says hello every few seconds, and once a day how often it did."""

    async def on_initialize(self) -> None:
        """Called at the start: schedule what is to be done."""
        config = self.app_config
        await self.scheduler.run_every(self.greet, seconds=config.every_seconds, name="greet")
        await self.scheduler.run_daily(self.count, at=config.daily_at, name="count")

    async def greet(self) -> None:
        """Say it, and count it; what is in the cache outlives a restart."""
        count = await self.cache.get("count", 0) + 1
        await self.cache.set("count", count)
        self.logger.info("greeting %d: hello %s", count, self.app_config.name)

    async def count(self) -> None:
        """Once a day. A job that takes long may be a plain function: it runs in a thread."""
        self.logger.info("%d greetings so far", await self.cache.get("count", 0))

"""A job every second that notes each call."""

from noting import note  # type: ignore[import-not-found] # found where the apps are

from duly.apps import App


class Steady(App):
    """Behaves well."""

    async def on_initialize(self) -> None:
        """Schedule it."""
        await self.scheduler.run_every(self.tick, seconds=1, name="steady")

    async def tick(self) -> None:
        """Note the call."""
        note(self, "steady")

"""An app whose start fails."""

from duly.apps import App


class Raising(App):
    """Fails once it has a job."""

    async def on_initialize(self) -> None:
        """Schedule it, and fail."""
        await self.scheduler.run_every(self.work, seconds=1, name="of a failed start")
        raise RuntimeError("no lamp")

    async def work(self) -> None:
        """Is never to be called."""

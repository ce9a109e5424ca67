"""Jobs that do not end by themselves."""

import asyncio

from duly.apps import App


class Unending(App):
    """Has one run of each mode that lets slots wait, or pass."""

    async def on_initialize(self) -> None:
        """Schedule them."""
        await self.scheduler.run_every(self.wait, seconds=1, name="single")
        await self.scheduler.run_every(self.wait, seconds=1, name="queued", mode="queued")

    async def wait(self) -> None:
        """Wait for nothing."""
        await asyncio.Event().wait()

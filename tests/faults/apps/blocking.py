"""An app that keeps the event loop from everybody else."""

import asyncio
import threading

from duly.apps import App


class Blocking(App):
    """Does it once."""

    async def on_initialize(self) -> None:
        """Schedule it."""
        await self.scheduler.run_in(self.block, 2, name="block")

    async def block(self) -> None:
        """Block, when everybody else has begun what was due."""
        await asyncio.sleep(0.5)
        threading.Event().wait(4)

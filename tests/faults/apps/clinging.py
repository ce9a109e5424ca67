"""An app with a task that cannot be cancelled."""

import asyncio

from duly.apps import App


class Clinging(App):
    """Has one."""

    async def on_initialize(self) -> None:
        """Start it."""
        self.task_bucket.spawn(self.cling(), name="cling")

    async def cling(self) -> None:
        """Go on whatever happens."""
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.logger.info("not yet")

"""An app that does not stop."""

import asyncio

from duly.apps import App


class Hanging(App):
    """Waits when it is to stop."""

    async def on_shutdown(self) -> None:
        """Wait for nothing."""
        await asyncio.Event().wait()

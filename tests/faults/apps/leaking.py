"""An app that leaves behind what it begins."""

import asyncio

from duly.apps import App


class Leaking(App):
    """Starts tasks that do not end, and others that fail."""

    async def on_initialize(self) -> None:
        """Schedule it."""
        await self.scheduler.run_every(self.leak, seconds=1, name="leak")

    async def leak(self) -> None:
        """Start one of each."""
        print("leaking", flush=True)  # noqa: T201 - as users do
        for _ in range(100):
            asyncio.create_task(asyncio.Event().wait())  # noqa: RUF006 - on purpose
        asyncio.create_task(self.fail())  # noqa: RUF006 - on purpose

    async def fail(self) -> None:
        """Fail."""
        raise RuntimeError("nobody waits for this")

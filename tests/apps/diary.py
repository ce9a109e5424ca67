"""What apps in files note of themselves; imported by them."""

import asyncio

from duly.apps import App, AppConfig

LINES: list[str] = []
NOTED = asyncio.Event()
"""Set by each line."""
GATE = asyncio.Event()
"""What an app may wait for."""


def renew() -> None:
    """Begin anew, on another loop."""
    global NOTED, GATE
    LINES.clear()
    NOTED, GATE = asyncio.Event(), asyncio.Event()


async def noted(*lines: str) -> None:
    """Wait until just this is noted, and strike it out."""
    while list(lines) != LINES:
        NOTED.clear()
        await NOTED.wait()
    LINES.clear()


def note(line: str) -> None:
    """Write it down."""
    LINES.append(line)
    NOTED.set()


class Noted(AppConfig):
    """What such an app is told."""

    delay: int = 0


class Noting(App[Noted]):
    """Notes its start and stop with its version."""

    version = ""

    async def on_initialize(self) -> None:
        """Note it."""
        note(f"{self.unique_name} {self.version} up")

    async def on_shutdown(self) -> None:
        """Note it."""
        note(f"{self.unique_name} {self.version} down")

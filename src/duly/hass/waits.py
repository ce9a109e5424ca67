"""Waits for Home Assistant, and whether an app could not do without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from duly.hass.errors import HassUnavailableError


async def within(
    seconds: float | None, wait: Coroutine[Any, Any, object], late: str, unavailable: Callable[[], HassUnavailableError]
) -> None:
    """Wait for the link, or for what comes by it, for so many seconds at most; ``None``: as long as it takes.

    Raises:
        TimeoutError: it took longer. The text begins with ``late``; the cause is what ``unavailable`` gives.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await wait
    except TimeoutError:
        if not limit.expired():
            raise
        why = unavailable()
        raise TimeoutError(f"{late} within {seconds:g} s: {why}") from why


class Waits:
    """Owns how many waits of an app go on, or were cut off because the app was late. Guarded by the event loop.

    A wait that ends by itself is none of them: its error says what it was for.
    """

    def __init__(self) -> None:
        self.unmet = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """A wait, as long as it goes on."""
        self.unmet += 1
        try:
            yield
        except Exception:
            self.unmet -= 1
            raise
        self.unmet -= 1

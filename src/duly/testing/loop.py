"""An event loop on which a wait is over at once, and is added up: asyncio for virtual time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


def run_without_waiting(
    coroutine: Coroutine[Any, Any, Any], limit: float | None
) -> tuple[Any, BaseException | None, float]:
    """Run a coroutine to its end: its result, or what it raised, and the seconds that it would have waited.

    ``limit`` seconds of waiting are as much as it gets before it is timed out; ``None``: no limit.
    """
    loop = _LoopWithoutWaiting()
    result, error = None, None
    try:
        result = loop.run_until_complete(_limited(coroutine, limit))
    except BaseException as raised:  # noqa: BLE001 - the caller judges it
        error = raised
    skipped = loop.skipped
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    return result, error, skipped


async def _limited(coroutine: Coroutine[Any, Any, Any], limit: float | None) -> Any:  # noqa: ANN401 - whatever it gives
    async with asyncio.timeout(limit):
        return await coroutine


class _LoopWithoutWaiting(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._without_waiting = _SelectorWithoutWaiting()
        super().__init__(self._without_waiting)

    @property
    def skipped(self) -> float:
        """Seconds that would have been waited."""
        return self._without_waiting.skipped

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.skipped


class _SelectorWithoutWaiting(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; if nothing is, the time-out is over."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("the job waits for something that cannot happen on virtual time")
            self.skipped += max(timeout, 0)
        return ready

"""A run by hand, and the promise of what it gives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from duly.core.outcomes import Outcome


class ByHand:
    """Owned by the run. ``future`` gives what the job returns and raises what it raises; nobody has to await it.

    It is cancelled if the run is, or does not begin.
    """

    def __init__(self) -> None:
        self.future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._result: object = None
        self._error: BaseException | None = None

    def capturing(self, call: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
        """``call``, with what comes of it kept."""

        async def captured() -> None:
            try:
                self._result = await call()
            except BaseException as error:
                self._error = error
                raise

        return captured

    def answer(self, outcome: Outcome | None) -> None:
        """The run has ended; ``None``: without coming to its end."""
        error, self._error = self._error, None
        if self.future.done():
            return
        if outcome is Outcome.SUCCESS:
            self.future.set_result(self._result)
        elif outcome is None or outcome is Outcome.CANCELLED:
            self.future.cancel()
        else:
            if not isinstance(error, Exception):
                error = TimeoutError("execution timed out")
            self.future.set_exception(error)
            self.future.exception()  # seen: the executor has logged it

"""A place where the runs of jobs are carried out instead of in their host."""

import asyncio

from duly.core.run_executor import Call


class Away:
    """Takes ``seconds`` for each call, and then gives ``result``, or raises it if it is an error.

    With several results they come one after the other, the last again and again.
    """

    def __init__(self, *results: object, seconds: float = 0) -> None:
        self.calls: list[Call] = []
        self.most_at_once = 0
        self.cancelled = 0
        self._results = results or (None,)
        self._seconds = seconds
        self._at_once = 0

    async def execute(self, call: Call) -> object:
        self.calls.append(call)
        result = self._results[min(len(self.calls), len(self._results)) - 1]
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._at_once -= 1
        if isinstance(result, BaseException):
            raise result
        return result


def never_called(*_: object, **__: object) -> None:
    """The function of a job that is sent away."""
    raise AssertionError("it was called here")

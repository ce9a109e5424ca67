"""What may happen again and again, and is told only now and then."""

from duly.core.clock import SECOND


class Throttle:
    """Lets one of many through, and then none for a while. Guarded by its owner."""

    __slots__ = ("_last", "_pause")

    def __init__(self, seconds: float) -> None:
        self._pause = round(seconds * SECOND)
        self._last: int | None = None

    def passes(self, now: int) -> bool:
        """Whether it is time again; if so, this counts as the last one. ``now`` is monotonic nanoseconds."""
        if self._last is not None and now - self._last < self._pause:
            return False
        self._last = now
        return True

"""What may happen again and again, and is told only now and then."""

from duly.core.clock import SECOND


class OncePer:
    """Says once in so many seconds that it is time. Guarded by its owner."""

    __slots__ = ("_last", "_pause")

    def __init__(self, seconds: float) -> None:
        self._pause = round(seconds * SECOND)
        self._last: int | None = None

    def due(self, now: int) -> bool:
        """Whether it is time; if so, it counts as done. ``now`` is monotonic nanoseconds."""
        if self._last is not None and now - self._last < self._pause:
            return False
        self._last = now
        return True

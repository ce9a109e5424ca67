"""``CronWindow``: the ticks of a cron expression between two moments."""

from duly.core.clock import SECOND
from duly.triggers.builtin import HORIZON
from duly.triggers.ticks import CronChain
from duly.triggers.zones import BEGINNING


class CronWindow(CronChain):
    """Those ticks of a chain that lie from ``start`` to ``end``, both inclusive, in nanoseconds."""

    __slots__ = ("_floor", "end", "start")

    def __init__(self, ticks: CronChain, start: int | None, end: int = HORIZON) -> None:
        super().__init__(ticks.local_times, ticks.offsets, ticks.gap)
        self.start = start
        """``None``: there were ticks ever since."""
        self.end = end
        self._floor = BEGINNING * SECOND if start is None else start - 1

    def next(self, previous: int, now: int) -> int | None:
        """First tick of the window later than both."""
        tick = super().next(max(previous, self._floor), now)
        return tick if tick is not None and tick <= self.end else None

    def previous(self, before: int) -> int | None:
        """Last tick of the window earlier than ``before``."""
        tick = super().previous(min(before, self.end + 1))
        return tick if tick is not None and tick > self._floor else None

    def between(self, after: int, until: int) -> int:
        """How many ticks of the window lie in (after, until]."""
        return super().between(max(after, self._floor), min(until, self.end))

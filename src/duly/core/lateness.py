"""Why slots come late: what a driver learns from its two clocks."""

from typing import Final

from duly.core.clock import NEVER, SECOND, Clock
from duly.core.outcomes import Reason

CLOCK_JUMPED: Final = "the wall clock was stepped, or the machine slept: seconds=%+.3f"
"""What a driver logs when ``Lateness.look`` gives something."""
_SMALLEST_STEP = SECOND
"""Differences between wall clock and monotonic clock below this are the clock being slewed."""


class Lateness:
    """Tells downtime, sleep and stepped clocks from a driver that came too late. Guarded as its driver is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = (clock.now(), clock.monotonic())
        self._why = Reason.DOWN
        self._until = -NEVER
        """What was to fire by then is late for another reason than a slow driver."""

    def begin(self, now: int) -> None:
        """Nothing has run until ``now``."""
        self._seen = (now, self._clock.monotonic())
        self._why, self._until = Reason.DOWN, now

    def look(self, now: int) -> int:
        """Compare the clocks; give by how much the wall clock was stepped or the machine slept, 0 if neither."""
        last, last_monotonic = self._seen
        monotonic = self._clock.monotonic()
        self._seen = (now, monotonic)
        delta = (now - last) - (monotonic - last_monotonic)
        if abs(delta) < _SMALLEST_STEP:
            return 0
        if delta > 0:
            self._why, self._until = Reason.SUSPENDED, now
        return delta

    def why(self, moment: int) -> Reason:
        """Why what was to fire at ``moment`` comes late, if it does."""
        return self._why if moment <= self._until else Reason.STALLED

    def of_tick(self, earliest: int, now: int) -> tuple[Reason, int]:
        """``why`` and ``until`` of the tick that begins with what was to fire at ``earliest``: one reason at a time."""
        return self.why(earliest), self._until if earliest <= self._until else now

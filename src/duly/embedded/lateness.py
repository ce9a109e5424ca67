"""Why slots come late, and when runs time out: what a driver learns from its two clocks."""

from collections.abc import Iterator

from duly.core.clock import NEVER, SECOND, Clock
from duly.core.outcomes import Reason
from duly.core.timer import Timer
from duly.embedded.job import LiveRun

_SMALLEST_STEP = SECOND
"""Differences between wall clock and monotonic clock below this are the clock being slewed."""


class Lateness:
    """Tells downtime, sleep and stepped clocks from a driver that came too late. Guarded by the scheduler's lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = (clock.now(), clock.monotonic())
        self._why = Reason.DOWN
        self.until = -NEVER
        """What was to fire by then is late for another reason than a slow driver."""

    def begin(self, now: int) -> None:
        """Nothing has run until ``now``."""
        self._seen = (now, self._clock.monotonic())
        self._why, self.until = Reason.DOWN, now

    def look(self, now: int) -> int:
        """Compare the clocks; give by how much the wall clock was stepped or the machine slept, 0 if neither."""
        last, last_monotonic = self._seen
        monotonic = self._clock.monotonic()
        self._seen = (now, monotonic)
        delta = (now - last) - (monotonic - last_monotonic)
        if abs(delta) < _SMALLEST_STEP:
            return 0
        if delta > 0:
            self._why, self.until = Reason.SUSPENDED, now
        return delta

    def why(self, moment: int) -> Reason:
        """Why what was to fire at ``moment`` comes late, if it does."""
        return self._why if moment <= self.until else Reason.STALLED


class _Deadline:
    """When a run times out."""

    __slots__ = ("entry", "limit", "number", "run")

    def __init__(self, run: LiveRun, limit: int) -> None:
        self.run = run
        self.limit = limit
        self.number = -1
        self.entry: int | None = None


class Deadlines:
    """The runs of sync jobs that have a limit, by the monotonic clock. Guarded by the scheduler's lock."""

    def __init__(self) -> None:
        self._timer: Timer[_Deadline] = Timer()
        self._of: dict[LiveRun, _Deadline] = {}

    def __bool__(self) -> bool:
        return bool(self._of)

    def set(self, run: LiveRun, limit: int, monotonic: int) -> None:
        """Let ``run`` time out ``limit`` nanoseconds after ``monotonic``."""
        deadline = self._of[run] = _Deadline(run, limit)
        self._timer.add(deadline)
        self._timer.arm(deadline, monotonic + limit)

    def drop(self, run: LiveRun) -> None:
        """Forget a run that has ended."""
        deadline = self._of.pop(run, None)
        if deadline is not None:
            self._timer.discard(deadline)

    def earliest(self) -> int:
        """When the next run times out; ``NEVER`` if none does."""
        earliest = self._timer.earliest()
        return NEVER if earliest is None else earliest

    def passed(self, monotonic: int) -> Iterator[tuple[LiveRun, int]]:
        """The runs whose time is over, with their limits."""
        while (deadline := self._timer.pop_due(monotonic)) is not None:
            yield deadline.run, deadline.limit

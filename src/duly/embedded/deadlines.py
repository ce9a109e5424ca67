"""When runs of sync jobs time out."""

from collections.abc import Iterator

from duly.core.clock import NEVER
from duly.core.timer import Timer
from duly.embedded.job import LiveRun


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

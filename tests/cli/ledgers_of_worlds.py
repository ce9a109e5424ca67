"""Real ledgers, written by a scheduler on virtual time, and commands that are called in that time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from whenever import ZonedDateTime

from duly import Scheduler
from duly.core import clock
from duly.core.policy import ModeName
from duly.core.trigger import TriggerProtocol
from duly.testing import VirtualClock, World

NEW_YEAR = ZonedDateTime(2025, 1, 1, tz="UTC")


class Program:
    """A program with jobs, and what happens to it. Owns its world, its scheduler and their file."""

    def __init__(self, path: Path, start: ZonedDateTime = NEW_YEAR) -> None:
        self.path = path
        self.clock = VirtualClock(start)
        self.world = World(self.clock)
        self.scheduler = self.begin()

    def begin(self) -> Scheduler:
        """Start the scheduler, or another in its place."""
        self.scheduler = self.world.scheduler(4, timezone=self.clock.zone, history=self.path)
        return self.scheduler

    def schedule(self, name: str, trigger: TriggerProtocol, *, takes: float = 0, mode: ModeName = "single") -> str:
        """Add a job whose runs take so many seconds; give its id."""
        return self.scheduler.schedule(self._working(takes), name, trigger, mode=mode)

    def _working(self, seconds: float) -> Callable[[], None]:
        return lambda: self.clock.work(seconds)

    def flush(self) -> None:
        """Let the file hold all that was recorded."""
        self.scheduler.history(limit=1)


@contextmanager
def program(path: Path, start: ZonedDateTime = NEW_YEAR) -> Iterator[Program]:
    """A program that is stopped at the end; inside, its time is that of commands."""
    played = Program(path, start)
    token = clock.use(played.clock)
    try:
        yield played
    finally:
        clock.restore(token)
        played.world.close()

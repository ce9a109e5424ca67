"""What a measure asks of a subject. Each class offers what its library can do, and is listed only in rows it can do.

Methods that take many jobs loop inside, so that what is timed is the library and not our calls of an adapter.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

Job: TypeAlias = Callable[..., Any]

Surroundings: TypeAlias = AbstractContextManager[Mapping[str, str]]
"""What a program needs around it while it is entered: gives environment variables that tell the program of it. A class
of ``Starts`` that has a static method ``surroundings`` gets those that it gives.
"""

WORKERS = 4
"""Threads in every thread pool."""


class NotOfferedError(Exception):
    """The library has no way to do this case."""


class Lifecycle(Protocol):
    """Everything that is started and stopped; called on the main thread, in its event loop."""

    distribution: ClassVar[str | None]
    """Name under which its version is found, ``None`` for what is in the standard library or our own."""

    async def start(self) -> None:
        """Be ready for jobs; a scheduler runs from here on."""

    async def stop(self) -> None:
        """Leave nothing behind."""


class Registers(Lifecycle, Protocol):
    """Takes jobs far ahead of time."""

    async def hourly(self, count: int) -> list[Any]:
        """Register ``count`` no-ops an hour away, each with a trigger of its own; what comes back cancels them."""

    async def cancel(self, handles: Sequence[Any]) -> None:
        """Cancel one by one."""


class HoldsApps(Registers, Protocol):
    """Runs a number of apps, which take such jobs in turns."""

    def __init__(self, apps: int) -> None:
        """Have so many."""


class Dispatches(Lifecycle, Protocol):
    """Runs jobs."""

    asynchronous: ClassVar[bool]
    """Whether its jobs are ``async def`` functions."""

    async def once(self, job: Job, count: int, due: float) -> None:
        """Register ``job`` ``count`` times for one moment, in seconds since the epoch."""


class Keeps(Protocol):
    """Keeps in a file what became of jobs or of calls of handlers."""

    def stored(self) -> int:
        """How many runs another connection finds in the file; cheap enough to be asked all the time."""


@runtime_checkable
class Stores(Dispatches, Keeps, Protocol):
    """Runs jobs, and keeps in a file what became of them."""


class Hears(Lifecycle, Keeps, Protocol):
    """Has a bus."""

    async def listen(self, handler: Job, topics: Sequence[str]) -> None:
        """Have ``handler``, a coroutine function, called with the events of each topic, by a listener of its own."""

    async def emit(self, topic: str, count: int) -> None:
        """Send so many events; return when the bus has taken the last."""


class StoresRows(Protocol):
    """Writes rows of executions into a file."""

    distribution: ClassVar[str | None]

    def prepare(self, count: int) -> None:
        """Make what is to be written, as far as it is there before something is written."""

    def write(self) -> None:
        """Write it; return when all of it is durable."""

    def close(self) -> int:
        """Leave nothing behind; give the number of rows that were in the file."""


class Publishes(Protocol):
    """Gets messages into a stream."""

    distribution: ClassVar[str | None]
    replicas: ClassVar[int]
    """How many servers keep the stream."""
    publishers: ClassVar[int]
    """How many processes publish at the same time."""

    def __init__(self, number: int = 0) -> None:
        """Be one of them, from 0 on."""

    async def start(self, urls: Sequence[str]) -> None:
        """Connect, and make the stream."""

    async def publish(self, ids: Sequence[str]) -> None:
        """Publish one message per id; return when all are acknowledged."""

    async def stop(self) -> int:
        """Leave nothing behind; give the number of messages in the stream."""


class Repeats(Lifecycle, Protocol):
    """Runs jobs again and again."""

    asynchronous: ClassVar[bool]
    # Where ``whole_seconds`` is true, a job cannot begin between two seconds.

    async def each_second(self, job: Job, firsts: Sequence[float]) -> None:
        """For each first moment call ``job(index)`` then and every second after."""


class Starts(Protocol):
    """Can be measured from outside, as a program."""

    distribution: ClassVar[str | None]
    import_line: ClassVar[str]
    """What a user writes to import it."""
    first_job: ClassVar[str]
    """A program that runs ``job`` at once and ends; ``job`` and ``ran`` (a ``threading.Event``) are defined."""


class Cron(Protocol):
    """Answers when a cron expression is next due."""

    distribution: ClassVar[str | None]

    def fresh(self, expression: str, zone: str, moments: Sequence[int]) -> tuple[Job, list[tuple[Any, ...]]]:
        """A function, and its arguments for each moment (seconds since the epoch), in the types it likes best.

        Raises:
            NotOfferedError: the library has no such expression or zone.
        """

    def chained(self, expression: str, zone: str, start: int) -> Callable[[int], None]:
        """A function that goes so many elements on from where it stood, at first from ``start``.

        Raises:
            NotOfferedError: the library has no such expression or zone.
        """

    def seconds(self, answer: Any) -> int:  # noqa: ANN401 - each library has its own type
        """An answer of ``fresh`` in seconds since the epoch."""

"""What the executor reads of listeners and jobs. Both are objects that weak references can hold."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

from duly.core.trigger import TriggerProtocol
from duly.ledger.records import SourceTier

ErrorHandler: TypeAlias = Callable[[Any], Any]
"""Called with an ``ErrorContext``; sync ones in a worker thread. What it returns is ignored."""


class Owned(Protocol):
    """Belongs to an app or to a part of Duly."""

    @property
    def app_key(self) -> str:
        """The owner's key."""
        ...

    @property
    def instance_index(self) -> int:
        """The owner's index."""
        ...


class Invoker(Protocol):
    """Calls a handler."""

    @property
    def error_handler(self) -> ErrorHandler | None:
        """The listener's own."""
        ...

    def invoke(self, event: Any) -> Awaitable[object]:  # noqa: ANN401 - any event
        """Call the handler with what it asks for."""
        ...


class Listener(Owned, Protocol):
    """A handler and what it listens to. Its ``repr`` names it in logs."""

    @property
    def invoker(self) -> Invoker:
        """What calls the handler."""
        ...


class Job(Owned, Protocol):
    """A job, as far as a run of it is concerned."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def group(self) -> str | None:
        """Its group."""
        ...

    @property
    def args(self) -> tuple[Any, ...]:
        """Positional arguments it was scheduled with."""
        ...

    @property
    def kwargs(self) -> Mapping[str, Any]:
        """Keyword arguments it was scheduled with."""
        ...

    @property
    def error_handler(self) -> ErrorHandler | None:
        """Its own."""
        ...

    @property
    def source_tier(self) -> SourceTier:
        """Whose it is."""
        ...

    @property
    def db_id(self) -> int | None:
        """Its row."""
        ...


class ScheduledJob(Job, Protocol):
    """A job, as far as its registration is concerned."""

    @property
    def job(self) -> Callable[..., Any]:
        """What it calls."""
        ...

    @property
    def trigger(self) -> TriggerProtocol | None:
        """When; ``None``: once."""
        ...

    @property
    def name_auto(self) -> bool:
        """Whether its name was generated."""
        ...

    @property
    def mode(self) -> str:
        """What becomes of overlapping slots."""
        ...

    @property
    def misfire(self) -> str:
        """What becomes of late slots."""
        ...

    @property
    def source_location(self) -> str:
        """Where it was scheduled."""
        ...

    @property
    def registration_source(self) -> str:
        """The text of that call."""
        ...

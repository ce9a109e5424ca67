"""A handler and what it listens to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from duly.events import Event
from duly.executor.protocols import ErrorHandler, Invoker
from duly.ledger.records import SourceTier

if TYPE_CHECKING:
    from duly.lifecycle import TaskBucket

ListenerMode: TypeAlias = Literal["queued", "single", "restart", "parallel"]
"""What becomes of a match while the listener's handler runs."""
Predicate: TypeAlias = Callable[[Any], Any]
"""Whether an event is meant, by the truth of what it gives."""
Suppression: TypeAlias = Literal["debounce", "throttle", "single", "restart", "hold", "once"]
"""Why a match leads to no execution though nothing is wrong."""


class Delivery(NamedTuple):
    """An event on its way to a handler."""

    event: Event[Any]
    topic: str
    """The most specific route by which it came."""
    is_synthetic: bool = False
    """Whether Duly has made it up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """What was asked for at the registration. ``debounce``, ``throttle``, ``duration`` and ``timeout`` are seconds."""

    once: bool = False
    debounce: float | None = None
    throttle: float | None = None
    duration: float | None = None
    immediate: bool = False
    mode: ListenerMode = "queued"
    priority: int = 0
    """Higher starts first."""
    timeout: float | None = None
    """``None``: as the settings say."""
    timeout_disabled: bool = False
    kwargs: Mapping[str, Any] | None = None
    on_error: ErrorHandler | None = None
    """``None``: the one of the app."""


@dataclass(frozen=True, slots=True)
class ListenerStats:
    """What became of matches: ``matched == started + pending + suppressed + dropped + discarded``, at any time."""

    matched: int
    started: int
    pending: int
    """Debounced, held, or waiting for their turn."""
    suppressed: Mapping[Suppression, int]
    dropped: int
    """For lack of room."""
    discarded: int
    """Pending when the listener, or its service, was stopped; or cancelled before their start."""
    predicate_errors: int


class Counts:
    """Owns what ``ListenerStats`` shows; guarded by the event loop."""

    __slots__ = ("discarded", "dropped", "matched", "pending", "predicate_errors", "started", "suppressed")

    def __init__(self) -> None:
        self.matched = self.started = self.pending = self.dropped = self.discarded = self.predicate_errors = 0
        self.suppressed: dict[Suppression, int] = {}

    def suppress(self, why: Suppression) -> None:
        """A match leads to nothing."""
        self.suppressed[why] = self.suppressed.get(why, 0) + 1

    def snapshot(self) -> ListenerStats:
        """As it is now."""
        return ListenerStats(
            self.matched,
            self.started,
            self.pending,
            dict(self.suppressed),
            self.dropped,
            self.discarded,
            self.predicate_errors,
        )


class Gate(Protocol):
    """Stands between the matches of one listener and its handler: ``once``, ``debounce``, ``throttle``, ``duration``.

    The gate counts what it holds back (``pending``, ``suppressed``, ``discarded``) and hands on the rest with
    ``BusService.accept``.
    """

    sees_all: bool
    """Whether it is shown events that do not match too."""

    def saw(self, delivery: Delivery, *, matched: bool) -> None:
        """An event has come; if it has matched, that is counted already."""
        ...

    def ended(self) -> None:
        """A match that was handed on has come to its end: it has run, whatever the outcome, or never will."""
        ...

    def close(self) -> None:
        """Forget what is held back, and count it as discarded."""
        ...


class Listener:
    """One registration; made and registered by a ``Bus``, routed by the ``BusService``. Guarded by the event loop."""

    __slots__ = (
        "__weakref__",
        "app_error_handler",
        "app_key",
        "counts",
        "db_id",
        "entity_id",
        "gate",
        "handler",
        "instance_index",
        "invoker",
        "live",
        "name",
        "options",
        "order",
        "owner_bucket",
        "owner_id",
        "predicate",
        "registration_source",
        "source_location",
        "source_tier",
        "summary",
        "topic",
    )

    def __init__(
        self,
        name: str,
        topic: str,
        handler: Callable[..., Any],
        invoker: Invoker,
        *,
        options: ListenerOptions,
        owner_id: str,
        app_key: str,
        instance_index: int,
        source_tier: SourceTier,
        predicate: Predicate | None = None,
        summary: str = "",
        entity_id: str | None = None,
        source_location: str = "",
        registration_source: str = "",
        owner_bucket: TaskBucket | None = None,
    ) -> None:
        self.name = name
        self.topic = topic
        """The registered one, which may be a glob."""
        self.handler = handler
        self.invoker = invoker
        self.options = options
        self.owner_id = owner_id
        self.app_key = app_key
        self.instance_index = instance_index
        self.source_tier: SourceTier = source_tier
        self.predicate = predicate
        """The filters as one; ``None``: every event of the topic."""
        self.summary = summary
        """The filters as one English phrase."""
        self.entity_id = entity_id
        """The entity it listens to; ``None``: none, or a glob."""
        self.source_location = source_location
        self.registration_source = registration_source
        self.owner_bucket = owner_bucket
        """Where tasks go that its handler makes; ``None``: to the service."""
        self.app_error_handler: Callable[[], ErrorHandler | None] | None = None
        """Looks up the app's handler of errors, at dispatch; set by its bus."""
        self.db_id: int | None = None
        self.gate: Gate | None = None
        """``None``: every match is handed on at once."""
        self.order = 0
        """Its place in the order of registration; given by the service."""
        self.live = False
        """Whether events are routed to it; set by the service."""
        self.counts = Counts()

    @property
    def stats(self) -> ListenerStats:
        """What has become of its matches."""
        return self.counts.snapshot()

    def __repr__(self) -> str:
        return f"<Listener {self.name!r} of {self.owner_id} on {self.topic}>"

"""What is sent through the bus. One object is shared by all who listen: nobody changes it."""

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from uuid import UUID, uuid4

from whenever import ZonedDateTime

from duly.core.clock import current, zoned

DataT = TypeVar("DataT")
PayloadT = TypeVar("PayloadT")

ORIGIN_DULY: Final = "DULY"
"""Origin of the events that Duly or an app has made."""

_MILLISECOND = 1_000_000
_RANDOM = (1 << 62) - 1


def new_event_id() -> str:
    """A new UUID of version 7 as text: unique, in the order of time to the millisecond."""
    milliseconds = current().now() // _MILLISECOND
    entropy = uuid4().int
    return str(UUID(int=milliseconds << 80 | 7 << 76 | (entropy >> 116) << 64 | 2 << 62 | entropy & _RANDOM))


def _now() -> ZonedDateTime:
    return zoned(current().now(), "UTC")


@dataclass(frozen=True, slots=True)
class EventPayload(Generic[DataT]):
    """What an event carries."""

    data: DataT
    event_id: str
    origin: str
    time_fired: ZonedDateTime


@dataclass(frozen=True, slots=True)
class DulyPayload(EventPayload[DataT]):
    """What an event of Duly's own, or of an app, carries."""

    event_id: str = field(default_factory=new_event_id)
    origin: str = ORIGIN_DULY
    time_fired: ZonedDateTime = field(default_factory=_now)
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class Event(Generic[PayloadT]):
    """Something that has happened."""

    topic: str
    """The base topic; never refined."""
    payload: PayloadT

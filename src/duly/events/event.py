"""What is sent through the bus. One object is shared by all who listen: nobody changes it."""

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from whenever import ZonedDateTime

from duly.core.clock import current, zoned
from duly.ids import id_text, new_id

DataT = TypeVar("DataT")
PayloadT = TypeVar("PayloadT")

ORIGIN_DULY: Final = "DULY"
"""Origin of the events that Duly or an app has made."""


def new_event_id() -> str:
    """A new id as text, in the order of time."""
    return id_text(new_id(current().now()))


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

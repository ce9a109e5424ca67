"""How far the states that Duly holds are those of Home Assistant."""

from dataclasses import dataclass
from enum import StrEnum

from whenever import ZonedDateTime


class Freshness(StrEnum):
    """How old states may be."""

    NEVER = "never"
    """None have been loaded yet."""
    FRESH = "fresh"
    """Those of Home Assistant now."""
    STALE = "stale"
    """The last ones known: the link is down."""


@dataclass(frozen=True, slots=True)
class StatesSnapshot:
    """How the states stand."""

    freshness: Freshness
    synced_at: ZonedDateTime | None
    entities: int
    polls: int
    """Answered."""
    failed_polls: int
    drift: int
    """Entities that polls found to be other than events had told."""

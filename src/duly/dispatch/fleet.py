"""What the replicas of a scheduler share: who leads, and how far each of its entries is.

One replica leads at a time; it alone decides about slots. Each leadership has a *fence*, a number higher than that of
any before. A position is written only if nobody with a higher fence has written since, so a leader that was stopped
and goes on after another has taken over can change nothing any more.

The order in which a leader works is what makes every slot end once, whenever it dies:

1. rows of slots that have ended become durable in its own ledger;
2. the positions that say so are committed, and with them the slots that are open: those it begins with;
3. only then are the messages of open slots published, each under an id that follows from its slot.

So what is behind a committed position has a row in the file of the leader that committed it. What is open is
published by the next leader, under the same id, and gets its row. What is neither is decided by the next leader anew;
rows that the dead one may have written of it have a lower fence, and do not count.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from duly.core.errors import DulyError


class LeadershipLostError(DulyError):
    """Another replica leads."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far an entry is. Times are nanoseconds since the epoch."""

    trigger_id: str
    spec: str | None
    """What rebuilds its chain, see ``duly.triggers.spec``."""
    zone: str | None
    first: int
    """The slot with which its chain began."""
    pending: int
    """The first slot that nobody has decided; ``NEVER``: the chain is at its end."""
    open: tuple[int, ...] = ()
    """Slots before ``pending`` that were begun and have no row yet, oldest first."""
    paused_at: int | None = None
    """Since when it is paused; ``None``: it is not."""


class Leadership(Protocol):
    """One replica's time as the leader. Guarded by the event loop."""

    @property
    def fence(self) -> int | None:
        """Higher than that of any leadership before; ``None``: there are no replicas."""
        ...

    @property
    def previous(self) -> int | None:
        """The fence of the last leadership that has committed anything; ``None``: there was none."""
        ...

    @property
    def positions(self) -> Mapping[str, Position]:
        """What was committed before, by name of the entry."""
        ...

    async def commit(self, changes: Mapping[str, Position | None]) -> None:
        """Make positions durable; ``None`` forgets an entry. Waits for as long as the server is away.

        Calls do not overlap.

        Raises:
            LeadershipLostError: another replica leads; nothing that was not committed before will be.
        """
        ...

    async def lost(self) -> str:
        """Wait until another replica leads, or this one has to assume so; why."""
        ...

    async def release(self) -> None:
        """Let another replica lead at once."""
        ...


class Fleet(Protocol):
    """The replicas of one scheduler, seen from one of them. Guarded by the event loop."""

    async def lead(self, begin: Callable[[int | None], Awaitable[None]]) -> Leadership:
        """Wait until this replica leads.

        ``begin`` is called with the fence and awaited before anything is committed under it.
        """
        ...

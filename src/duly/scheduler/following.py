"""Triggers that follow something: when their jobs are due is told, and told anew, while the jobs are live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeGuard

from duly.core.clock import SECOND
from duly.core.trigger import Chain, TriggerProtocol
from duly.triggers.builtin import LONGEST

if TYPE_CHECKING:
    from duly.lifecycle.root import Root


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the time that a trigger follows."""

    chain: Chain | None
    """Its slots, one of the chains that a ledger can rebuild; ``None``: there is no time at present."""


class Following(Protocol):
    """One job's view of what its trigger follows. Guarded by the event loop."""

    def told(self) -> Told | None:
        """What is known; ``None``: nobody knows yet, so what was told last still holds."""
        ...

    def keeps(self, slot: int, now: int) -> bool:
        """Whether a slot that is due next stays, although the time has changed: what it hangs on has passed."""
        ...

    def stop(self) -> None:
        """Look no more."""
        ...


class FollowingTrigger(TriggerProtocol, Protocol):
    """A trigger whose job has its slots from elsewhere, and goes on to be live while there are none."""

    def follow(self, root: Root, changed: Callable[[], object]) -> Following:
        """Look at what it follows, and call ``changed`` on the event loop whenever that may have changed."""
        ...


def follows(trigger: TriggerProtocol | None) -> TypeGuard[FollowingTrigger]:
    """Whether it is one."""
    return hasattr(trigger, "follow")


LAST_SECOND = LONGEST * SECOND
"""What a job shows as its next run that has none: it sorts behind everything."""

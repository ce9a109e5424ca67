"""What a trigger is: to users a ``TriggerProtocol``, to the engine a ``Chain``.

The engine counts in integer nanoseconds and asks a *chain*: a trigger bound to a zone. Built-in triggers make their
own (``chain(zone)``); any other ``TriggerProtocol`` is wrapped in ``ProtocolChain``.

Trigger law, tested for every built-in: ``next(p, n)`` is the first element of the chain later than both, the chain
being ``s0 = first(now)`` and ``s' = next(s, s)``.
"""

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from whenever import ZonedDateTime

from duly.core.clock import Zone, nanoseconds, zoned

StoredType: TypeAlias = Literal["interval", "cron", "once", "after", "custom"]

Count: TypeAlias = Callable[[int, int], tuple[int, int]]
"""``count(previous, until)``: how many elements in (previous, until], and the last of them (``previous`` if none)."""


@runtime_checkable
class TriggerProtocol(Protocol):
    """When a job is due. Triggers hold no state that changes: one object may serve several jobs."""

    def first_run_time(self, current_time: ZonedDateTime) -> ZonedDateTime | None:
        """First run, at or after ``current_time``; an earlier one means at once, ``None`` that none is ever due."""
        ...

    def next_run_time(self, previous_run: ZonedDateTime, current_time: ZonedDateTime) -> ZonedDateTime | None:
        """Next run after ``previous_run``, later than ``current_time``; ``None`` ends the schedule.

        ``previous_run`` is the nominal time of the slot before, without jitter.
        """
        ...

    def trigger_label(self) -> str:
        """Short label to show."""
        ...

    def trigger_detail(self) -> str | None:
        """Detail to show, or ``None``."""
        ...

    def trigger_db_type(self) -> StoredType:
        """Type under which the ledger stores it; a trigger of a user returns ``"custom"``."""
        ...

    def trigger_id(self) -> str:
        """Stable identity: equal schedules give equal ids, across processes."""
        ...


class Chain(Protocol):
    """A trigger bound to a zone, in nanoseconds since the epoch."""

    @property
    def count(self) -> Count | None:
        """Counts long gaps at little cost; ``None`` if the trigger cannot, then only its pending slot is accounted."""
        ...

    def first(self, now: int) -> int | None:
        """First element, seen from ``now``; ``None``: there is none."""
        ...

    def next(self, previous: int, now: int) -> int | None:
        """First element later than both; ``None``: the chain ends."""
        ...


class NoSlots:
    """The chain of a job whose trigger has raised, or has no time at present. Immutable."""

    __slots__ = ()

    count = None

    def first(self, now: int) -> None:  # noqa: ARG002 - a Chain's
        """There is none."""
        return

    def next(self, previous: int, now: int) -> None:  # noqa: ARG002 - a Chain's
        """None follows."""
        return


NO_SLOTS = NoSlots()


class ProtocolChain:
    """Any ``TriggerProtocol`` as a chain; it cannot count. Immutable."""

    __slots__ = ("_trigger", "_zone")

    count = None

    def __init__(self, trigger: TriggerProtocol, zone: Zone) -> None:
        self._trigger = trigger
        self._zone = zone

    def first(self, now: int) -> int | None:
        """Ask ``first_run_time``; what it raises propagates."""
        moment = self._trigger.first_run_time(zoned(now, self._zone))
        return None if moment is None else nanoseconds(moment)

    def next(self, previous: int, now: int) -> int | None:
        """Ask ``next_run_time``; what it raises propagates."""
        moment = self._trigger.next_run_time(zoned(previous, self._zone), zoned(now, self._zone))
        return None if moment is None else nanoseconds(moment)


def chain_of(trigger: TriggerProtocol, zone: Zone) -> Chain:
    """Bind any trigger to ``zone``: by its own method ``chain(zone)`` if it has one, as all built-ins do."""
    own: Callable[[Zone], Chain] | None = getattr(trigger, "chain", None)
    return ProtocolChain(trigger, zone) if own is None else own(zone)

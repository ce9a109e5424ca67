"""Chains of slots that replicas share: each leadership has a schedule of its own for the slots that it decided.

What a leader wrote before it died is only sure if it was committed. The next one begins with the first slot that was
not, which its schedule tells, and decides from there anew; before that it ends what was open. So an entry does not
count if a later leadership began at or before its first slot, or has an entry that holds it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from typing import Generic, NamedTuple, Protocol, TypeVar

from duly.ledger.jobs import JobSchedule
from duly.ledger.pages import END


class Spanning(Protocol):
    """Slots in a row. Times are nanoseconds."""

    @property
    def first(self) -> int:
        """The first slot."""
        ...

    @property
    def last(self) -> int:
        """The last slot."""
        ...


SpanT = TypeVar("SpanT", bound=Spanning)


class Decided(NamedTuple, Generic[SpanT]):
    """What one leadership has decided of a chain."""

    fence: int
    begin: int | None
    """The first slot that it had to decide anew; ``None``: it is not known, and only what it did decide counts."""
    entries: Iterable[SpanT]
    """Sorted by ``first``, then ``last``; read as they are taken."""


class ChainKey(NamedTuple):
    """What the schedules of one chain of a job have in common."""

    trigger_id: str
    trigger_spec: str | None
    timezone: str | None
    first_ts: int


def chain_key(schedule: JobSchedule) -> ChainKey:
    """The chain of a schedule."""
    return ChainKey(schedule.trigger_id, schedule.trigger_spec, schedule.timezone, schedule.first_ts)


def by_chain(schedules: Iterable[JobSchedule]) -> list[list[JobSchedule]]:
    """The schedules of a job, those of one shared chain together; one without a fence stands alone."""
    chains: dict[ChainKey | int, list[JobSchedule]] = {}
    for each in schedules:
        chains.setdefault(each.id if each.fence is None else chain_key(each), []).append(each)
    return list(chains.values())


def whole(parts: Sequence[JobSchedule]) -> JobSchedule:
    """The schedules of one chain as one: that of the latest leadership, for what is before its begin is decided."""
    newest = max(parts, key=lambda part: (part.fence or 0, part.id))
    if newest.open_ts is not None:
        parts = [part for part in parts if part.fence == newest.fence]
    return replace(
        newest,
        open_ts=max((part.open_ts for part in parts if part.open_ts is not None), default=None),
        highest=max((part.highest for part in parts if part.highest is not None), default=None),
    )


def judged(parts: Sequence[Decided[SpanT]]) -> Iterator[tuple[SpanT, bool]]:
    """The entries of several leaderships in order, and whether each counts."""
    limits = _limits(parts)
    reached: dict[int, int] = {}
    """By fence: the last slot of entries that reach at least to the present one."""
    for fence, each in merge(*map(_with_fence, parts), key=_order):
        reached = {leader: last for leader, last in reached.items() if last >= each.first}
        counts = each.first < limits[fence] and all(leader <= fence for leader in reached)
        if counts:
            reached[fence] = max(each.last, reached.get(fence, each.last))
        yield each, counts


def _limits(parts: Sequence[Decided[SpanT]]) -> dict[int, int]:
    """By fence: where a later leadership began first."""
    limits, limit = {}, END
    begins: dict[int, int] = {}
    for part in parts:
        begins[part.fence] = min(begins.get(part.fence, END), END if part.begin is None else part.begin)
    for fence in sorted(begins, reverse=True):
        limits[fence] = limit
        limit = min(limit, begins[fence])
    return limits


def _with_fence(part: Decided[SpanT]) -> Iterator[tuple[int, SpanT]]:
    return ((part.fence, each) for each in part.entries)


def _order(ranked: tuple[int, Spanning]) -> tuple[int, int, int]:
    """Of entries that begin with the same slot, that of the latest leadership first."""
    fence, each = ranked
    return each.first, -fence, each.last

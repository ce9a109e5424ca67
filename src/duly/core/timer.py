"""A heap of deadlines with lazy deletion.

An entry is one integer: the deadline in the high bits, the item's number in the low ones. So the heap compares plain
integers, and disarming only forgets the entry; what is stale is dropped when it reaches the top, or swept once half of
the heap is stale. Arming is O(log n), disarming O(1), both amortised.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, Protocol, TypeVar

_NUMBER_BITS = 32
_NUMBER = (1 << _NUMBER_BITS) - 1
_SWEEP_FROM = 64


class Timed(Protocol):
    """An item of a timer. Both fields belong to the timer."""

    number: int
    entry: int | None


ItemT = TypeVar("ItemT", bound=Timed)


class Timer(Generic[ItemT]):
    """Items and when they are due. Not thread-safe: its owner guards it."""

    __slots__ = ("_free", "_heap", "_items", "_stale")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._items: list[ItemT | None] = []
        self._free: list[int] = []
        self._stale = 0

    def __iter__(self) -> Iterator[ItemT]:
        """All items, armed or not."""
        return (item for item in self._items if item is not None)

    def add(self, item: ItemT) -> None:
        """Take an item in, not armed."""
        item.entry = None
        if self._free:
            item.number = number = self._free.pop()
            self._items[number] = item
        else:
            item.number = len(self._items)
            self._items.append(item)

    def discard(self, item: ItemT) -> None:
        """Let an item go, armed or not."""
        if item.entry is not None:
            self.disarm(item)
        self._items[item.number] = None
        self._free.append(item.number)

    def arm(self, item: ItemT, deadline: int) -> None:
        """Make an unarmed item due at ``deadline``."""
        item.entry = entry = deadline << _NUMBER_BITS | item.number
        heappush(self._heap, entry)

    def disarm(self, item: ItemT) -> None:
        """Make an item due never; harmless if it is not armed."""
        if item.entry is None:
            return
        item.entry = None
        self._stale += 1
        if self._stale > _SWEEP_FROM and self._stale * 2 > len(self._heap):
            self._sweep()

    def pop_due(self, now: int) -> ItemT | None:
        """The earliest item with a deadline at or before ``now``, disarmed; ``None`` if there is none."""
        heap, items = self._heap, self._items
        bound = (now + 1) << _NUMBER_BITS
        while heap and heap[0] < bound:
            entry = heappop(heap)
            item = items[entry & _NUMBER]
            if item is not None and item.entry == entry:
                item.entry = None
                return item
            self._stale -= 1
        return None

    def earliest(self) -> int | None:
        """The earliest deadline, ``None`` if nothing is armed."""
        heap, items = self._heap, self._items
        while heap:
            entry = heap[0]
            item = items[entry & _NUMBER]
            if item is not None and item.entry == entry:
                return entry >> _NUMBER_BITS
            heappop(heap)
            self._stale -= 1
        return None

    def _sweep(self) -> None:
        items = self._items
        self._heap = [e for e in self._heap if (item := items[e & _NUMBER]) is not None and item.entry == e]
        heapify(self._heap)
        self._stale = 0

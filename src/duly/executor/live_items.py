"""The jobs, or the listeners, of one owner that are live."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT", bound=Hashable)


class LiveItems(Generic[ItemT]):
    """Items from their adding to their end, by a key that one at a time has. Guarded by the event loop.

    Items hash by identity.
    """

    def __init__(self, key_of: Callable[[ItemT], Hashable]) -> None:
        self.added = 0
        """How many have been added so far."""
        self.key_of = key_of
        """What one live item at a time has."""
        self._numbers: dict[ItemT, int] = {}
        """In order of adding."""
        self._by_key: dict[Hashable, ItemT] = {}

    def __contains__(self, item: object) -> bool:
        return item in self._numbers

    def at(self, key: Hashable) -> ItemT | None:
        """The item with this key; ``None``: the key is free."""
        return self._by_key.get(key)

    def listed(self) -> list[ItemT]:
        """All, in order of adding."""
        return list(self._numbers)

    def added_since(self, count: int, item: ItemT) -> bool:
        """Whether ``item`` is live and came after so many."""
        return self._numbers.get(item, 0) > count

    def add(self, item: ItemT) -> None:
        """Take it in; its key is free."""
        self.added += 1
        self._numbers[item] = self.added
        self._by_key[self.key_of(item)] = item

    def remove(self, item: ItemT) -> bool:
        """Forget this very item, if it is here; another one with its key stays. Gives whether it was here."""
        if self._numbers.pop(item, None) is None:
            return False
        key = self.key_of(item)
        if self._by_key.get(key) is item:
            del self._by_key[key]
        return True

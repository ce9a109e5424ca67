"""Jobs and listeners on their way into the ledger."""

from __future__ import annotations

import asyncio
import functools
from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from duly.executor.live_items import LiveItems
    from duly.lifecycle import TaskBucket

ItemT = TypeVar("ItemT", bound=Hashable)


class OrderedRegistrations(ABC, Generic[ItemT]):
    """Owns the registrations of one owner that are under way; guarded by the event loop.

    An item is live, and its key taken, from the moment its registration begins. Registrations of one key come one after
    the other, and so does the cancellation of the item before: they share a row.
    """

    def __init__(self, bucket: TaskBucket, live: LiveItems[ItemT]) -> None:
        """``bucket`` outlives the owner, so that what has to be stored is stored even when that has ended meanwhile."""
        self._bucket = bucket
        self._live = live
        self._tasks: dict[ItemT, asyncio.Task[None]] = {}
        self._last: dict[Hashable, asyncio.Task[None]] = {}
        """The newest of each key."""
        self._cancelled: set[ItemT] = set()
        """Items that were cancelled meanwhile."""

    def __contains__(self, item: object) -> bool:
        return item in self._tasks

    def under_way(self) -> list[asyncio.Task[None]]:
        """Those that have not ended; of one key the newest, which is the last to end."""
        return list(self._last.values())

    async def end_of(self, item: ItemT) -> None:
        """Until the registration of the item has ended, well or not."""
        task = self._tasks.get(item)
        if task is not None:
            await asyncio.wait({task})

    async def register(self, item: ItemT) -> None:
        """Store it and let it begin; if that fails, or the caller gives up, it leaves no trace."""
        key = self._live.key_of(item)
        task = self._bucket.spawn(self._carry_out(item, self._last.get(key)), name=f"registers {self._label(item)}")
        task.add_done_callback(functools.partial(self._clean_up, item))
        self._last[key] = self._tasks[item] = task
        self._live.add(item)
        try:
            await asyncio.wait({task})
        except BaseException:
            if item in self._live:
                self.cancel(item)
            raise
        if task.cancelled():
            raise RuntimeError(f"Duly stopped before {self._label(item)} was registered")
        task.result()

    def cancel(self, item: ItemT) -> None:
        """End a live item."""
        self._live.remove(item)
        if item in self._tasks:
            self._cancelled.add(item)
            self._give_up(item)
        else:
            self._take_off(item)

    # --- what it means for the items ---------------------------------------------------------------------------------

    @abstractmethod
    def _label(self, item: ItemT) -> str:
        """Names it in messages."""

    @abstractmethod
    async def _store(self, item: ItemT) -> None:
        """Store its row, and let it begin unless it was cancelled meanwhile."""

    @abstractmethod
    def _take_off(self, item: ItemT) -> None:
        """Let it do nothing more."""

    def _give_up(self, item: ItemT) -> None:
        """It was cancelled while it was being registered."""

    def _stored_in_vain(self, item: ItemT) -> None:
        """It is stored, and was cancelled meanwhile."""

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _carry_out(self, item: ItemT, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        await self._store(item)
        del self._tasks[item]  # in this very turn: from now on it is taken off
        if item in self._cancelled:
            self._cancelled.remove(item)
            self._stored_in_vain(item)

    def _clean_up(self, item: ItemT, task: asyncio.Task[None]) -> None:
        """A registration has ended, well or not."""
        key = self._live.key_of(item)
        if self._last.get(key) is task:
            del self._last[key]
        if self._tasks.get(item) is task:
            del self._tasks[item]
            self._cancelled.discard(item)
            self._live.remove(item)

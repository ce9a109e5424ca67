"""Blocking twins of parts whose methods register something."""

from __future__ import annotations

import asyncio
import inspect
from abc import abstractmethod
from collections.abc import Coroutine, Hashable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from duly.lifecycle.sync_facade import SyncFacade

if TYPE_CHECKING:
    from duly.executor.live_items import LiveItems

T = TypeVar("T")
ItemT = TypeVar("ItemT", bound=Hashable)


class RegisteringSyncFacade(SyncFacade, Generic[ItemT]):
    """A blocking twin; what a method of it has registered after its time is taken back."""

    @abstractmethod
    def _live(self) -> LiveItems[ItemT]:
        """The live items of the part."""

    @abstractmethod
    def _item_of(self, result: object) -> ItemT | None:
        """The item that a method has given; ``None``: it gives something else."""

    @abstractmethod
    def _cancel(self, item: ItemT) -> None:
        """End a live item."""

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a registration; what it has registered after the time is cancelled again."""
        made: list[ItemT] = []
        try:
            return super()._wait_for(self._attempt(work, made))
        except (TimeoutError, asyncio.CancelledError):  # posted behind the request to cancel the attempt
            self.part.task_bucket.post_to_loop(self._undo, work, made)
            raise
        except RuntimeError:
            work.close()
            raise

    async def _attempt(self, work: Coroutine[Any, Any, T], made: list[ItemT]) -> T:
        live = self._live()
        before = live.added
        result = await work
        item = self._item_of(result)
        if item is not None and live.added_since(before, item):
            made.append(item)
        return result

    def _undo(self, work: Coroutine[Any, Any, T], made: list[ItemT]) -> None:
        if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
            work.close()
        for item in made:
            self._cancel(item)

"""Where the caches of all apps are kept: one file, one thread.

A cache never stops an app. A damaged file is moved away; if there is no file to be had, the caches live in memory;
and what cannot be read or written is as if it had just been forgotten.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from duly.apps.cache_file import CacheFile
from duly.apps.cache_keeper import CacheKeeper
from duly.core import clock as clocks
from duly.core.once_per import OncePer
from duly.lifecycle import Resource

if TYPE_CHECKING:
    from duly.lifecycle import Root

T = TypeVar("T")

_SECONDS_BETWEEN_REMOVALS = 3600.0
_SECONDS_BETWEEN_WARNINGS = 60.0


class CacheStore(Resource):
    """Owns the thread in which the file is used, and the timer that removes what has expired.

    Guarded by the event loop.
    """

    required = False

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        super().__init__(duly, parent=parent)
        self.clock = clocks.current()
        self.path: Path = duly.config.data_dir / "cache.db"
        self._keeper = CacheKeeper(self.path, self.logger)
        self._thread: ThreadPoolExecutor | None = None
        self._removal: asyncio.TimerHandle | None = None
        self._warnings = OncePer(_SECONDS_BETWEEN_WARNINGS)

    async def do(self, work: Callable[[CacheFile], T], otherwise: T) -> T:
        """What the work gives, done in the thread; ``otherwise`` if the file does not let it.

        Raises:
            RuntimeError: the store does not run.
        """
        if self._thread is None:
            raise RuntimeError("the store of the caches does not run: start it first")
        self._remove_later()
        return await self._in(self._thread, work, otherwise)

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[CacheFile], T], otherwise: T) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, self._keeper.do, work)
        except sqlite3.Error as error:
            if self._warnings.due(self.clock.monotonic()):
                self.logger.warning("%s: %s: make room on the disk, or look for who has it locked", self.path, error)
            return otherwise

    async def on_initialize(self) -> None:
        """Take work."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="duly-cache")

    async def after_shutdown(self) -> None:
        """Take no more, and close the file."""
        thread, self._thread = self._thread, None
        if self._removal is not None:
            self._removal.cancel()
            self._removal = None
        if thread is None:
            return
        closed = False
        try:
            await asyncio.get_running_loop().run_in_executor(thread, self._keeper.close)
            closed = True
        finally:
            thread.shutdown(wait=closed)  # which it need not, with nothing left to do

    def _remove_later(self) -> None:
        """Within the hour; not at all in an hour in which there is nothing to do."""
        if self._removal is None:
            loop = asyncio.get_running_loop()
            self._removal = loop.call_later(_SECONDS_BETWEEN_REMOVALS, self._begin_to_remove)

    def _begin_to_remove(self) -> None:
        self._removal = None
        self.task_bucket.spawn(self._remove(), name=f"{self.unique_name}.remove")

    async def _remove(self) -> None:
        now = self.clock.now()
        if self._thread is None:
            return
        if await self._in(self._thread, lambda file: file.remove_expired(now), otherwise=True):
            self._remove_later()

"""An app of plain functions: its hooks run in worker threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, final

from duly.apps.app import HOOKS, App
from duly.apps.app_config import ConfigT


class AppSync(App[ConfigT]):
    """As ``App``, with the hooks ``…_sync``; what blocks in them blocks nobody else.

    Use the blocking twins there: ``bus.sync``, ``scheduler.sync``, ``api.sync``, ``states.sync``, ``cache.sync``.
    """

    final_methods: ClassVar[dict[str, str]] = {hook: f"{hook}_sync" for hook in HOOKS}

    def before_initialize_sync(self) -> None:
        """On the way up, once bus, scheduler and all else that an app has work."""

    def on_initialize_sync(self) -> None:
        """On the way up: listen, schedule jobs, take hold of what it needs."""

    def after_initialize_sync(self) -> None:
        """On the way up, the last hook."""

    def before_shutdown_sync(self) -> None:
        """On the way down, with everything still working."""

    def on_shutdown_sync(self) -> None:
        """On the way down, after its jobs and listeners were removed; api, cache and tasks still work."""

    def after_shutdown_sync(self) -> None:
        """On the way down, the last hook."""

    @final
    async def before_initialize(self) -> None:
        """Run the hook of the same name with ``_sync`` in a worker thread, as do the others."""
        await self._in_worker(self.before_initialize_sync)

    @final
    async def on_initialize(self) -> None:
        """See ``before_initialize``."""
        await self._in_worker(self.on_initialize_sync)

    @final
    async def after_initialize(self) -> None:
        """See ``before_initialize``."""
        await self._in_worker(self.after_initialize_sync)

    @final
    async def before_shutdown(self) -> None:
        """See ``before_initialize``."""
        await self._in_worker(self.before_shutdown_sync)

    @final
    async def on_shutdown(self) -> None:
        """See ``before_initialize``."""
        await self._in_worker(self.on_shutdown_sync)

    @final
    async def after_shutdown(self) -> None:
        """See ``before_initialize``."""
        await self._in_worker(self.after_shutdown_sync)

    async def _in_worker(self, hook: Callable[[], None]) -> None:
        if getattr(type(self), hook.__name__) is not getattr(AppSync, hook.__name__):  # else no worker is needed
            await self.task_bucket.run_in_thread(hook)

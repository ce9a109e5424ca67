"""Waiting for files to change, and reloading what they concern."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from watchfiles import Change, awatch

from duly.apps.announcing import tell
from duly.apps.contents import NEVER_LOOKED_INTO, is_scratch
from duly.apps.handler import AppHandler
from duly.apps.reload import Reloader
from duly.directories import seen
from duly.events import DulyFileWatcherEvent
from duly.lifecycle import Resource, RestartSpec, RestartType, Service

if TYPE_CHECKING:
    from duly.apps.loader import AppLoader
    from duly.config import DulyConfig
    from duly.lifecycle import Root

_STEP_MILLISECONDS = 50
"""How long it takes at most until a change is noticed, or the end of the watch."""
_SETTINGS_NAMES = frozenset({"duly.toml", "hassette.toml", ".env"})
"""Names of files that count as soon as they are there."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look for changes."""

    trees: frozenset[Path]
    """Directories of apps, with all that is below."""
    directories: frozenset[Path]
    """Directories of which only single entries matter: settings, and the trees themselves."""
    entries: frozenset[Path]
    """Those entries."""
    excluded: frozenset[str]
    """Names of directories in trees that do not matter."""
    identities: frozenset[tuple[int, int]]
    """Of trees and directories on the disk: others may come to be at the same paths."""

    @classmethod
    def of(cls, config: DulyConfig) -> Places:
        """What matters with these settings, as far as it exists."""
        watchable = {path.resolve() for path in config.get_watchable_files()}
        wanted = {config.apps.directory.resolve(), *(path for path in watchable if path.is_dir())}
        trees = {path for path in wanted if seen(path.is_dir) and wanted.isdisjoint(path.parents)}
        files = config.env_files | config.toml_files
        entries = {*wanted, *files, *(path.resolve() for path in files)}
        directories = {path.parent for path in entries if path.parent.is_dir() and trees.isdisjoint(path.parents)}
        excluded = frozenset({NEVER_LOOKED_INTO, *config.apps.exclude_dirs})
        identities = {identity for path in trees | directories if (identity := _identity(path)) is not None}
        return cls(frozenset(trees), frozenset(directories), frozenset(entries), excluded, frozenset(identities))

    def concerns_tree(self, change: Change, path: str) -> bool:
        """Whether something has happened to a Python file or to a directory of such."""
        changed = Path(path)
        if changed in self.entries:
            return True
        tree = next((tree for tree in self.trees if changed.is_relative_to(tree)), None)
        if tree is None or is_scratch(changed) or not self.excluded.isdisjoint(changed.relative_to(tree).parts):
            return False
        return changed.suffix == ".py" or (change is not Change.modified and (changed.is_dir() or not changed.suffix))

    def concerns_entry(self, change: Change, path: str) -> bool:
        """Whether something has happened to one of the entries."""
        del change
        return Path(path) in self.entries or Path(path).name in _SETTINGS_NAMES


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class FileWatcherService(Service):
    """Reloads apps when their files or the settings change. Guarded by the event loop.

    That something has happened is all that a watch tells; what it was is found by comparing contents. So it does not
    matter what changed between two watches.
    """

    depends_on: ClassVar[list[type[Resource]]] = [AppHandler]
    required: ClassVar[bool] = False
    log_setting: ClassVar[str] = "file_watcher"
    restart_spec: ClassVar[RestartSpec] = RestartSpec(
        RestartType.TEMPORARY, budget_intensity=3, budget_period_seconds=60.0
    )

    def __init__(self, duly: Root, *, parent: Resource | None = None, handler: AppHandler, loader: AppLoader) -> None:
        super().__init__(duly, parent=parent)
        settings = duly.config.file_watcher
        self._debounce = settings.debounce_milliseconds / 1000
        self._step = settings.step_milliseconds / 1000
        self._touched = asyncio.Event()
        self._announce: Callable[[DulyFileWatcherEvent], object] | None = None
        self._reloader = Reloader(duly.config, loader, handler, self.logger)
        self._reloader.tell = self._tell
        self._begun = False

    def announce_with(self, announce: Callable[[DulyFileWatcherEvent], object] | None) -> None:
        """Call ``announce``, which must not wait, with an event for each set of changed files; ``None``: nobody."""
        self._announce = announce

    def tell_of_settings(self, listener: Callable[[Collection[str]], object]) -> None:
        """Call ``listener``, which must not wait, with the paths of settings that a reload has changed."""
        self._reloader.tell_of_settings = listener

    async def serve(self) -> None:
        """Watch, and reload; from the beginning whenever there are other places to watch."""
        if not self._begun:
            await self._reloader.begin()
            self._begun = True
        while True:
            places = Places.of(self.duly.config)
            async with asyncio.TaskGroup() as watches:
                tasks = [
                    watches.create_task(self._watch(places.trees, places, recursive=True)),
                    watches.create_task(self._watch(places.directories, places, recursive=False)),
                ]
                await asyncio.sleep(0)  # from here on both watch
                self.logger.debug("watching: trees=%d directories=%d", len(places.trees), len(places.directories))
                await self._reload_while(places)
                for task in tasks:
                    task.cancel()

    async def _reload_while(self, places: Places) -> None:
        """Reload after each change, the first time for those that nobody watched, until there are other places."""
        await self._reload()
        self.mark_ready("watching files")
        while places == Places.of(self.duly.config):
            await self._gather()
            await self._reload()

    async def _watch(
        self, paths: Collection[Path], places: Places, *, recursive: bool, ignoring_closed: bool = False
    ) -> None:
        if not paths:
            return
        concerns = places.concerns_tree if recursive else places.concerns_entry
        step = _STEP_MILLISECONDS
        changes = awatch(
            *paths,
            watch_filter=concerns,
            debounce=step,
            step=step,
            recursive=recursive,
            ignore_permission_denied=ignoring_closed,
        )
        try:
            async for _ in changes:
                self._touched.set()
        except FileNotFoundError:  # gone since it was looked up
            self._touched.set()
        except PermissionError:  # of a directory below; not ignored at first, since that would ignore what is gone too
            if ignoring_closed:
                raise
            await self._watch(paths, places, recursive=recursive, ignoring_closed=True)

    async def _gather(self) -> None:
        """Until something has changed and, for the time of a step, nothing further; at most for the debounce time."""
        await self._touched.wait()
        loop = asyncio.get_running_loop()
        until = loop.time() + self._debounce
        while True:
            self._touched.clear()
            try:
                async with asyncio.timeout_at(min(loop.time() + self._step, until)):
                    await self._touched.wait()
            except TimeoutError:
                return

    def _tell(self, changed: frozenset[Path]) -> None:
        tell(self._announce, DulyFileWatcherEvent.of(changed), self.logger)

    async def _reload(self) -> None:
        changes = await self._reloader.reload()
        if changes:
            told = {name: ", ".join(sorted(getattr(changes, name))) for name in changes.__slots__}
            what = " ".join(f"{name}={keys}" for name, keys in told.items() if keys)
            self.logger.info("apps reloaded: %s", what)

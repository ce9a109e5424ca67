"""A root with a store for caches and with owners of them."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from duly.apps.cache import AppCache
from duly.apps.cache_store import CacheStore
from duly.config import DulyConfig
from duly.lifecycle import Resource
from duly.lifecycle.root import Root
from tests.lifecycle.house import House


class Owner(Resource):
    """A part with a cache."""

    def __init__(self, duly: Root, *, parent: Resource | None = None, name: str) -> None:
        self.name = name
        super().__init__(duly, parent=parent)
        self.cache = self.add_child(AppCache)

    def _own_name(self) -> str:
        return self.name


class Home(House):
    """Its caches are in ``folder``; each may have so many bytes."""

    def __init__(self, folder: Path, limit: int = 1_000_000, *, max_workers: int = 2) -> None:
        config = DulyConfig.hermetic(strict_lifecycle=True, data_dir=folder, default_cache_size=limit)
        super().__init__(config, max_workers=max_workers)
        self.store = self.add_child(CacheStore)

    def cache_of(self, name: str = "porch/Porch.0") -> AppCache:
        """The cache of an owner made for it."""
        return self.add_child(Owner, name=name).cache


@asynccontextmanager
async def cache_in(folder: Path, limit: int = 1_000_000, name: str = "porch/Porch.0") -> AsyncIterator[AppCache]:
    """A cache that works."""
    home = Home(folder, limit)
    cache = home.cache_of(name)
    await home.initialize()
    try:
        yield cache
    finally:
        await home.shutdown()


def rows(folder: Path) -> list[tuple[str, str]]:
    """Owner and key of what is in the file."""
    with closing(sqlite3.connect(folder / "cache.db")) as db:
        return db.execute("SELECT owner, key FROM cache_entries ORDER BY owner, key").fetchall()

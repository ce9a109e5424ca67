"""A process that ends in the midst of its life, as ``kill -9`` ends it."""
# ruff: noqa: SLF001 - nobody but a test kit takes parts their files and threads away

from __future__ import annotations

from duly.apps.cache_store import CacheStore
from duly.history import DatabaseService
from duly.lifecycle import WorkerPoolService, part
from duly.runtime import Duly


def crash(duly: Duly) -> None:
    """Take its files and threads away: no hook runs, and nothing more is written."""
    _lose_ledger(part(duly, DatabaseService))
    _lose_caches(part(duly, CacheStore))
    _lose_workers(duly.worker_pool)


def _lose_ledger(database: DatabaseService) -> None:
    writer, readers = database._writer, database._readers
    if writer is not None:
        writer.close(flush=False)
    if readers._pool is not None:
        readers._pool.shutdown()
    for connection in readers._connections:
        connection.close()
    database._unlock()


def _lose_caches(store: CacheStore) -> None:
    if store._thread is not None:
        store._thread.submit(store._keeper.close).result()
        store._thread.shutdown()


def _lose_workers(pool: WorkerPoolService) -> None:
    if pool._threads is not None:
        pool._threads.close(lambda: None)

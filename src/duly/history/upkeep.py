"""Keeping the ledger within its bounds, a few rows at a time so that other writes go between."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import Protocol

from duly.config import DatabaseConfig
from duly.core.clock import SECOND, zoned
from duly.ledger import upkeep
from duly.ledger.writer import ResultT, Work

log = logging.getLogger("duly.DatabaseService")

_DAY = 86_400 * SECOND
_ROWS = 1_000
_REGISTRATIONS = 10
"""Each may cost a pass over the executions."""
_MEGABYTE = 1024 * 1024


class Submits(Protocol):
    """Carries writes out."""

    async def submit(self, work: Work[ResultT]) -> ResultT:
        """What the write gives."""
        ...


async def retain(database: Submits, now: int, *, executions_days: int, logs_days: int) -> None:
    """Delete what is older than so many days."""
    executions, logs = (max(now - days * _DAY, 0) for days in (executions_days, logs_days))
    await _until_none(database, lambda db: upkeep.expire_executions(db, executions, _ROWS), _ROWS)
    await _until_none(database, lambda db: upkeep.expire_logs(db, logs, _ROWS), _ROWS)
    await _until_none(database, lambda db: upkeep.expire_registrations(db, executions, _REGISTRATIONS), _REGISTRATIONS)


async def shrink(database: Submits, settings: DatabaseConfig) -> bool:
    """Delete the oldest rows while the file is larger than it may be; whether there were any to delete."""
    limit = settings.max_size_mb * _MEGABYTE
    if not limit or await database.submit(upkeep.used_bytes) <= limit:
        return False
    shedding = upkeep.Shedding()
    batch = settings.size_failsafe_delete_batch
    for _ in range(settings.size_failsafe_max_iterations):
        shed = await database.submit(lambda db: shedding.shed(db, batch))
        if shed < batch or await database.submit(upkeep.used_bytes) <= limit:
            break
    pages = settings.size_failsafe_vacuum_pages
    await database.submit(lambda db: upkeep.give_back(db, pages))
    back_to = await database.submit(upkeep.reaches_back_to)
    log.warning(
        "the ledger was larger than database.max_size_mb = %g: deleted executions=%d log_records=%d, it reaches back "
        "to %s",
        settings.max_size_mb,
        shedding.executions,
        shedding.logs,
        "nothing" if back_to is None else zoned(back_to, "UTC").round("second").format_iso(),
    )
    return True


async def _until_none(database: Submits, work: Callable[[sqlite3.Connection], int], limit: int) -> None:
    while await database.submit(work) >= limit:
        pass

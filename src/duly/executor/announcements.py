"""Telling the bus of executions whose record is durable.

The writer thread must never wait for the bus, so it only hands over; the loop announces a few at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias, cast

from duly.events import DulyExecutionCompletedEvent
from duly.ledger.codes import KIND
from duly.ledger.entries import Entry, full_row
from duly.lifecycle.crossing import post
from duly.lifecycle.logs import PartLogger

Announce: TypeAlias = Callable[[DulyExecutionCompletedEvent], object]
"""Puts an event on the bus; never waits."""

_AT_ONCE = 100
_MILLISECOND = 1_000_000


class Announcements:
    """Owns what is still to be told; guarded by the loop. ``stored`` is called in the writer thread."""

    def __init__(self, logger: PartLogger) -> None:
        self.announce: Announce | None = None
        """``None``: nobody is told."""
        self._logger = logger
        self._loop: asyncio.AbstractEventLoop | None = None
        self._untold: deque[Entry] = deque()

    def open(self) -> None:
        """Tell in the running loop."""
        self._loop = asyncio.get_running_loop()

    def stored(self, entries: list[Entry]) -> None:
        """These are durable."""
        loop = self._loop
        if self.announce is None or loop is None:
            return
        if not post(loop, self._take, entries):
            self._logger.debug("executions are not announced, the loop has ended: number=%d", len(entries))

    def _take(self, entries: list[Entry]) -> None:
        anonymous = sum(1 for entry in entries if not entry.app_key)
        if anonymous:
            self._logger.warning("executions of apps are announced without an app_key: number=%d", anonymous)
        under_way = bool(self._untold)
        self._untold.extend(entries)
        if not under_way:
            self._tell()

    def _tell(self) -> None:
        for _ in range(min(_AT_ONCE, len(self._untold))):
            self._tell_of(self._untold.popleft())
        if self._untold and self._loop is not None:
            self._loop.call_soon(self._tell)

    def _tell_of(self, entry: Entry) -> None:
        row, announce = full_row(entry.row), self.announce
        if announce is None:
            return
        try:
            announce(
                DulyExecutionCompletedEvent.from_record(
                    cast("Literal['handler', 'job']", KIND.words[row.kind]),
                    entry.status,
                    row.duration / _MILLISECOND,
                    listener_id=row.listener_id,
                    job_id=row.job_id,
                    app_key=entry.app_key,
                    instance_index=entry.instance_index,
                    error_type=row.error_type,
                )
            )
        except Exception as error:  # noqa: BLE001 - it must not affect those that follow
            self._logger.debug("an execution could not be announced: %s", error)

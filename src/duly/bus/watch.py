"""Warnings of listeners that do not keep up, or whose filter fails: one in 60 s each, with the number since."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from duly.core.once_per import OncePer

if TYPE_CHECKING:
    from duly.bus.overlap import Lane, Run
    from duly.core.clock import Clock
    from duly.lifecycle.logs import PartLogger

_PAUSE_SECONDS = 60
_LOOK_SECONDS = 10.0
_STUCK_SECONDS = 60.0


class Watch:
    """Owns what is remembered of warnings. Guarded by the event loop."""

    def __init__(self, logger: PartLogger, clock: Clock, capacity: Callable[[], int]) -> None:
        self._logger = logger
        self._clock = clock
        self._capacity = capacity
        self._lanes: dict[Lane, None] = {}
        """Those where matches wait, or were dropped and no warning tells of it yet."""
        self._stuck: dict[Lane, Run] = {}
        """Runs that were told to be stuck."""
        self._drops: dict[Lane, OncePer] = {}
        self._failures: dict[Lane, OncePer] = {}
        self._untold_failures: dict[Lane, int] = {}
        self._begin = asyncio.Event()

    def attend(self, lane: Lane) -> None:
        """Matches wait, or one was dropped."""
        if lane not in self._lanes:
            self._lanes[lane] = None
            self._begin.set()
        if lane.unreported:
            self._tell_drops(lane)

    def filter_failed(self, lane: Lane, error: BaseException) -> None:
        """The filter of a listener has raised."""
        number = self._untold_failures.get(lane, 0) + 1
        if self._failures.setdefault(lane, OncePer(_PAUSE_SECONDS)).due(self._clock.monotonic()):
            message = "the filter of a listener raised, its handler was not called: listener=%r times=%d"
            self._logger.error(message, lane.listener, number, exc_info=error)
            number = 0
        self._untold_failures[lane] = number

    def forget(self, lane: Lane) -> None:
        """Its listener is gone."""
        for remembered in (self._lanes, self._stuck, self._drops, self._failures, self._untold_failures):
            remembered.pop(lane, None)

    async def look(self) -> None:
        """Look again and again, while matches wait; until cancelled."""
        loop, self._begin = asyncio.get_running_loop(), asyncio.Event()
        while True:
            if not self._lanes:
                self._begin.clear()
                await self._begin.wait()
            await asyncio.sleep(_LOOK_SECONDS)
            for lane in list(self._lanes):
                self._tell_stuck(lane, loop.time())
                self._tell_drops(lane)
                if not (lane.waiting or lane.unreported):
                    del self._lanes[lane]

    def _tell_drops(self, lane: Lane) -> None:
        due = self._drops.setdefault(lane, OncePer(_PAUSE_SECONDS))
        if lane.unreported and due.due(self._clock.monotonic()):
            self._logger.warning(
                "events were dropped, as too many wait for a handler: listener=%r number=%d waiting=%d; make the "
                "handler faster, or listen with another mode, debounce or throttle, or raise duly_event_buffer_size, "
                "now %d",
                lane.listener,
                lane.unreported,
                len(lane.waiting),
                self._capacity(),
            )
            lane.unreported = 0

    def _tell_stuck(self, lane: Lane, now: float) -> None:
        run = next(iter(lane.runs), None)
        if run is None or run.begun is None or not lane.waiting:
            return
        seconds = now - run.begun
        if seconds > _STUCK_SECONDS and self._stuck.get(lane) is not run:
            self._stuck[lane] = run
            message = "a handler has run for %.0f s while events wait behind it: listener=%r waiting=%d"
            self._logger.warning(message, seconds, lane.listener, len(lane.waiting))

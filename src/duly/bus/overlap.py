"""What becomes of a match while the handler of its listener runs: started, waiting, suppressed, or dropped.

A lane has the runs of one listener and the matches behind them. A lane that could start one, were there not so many
runs of other lanes, stands in line for the next place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duly.bus.listener import Delivery, Listener
    from duly.lifecycle.worker_tasks import WorkerTasks

MOST_RUNNING = 2_000
"""Executions of apps at a time."""
MOST_IN_PARALLEL = 100
"""Executions of one listener at a time, with ``mode="parallel"``."""
_IN_ALL = 10
"""So many times what may wait of one listener may wait of all."""


class Run:
    """One execution of a handler, or of a filter's error in its place."""

    __slots__ = ("begun", "cancelling", "delivery", "error", "lane")

    def __init__(self, lane: Lane, delivery: Delivery, error: BaseException | None = None) -> None:
        self.lane = lane
        self.delivery = delivery
        self.error = error
        """What the filter has raised, and the execution raises."""
        self.begun: float | None = None
        """When, by the clock of the loop."""
        self.cancelling = False


class Lane:
    """The runs of one listener, and what waits behind them; owned by ``Overlap``."""

    __slots__ = ("in_line", "listener", "most", "runs", "unreported", "waiting")

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.most = MOST_IN_PARALLEL if listener.options.mode == "parallel" else 1
        """Runs at a time."""
        self.runs: dict[Run, None] = {}
        self.waiting: deque[Delivery] = deque()
        self.in_line = False
        """Whether it waits for other lanes' runs to end."""
        self.unreported = 0
        """Matches dropped of which no warning has told."""


class Overlap:
    """Owns the lanes' runs and what waits. Guarded by the event loop."""

    def __init__(
        self, workers: WorkerTasks[Run], capacity: Callable[[], int], attend: Callable[[Lane], object]
    ) -> None:
        """``capacity``: how many matches of one listener may wait. ``attend`` is told where some do, or are dropped."""
        self.running = 0
        """Runs of apps."""
        self.waiting = 0
        self.dropped = 0
        self._workers = workers
        self._capacity = capacity
        self._attend = attend
        self._line: deque[Lane] = deque()

    def offer(self, lane: Lane, delivery: Delivery) -> None:
        """Start a match now, or do with it what the mode of its listener says."""
        if not lane.waiting and len(lane.runs) < lane.most and self._has_place(lane):
            lane.listener.counts.pending += 1
            self._start(lane, delivery)
            return
        mode, capacity = lane.listener.options.mode, self._capacity()
        if mode == "single" and (lane.runs or lane.waiting):
            lane.listener.counts.suppress("single")
        elif mode == "restart":
            self._replace(lane, delivery)
        elif len(lane.waiting) >= capacity or self.waiting >= _IN_ALL * capacity:
            self._drop(lane)
        else:
            self._wait(lane, delivery)

    def ended(self, run: Run) -> None:
        """A run has ended: start what it has kept waiting."""
        lane = run.lane
        del lane.runs[run]
        if lane.listener.source_tier == "app":
            self.running -= 1
        if lane.waiting:
            self._stand_in_line(lane)
        if self._line:
            self._start_line()

    def discard(self, lane: Lane) -> None:
        """Forget what waits of a lane."""
        number = len(lane.waiting)
        if number:
            lane.waiting.clear()
            self.waiting -= number
            lane.listener.counts.pending -= number
            lane.listener.counts.discarded += number

    def _has_place(self, lane: Lane) -> bool:
        return self.running < MOST_RUNNING or lane.listener.source_tier != "app"

    def _start(self, lane: Lane, delivery: Delivery) -> None:
        run = Run(lane, delivery)
        lane.runs[run] = None
        if lane.listener.source_tier == "app":
            self.running += 1
        self._workers.submit(run)

    def _wait(self, lane: Lane, delivery: Delivery) -> None:
        lane.waiting.append(delivery)
        lane.listener.counts.pending += 1
        self.waiting += 1
        if len(lane.runs) < lane.most:
            self._stand_in_line(lane)
        self._attend(lane)

    def _replace(self, lane: Lane, delivery: Delivery) -> None:
        """Let the latest match be the next, in place of any that has not begun, and end the one that has."""
        counts = lane.listener.counts
        for run in lane.runs:
            if run.begun is None:
                run.delivery = delivery
                counts.suppress("restart")
                return
            if not run.cancelling:
                run.cancelling = True
                self._workers.cancel(run)
        if lane.waiting:
            lane.waiting[0] = delivery
            counts.suppress("restart")
        else:
            self._wait(lane, delivery)

    def _drop(self, lane: Lane) -> None:
        lane.listener.counts.dropped += 1
        self.dropped += 1
        lane.unreported += 1
        self._attend(lane)
        if lane.listener.gate is not None:
            lane.listener.gate.ended()

    def _stand_in_line(self, lane: Lane) -> None:
        if not lane.in_line:
            lane.in_line = True
            if lane.listener.source_tier == "app":
                self._line.append(lane)
            else:  # there is always a place for it
                self._line.appendleft(lane)

    def _start_line(self) -> None:
        """Start one match of each lane in turn, as far as there are places."""
        for _ in range(len(self._line)):
            if not self._has_place(self._line[0]):
                return
            lane = self._line.popleft()
            lane.in_line = False
            if lane.waiting and len(lane.runs) < lane.most:
                self.waiting -= 1
                self._start(lane, lane.waiting.popleft())
                if lane.waiting and len(lane.runs) < lane.most:
                    self._stand_in_line(lane)

"""The executions of handlers: begun in worker tasks, accounted for, and given time at the stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING

from duly.bus.commands import RaiseFilterError
from duly.bus.overlap import Lane, Overlap, Run
from duly.bus.watch import Watch
from duly.executor import InvokeHandler
from duly.lifecycle.worker_tasks import WorkerTasks, some_names

if TYPE_CHECKING:
    from duly.bus.listener import Delivery, Listener
    from duly.core.clock import Clock
    from duly.executor import CommandExecutor
    from duly.lifecycle import Resource

_MOST_FILTER_ERRORS = 2_000
"""Executions at a time that only raise what a filter has raised, while records have no room: of more the log tells."""
_OF_THE_PHASE = 0.5
"""How much of the phase limit a stop waits for handlers that run."""


class Runs:
    """Owns the worker tasks of the bus and what runs in them. Guarded by the event loop."""

    def __init__(
        self,
        part: Resource,
        executor: CommandExecutor,
        clock: Clock,
        capacity: Callable[[], int],
        *,
        feed: Callable[[], bool],
        ended: Callable[[], object],
    ) -> None:
        """``capacity``: how many matches may wait. ``feed`` offers what is next; ``ended`` is called after each run."""
        self._part = part
        self._executor = executor
        self._ended = ended
        self.workers: WorkerTasks[Run] = WorkerTasks(part.task_bucket, self._perform, name="bus:worker", feed=feed)
        self.watch = Watch(part.logger, clock, capacity)
        self.overlap = Overlap(self.workers, capacity, self.watch.attend)
        self._filter_errors = 0
        """Executions that only raise, and have begun."""

    def __len__(self) -> int:
        """Matches that wait, and runs that have not ended."""
        return self.overlap.waiting + len(self.workers)

    def refuse(self, lane: Lane, delivery: Delivery, error: BaseException) -> None:
        """Record what a filter has raised, as an execution of its listener."""
        self.watch.filter_failed(lane, error)
        if self._filter_errors < _MOST_FILTER_ERRORS:
            self.workers.submit(Run(lane, delivery, error))

    def forget(self, lane: Lane) -> None:
        """Its listener is gone: discard what waits."""
        self.overlap.discard(lane)
        self.watch.forget(lane)

    def discard(self, lanes: Collection[Lane]) -> None:
        """Begin with nothing that has not begun."""
        for lane in lanes:
            self.overlap.discard(lane)
        for run in self.workers.withdraw():
            self._withhold(run)

    async def finish(self) -> None:
        """Until handlers have ended, or their time is up; they are cancelled then, with the tasks of the part."""
        limit = self._part.phase_limit * _OF_THE_PHASE
        in_flight = self.workers.in_flight()
        if not in_flight:
            return
        self._part.logger.info("handlers have %g s to end: listeners=%s", limit, _names(in_flight))
        left = await self.workers.left_after(limit)
        if left:
            message = "handlers did not end within %g s and are cancelled: listeners=%s"
            self._part.logger.warning(message, limit, _names(left))

    async def _perform(self, run: Run) -> None:
        """Carry one run out, and see to it that its listener goes on."""
        listener = run.lane.listener
        if not listener.live:
            self._withhold(run)
            return
        self._begin(run)
        bucket = listener.owner_bucket or self._part.task_bucket
        token = bucket.enter()
        try:
            await self._executor.execute(self._command(run))
        except Exception as error:  # the top of a run: what its handler raises does not come here
            self._part.logger.critical("an execution failed outside its handler: %r", listener, exc_info=error)
        except (KeyboardInterrupt, SystemExit) as error:  # kept from the loop, which would end at once
            self._part.duly.request_shutdown(f"{type(error).__name__} in {listener!r}")
        finally:
            bucket.leave(token)
            self._end(run)

    def _begin(self, run: Run) -> None:
        counts = run.lane.listener.counts
        run.begun = asyncio.get_running_loop().time()
        if run.error is None:
            counts.pending -= 1
            counts.started += 1
        else:
            counts.predicate_errors += 1
            self._filter_errors += 1

    def _end(self, run: Run) -> None:
        if run.error is None:
            self.overlap.ended(run)
            gate = run.lane.listener.gate
            if gate is not None:
                gate.ended()
        elif run.begun is not None:
            self._filter_errors -= 1
        self._ended()

    def _withhold(self, run: Run) -> None:
        """End a run that does not begin any more."""
        if run.error is None:
            counts = run.lane.listener.counts
            counts.pending -= 1
            counts.discarded += 1
        self._end(run)

    def _command(self, run: Run) -> InvokeHandler:
        listener, delivery = run.lane.listener, run.delivery
        app_error_handler = listener.app_error_handler
        make = InvokeHandler if run.error is None else partial(RaiseFilterError, error=run.error)
        return make(
            listener=listener,
            event=delivery.event,
            topic=delivery.topic,
            listener_id=listener.db_id,
            source_tier=listener.source_tier,
            effective_timeout=self._timeout(listener),
            app_level_error_handler=None if app_error_handler is None else app_error_handler(),
            is_synthetic=delivery.is_synthetic,
        )

    def _timeout(self, listener: Listener) -> float | None:
        options = listener.options
        if options.timeout_disabled:
            return None
        if options.timeout is None:
            return self._part.duly.config.lifecycle.event_handler_timeout_seconds
        return options.timeout


def _names(runs: Iterable[Run]) -> str:
    """Their listeners."""
    return some_names(repr(run.lane.listener) for run in runs)

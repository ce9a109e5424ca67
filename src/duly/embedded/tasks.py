"""The event loop on which async jobs run, in a thread of its own.

A task of its own for each run would cost more than most jobs do. So runs wait in a queue, and a worker task takes one
after the other; another worker is started only when the queue is not empty although all workers are suspended. The
*pump* finds that out: it is called behind the newest worker, and again for as long as runs wait.

A worker ends, and leaves the rest to the next, when a run has changed the context variables of its task or its task
was cancelled, and after a batch, so that whatever else is on the loop gets its turn.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from concurrent.futures import CancelledError, InvalidStateError
from contextlib import suppress
from contextvars import Context, copy_context
from typing import TYPE_CHECKING

from duly.core import clock as clocks
from duly.core.clock import SECOND
from duly.embedded.attempt import Attempt
from duly.embedded.driver import SECONDS_UNTIL_ROOM, interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future
    from typing import Any
    from weakref import ref

    from duly.embedded.driver import Driver
    from duly.embedded.job import LiveRun

log = logging.getLogger("duly.embedded")

_BATCH = 64
_STOPPED = "the scheduler was stopped before the run came to its end"


class LoopThread:
    """Runs async jobs. Owns loop and tasks, which only its thread touches; the queue is filled from any thread."""

    def __init__(self, driver: ref[Driver], clock: clocks.Clock) -> None:
        self._driver = driver
        self._queue: deque[LiveRun] = deque()
        self._pumping = False
        self._ending = False
        self._ended = False
        self._tasks: dict[LiveRun, asyncio.Task[None]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._awaited: set[Future[Attempt]] = set()
        self._loop = asyncio.new_event_loop()
        self._context = Context()  # empty: whose thread this is depends on chance
        self._context.run(clocks.use, clock)
        self.thread = threading.Thread(
            target=self._context.copy().run, args=(self._serve,), name="duly-loop", daemon=True
        )
        try:
            self.thread.start()
        except RuntimeError:  # no thread to be had
            self._loop.close()
            raise

    def submit(self, run: LiveRun) -> None:
        """Run it. From any thread, one at a time."""
        self._queue.append(run)
        if not self._pumping:
            self._pumping = True
            self._call(self._pump)

    def interrupt(self, run: LiveRun) -> None:
        """Cancel the task of a run. From any thread."""
        self._call(self._cancel, run)

    def withdraw(self) -> list[LiveRun]:
        """Take back what no worker has begun with. From any thread."""
        runs = []
        while self._queue:
            try:
                runs.append(self._queue.popleft())
            except IndexError:  # a worker was faster
                break
        return runs

    def abandon(self) -> None:
        """Cancel all tasks and end the thread. From any thread."""
        self._ending = True
        self._call(self._end)

    def in_hand(self) -> list[LiveRun]:
        """The runs that have begun; exact on its own thread."""
        return list(self._tasks)

    def wait_for(self, coroutine: Coroutine[Any, Any, Attempt]) -> Attempt:
        """Await a coroutine on the loop; the calling thread waits.

        Raises:
            RuntimeError: the scheduler was stopped before it came to its end.
        """
        if self._ending:
            coroutine.close()
            raise RuntimeError("the scheduler was stopped: start it first")
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise RuntimeError(_STOPPED) from None
        self._awaited.add(future)
        if self._loop.is_closed():  # meanwhile, and nobody has looked at what was added since
            self._disappoint()
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError(_STOPPED) from None
        finally:
            self._awaited.discard(future)

    async def perform(self, driver: Driver, run: LiveRun) -> Attempt:
        """Carry out a run in the current task."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a task
        self._tasks[run] = task
        try:
            return await perform(driver, run)
        finally:
            del self._tasks[run]

    def _call(self, function: Any, *args: Any) -> None:  # noqa: ANN401 - as call_soon
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *args, context=self._context)

    def _end(self) -> None:
        if not self._ended:  # otherwise what runs are the tasks that get time for their end
            self._ended = True
            self._loop.stop()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._ended:
            self._unless_exited(self._loop.run_forever)
        end = self._loop.create_task(self._let_tasks_end())
        while not end.done():
            self._unless_exited(lambda: self._loop.run_until_complete(end))
        asyncio.set_event_loop(None)
        self._loop.close()
        self._disappoint()

    def _disappoint(self) -> None:
        """Tell who waits for a run that has not begun, or has outlasted its cancellation. The loop has ended."""
        for future in list(self._awaited):
            with suppress(InvalidStateError):  # it has come to its end
                future.set_exception(RuntimeError(_STOPPED))

    def _unless_exited(self, run: Callable[[], object]) -> None:
        """Run the loop, but no further once a task that a job has made raises ``SystemExit`` or ``KeyboardInterrupt``.

        asyncio lets these two through to here; who awaits the task gets them too.
        """
        try:
            run()
        except (SystemExit, KeyboardInterrupt):
            log.exception("a task ended in an exit: the loop of the scheduler goes on")

    async def _let_tasks_end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE)
        await self._loop.shutdown_asyncgens()

    def _pump(self) -> None:
        """Start a worker if runs wait, and look again behind it if it cannot take them all in its first step."""
        taken = 0
        if self._queue:
            taken = 1
            worker = self._loop.create_task(self._work(), name="duly-job")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        self._pumping = False
        if len(self._queue) > taken:  # after the flag: who has put in one meanwhile saw the pump still working
            self._pumping = True
            self._loop.call_soon(self._pump)

    async def _work(self) -> None:
        pristine = copy_context()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a task
        for _ in range(_BATCH):
            try:
                run = self._queue.popleft()
            except IndexError:
                return
            driver = self._driver()
            if driver is None:
                return
            while driver.held_up:  # noqa: ASYNC110 - what makes room is a thread that knows no loop
                await asyncio.sleep(SECONDS_UNTIL_ROOM)
            if driver.withholds(run):
                continue
            await self.perform(driver, run)
            del driver
            if task.cancelling() or copy_context() != pristine:
                return

    def _cancel(self, run: LiveRun) -> None:
        task = self._tasks.get(run)
        if task is not None:
            task.cancel()


async def perform(driver: Driver, run: LiveRun) -> Attempt:
    """Carry out a run of an ``async`` job on the loop that this is awaited on."""
    job = run.job
    limit = job.options.timeout
    with Attempt(driver, run, asyncio.CancelledError) as attempt:
        if limit is None:
            attempt.result = await job.call(run)
        else:
            async with asyncio.timeout(limit / SECOND):
                attempt.result = await job.call(run)
    return attempt


def blocking_caller(loop: LoopThread | None) -> Callable[[Driver, LiveRun], Attempt]:
    """What carries a run out on ``loop``, or on one made for it, and makes the calling thread wait for it.

    Raises:
        RuntimeError: the calling thread runs an event loop itself.
    """
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - the public one raises if there is none
        raise RuntimeError("called from within an event loop: await the function itself, or call from another thread")
    if loop is None:
        return lambda driver, run: asyncio.run(perform(driver, run))
    return lambda driver, run: _perform_on(loop, driver, run)


def _perform_on(loop: LoopThread, driver: Driver, run: LiveRun) -> Attempt:
    try:
        return loop.wait_for(loop.perform(driver, run))
    except RuntimeError:  # of the loop: what the job raises is in the attempt
        driver.finish(interrupted(run, driver.clock.now()))
        raise


_PATIENCE = 0.2
"""Seconds that tasks have for their end once the scheduler has stopped and waits for none."""

"""Writes of which somebody awaits the result, between those who ask and the writer of the ledger.

At most ``capacity`` of them are handed to a writer at a time; the others wait here, in their order, and so do all of
them while there is no writer, as in a restart of the database service. What a writer that is given up has not begun
with comes back to the front.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic

from duly.core.clock import Clock
from duly.core.once_per import OncePer
from duly.ledger.writer import ResultT, Work, Writer

log = logging.getLogger("duly.DatabaseService")

_STOPPED = "the database service has stopped: the write was not carried out"
_CROWDED = 0.75
_SECONDS_BETWEEN_WARNINGS = 30


class Writes:
    """Owns the writes that wait. May be called from any thread; ``_guard`` guards all of it."""

    def __init__(self, capacity: int, clock: Clock) -> None:
        self.capacity = capacity
        self.refused = 0
        """Writes for which there was no room and nobody waited."""
        self._clock = clock
        self._guard = threading.RLock()
        self._waiting: deque[_Write[Any]] = deque()
        self._handed = 0
        self._writer: Writer | None = None
        self._taken = False
        """Whether writes are taken: not before the first start, nor after the stop."""
        self._crowd_warnings = OncePer(_SECONDS_BETWEEN_WARNINGS)
        self._refusal_warnings = OncePer(_SECONDS_BETWEEN_WARNINGS)

    def issue(self, work: Work[ResultT]) -> Future[ResultT]:
        """Have ``work`` done after everything issued before.

        Raises:
            RuntimeError: the database service does not run.
        """
        write = _Write(work)
        self._take(write)
        return write.future

    def flush(self) -> Future[float | None]:
        """As ``issue``; the result is that of ``Writer.flush``.

        Raises:
            RuntimeError: the database service does not run.
        """
        flush: _Write[float | None] = _Write(None)
        self._take(flush)
        return flush.future

    def offer(self, work: Work[object], on_failed: Callable[[BaseException], object] | None = None) -> bool:
        """Have ``work`` done if there is room; else count it as refused. ``on_failed`` is told what goes wrong later.

        Raises:
            RuntimeError: the database service does not run.
        """
        with self._guard:
            self._refuse_when_closed()
            taken = len(self) < self.capacity
            if taken:
                write = _Write(work)
                if on_failed is not None:
                    write.future.add_done_callback(partial(_tell_failure, on_failed))
                self._waiting.append(write)
                self._pass_on()
            else:
                self.refused += 1
            fill, refused = self._crowd(), self.refused
            tell = not taken and self._refusal_warnings.due(self._clock.monotonic())
        self._tell_of_crowd(fill)
        if tell:
            log.warning("no room for a write: refused=%d: raise database.write_queue_max", refused)
        return taken

    def __len__(self) -> int:
        """Writes that have no result yet."""
        return len(self._waiting) + self._handed

    def open(self, writer: Writer) -> None:
        """Hand writes to ``writer`` from now on."""
        with self._guard:
            self._writer = writer
            self._taken = True
            self._pass_on()

    def suspend(self) -> None:
        """Hand no more to the writer, and have it give back what it has not begun with; writes are still taken."""
        with self._guard:
            self._writer = None

    def close(self) -> None:
        """Take no more. What was taken before is carried out by the writer, if there is one."""
        with self._guard:
            self._taken = False
            self._pass_on(everything=True)
            left = list(self._waiting)
            self._waiting.clear()
        for write in left:
            write.fail(RuntimeError(_STOPPED))

    def _take(self, write: _Write[Any]) -> None:
        with self._guard:
            self._refuse_when_closed()
            self._waiting.append(write)
            fill = self._crowd()
            self._pass_on()
        self._tell_of_crowd(fill)

    # Under the guard

    def _refuse_when_closed(self) -> None:
        if not self._taken:
            raise RuntimeError("the database service does not run: start it first")

    def _pass_on(self, *, everything: bool = False) -> None:
        writer = self._writer
        while writer is not None and self._waiting and (everything or self._handed < self.capacity):
            write = self._waiting.popleft()
            write.came_back = write.begun = False
            self._handed += 1
            done = writer.flush() if write.work is None else writer.submit(partial(self._carry_out, write, writer))
            done.add_done_callback(partial(self._done, write, writer))

    def _crowd(self) -> int:
        """How many wait, if the log is to be told; else 0."""
        fill = len(self)
        crowded = fill > 1 and fill >= self.capacity * _CROWDED
        return fill if crowded and self._crowd_warnings.due(self._clock.monotonic()) else 0

    def _tell_of_crowd(self, fill: int) -> None:
        """Without the guard: who logs may be made to wait."""
        if fill:
            percentage = round(100 * fill / self.capacity)
            log.warning("writes wait: fill=%d capacity=%d percentage=%d", fill, self.capacity, percentage)

    # In the thread of the writer

    def _carry_out(self, write: _Write[ResultT], writer: Writer, db: sqlite3.Connection) -> ResultT:
        if self._writer is not writer:
            raise _NotBegunError
        write.begun = True
        assert write.work is not None  # noqa: S101 - a flush is not carried out
        return write.work(db)

    def _done(self, write: _Write[object], writer: Writer, done: Future[object]) -> None:
        error = done.exception()
        with self._guard:
            self._handed -= 1
            comes_back = error is not None and not write.begun and self._writer is not writer
            if comes_back and self._taken:
                write.came_back = True
                number = sum(1 for each in self._waiting if each.came_back)
                self._waiting.insert(number, write)
                self._pass_on()  # another writer may be there already
                return
            self._pass_on()
        if error is None:
            write.succeed(done.result())
        else:
            write.fail(RuntimeError(_STOPPED) if comes_back else error)


class _Write(Generic[ResultT]):
    """Work, and the promise of its result."""

    def __init__(self, work: Work[ResultT] | None) -> None:
        self.work = work
        """``None``: a flush."""
        self.future: Future[ResultT] = Future()
        self.came_back = False
        self.begun = False

    def succeed(self, result: ResultT) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


def _tell_failure(tell: Callable[[BaseException], object], done: Future[object]) -> None:
    error = done.exception()
    if error is not None:
        tell(error)


class _NotBegunError(Exception):
    """The writer was given up before it came to this write."""

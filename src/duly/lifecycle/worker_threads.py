"""Threads that make blocking calls for coroutines.

One lock guards queue, calls under way and threads; it is held for a few statements at a time, never during a call. A
thread is started when more calls wait than threads are idle, up to the limit. Threads are daemons, so that a call
that never ends does not hold up the end of the process. A call belongs to the loop that waits for it: the thread only
posts how it ended.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections import OrderedDict
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from duly.core import clock as clocks
from duly.core.clock import SECOND
from duly.lifecycle.crossing import post

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A call under way, at one moment."""

    function: str
    seconds: float
    leaked: bool
    """Whether nobody waits for it any more: its limit has passed."""
    stack: str
    """Where it is; empty unless asked for."""


class Call:
    """One call of a function, in the context in which it was asked for, and the future of who waits for it."""

    __slots__ = ("_begun", "_clock", "_context", "_function", "_loop", "future", "leaked", "name", "thread")

    def __init__(self, function: Callable[[], Any], name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()
        self._function: Callable[[], Any] | None = function
        self._context = copy_context()
        self._clock = clocks.current()
        self._begun = 0
        self.name = name
        self.thread = 0
        self.leaked = False

    def begin(self) -> None:
        """Note thread and time."""
        self.thread = threading.get_ident()
        self._begun = self._clock.monotonic()

    def seconds(self) -> float:
        """How long it has been under way."""
        return (self._clock.monotonic() - self._begun) / SECOND

    def make(self) -> tuple[Any, BaseException | None]:
        """Call the function: its result, or what it raised."""
        function, self._function = self._function, None
        assert function is not None  # noqa: S101 - a call is made once
        try:
            return self._context.run(function), None
        except StopIteration as error:  # which a future does not take
            stand_in = RuntimeError(f"{self.name} raised StopIteration")
            stand_in.__cause__ = error
            return None, stand_in
        except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
            return None, error

    def deliver(self, result: Any, error: BaseException | None) -> None:  # noqa: ANN401 - what the function gives
        """Tell who waits. From the thread that has made it."""
        post(self._loop, self._settle, result, error)

    def _settle(self, result: Any, error: BaseException | None) -> None:  # noqa: ANN401 - as above
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        elif isinstance(error, asyncio.CancelledError):
            self.future.cancel()
        else:
            self.future.set_exception(error)


class WorkerThreads:
    """Owns threads, queue and calls under way; one lock guards them. Cannot be used again once closed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._changed = threading.Condition()
        self._queue: OrderedDict[Call, None] = OrderedDict()
        self._under_way: dict[Call, None] = {}
        self._threads: set[threading.Thread] = set()
        self._started = 0
        self._idle = 0
        self._when_empty: Callable[[], object] | None = None
        self._closed = False

    def submit(self, call: Call) -> None:
        """Make the call as soon as a thread is free.

        Raises:
            RuntimeError: closed, or the system gives not a single thread.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the worker pool has stopped and takes no more calls")
            self._queue[call] = None
            if len(self._queue) > self._idle and len(self._threads) < self.limit:
                self._add_thread(call)
            self._changed.notify()

    def withdraw(self, call: Call) -> bool:
        """Take back a call that has not begun; one that has is counted as leaked, and the answer is ``False``."""
        with self._changed:
            if call in self._queue:
                del self._queue[call]
                return True
            call.leaked = call in self._under_way
            return False

    def close(self, when_empty: Callable[[], object]) -> list[Call]:
        """Take no more calls and give those that have not begun; ``when_empty`` is called once no thread is left.

        From any thread, which may also be the last worker.
        """
        with self._changed:
            self._closed = True
            self._when_empty = when_empty
            dropped = list(self._queue)
            self._queue.clear()
            self._changed.notify_all()
            empty = not self._threads
        if empty:
            when_empty()
        return dropped

    def load(self) -> tuple[int, int]:
        """How many calls keep a worker busy, and how many more wait for one."""
        with self._changed:
            calls = len(self._under_way) + len(self._queue)
        busy = min(calls, self.limit)
        return busy, calls - busy

    def at_work(self, waiting: Collection[int]) -> bool:
        """Whether a thread makes a call, or is about to, apart from those that wait for the loop themselves."""
        with self._changed:
            waits = sum(1 for call in self._under_way if call.thread in waiting)
            return len(self._under_way) > waits or (bool(self._queue) and waits < self.limit)

    def running(self, *, stacks: bool = False) -> list[RunningCall]:
        """The calls under way, longest first."""
        with self._changed:
            calls = list(self._under_way)
        frames = sys._current_frames() if stacks else {}  # noqa: SLF001 - the only way to see another thread's stack
        shown = [
            RunningCall(
                call.name,
                call.seconds(),
                call.leaked,
                "".join(traceback.format_stack(frames[call.thread])) if call.thread in frames else "",
            )
            for call in calls
        ]
        return sorted(shown, key=lambda call: -call.seconds)

    def _add_thread(self, call: Call) -> None:
        thread = threading.Thread(target=self._work, name=f"duly-sync_{self._started}", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            if not self._threads:
                del self._queue[call]
                raise
        else:
            self._started += 1

    def _work(self) -> None:
        while (call := self._next()) is not None:
            result, error = call.make()
            with self._changed:
                del self._under_way[call]
                call.deliver(result, error)  # under the lock: who finds nobody at work finds what was made
            del call, result, error  # hold nothing of a user's while waiting

    def _next(self) -> Call | None:
        with self._changed:
            while not self._queue and not self._closed:
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            if self._queue:
                call, _ = self._queue.popitem(last=False)
                call.begin()
                self._under_way[call] = None
                return call
            self._threads.discard(threading.current_thread())
            empty = None if self._threads else self._when_empty
        if empty is not None:
            empty()
        return None

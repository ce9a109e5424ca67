"""An asyncio event loop on virtual time.

Its timers come due when its clock is moved, never by waiting. Before time moves all is settled: no callback is ready,
and no thread works for the loop. Threads are real and are waited for in real time; virtual time stands meanwhile. The
loop knows of them in two ways: a future made by ``asyncio.wrap_future``, as ``to_thread`` and the writer of a ledger
have it, is going to be completed by a thread; and pools tell whether one of theirs works (``lifecycle.virtual_time``).
A thread that waits for the loop, as in a synchronous call, does not hold time up. What comes from threads is taken
when the loop has nothing else to do, and ``to_thread`` has one thread. On a loop that lives on its clock threads also
begin with a call only then, one at a time: so the same calls give the same order.

Timers are kept in whole microseconds, so that what is due on a whole second happens on it to the nanosecond, though
asyncio counts in floats.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from heapq import heappush
from itertools import count
from typing import Any, TypeAlias, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

from duly.core import clock as clocks
from duly.core.clock import SECOND, SystemClock
from duly.core.errors import DulyError
from duly.core.outcomes import Reason
from duly.lifecycle.crossing import running_loop
from duly.lifecycle.worker_threads import Call
from duly.testing.clock import VirtualClock
from duly.testing.ledger import Account
from duly.testing.loop_threads import ExecutorCall, LoopThreads
from duly.testing.stacks import stacks_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_Events: TypeAlias = list[tuple[selectors.SelectorKey, int]]
_Select: TypeAlias = Callable[[float | None], _Events]

PATIENCE = 10.0
"""Seconds of real time after which something has to be settled."""

_MICROSECOND = 1_000
_FLOAT_ERROR = 0.02
"""Microseconds by which asyncio may err in a year."""
_COMPLETED_BY_THREADS = {asyncio.wrap_future.__code__, asyncio.BaseEventLoop.shutdown_default_executor.__code__}
"""The functions that make such futures."""
_MOST_ROUNDS = 1_000
"""Who goes round and round until a thread has done something gets to see it."""
_REAL = SystemClock()
_numbers = count()


class HarnessStuckError(DulyError):
    """Something goes on and on, or waits for what never comes; shows all tasks and stacks."""


def run_virtual(main: Coroutine[Any, Any, T], clock: VirtualClock | None = None) -> T:
    """Run a coroutine to its end on virtual time, and give its result: every wait is over at once, in order of time.

    Whenever all is settled time jumps to the next timer; threads are waited for. ``clock``, by default one that
    begins on 2025-01-01 UTC, is the current one inside. What is left of tasks at the end is cancelled.

    Raises:
        HarnessStuckError: it was not settled within 10 s of real time.
    """
    clock = clock or VirtualClock()
    context = copy_context()
    context.run(clocks.use, clock)
    loop = VirtualLoop(clock, by_itself=True)
    runner = asyncio.Runner(loop_factory=lambda: loop)
    try:
        return runner.run(main, context=context)
    except HarnessStuckError:
        loop.bury()
        raise
    finally:
        if not loop.is_closed():
            runner.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """A ``Host`` of its clock: gets its turn whenever a timer is due. Guarded by the thread that runs it.

    Only ``call_soon_threadsafe`` and ``wait_in_thread`` may be called from others.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _thread_id: int | None
    _check_closed: Callable[[], None]
    _write_to_self: Callable[[], None]

    def __init__(self, clock: VirtualClock, *, by_itself: bool = False) -> None:
        """Live on ``clock``. ``by_itself``: the loop moves it, up to its next timer, instead of having its turns."""
        self._clock = clock
        self._by_itself = by_itself
        self._threads = LoopThreads()
        self._waits: set[threading.Event] = set()
        """Of threads that wait for the loop."""
        self._put_off: deque[Callable[[], None]] = deque()
        """What hands something to threads, once nobody else does anything."""
        self._rounds = 0
        """In which what threads have posted was left for later."""
        self._contexts = WeakKeyDictionary[asyncio.Task[Any], Context]()
        """Of tasks."""
        self._be_patient()
        selector = _Selector()
        selector.waited = self._waited
        super().__init__(selector)
        self._one_thread = ThreadPoolExecutor(1, "duly-loop")
        self.set_default_executor(self._one_thread)
        if not by_itself:
            clock.attach(self)

    def time(self) -> float:
        """Seconds of virtual time since the clock was made."""
        return self._clock.monotonic() / SECOND

    @property
    def _clock_resolution(self) -> float:
        """How much earlier than its time asyncio may call a timer: so little that only one whose time has come is."""
        return math.ulp(self.time())

    @_clock_resolution.setter
    def _clock_resolution(self, of_the_real_clock: float) -> None:
        """Set by asyncio, which does not know better."""

    # --- as a host ---------------------------------------------------------------------------------------------------

    def next_event(self) -> int | None:
        """When the next timer is due; now, if there is something to do."""
        if self._ready or self._threads.posted or self._put_off:
            return self._clock.now()
        if not self._scheduled:
            return None
        moment = round(self._scheduled[0].when() * 1e6) * _MICROSECOND
        return self._clock.now() + max(0, moment - self._clock.monotonic())

    def turn(self, now: int, why: Reason) -> None:  # noqa: ARG002 - who is late asks the clock
        """Run until all is settled.

        Raises:
            HarnessStuckError: it was not within 10 s of real time.
        """
        self._be_patient()
        self.run_forever()

    def stepped(self, delta: int) -> None:
        """Timers stay where they are: they count elapsed time."""

    def accounts(self) -> list[Account]:
        """It has no jobs of its own."""
        return []

    # --- of asyncio --------------------------------------------------------------------------------------------------

    def create_task(  # type: ignore[override] # of no version of asyncio in particular
        self,
        coro: Coroutine[Any, Any, T],
        *,
        context: Context | None = None,
        **options: Any,  # noqa: ANN401 - those of asyncio, which grow with its versions
    ) -> asyncio.Task[T]:
        """A task, whose context is remembered for ``bury``."""
        context = copy_context() if context is None else context
        task = super().create_task(coro, context=context, **options)
        self._contexts[task] = context
        return task

    def create_future(self) -> asyncio.Future[Any]:
        """A future; if a thread is going to complete it, time stands until then."""
        future = super().create_future()
        if sys._getframe(1).f_code in _COMPLETED_BY_THREADS:  # noqa: SLF001 - the one place where threads come in
            self._threads.expect(future)
        return future

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Have it called by a thread; time stands meanwhile."""
        result: Future[T] = Future()
        call = ExecutorCall(self._one_thread if executor is None else executor)

        def make() -> None:
            call.thread = threading.get_ident()
            try:
                result.set_result(func(*args))
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                result.set_exception(error)

        def begin() -> None:
            if result.set_running_or_notify_cancel():
                call.submitted = True
                try:
                    call.executor.submit(make)
                except RuntimeError as error:  # it was shut down
                    result.set_exception(error)

        future = asyncio.wrap_future(result, loop=self)
        self._threads.made_by(future, call)
        self.begin_in_thread(begin)
        return future

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call it in the next round; from other threads when nothing else is left to do.

        Raises:
            RuntimeError: the loop is closed.
        """
        completes = self._threads.completed_by(callback, args)
        if completes is None and threading.get_ident() == self._thread_id:
            return super().call_soon_threadsafe(callback, *args, context=context)
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        ends = completes is not None or isinstance(getattr(callback, "__self__", None), Call)
        self._threads.post(handle, completes, ends=ends)
        self._write_to_self()
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call it at the first whole microsecond that is not before ``when``, and later than now if that is."""
        now = self.time()
        if when > now:
            moment = math.ceil(when * 1e6 - _FLOAT_ERROR) / 1e6
            when = moment if moment > now else (math.floor(now * 1e6 + _FLOAT_ERROR) + 1) / 1e6
        self._check_closed()
        timer = _Timer(when, callback, args, self, context)
        heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined] # noqa: SLF001 - as asyncio does
        return timer

    def close(self) -> None:
        """End; threads that wait for it are let go."""
        self._clock.detach(self)
        for wait in list(self._waits):
            wait.set()
        super().close()

    def bury(self) -> None:
        """Close it with its tasks as they are: they never go on."""
        outer = running_loop()
        asyncio._set_running_loop(self)  # noqa: SLF001 - what their ``finally`` blocks ask for is this one
        try:
            ended: set[asyncio.Task[Any]] = set()
            for _ in range(_MOST_ROUNDS):  # several, for what they begin at their end
                tasks = asyncio.all_tasks(self) - ended
                if not tasks:
                    break
                for task in tasks:
                    task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - it is known
                    _end(task, self._contexts.get(task) or copy_context())
                ended |= tasks
        finally:
            asyncio._set_running_loop(outer)  # noqa: SLF001 - as it was
        self.close()

    # --- threads -----------------------------------------------------------------------------------------------------

    def watch_threads(self, at_work: Callable[[Collection[int]], bool]) -> None:
        """Let time stand while ``at_work``, given the threads that wait for the loop, says so."""
        self._threads.watch(at_work)

    def begin_in_thread(self, begin: Callable[[], None]) -> None:
        """Call ``begin``; on a loop that lives on its clock when nobody else does anything, one at a time."""
        if self._by_itself:
            begin()
        else:
            self._put_off.append(begin)

    def wait_in_thread(self, result: Future[Any], seconds: float | None) -> bool:
        """From a thread: wait until ``result`` is there, at most so many seconds of virtual time; whether it is."""
        over, thread = threading.Event(), threading.get_ident()
        timers: list[asyncio.TimerHandle] = []

        def begin() -> None:
            self._threads.waiting.add(thread)
            if seconds is not None:
                timers.append(self.call_later(seconds, end))
            result.add_done_callback(lambda _: end())

        def end() -> None:
            for timer in timers:
                timer.cancel()
            self.begin_in_thread(let_go)

        def let_go() -> None:
            self._threads.waiting.discard(thread)
            over.set()

        self._waits.add(over)
        self.call_soon_threadsafe(begin)
        over.wait()
        self._waits.discard(over)
        return result.done()

    # --- time --------------------------------------------------------------------------------------------------------

    def _waited(self, select: _Select, timeout: float | None) -> _Events:
        """What is ready now that the loop has nothing to do for ``timeout`` seconds, and would wait."""
        idle = timeout != 0
        works = idle and self._threads.at_work()  # asked before looking: what was done until then is found
        events = select(0)
        patience = (self._patience_ends - _REAL.monotonic()) / SECOND
        if patience <= 0:
            raise HarnessStuckError(f"not settled within {PATIENCE:g} s of real time\n\n{stacks_of(self)}")
        if self._take_posts(at_once=idle and not works) or events or not idle:
            return events
        if not works and self._put_off:
            self.call_soon(self._put_off.popleft())
        elif not works and not self._by_itself:
            self.stop()
        elif works or not self._move():
            return select(patience)  # without anything to move to, some other thread may have something to say
        return []

    def _take_posts(self, *, at_once: bool) -> bool:
        """Take what threads have posted, now or in a later round; whether there was something to take now."""
        self._rounds = self._rounds + 1 if self._threads.posted else 0
        if not self._rounds or not (at_once or self._rounds > _MOST_ROUNDS):
            return False
        self._rounds = 0
        self._ready.extend(self._threads.take())
        return True

    def _move(self) -> bool:
        """Move time to the next event; False: there is none."""
        events = [event for event in (self.next_event(), self._clock.next_event()) if event is not None]
        if not events:
            return False
        self._clock.elapse_until(min(events))
        self._clock.turn(Reason.STALLED)
        self._be_patient()
        return True

    def _be_patient(self) -> None:
        self._patience_ends = _REAL.monotonic() + round(PATIENCE * SECOND)


def _end(task: asyncio.Task[Any], context: Context) -> None:
    """Take it out of all that it is in, however often a ``finally`` block of it wants to wait."""
    coroutine = task.get_coro()
    for _ in range(_MOST_ROUNDS):
        try:
            context.run(coroutine.throw, _Buried())
        except BaseException:  # noqa: BLE001 - it has ended; what it raises at that comes to nothing
            return


class _Buried(BaseException):
    """What takes the place of ``GeneratorExit``: a ``finally`` block may wait, so that its wait can be ended too."""


class _Timer(asyncio.TimerHandle):
    """Of several at the same moment the first that was made comes first; with asyncio's own that is chance."""

    __slots__ = ("_number",)

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 - of its base
        super().__init__(*args)
        self._number = next(_numbers)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, _Timer):
            return NotImplemented
        return (self._when, self._number) < (other._when, other._number)  # type: ignore[attr-defined] # of its base


class _Selector(selectors.DefaultSelector):
    """Where a loop waits for what it has not made itself: asks the loop instead."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: Callable[[_Select, float | None], _Events]

    def select(self, timeout: float | None = None) -> _Events:
        """What is ready."""
        return self.waited(super().select, timeout)

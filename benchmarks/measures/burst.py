"""Dispatch: all jobs due at one moment, measured from that moment until the last has run."""

import asyncio
import itertools
import math
import time
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import NamedTuple, TypeAlias, TypeVar

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import Dispatches

DispatchesT = TypeVar("DispatchesT", bound=Dispatches)

Finish: TypeAlias = Callable[[DispatchesT, int], Awaitable[float]]
"""Called when all jobs have run, with their number since the start; gives the ``perf_counter`` of the real end."""

_MARGIN_SECONDS = 0.1
SMALL = 50
"""Jobs that run before those that are measured."""
_PATIENCE = 3.0
_LEAST_LEAD_SECONDS = 10e-6


class _Countdown:
    """Knows when the last job has run. Owned by the main thread; the jobs, in any thread, only draw a number."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.draw = itertools.count(1).__next__  # one call into C: atomic
        self.loop = asyncio.get_running_loop()
        self.done = asyncio.Event()
        self.finished = 0.0

    def end(self) -> None:
        self.finished = perf_counter()
        self.loop.call_soon_threadsafe(self.done.set)


_countdown: _Countdown
"""The one of this process: the jobs below are functions of a module, which every library can take."""


def run_one() -> None:
    """Count; the job."""
    if _countdown.draw() == _countdown.size:
        _countdown.end()


async def run_one_async() -> None:
    """Count; the job as a coroutine function."""
    if _countdown.draw() == _countdown.size:
        _countdown.end()


def measure(subject: type[Dispatches], *, size: int) -> Metrics:
    """Microseconds per job."""
    return {"dispatch": {"": seconds(subject, size) / size * 1e6}}


def seconds(subject: type[DispatchesT], size: int, finish: Finish[DispatchesT] | None = None) -> float:
    """From due until all have run, or until ``finish`` says it was."""
    patience: float = getattr(subject, "patience", _PATIENCE)
    while (took := asyncio.run(_burst(subject(), size, patience, finish))) is None:
        patience *= 2
    return took


async def _burst(subject: DispatchesT, size: int, patience: float, finish: Finish[DispatchesT] | None) -> float | None:
    """Seconds from due until done; ``None`` if registering took longer than foreseen.

    A small burst before it sees to it that threads and loops are there and all code has run once; and it tells how
    long registering takes: ``patience`` times that is foreseen for a job.
    """
    await subject.start()
    small = await _run_all(subject, SMALL, time.time() + 3 * _MARGIN_SECONDS, None)
    foreseen = max(small.registering / SMALL * patience, _LEAST_LEAD_SECONDS) * size
    result = await _run_all(subject, size, time.time() + foreseen + 3 * _MARGIN_SECONDS, finish)
    await subject.stop()
    return result.running if result.registering < foreseen + 2 * _MARGIN_SECONDS else None


class _Result(NamedTuple):
    """Seconds."""

    registering: float
    running: float
    """From due until the end."""


async def _run_all(subject: DispatchesT, size: int, due: float, finish: Finish[DispatchesT] | None) -> _Result:
    due = math.ceil(due)  # apps have no finer times
    global _countdown  # noqa: PLW0603 - set before the jobs that read it exist
    countdown = _countdown = _Countdown(size)
    ahead_of_counter = time.time() - perf_counter()
    begin = perf_counter()
    await subject.once(run_one_async if subject.asynchronous else run_one, size, due)
    registering = perf_counter() - begin
    await countdown.done.wait()
    end = countdown.finished if finish is None else await finish(subject, SMALL + size)
    await asyncio.sleep(_MARGIN_SECONDS)  # for what a scheduler has to tidy up
    return _Result(registering, end + ahead_of_counter - due)

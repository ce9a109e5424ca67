"""Dispatch: all jobs due at one moment, measured from that moment until the last has run."""

import asyncio
import itertools
import time
from time import perf_counter

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import Dispatches

_MARGIN_SECONDS = 0.1
_WARM_UP_SIZE = 50


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
    lead = 20e-6 * size
    while (took := asyncio.run(_burst(subject(), size, lead))) is None:
        lead *= 2.5
    return {"dispatch": {"": took / size * 1e6}}


async def _burst(subject: Dispatches, size: int, lead: float) -> float | None:
    """Seconds from due until done; ``None`` if registering took longer than ``lead`` seconds."""
    await subject.start()
    await _run_all(subject, _WARM_UP_SIZE, _MARGIN_SECONDS)  # threads and loops are there, code has run once
    took = await _run_all(subject, size, lead)
    await subject.stop()
    return took


async def _run_all(subject: Dispatches, size: int, lead: float) -> float | None:
    global _countdown  # noqa: PLW0603 - set before the jobs that read it exist
    countdown = _countdown = _Countdown(size)
    ahead_of_counter = time.time() - perf_counter()
    due = time.time() + lead + 3 * _MARGIN_SECONDS
    await subject.once(run_one_async if subject.asynchronous else run_one, size, due)
    registered = time.time()
    await countdown.done.wait()
    await asyncio.sleep(_MARGIN_SECONDS)
    return countdown.finished + ahead_of_counter - due if registered < due - _MARGIN_SECONDS else None

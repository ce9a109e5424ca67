"""Runs that are kept in a file: a burst until all of it is durable, a lone job until it is, and the memory it takes."""

import asyncio
import resource
import sys
import time
from time import perf_counter

from benchmarks.measures import Metrics, burst
from benchmarks.subjects.protocols import Dispatches, Keeps, Stores

_POLL_SECONDS = 0.001
_LOST_SECONDS = 6
"""Without another row for so long, those that are missing are lost."""

_ends: list[float] = []
"""When the lone jobs have ended; appending is atomic."""


def durable(subject: type[Stores], *, size: int) -> Metrics:
    """Microseconds from due until the last row is durable, per row that is, and the rows lost in percent of all."""
    rows = 0

    async def finish(instance: Stores, total: int) -> float:
        nonlocal rows
        rows, when = await all_stored(instance, total)
        return when

    took = burst.seconds(subject, size, finish)
    stored = rows - burst.SMALL
    return {"stored": {"": took / max(1, stored) * 1e6}, "lost": {"": 100 - stored / size * 100}}


def peak(subject: type[Dispatches], *, size: int) -> Metrics:
    """Most memory that the process had, in megabytes, with a burst, until what it stores is durable."""

    async def finish(instance: Dispatches, total: int) -> float:
        return (await all_stored(instance, total))[1] if isinstance(instance, Stores) else perf_counter()

    burst.seconds(subject, size, finish)
    return {"peak": {"": peak_megabytes()}}


def lone(subject: type[Stores], *, size: int) -> Metrics:
    """Milliseconds from the end of a job that is alone until its row is durable: median and p99."""
    waits = sorted(asyncio.run(_lone(subject(), size)))
    return {
        "median": {"": waits[len(waits) // 2] * 1e3},
        "p99": {"": waits[len(waits) * 99 // 100] * 1e3},
    }


def note_end() -> None:
    """Tell when it ended; the job."""
    _ends.append(perf_counter())


async def note_end_async() -> None:
    """Tell when it ended; the job as a coroutine function."""
    _ends.append(perf_counter())


async def all_stored(subject: Keeps, total: int) -> tuple[int, float]:
    """Rows in the file, and when the last one was seen."""
    rows, when = 0, perf_counter()
    while rows < total and perf_counter() - when < _LOST_SECONDS:
        now = perf_counter()
        found = subject.stored()
        if found > rows:
            rows, when = found, now
        await asyncio.sleep(_POLL_SECONDS)
    return rows, when


def peak_megabytes() -> float:
    """The most memory that the process has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


async def _lone(subject: Stores, size: int) -> list[float]:
    await subject.start()
    job = note_end_async if subject.asynchronous else note_end
    waits = []
    for number in range(1, size + 2):
        await subject.once(job, 1, time.time() + 0.08)
        while len(_ends) < number or subject.stored() < number:  # noqa: ASYNC110 - a file sets no event
            await asyncio.sleep(_POLL_SECONDS / 4)
        waits.append(perf_counter() - _ends[-1])
    await subject.stop()
    return waits[1:]  # the first one starts threads

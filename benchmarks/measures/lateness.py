"""Lateness and processor time of jobs that run every second, each at its own moment within it if there can be one."""

import asyncio
import math
import time
from time import process_time

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import Repeats

_GOLDEN = 0.618_033_988_75
_EARLY_SECONDS = 0.25

_beats: list[tuple[int, float]] = []
"""Index of the job and when it ran; appending is atomic."""


def beat(index: int) -> None:
    """Note the time; the job."""
    _beats.append((index, time.time()))


async def beat_async(index: int) -> None:
    """Note the time; the job as a coroutine function."""
    _beats.append((index, time.time()))


def measure(subject: type[Repeats], *, size: int, window: int) -> Metrics:
    """Milliseconds late (median, p99), processor time in percent of one core, runs in percent of what was due."""
    return asyncio.run(_measure(subject(), size, window))


async def _measure(subject: Repeats, size: int, window: int) -> Metrics:
    await subject.start()
    second = math.ceil(time.time() + 0.5 + size * 200e-6)
    apart = 0 if getattr(subject, "whole_seconds", False) else _GOLDEN
    firsts = [second + index * apart % 1 for index in range(size)]
    await subject.each_second(beat_async if subject.asynchronous else beat, firsts)
    await asyncio.sleep(second + 1 - time.time())  # the first round warms up
    begin, cpu = time.time(), process_time()
    await asyncio.sleep(window)
    end, used = time.time(), process_time() - cpu
    await subject.stop()
    late = sorted(_late(moment, firsts[index]) for index, moment in _beats if begin <= moment < end)
    return {
        "median": {"": late[len(late) // 2] * 1e3},
        "p99": {"": late[len(late) * 99 // 100] * 1e3},
        "cpu": {"": used / (end - begin) * 100},
        "missing": {"": 100 - len(late) / (size * (end - begin)) * 100},
    }


def _late(moment: float, first: float) -> float:
    """Seconds since the nominal moment, taken as the last one before; a little early is a little negative."""
    return (moment - first + _EARLY_SECONDS) % 1 - _EARLY_SECONDS

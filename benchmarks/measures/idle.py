"""Processor time of a scheduler that has nothing to do."""

import asyncio
import gc
import time
from time import process_time, thread_time

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import Registers

_RESOLUTION_SECONDS = 1e-6


def measure(subject: type[Registers], *, size: int, window: float) -> Metrics:
    """Processor time in percent of one core, with ``size`` jobs an hour away."""
    return asyncio.run(_measure(subject(), size, window))


async def _measure(subject: Registers, size: int, window: float) -> Metrics:
    await subject.start()
    await subject.hourly(size)
    await asyncio.sleep(1)
    gc.collect()
    used = await asyncio.to_thread(_used_by_other_threads, window)
    await subject.stop()
    return {"idle": {"": max(used, _RESOLUTION_SECONDS) / window * 100}}


def _used_by_other_threads(window: float) -> float:
    """Seconds of processor time within the window, without what it costs to wake up and read the clock."""
    begin = process_time() - thread_time()
    time.sleep(window)
    return process_time() - thread_time() - begin

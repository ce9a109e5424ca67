"""Registering and cancelling jobs that are an hour away, on a running scheduler."""

import asyncio
import gc
import tracemalloc
from random import Random
from time import perf_counter

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import Registers

_SETTLE_SECONDS = 0.2


def speed(subject: type[Registers], *, size: int) -> Metrics:
    """Microseconds per job in the caller; what a scheduler does afterwards on its own thread or loop is not counted."""
    return asyncio.run(_speed(subject(), size))


def memory(subject: type[Registers], *, size: int) -> Metrics:
    """Bytes per job as the allocator of Python counts them, with trigger, name and the id that the caller got."""
    return asyncio.run(_memory(subject(), size))


async def _speed(subject: Registers, size: int) -> Metrics:
    await subject.start()
    begin = perf_counter()
    handles = await subject.hourly(size)
    registering = perf_counter() - begin
    await asyncio.sleep(_SETTLE_SECONDS)
    Random(1).shuffle(handles)  # noqa: S311 - the same disorder for everybody
    begin = perf_counter()
    await subject.cancel(handles)
    cancelling = perf_counter() - begin
    await asyncio.sleep(_SETTLE_SECONDS)
    await subject.stop()
    return {"register": {"": registering / size * 1e6}, "cancel": {"": cancelling / size * 1e6}}


async def _memory(subject: Registers, size: int) -> Metrics:
    await subject.start()
    await asyncio.sleep(_SETTLE_SECONDS)
    gc.collect()
    tracemalloc.start()
    handles = await subject.hourly(size)
    await asyncio.sleep(_SETTLE_SECONDS)
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(handles) == size
    await subject.stop()
    return {"memory": {"": grown / size}}

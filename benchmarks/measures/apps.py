"""Memory of a runtime with apps: at rest, and with jobs."""

import asyncio
import gc
from pathlib import Path

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import HoldsApps

_SETTLE_SECONDS = 1
_PAGE_BYTES = 4096


def memory(subject: type[HoldsApps], *, apps: int, size: int = 0) -> Metrics:
    """Megabytes that the process has in memory at rest, and with ``size`` jobs; and what a job adds, in bytes."""
    return asyncio.run(_memory(subject(apps), size))


async def _memory(subject: HoldsApps, size: int) -> Metrics:
    await subject.start()
    rest = await _settled()
    handles = await subject.hourly(size)
    full = await _settled()
    assert len(handles) == size
    await subject.stop()
    return {"rest": {"": rest / 1e6}, "full": {"": full / 1e6}, "job": {"": (full - rest) / max(size, 1)}}


async def _settled() -> int:
    """Bytes in memory once nothing more goes on."""
    await asyncio.sleep(_SETTLE_SECONDS)
    gc.collect()
    return _in_memory()


def _in_memory() -> int:
    """Bytes of the process that are not paged out. Linux only."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES

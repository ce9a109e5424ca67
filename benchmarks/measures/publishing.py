"""Messages on their way into a stream."""

import asyncio
import gc
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from benchmarks.measures import Metrics
from benchmarks.nats_servers import nats_servers
from benchmarks.subjects.protocols import Publishes

_WARM_UP = 200
_TOGETHER_SECONDS = 2.0
"""Until all processes have begun."""


def measure(subject: type[Publishes], *, size: int) -> Metrics:
    """Microseconds per message, until all are acknowledged; several publishers share them."""
    share = size // subject.publishers
    with nats_servers(subject.replicas) as urls:
        work = partial(_published, subject, urls, share)
        if subject.publishers == 1:
            took = work(0, 0.0)
        else:
            begin = time.time() + _TOGETHER_SECONDS
            with ProcessPoolExecutor(subject.publishers, get_context("spawn")) as pool:
                took = max(pool.map(work, range(subject.publishers), [begin] * subject.publishers))
    return {"message": {"": took / size * 1e6}}


def _published(subject: type[Publishes], urls: Sequence[str], size: int, number: int, begin: float) -> float:
    """Seconds that one publisher took from ``begin``, in seconds since the epoch; 0: from when it was ready."""
    return asyncio.run(_publish(subject(number), urls, size, number, begin))


async def _publish(subject: Publishes, urls: Sequence[str], size: int, number: int, begin: float) -> float:
    await subject.start(urls)
    await subject.publish([f"warm-up/{number}/{each}" for each in range(_WARM_UP)])
    ids = [f"scheduler-benchmark-{number}/entry/{each}" for each in range(size)]
    gc.collect()
    await asyncio.sleep(max(0.0, begin - time.time()))
    begin = begin or time.time()
    await subject.publish(ids)
    took = time.time() - begin
    stored = await subject.stop()
    assert stored >= size + _WARM_UP, f"{stored} of {size + _WARM_UP} messages"
    return took

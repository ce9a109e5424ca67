"""Rows on their way into the ledger."""

import gc
from time import perf_counter

from benchmarks.measures import Metrics
from benchmarks.subjects.protocols import StoresRows


def measure(subject: type[StoresRows], *, size: int) -> Metrics:
    """Microseconds per row, until all are durable."""
    writes = subject()
    writes.prepare(size)
    gc.collect()
    gc.freeze()  # nobody has so many records at hand, so that the collector has to look through them
    begin = perf_counter()
    writes.write()
    took = perf_counter() - begin
    gc.unfreeze()
    rows = writes.close()
    assert rows == size, f"{rows} of {size} rows"
    return {"row": {"": took / size * 1e6}}

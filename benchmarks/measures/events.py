"""Events on a bus: until their handlers have run, until that is durable, and the memory that a flood takes."""

import asyncio
from time import perf_counter

from benchmarks.measures import Metrics
from benchmarks.measures.stored import all_stored, peak_megabytes
from benchmarks.subjects.protocols import Hears

_SMALL = 50
"""Events before those that are measured, so that all code has run once."""
_LOST_SECONDS = 20
"""Without another call for so long, those that are missing never come."""


class _Calls:
    """Counts calls of handlers. Owned by the event loop."""

    def __init__(self) -> None:
        self.number = 0
        self.wanted = 0
        self.done = asyncio.Event()
        self.last = 0.0

    async def note(self) -> None:
        """Count; the handler."""
        self.number += 1
        self.last = perf_counter()
        if self.number == self.wanted:
            self.done.set()

    def expect(self, number: int) -> None:
        """From now on wait for so many more."""
        self.wanted = self.number + number
        self.done.clear()

    async def came(self) -> None:
        """Until all have come, or the rest never will."""
        while not self.done.is_set() and perf_counter() - self.last < _LOST_SECONDS:
            try:
                async with asyncio.timeout(1):
                    await self.done.wait()
            except TimeoutError:
                continue


def each(subject: type[Hears], *, size: int, events: int) -> Metrics:
    """Microseconds per event to one of ``size`` listeners: until it is handled, and until its row is durable.

    Calls and rows that never come are given in percent of the events, and the most memory that the process had in
    megabytes.
    """
    return asyncio.run(_each(subject(), size, events))


def fan_out(subject: type[Hears], *, size: int, events: int) -> Metrics:
    """Microseconds per call of a handler, if each event has ``size`` listeners."""
    return asyncio.run(_fan_out(subject(), size, events))


async def _each(subject: Hears, size: int, events: int) -> Metrics:
    await subject.start()
    calls = _Calls()
    await subject.listen(calls.note, [f"benchmark.event_{number}" for number in range(size)])
    await _send(subject, calls, _SMALL, _SMALL)
    before = (await all_stored(subject, _SMALL))[0]
    begin = await _send(subject, calls, events, events)
    rows, durable = await all_stored(subject, before + events)
    handled, heard = calls.last, calls.number - _SMALL
    await subject.stop()
    return {
        "event": {"": (handled - begin) / max(1, heard) * 1e6},
        "stored": {"": (max(durable, handled) - begin) / max(1, rows - before) * 1e6},
        "lost": {"": 100 - min(heard, rows - before) / events * 100},
        "peak": {"": peak_megabytes()},
    }


async def _fan_out(subject: Hears, size: int, events: int) -> Metrics:
    await subject.start()
    calls = _Calls()
    await subject.listen(calls.note, ["benchmark.event_0"] * size)
    await _send(subject, calls, 1, size)
    await all_stored(subject, size)
    begin = await _send(subject, calls, events, events * size)
    handled, heard = calls.last, calls.number - size
    await subject.stop()
    return {"start": {"": (handled - begin) / max(1, heard) * 1e6}, "lost": {"": 100 - heard / (events * size) * 100}}


async def _send(subject: Hears, calls: _Calls, events: int, expected: int) -> float:
    """Send events and wait for the calls; give when it began."""
    calls.expect(expected)
    begin = calls.last = perf_counter()
    await subject.emit("benchmark.event_0", events)
    await calls.came()
    return begin

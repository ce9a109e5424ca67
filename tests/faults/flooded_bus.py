"""A bus in a flood, that is killed.  ``python flooded_bus.py FOLDER WITNESS SECONDS``: 0 is until killed.

Each call of a quick handler adds a line to the witness, a file that outlives a kill, before it does anything else.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from duly.bus import Bus
from duly.events import Event
from tests.bus.hall import Hall
from tests.bus.porch import Porch

TOPICS = 200
ENDLESS = 5
"""Handlers that do not end."""
RECORDS = 20
"""Room in the queue of records; ten times as many find room behind it."""

_SENDERS = 4
_DURABLE_SECONDS = 0.5
"""Far more than it takes until what has begun is in the ledger."""


class Flood:
    """The listeners, and the senders."""

    def __init__(self, bus: Bus, witness: Path) -> None:
        self.bus = bus
        self._witness = os.open(witness, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._over = asyncio.Event()

    async def listen(self) -> None:
        """Register them all."""
        await self.bus.on(topic="begin", handler=self.endless, mode="parallel")
        await self.bus.on(topic="lamp.*5", handler=self.slow, mode="parallel")
        for number in range(TOPICS):
            await self.bus.on(topic=f"lamp.{number}", handler=self.quick, name=f"quick {number}")

    async def pour(self, seconds: float) -> None:
        """Send events for so long; 0: until killed."""
        senders = [asyncio.create_task(self._send()) for _ in range(_SENDERS)]
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._over.set)
        await asyncio.gather(*senders)

    async def _send(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            await self.bus.emit(f"lamp.{number % TOPICS}", number)

    def _note(self, event: Event[Any]) -> None:
        os.write(self._witness, f"{event.payload.event_id}\n".encode())

    async def quick(self, event: Event[Any]) -> None:
        """Return at once."""
        self._note(event)

    async def slow(self, event: Event[Any]) -> None:
        """Be among those that run when the kill comes."""
        await asyncio.sleep(0.05)

    async def endless(self, event: Event[Any]) -> None:
        """Do not end."""
        await asyncio.Event().wait()


async def main(folder: Path, witness: Path, seconds: float) -> None:
    """Flood the bus."""
    hall = Hall(folder / "duly.db", database={"telemetry_write_queue_max": RECORDS})
    await hall.start()
    porch = hall.house.add_child(Porch)
    await porch.initialize()
    flood = Flood(porch.bus, witness)
    await flood.listen()
    for number in range(ENDLESS):
        await porch.bus.emit("begin", number)
    pouring = asyncio.create_task(flood.pour(seconds))
    await asyncio.sleep(_DURABLE_SECONDS)
    print("runs", flush=True)  # noqa: T201 - so the test knows
    await pouring
    await hall.stop()
    print(sum(hall.executor.get_drop_counters()), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))

"""A bus with 10,000 listeners under fire; prints what became of it.  ``python crowded_bus.py FOLDER``."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import threading
from pathlib import Path
from typing import Any

from duly.bus import Bus, ListenerStats, ListenOptions, Subscription
from duly.bus.options import Handler
from duly.events import Event
from tests.bus.hall import Hall
from tests.bus.porch import Porch

EVENTS, TOPICS = 100_000, 10_000
SPECIAL = 8
"""Listeners that are not like the others."""
PLAIN = 10_000 - SPECIAL
BURST = 10_000
SENDERS = 4

_AT_ONCE = 500
"""Registrations."""
_QUIET = 0.5
_BEAT = 0.01


class Fire:
    """The listeners, and what they note."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.subscriptions: dict[str, Subscription] = {}
        self.next = list(range(TOPICS))
        """Of each topic the number that is to come."""
        self.out_of_order = 0
        self.newest = -1
        """The number of the event that was dispatched last."""
        self.sent = False
        """Whether the senders have ended."""
        self.at_rest = asyncio.Event()
        """Set once all was quiet after that, and the latest event is the one that was dispatched last."""
        self.echoes: list[int] = []
        self.set_free = threading.Event()

    async def listen(self) -> None:
        """Register them all."""
        special: dict[str, tuple[str, Handler, ListenOptions]] = {
            "picky": ("lamp.??07", self.nothing, {"where": self.broken}),
            "failing": ("lamp.??17", self.fail, {"mode": "parallel"}),
            "slow": ("lamp.??11", self.sleep, {}),
            "stuck": ("lamp.??13", self.hang, {"mode": "single"}),
            "latest": ("lamp.*", self.tell, {"debounce": _QUIET, "where": self.see}),
            "rare": ("lamp.?[0-9]*", self.nothing, {"throttle": 3_600.0}),
            "burst": ("burst", self.burst, {}),
            "echo": ("echo", self.echo, {}),
        }
        assert len(special) == SPECIAL
        for name, (topic, handler, options) in special.items():
            await self._on(name, topic, handler, options)
        for first in range(0, PLAIN, _AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for number in range(first, min(first + _AT_ONCE, PLAIN)):
                    group.create_task(self._on(f"plain {number}", f"lamp.{number:04}", self.note, {}))

    async def _on(self, name: str, topic: str, handler: Handler, options: ListenOptions) -> None:
        named: ListenOptions = {**options, "name": name}
        self.subscriptions[name] = await self.bus.on(topic=topic, handler=handler, **named)

    async def send(self, sender: int) -> None:
        """Send the events of one of the senders."""
        for number in range(sender, EVENTS, SENDERS):
            if number == EVENTS // 2:
                await self.bus.emit("burst", number)
            await self.bus.emit(f"lamp.{number % TOPICS:04}", number)

    # --- handlers ----------------------------------------------------------------------------------------------------

    async def note(self, event: Event[Any]) -> None:
        """Note its number."""
        number = event.payload.data
        topic = number % TOPICS
        self.out_of_order += number != self.next[topic]
        self.next[topic] += TOPICS

    def see(self, event: Event[Any]) -> bool:
        """Note its number, as a filter."""
        self.newest = event.payload.data
        return True

    def broken(self, event: Event[Any]) -> bool:
        """Raise, as a filter."""
        raise LookupError(event.payload.data)

    async def fail(self, event: Event[Any]) -> None:
        """Raise, as a handler."""
        raise ValueError(event.payload.data)

    async def sleep(self) -> None:
        """Be slower than events come."""
        await asyncio.sleep(0.2)

    def hang(self) -> None:
        """Keep a thread until set free."""
        self.set_free.wait()

    async def tell(self, event: Event[Any]) -> None:
        """Tell if that was the end."""
        if self.sent and event.payload.data == self.newest:
            self.at_rest.set()

    async def burst(self) -> None:
        """Send more than the channel holds."""
        for number in range(BURST):
            await self.bus.emit("echo", number)

    async def echo(self, event: Event[Any]) -> None:
        """Note its number."""
        self.echoes.append(event.payload.data)

    async def nothing(self) -> None:
        """Return at once."""


class Pulse:
    """How late the loop is, and how much memory there is, time and again."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.most_memory = self.memory()

    async def beat(self) -> None:
        """Look, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _BEAT
            await asyncio.sleep(_BEAT)
            self.late.append(loop.time() - due)
            self.most_memory = max(self.most_memory, self.memory())

    @staticmethod
    def memory() -> float:
        """What the process holds, in MiB."""
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize() / 2**20


async def main(folder: Path) -> None:
    """Set it on fire, and tell what became of it."""
    hall = Hall(folder / "duly.db", duly_event_buffer_size=200)
    await hall.start()
    porch = hall.house.add_child(Porch)
    await porch.initialize()
    fire, pulse = Fire(porch.bus), Pulse()
    await fire.listen()
    gc.set_threshold(50_000, 20, 20)  # as ``duly run`` does
    before = pulse.memory()
    beating = asyncio.create_task(pulse.beat())
    await asyncio.gather(*map(fire.send, range(SENDERS)))
    fire.sent = True
    await fire.at_rest.wait()
    beating.cancel()
    fire.subscriptions["slow"].cancel()
    fire.set_free.set()
    await hall.bus.idle(10)
    print(json.dumps(told(hall, fire) | measured(pulse, before)), flush=True)  # noqa: T201 - for the test
    await hall.stop()


def told(hall: Hall, fire: Fire) -> dict[str, object]:
    """What became of events and matches."""
    snapshot = hall.bus.snapshot()
    return {
        "stats": {each.db_id: [name, *_numbers(each.listener.stats)] for name, each in fire.subscriptions.items()},
        "listeners": snapshot.listeners,
        "dispatched": snapshot.dispatched,
        "dropped_matches": snapshot.dropped_matches,
        "lost": sum(hall.executor.get_drop_counters()),
        "out_of_order": fire.out_of_order,
        "missing": sum(number < EVENTS for number in fire.next[:PLAIN]),
        "echoes_in_order": fire.echoes == sorted(set(fire.echoes)),
    }


def _numbers(stats: ListenerStats) -> list[int]:
    suppressed = sum(stats.suppressed.values())
    ends = [stats.started, stats.pending, suppressed, stats.dropped, stats.discarded]
    return [stats.matched, *ends, stats.predicate_errors]


def measured(pulse: Pulse, before: float) -> dict[str, float]:
    """What it took."""
    return {"memory": pulse.most_memory - before, "late": sorted(pulse.late)[len(pulse.late) * 99 // 100]}


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

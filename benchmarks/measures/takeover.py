"""How long nothing is published when the leader ends."""

import asyncio
import signal
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measures import Metrics
from benchmarks.nats_servers import nats_servers
from benchmarks.replica import SUBJECTS, Replica, until_led, write_schedules
from benchmarks.subjects.leaders import Leader
from duly.dispatch.nats_bus import NatsBus

_INTERVAL = 0.02
"""Seconds between slots: what a gap is at best."""
_AFTER_SECONDS = 0.5
_STANDING_BY_SECONDS = 2.0


def measure(subject: type[Leader], *, times: int) -> Metrics:
    """Milliseconds without a message, median and worst of so many times: the leader is killed, or asked to stop."""
    killed, stopped = (_gaps(subject.replicas, kind, times) for kind in (signal.SIGKILL, signal.SIGTERM))
    return {
        "killed": {"": killed[times // 2] * 1e3},
        "killed worst": {"": killed[-1] * 1e3},
        "stopped": {"": stopped[times // 2] * 1e3},
        "stopped worst": {"": stopped[-1] * 1e3},
    }


def _gaps(nodes: int, kind: signal.Signals, times: int) -> list[float]:
    with nats_servers(nodes) as urls:
        return sorted(asyncio.run(_Changes(urls, kind).gaps(times)))


class _Changes:
    """Two replicas; whichever leads is ended, and started anew as the one that stands by."""

    def __init__(self, urls: Sequence[str], kind: signal.Signals) -> None:
        self._urls = urls
        self._kind = kind
        self._arrivals: list[float] = []

    async def gaps(self, times: int) -> list[float]:
        """The longest time between two messages at each change, in seconds."""
        with TemporaryDirectory(prefix="duly-benchmark-") as name:
            folder, urls = Path(name), self._urls
            schedule = f"interval_seconds: {_INTERVAL}\n    misfire: skip"
            write_schedules(folder / "schedules.yaml", [schedule], replicas=len(urls))
            bus = NatsBus(urls)
            await bus.connect()
            listening = asyncio.create_task(self._listen(bus))
            started = (Replica(folder, number, urls) for number in count())
            replicas = [next(started), next(started)]
            found = [await self._gap(bus, replicas, started) for _ in range(times)]
            for each in replicas:
                each.end()
            listening.cancel()
            await bus.close()
        return found

    async def _listen(self, bus: NatsBus) -> None:
        async for _ in await bus.subscribe(SUBJECTS.tasks):
            self._arrivals.append(time.perf_counter())

    async def _gap(self, bus: NatsBus, replicas: list[Replica], started: Iterator[Replica]) -> float:
        leader = await until_led(bus, replicas, entries=1)
        await asyncio.sleep(_STANDING_BY_SECONDS)  # until the other one has found out that it stands by
        self._arrivals.clear()
        await asyncio.sleep(_AFTER_SECONDS)
        ended = next(each for each in replicas if each.process.pid == leader)
        replicas.remove(ended)
        await asyncio.to_thread(ended.end, self._kind)
        await until_led(bus, replicas, entries=1, other_than=leader)
        await asyncio.sleep(_AFTER_SECONDS)
        replicas.append(next(started))
        return max(b - a for a, b in zip(self._arrivals, self._arrivals[1:], strict=False))

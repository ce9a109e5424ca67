"""How many schedules one leader can have: its start, its memory, and how late it publishes."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from nats.js.api import ConsumerConfig
from whenever import Instant

from benchmarks.measures import Metrics
from benchmarks.nats_servers import nats_servers
from benchmarks.replica import SUBJECTS, Replica, until_led, write_schedules
from benchmarks.subjects.leaders import Leader
from duly.core.clock import SECOND
from duly.dispatch.nats_bus import NatsBus

_SETTLE_SECONDS = 2.0
_POLL_SECONDS = 0.05
_STALLED_SECONDS = 20.0
_LEAD_SECONDS = 15
_STARTED_EACH_SECOND = 400
"""Schedules, at the least."""


def spread(subject: type[Leader], *, size: int, window: int) -> Metrics:
    """Schedules that run once a minute, as many in each second, for so many seconds.

    Milliseconds until it leads, megabytes then, milliseconds late (median, p99), processor time in percent of one core.
    """
    with nats_servers(subject.replicas) as urls:
        return asyncio.run(_spread(urls, size, window))


def burst(subject: type[Leader], *, size: int) -> Metrics:
    """Schedules that are all due at once: microseconds a slot until all are stored, and until all have their row."""
    with nats_servers(subject.replicas) as urls:
        return asyncio.run(_burst(urls, size))


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of the stream. Seconds since the epoch."""

    slot: float
    at: float
    """When the server stored it."""

    @property
    def late(self) -> float:
        """Seconds after its slot."""
        return self.at - self.slot


@dataclass(frozen=True, slots=True)
class _Running:
    """A replica that leads, and a connection to its server."""

    replica: Replica
    bus: NatsBus
    start: float
    """Seconds that it took."""


@asynccontextmanager
async def _running(urls: Sequence[str], schedules: Sequence[str]) -> AsyncIterator[_Running]:
    with TemporaryDirectory(prefix="duly-benchmark-") as name:
        folder, bus = Path(name), NatsBus(urls)
        write_schedules(folder / "schedules.yaml", schedules, replicas=len(urls))
        await bus.connect()
        begin = time.time()
        replica = Replica(folder, 0, urls)
        try:
            await until_led(bus, [replica], entries=len(schedules))
            yield _Running(replica, bus, time.time() - begin)
        finally:
            replica.end()
            await bus.close()


async def _spread(urls: Sequence[str], size: int, window: int) -> Metrics:
    async with _running(urls, [f'cron: "* * * * * {number % 60}"' for number in range(size)]) as running:
        replica = running.replica
        await asyncio.sleep(_SETTLE_SECONDS)
        memory, used, since = replica.memory(), replica.processor(), time.time()
        await asyncio.sleep(window)
        used, until = replica.processor() - used, time.time()
        late = sorted(each.late for each in await _stored(running.bus) if since <= each.slot < until - 1)
    assert late, "nothing came due"
    return {
        "start": {"": running.start * 1e3},
        "memory": {"": memory / 1e6},
        "median": {"": late[len(late) // 2] * 1e3},
        "p99": {"": late[len(late) * 99 // 100] * 1e3},
        "cpu": {"": used / (until - since) * 100},
    }


async def _burst(urls: Sequence[str], size: int) -> Metrics:
    due = Instant.from_timestamp(int(time.time()) + _LEAD_SECONDS + size // _STARTED_EACH_SECOND)
    at = due.to_tz("UTC")
    async with _running(urls, [f'cron: "{at.minute} {at.hour} * * * {at.second}"'] * size) as running:
        assert time.time() < due.timestamp(), "it was not ready in time"
        rows = await _until_recorded(running.replica, size, due.timestamp())
        messages = await _stored(running.bus)
    assert len(messages) == size, f"{len(messages)} of {size} messages"
    last = max(each.late for each in messages)
    return {"slot": {"": last / size * 1e6}, "row": {"": rows / size * 1e6}}


async def _until_recorded(replica: Replica, size: int, due: float) -> float:
    """Seconds from due until all slots have their row."""
    await asyncio.sleep(max(0.0, due - time.time()))
    seen, since = 0, time.time()
    while seen < size:
        replica.check()
        await asyncio.sleep(_POLL_SECONDS)
        rows = _rows(replica.ledger)
        if rows > seen:
            seen, since = rows, time.time()
        assert time.time() - since < _STALLED_SECONDS, f"{seen} of {size} rows"
    return since - due


def _rows(ledger: Path) -> int:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        (count,) = db.execute("SELECT count(*) FROM executions WHERE status = 'success'").fetchone()
    return int(count)


async def _stored(bus: NatsBus) -> list[Stored]:
    """All messages of the stream."""
    jetstream = bus.jetstream
    total = (await jetstream.stream_info(SUBJECTS.stream)).state.messages
    subscription = await jetstream.subscribe(
        SUBJECTS.tasks, ordered_consumer=True, config=ConsumerConfig(), pending_msgs_limit=-1, pending_bytes_limit=-1
    )
    found = []
    for _ in range(total):
        message = await subscription.next_msg(timeout=10)
        slot = Instant.parse_iso(json.loads(message.data)["metadata"]["slot"]).timestamp(unit="nanosecond")
        found.append(Stored(slot / SECOND, message.metadata.timestamp.timestamp()))
    await subscription.unsubscribe()
    return found

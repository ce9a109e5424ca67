"""A replica that leads again and again, and commits without end: ``URL REPLICA LEASE_SECONDS``."""

import asyncio
import sys
from itertools import count

from duly.core.clock import SystemClock
from duly.dispatch.fleet import LeadershipLostError, Position
from duly.dispatch.jetstream_fleet import JetStreamFleet, JetStreamLeadership
from duly.dispatch.nats_bus import NatsBus


async def main(url: str, replica: str, lease_seconds: float) -> None:
    bus = NatsBus(url)
    await bus.connect()
    fleet = JetStreamFleet(
        bus,
        "duly_heddle_test",
        replica,
        handover="heddle.scheduler.test.handover",
        lease_seconds=lease_seconds,
        clock=SystemClock(),
    )
    while True:
        leadership = await fleet.lead(_begin)
        _say(f"leads {leadership.fence}")
        try:
            await _commit_for_ever(leadership)
        except LeadershipLostError:
            _say(f"lost {await leadership.lost()}")
        await leadership.release()


async def _commit_for_ever(leadership: JetStreamLeadership) -> None:
    for number in count():
        await leadership.commit({f"entry {number % 10}": Position("every:1s", None, "UTC", 0, number)})
        await asyncio.sleep(0.05)


async def _begin(fence: int | None) -> None:
    _say(f"begins {fence}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))

"""Who leads, as it stands in one key that its holder writes again and again.

The key has no time to live. Another replica takes the lease when it has seen the same revision for the length of the
lease by its own monotonic clock, connected throughout, or when the holder has given it up. It does so by writing over
the revision that it saw: of several only one succeeds, and if the holder has written meanwhile none does. The revision
of that write is the fence.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from duly.core.clock import SECOND
from duly.core.errors import DulyError
from duly.dispatch.fleet import LeadershipLostError

if TYPE_CHECKING:
    from duly.core.clock import Clock
    from duly.dispatch.bucket import Bucket, Cell

LEADER: Final = "leader"
"""The key."""
POLL_SECONDS: Final = 0.5
"""How often a replica that waits looks at it."""
RELEASE_SECONDS: Final = 2.0
"""How long a release may take while the server is there."""

log = structlog.get_logger("duly.dispatch")

_SILENT_LEASES: Final = 10
"""For how many leases a server may leave renewals unanswered: those of a cluster take several seconds to agree anew on
who keeps the bucket, and meanwhile nobody else can take the lease either."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """A replica that may hold the lease."""

    replica: str
    """For people."""
    process: str
    """No other process has it, nor had it."""
    lease_seconds: float
    clock: Clock

    def value(self, fence: int | None = None) -> bytes:
        """What the key holds while this one does; without a fence: at first."""
        known = {} if fence is None else {"fence": fence}
        return json.dumps({"holder": self.replica, "process": self.process, **known}).encode()


class Observation:
    """How long the lease has stood still. Time in which nobody looked does not count. Guarded by the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: tuple[int, int | None] | None = None
        self._last = 0
        self._still = 0

    def seconds(self, revision: int, connection: int | None) -> float:
        """Seconds for which this revision has been seen on this connection, it being seen now."""
        now = self._clock.monotonic()
        if self._seen == (revision, connection):
            self._still += min(now - self._last, int(2 * POLL_SECONDS * SECOND))
        else:
            self._seen, self._still = (revision, connection), 0
        self._last = now
        return self._still / SECOND

    def restart(self) -> None:
        """Forget what was seen."""
        self._seen = None


class Lease:
    """Holds the lease from its making until it is lost or released. Guarded by the event loop; owns a task."""

    def __init__(
        self, bucket: Bucket, claimant: Claimant, fence: int, handed_over: Callable[[], Awaitable[None]]
    ) -> None:
        self.fence = fence
        self._bucket = bucket
        self._claimant = claimant
        self._handed_over = handed_over
        self._revision = fence
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._since = claimant.clock.monotonic()
        """When it was renewed, or the server was away."""
        self._ending = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = asyncio.create_task(self._keep())

    async def lost(self) -> str:
        """Wait until it is lost or released; why. What went wrong here without reason is raised."""
        return await asyncio.shield(self._lost)

    def check(self) -> None:
        """See that it is neither lost nor released.

        Raises:
            LeadershipLostError: it is.
        """
        if self._lost.done():
            why = self._lost.exception() or self._lost.result()
            raise LeadershipLostError(f"the leadership with fence {self.fence} is over: {why}")

    def lose(self, why: str) -> None:
        """Let it be known that it is lost."""
        if not self._lost.done():
            self._lost.set_result(why)

    async def release(self) -> None:
        """Give it up, so that another replica takes it at once. Idempotent; does not wait for a server that is away."""
        async with self._ending:
            renewing, self._renewing = self._renewing, None
            if renewing is None:
                return
            self.lose("it was released")
            renewing.cancel()
            await asyncio.wait({renewing})
            if self._bucket.connection is not None:
                await self._hand_over()

    async def _hand_over(self) -> None:
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                if await self._write(json.dumps({"holder": None}).encode(), RELEASE_SECONDS):
                    await self._handed_over()
        except (TimeoutError, DulyError) as error:
            log.info("scheduler.lease_left", fence=self.fence, error=str(error))

    async def _keep(self) -> None:
        try:
            while not self._lost.done():
                await asyncio.sleep(self._claimant.lease_seconds / 3)
                await self._renew()
        except Exception as error:  # noqa: BLE001 - the top of a loop: whoever waits for the loss gets it
            if not self._lost.done():
                self._lost.set_exception(error)

    async def _renew(self) -> None:
        """Write until the server has answered, or the lease is lost."""
        while not self._lost.done():
            try:
                renewed = await self._write(self._claimant.value(self.fence), self._claimant.lease_seconds / 3)
            except TimeoutError:
                self._doubt()
                continue
            if renewed:
                self._since = self._claimant.clock.monotonic()
            return

    def _doubt(self) -> None:
        """While the server is away it may be ours still. If only answers stay away, for long, it is lost."""
        now, longest = self._claimant.clock.monotonic(), _SILENT_LEASES * self._claimant.lease_seconds
        if self._bucket.connection is None:
            self._since = now
        elif now - self._since >= longest * SECOND:
            self.lose(f"it could not be renewed for {longest:g} s")

    async def _write(self, value: bytes, seconds: float) -> bool:
        """Whether it is ours still, and was written; each answer has so many seconds."""
        while True:
            revision = await self._bucket.write(LEADER, value, self._revision, seconds)
            if revision is not None:
                self._revision = revision
                return True
            cell = await self._bucket.read(LEADER, seconds)
            if not self._is_ours(cell):
                self.lose(f"{holder_of(cell.value)} has taken over")
                return False
            self._revision = cell.revision  # a renewal of which we do not know that it was written

    def _is_ours(self, cell: Cell) -> bool:
        fence = cell.value.get("fence", cell.revision)
        return cell.value.get("process") == self._claimant.process and fence == self.fence


def holder_of(value: dict[str, Any]) -> str:
    """Who holds the lease, for people."""
    return str(value.get("holder") or "another replica")

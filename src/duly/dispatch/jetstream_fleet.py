"""The replicas of a scheduler, who find one another in a key-value bucket of JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from duly.dispatch.bucket import Bucket, Cell, Storage
from duly.dispatch.fleet import LeadershipLostError, Position
from duly.dispatch.lease import LEADER, POLL_SECONDS, RELEASE_SECONDS, Claimant, Lease, Observation, holder_of
from duly.dispatch.positions import Positions

if TYPE_CHECKING:
    from duly.core.clock import Clock
    from duly.dispatch.bus import Subscription
    from duly.dispatch.nats_bus import NatsBus

log = structlog.get_logger("duly.dispatch")


class JetStreamLeadership:
    """See ``fleet.Leadership``. Guarded by the event loop."""

    def __init__(self, lease: Lease, positions: Positions) -> None:
        self._lease = lease
        self._positions = positions

    @property
    def fence(self) -> int:
        """Higher than that of any leadership before."""
        return self._lease.fence

    @property
    def previous(self) -> int | None:
        """The fence of the last leadership that has committed anything."""
        return self._positions.previous

    @property
    def positions(self) -> Mapping[str, Position]:
        """What was committed before, by name of the entry."""
        return self._positions.found

    async def commit(self, changes: Mapping[str, Position | None]) -> None:
        """Make positions durable.

        Raises:
            LeadershipLostError: another replica leads.
            UndeliverableError: there are too many entries for the server; nothing was committed.
        """
        await self._positions.commit(changes)

    async def lost(self) -> str:
        """Wait until another replica leads, or this one has to assume so, or has released; why."""
        return await self._lease.lost()

    async def release(self) -> None:
        """Let another replica lead at once. Idempotent."""
        await self._lease.release()


class JetStreamFleet:
    """See ``fleet.Fleet``. Leads once at a time. Guarded by the event loop."""

    def __init__(
        self,
        bus: NatsBus,
        bucket: str,
        replica: str,
        *,
        handover: str,
        lease_seconds: float = 3.0,
        replicas: int = 1,
        storage: Storage = "file",
        clock: Clock,
    ) -> None:
        """``replica`` is for people; ``handover`` is the subject on which a leader that stops tells the others."""
        self._bus = bus
        self._bucket = Bucket(bus, bucket, replicas=replicas, storage=storage, clock=clock)
        self._handover = handover
        self._claimant = Claimant(replica, uuid4().hex, lease_seconds, clock)
        self._told: str | None = None

    async def lead(self, begin: Callable[[int | None], Awaitable[None]]) -> JetStreamLeadership:
        """Wait until this replica leads; ``begin`` may be called for a leadership that is lost before it begins.

        Raises:
            DulyError: the server refuses to make the bucket.
        """
        while True:
            lease = await self._lease()
            positions = Positions(self._bucket, lease)
            try:
                await begin(lease.fence)
                await positions.seal()
            except LeadershipLostError as error:
                log.info("scheduler.leadership_passed", reason=str(error))
                await lease.release()
            except BaseException:
                await lease.release()
                raise
            else:
                return JetStreamLeadership(lease, positions)

    async def _lease(self) -> Lease:
        alarm = asyncio.Event()
        subscription = await self._bus.subscribe(self._handover)
        listening = asyncio.create_task(_ring(subscription, alarm))
        lease: Lease | None = None
        try:
            lease = await self._taken(alarm, listening)
        finally:
            try:
                listening.cancel()
                await asyncio.wait({listening})
                await subscription.unsubscribe()
            except BaseException:
                if lease is not None:
                    await lease.release()
                raise
        return lease

    async def _taken(self, alarm: asyncio.Event, listening: asyncio.Task[None]) -> Lease:
        """Wait until the lease can be taken, and take it."""
        observation = Observation(self._claimant.clock)
        opened = False
        while True:
            alarm.clear()
            try:
                if not opened:
                    await self._bucket.open()
                    opened = True
                lease, seconds = await self._look(observation)
            except TimeoutError:
                observation.restart()
                opened, lease, seconds = False, None, 0.0
            if lease is not None:
                return lease
            await _wait(alarm, seconds)
            if listening.done():
                listening.result()

    async def _look(self, observation: Observation) -> tuple[Lease | None, float]:
        """The lease, if it could be taken; else seconds until the next look."""
        cell = await self._bucket.read(LEADER)
        lease_seconds = self._claimant.lease_seconds
        still = observation.seconds(cell.revision, self._bucket.connection)
        if still < lease_seconds and not self._is_free(cell):
            self._tell_who(cell)
            return None, min(POLL_SECONDS, lease_seconds - still)
        return await self._claimed(cell.revision), 0.0

    async def _claimed(self, revision: int) -> Lease | None:
        """The lease, if it could be taken. Whoever is cancelled meanwhile gives it up again."""
        claiming = asyncio.create_task(self._claim(revision))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            await asyncio.wait({claiming}, timeout=RELEASE_SECONDS)
            if not claiming.cancel() and claiming.exception() is None and (lease := claiming.result()) is not None:
                await lease.release()
            raise

    async def _claim(self, revision: int) -> Lease | None:
        fence = await self._bucket.write(LEADER, self._claimant.value(), revision)
        return None if fence is None else Lease(self._bucket, self._claimant, fence, self._tell)

    def _is_free(self, cell: Cell) -> bool:
        """Whether nobody has the lease, or we had it: then we do not lead any more, or have not known that we do."""
        return cell.value.get("holder") is None or cell.value.get("process") == self._claimant.process

    def _tell_who(self, cell: Cell) -> None:
        holder = holder_of(cell.value)
        if holder != self._told:
            self._told = holder
            log.info("scheduler.standing_by", leader=holder)

    async def _tell(self) -> None:
        await self._bus.publish(self._handover, {"replica": self._claimant.replica})


async def _ring(subscription: Subscription, alarm: asyncio.Event) -> None:
    async for _ in subscription:
        alarm.set()


async def _wait(alarm: asyncio.Event, seconds: float) -> None:
    """Wait until the alarm rings, for so many seconds at most."""
    try:
        async with asyncio.timeout(seconds):
            await alarm.wait()
    except TimeoutError:
        return

"""A scheduler without replicas: what is in its ledger is the truth, and nobody else may lead."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog

from duly.core.errors import DulyError
from duly.dispatch.fleet import Position

if TYPE_CHECKING:
    from duly.dispatch.bus import MessageBus, Subscription


log = structlog.get_logger("duly.dispatch")


class AlreadyRunningError(DulyError):
    """Another scheduler of this name runs, and this one could not share the work with it."""


class LoneLeadership:
    """See ``fleet.Leadership``; it is never lost. Guarded by the event loop."""

    def __init__(self) -> None:
        self.positions: Mapping[str, Position] = {}
        self.fence: int | None = None
        self.previous: int | None = None
        self._released = asyncio.Event()

    async def commit(self, changes: Mapping[str, Position | None]) -> None:
        """Nothing: the ledger has it."""

    async def lost(self) -> str:
        """Wait until it is released."""
        await self._released.wait()
        return "it was released"

    async def release(self) -> None:
        """End the wait for its loss."""
        self._released.set()


class LoneFleet:
    """See ``fleet.Fleet``: leads at once. Guarded by the event loop."""

    async def lead(self, begin: Callable[[int | None], Awaitable[None]]) -> LoneLeadership:
        """Lead."""
        await begin(None)
        return LoneLeadership()


class SoleClaim:
    """Sees to it that one scheduler of a name runs, where replicas could not share the work.

    Each that starts makes its claim heard, and listens before it does. One that runs refuses every other; of two that
    start together the one with the lower id stays, as each hears of the other or is heard by it. Guarded by the event
    loop.
    """

    def __init__(self, bus: MessageBus, subject: str) -> None:
        self._bus = bus
        self._subject = subject
        self._claim = {"claim": uuid4().hex, "host": socket.gethostname(), "pid": os.getpid()}
        self._held = False
        self._refused: asyncio.Future[Mapping[str, Any]] | None = None
        self._listening: asyncio.Task[None] | None = None

    async def stake(self, seconds: float = 1.0) -> None:
        """Claim the name; waits so many seconds for others who have it. Holds until ``drop``.

        Raises:
            AlreadyRunningError: another scheduler has it; says who.
        """
        self._refused = asyncio.get_running_loop().create_future()
        self._listening = asyncio.create_task(self._listen(await self._bus.subscribe(self._subject)))
        await self._bus.flush()
        await self._bus.publish(self._subject, self._claim)
        try:
            async with asyncio.timeout(seconds):
                other = await self._refused
        except TimeoutError:
            self._held = True
            return
        await self.drop()
        raise AlreadyRunningError(
            f"another scheduler of this name runs already: host {other.get('host')}, pid {other.get('pid')}. With "
            "'delivery: core' there can be one only: stop that one, give this one another 'name', or use "
            "'delivery: jetstream'"
        )

    async def drop(self) -> None:
        """Let another have the name. Idempotent."""
        listening, self._listening, self._held = self._listening, None, False
        if listening is not None:
            listening.cancel()
            await asyncio.wait({listening})

    async def _listen(self, claims: Subscription) -> None:
        async for other in claims:
            if other.get("claim") != self._claim["claim"] and "claim" in other:
                await self._hear(other)

    async def _hear(self, other: Mapping[str, Any]) -> None:
        if self._held and other.get("held"):  # they could not hear each other when they started
            log.error("scheduler.two_run", host=other.get("host"), pid=other.get("pid"))
        elif self._held or (not other.get("held") and str(self._claim["claim"]) < str(other["claim"])):
            await self._bus.publish(self._subject, {**self._claim, "held": self._held})
        elif self._refused is not None and not self._refused.done():
            self._refused.set_result(other)

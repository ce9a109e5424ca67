"""The event loop on which a bus lives that is used from several.

Jobs that are sent away run on loops of others: that of an embedded scheduler, which ends with it; that of an app
server; for a run by hand one that lasts no longer than the run. Whoever comes first connects the bus on its loop, and
everybody else hands over to that. A loop that ends cancels its tasks, one of which closes the bus; whoever comes next
then connects it anew.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary

from duly.dispatch.bus import BusError
from duly.dispatch.nats_bus import NatsBus
from duly.dispatch.shared_attempt import SharedAttempt

T = TypeVar("T")


async def at_home(bus: NatsBus, work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Await ``work()`` where the bus lives, and where it is connected first if it is not. From any loop.

    A bus that its owner has connected is left to its owner to close.

    Raises:
        BusError: no server answers, the loop of the bus ends meanwhile, or it is that of another process.
    """
    here = asyncio.get_running_loop()
    home = _home_of(bus, here)
    if home.loop is here:
        await home.connect(bus)
        return await work()
    return await _handed_over(home.loop, partial(at_home, bus, work))


class _Home:
    """Owns the task that closes the bus, if it was connected here. Guarded by its loop; anyone may read its fields."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.process = os.getpid()
        self.ended = False
        """Whether the loop is ending."""
        self._connecting: SharedAttempt[None] = SharedAttempt()
        self._keeper: asyncio.Task[None] | None = None

    async def connect(self, bus: NatsBus) -> None:
        """Connect it, unless it is."""
        if not _is_open(bus):
            await self._connecting.at(partial(self._connect, bus))

    async def _connect(self, bus: NatsBus) -> None:
        await bus.connect()
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(bus), name="duly-nats-bus")

    async def _keep(self, bus: NatsBus) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended, self._keeper = True, None
            await bus.close(drain=False)


_homes: WeakKeyDictionary[NatsBus, _Home] = WeakKeyDictionary()
_finding = threading.Lock()


def _home_of(bus: NatsBus, here: asyncio.AbstractEventLoop) -> _Home:
    """Where it lives; it moves in ``here`` if it lives nowhere."""
    with _finding:
        home = _homes.get(bus)
        if home is not None and home.process != os.getpid():
            raise BusError("the bus was connected before this process was forked: make one in each process")
        if home is not None and (home.ended or not home.loop.is_running()):
            home = None
        owners = bus.loop if _is_open(bus) else None
        if owners is not None and owners.is_running() and (home is None or home.loop is not owners):
            home = _Home(owners)
        if home is None:
            home = _Home(here)
        _homes[bus] = home
        return home


def _is_open(bus: NatsBus) -> bool:
    try:
        return bus.client is not None
    except RuntimeError:
        return False


async def _handed_over(loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Await ``work()`` on another loop; it is cancelled with this."""
    coroutine = work()
    try:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:
        coroutine.close()
        raise BusError("the event loop on which the bus was connected has ended") from None
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BusError("the event loop on which the bus was connected ends") from None

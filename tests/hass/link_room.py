"""The link on virtual time: the real service, bus, executor and ledger, and a scripted peer in place of the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from whenever import ZonedDateTime

from duly.bus.listener import Listener, ListenerOptions
from duly.bus.service import BusService
from duly.config import WebSocketConfig
from duly.events import Event
from duly.hass.connection_state import ConnectionState
from duly.hass.state_proxy import StateProxy
from duly.hass.websocket import WebsocketService
from duly.lifecycle.supervision import ServiceWatcher
from duly.testing import VirtualClock, run_virtual
from tests.executor.plant import Invoker, Plant, config
from tests.hass.peer import TOKEN, Peer

T = TypeVar("T")

BEGIN = ZonedDateTime(2025, 1, 1, tz="UTC")


class LinkRoom(Plant):
    """A plant with bus, link and states."""

    def __init__(self, path: Path, peer: Peer, random: Callable[[], float], **settings: Any) -> None:  # noqa: ANN401 - groups of settings
        given: dict[str, Any] = {"token": TOKEN, "disable_state_proxy_polling": True} | settings
        if isinstance(given.get("websocket"), dict):
            given["websocket"] = WebSocketConfig(**given["websocket"])
        super().__init__(path, config(path, **given))
        self.peer = peer
        self.bus = self.house.add_child(BusService, executor=self.executor)
        self.link = self.house.add_child(WebsocketService, bus=self.bus, transport=peer, random=random)
        self.states = self.house.add_child(StateProxy, link=self.link)
        self.link.sink = self.states
        self.seen: list[Event[Any]] = []
        """What listeners on ``watch`` have got."""

    def watch(self, topic: str = "*", act: Callable[[Event[Any]], object] | None = None) -> Listener:
        """Note all events of a topic, in order."""

        async def note(event: Event[Any]) -> None:
            self.seen.append(event)
            result = None if act is None else act(event)
            if asyncio.iscoroutine(result):
                await result

        options = ListenerOptions()
        listener = Listener(
            f"watch {topic}",
            topic,
            note,
            Invoker(note, None),
            options=options,
            owner_id="Duly.Porch",
            app_key="porch",
            instance_index=0,
            source_tier="framework",
        )
        self.bus.add(listener)
        return listener

    def stands(self) -> ConnectionState:
        """How the link stands, which type checkers do not take for what it was a line above."""
        return self.link.state

    def topics(self) -> list[str]:
        """Of what was seen, without the statuses of services, in short."""
        return [each.topic.split(".")[-1] for each in self.seen if not each.topic.endswith("service_status")]

    async def linked(self) -> None:
        """Until the link is up, and all that came of it is done."""
        await self.settled()  # a loss may be on its way
        await self.link.wait_connected(10_000)
        await self.settled()

    async def settled(self) -> None:
        """Until nobody has anything left to do: virtual time does not pass before."""
        await asyncio.sleep(0.000_001)


@asynccontextmanager
async def link_room(folder: Path, peer: Peer, random: Callable[[], float], **settings: Any) -> AsyncIterator[LinkRoom]:  # noqa: ANN401 - groups of settings
    """A room that has started, until it is stopped."""
    room = LinkRoom(folder / "duly.db", peer, random, **settings)
    try:
        await room.start()
        yield room
    finally:
        await room.stop()


def in_link_room(
    folder: Path,
    main: Callable[[LinkRoom], Coroutine[Any, Any, T]],
    peer: Peer | None = None,
    *,
    random: Callable[[], float] = lambda: 0.0,
    **settings: Any,  # noqa: ANN401 - groups of settings
) -> T:
    """Run ``main`` on virtual time, with a room that has started."""

    async def body() -> T:
        async with link_room(folder, peer or Peer(), random, **settings) as room:
            return await main(room)

    return run_virtual(body(), VirtualClock(BEGIN))


def now() -> float:
    """Seconds of virtual time since the begin of the test."""
    return asyncio.get_running_loop().time()


def supervise(room: LinkRoom, patch: pytest.MonkeyPatch) -> list[str]:
    """Let failures be seen to, as the root does; what ends the process is appended."""
    fatal: list[str] = []
    watcher = ServiceWatcher(room.house, lambda name, error: fatal.append(f"{name}: {error}"))
    patch.setattr(room.house, "on_service_failed", watcher.on_failed)
    for service, error in room.house.failures:
        watcher.on_failed(service, error)
    return fatal

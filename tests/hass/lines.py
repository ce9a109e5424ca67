"""The two ends of a line: a transport, and what a test makes the other end do. One over TCP, one scripted."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeAlias

from aiohttp import WSMsgType, web

from duly.hass.aiohttp_transport import LARGEST_MESSAGE, AiohttpTransport
from duly.hass.transport import Endpoint, Transport
from tests.hass.peer import Peer

HEARTBEAT = 0.2
"""Seconds of real time."""


class Line(Protocol):
    """What a test does with the other end."""

    @property
    def transport(self) -> Transport: ...
    @property
    def endpoint(self) -> Endpoint: ...
    @property
    def heard(self) -> list[str]: ...

    async def say(self, text: str) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...
    def vanish(self) -> None: ...
    def stall(self) -> None: ...
    async def refuse(self) -> None: ...


MakeLine: TypeAlias = Callable[[], AbstractAsyncContextManager[Line]]


def endpoint(url: str, **fields: float | bool) -> Endpoint:
    given: dict[str, float | bool] = {
        "verify_ssl": True,
        "connect_seconds": 5.0,
        "total_seconds": 5.0,
        "heartbeat_seconds": HEARTBEAT,
    }
    return Endpoint(url, **(given | fields))  # type: ignore[arg-type] # by their names


class ScriptedLine:
    """A peer that says only what the test says."""

    def __init__(self) -> None:
        self.peer = Peer()
        self.peer.greets = False
        self.peer.silent = {"note"}
        self.transport = self.peer
        self.endpoint = endpoint("ws://peer/api/websocket")

    @property
    def heard(self) -> list[str]:
        return [json.dumps(each) for each in self.peer.sent]

    async def say(self, text: str) -> None:
        self.peer.say(text)

    async def close(self, code: int, reason: str) -> None:
        self.peer.drop(code, reason)

    def vanish(self) -> None:
        self.peer.drop()

    def stall(self) -> None:
        self.peer.stall()

    async def refuse(self) -> None:
        self.peer.refuse()


class TcpLine:
    """A server on loopback that says only what the test says."""

    def __init__(self) -> None:
        self.transport = AiohttpTransport()
        self.heard: list[str] = []
        self.stalled = False
        self.opened = asyncio.Event()
        self._request: web.Request
        self._socket: web.WebSocketResponse
        app = web.Application()
        app.router.add_get("/api/websocket", self._serve)
        self.runner = web.AppRunner(app)
        self.endpoint = endpoint("ws://nowhere")

    async def start(self, trust: ssl.SSLContext | None = None, **fields: float | bool) -> None:
        """Listen on a free port."""
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0, ssl_context=trust).start()
        port = self.runner.addresses[0][1]
        self.endpoint = endpoint(f"{'ws' if trust is None else 'wss'}://127.0.0.1:{port}/api/websocket", **fields)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self._request = request
        self._socket = socket = web.WebSocketResponse(autoping=False, max_msg_size=LARGEST_MESSAGE)
        await socket.prepare(request)
        self.opened.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.heard.append(message.data)
            elif message.type is WSMsgType.PING and not self.stalled:
                await socket.pong(message.data)
        return socket

    async def say(self, text: str) -> None:
        await self._socket.send_str(text)

    async def close(self, code: int, reason: str) -> None:
        await self._socket.close(code=code, message=reason.encode())

    def vanish(self) -> None:
        transport = self._request.transport
        assert transport is not None
        transport.abort()

    def stall(self) -> None:
        self.stalled = True

    async def refuse(self) -> None:
        await self.runner.cleanup()


@asynccontextmanager
async def scripted_line() -> AsyncIterator[Line]:
    yield ScriptedLine()


@asynccontextmanager
async def tcp_line(trust: ssl.SSLContext | None = None, **fields: float | bool) -> AsyncIterator[TcpLine]:
    line = TcpLine()
    await line.start(trust, **fields)
    try:
        yield line
    finally:
        await line.runner.cleanup()
